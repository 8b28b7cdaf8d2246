"""What could not be handled: kept with its reason, error, attempts, first and last time, and the whole message.

An operator lists, looks, replays (the same message id again, so that nothing is done twice) or discards with a note.
"""

import base64
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from messages.base import Message, known_version, message_type
from messages.ids import new_id
from runtime import telemetry
from runtime.database import Connection, Transaction
from runtime.envelope import SECRET, Envelope
from runtime.statements import Statements
from runtime.topology import COMMANDS
from runtime.wire import Delivery

_sql = Statements.beside(__file__, "dead_letters.sql")

LONGEST_ERROR = 4000
"""Characters of an error that are kept."""
LARGEST_KEPT = 256 * 1024
"""Bytes of the body of what did not pass the door; of a larger one there is its beginning, which nobody mends by hand."""
BEGINNING = 4096
MOST_HEADERS, LONGEST_HEADER = 50, 1000


async def keep(connection: Connection, actor: str, envelope: Envelope, *, reason: str, error: str) -> UUID:
    """Keep a message that was tried; its attempts are known. The body of one that may hold a secret is not kept."""
    whole = envelope.to_json()
    if holds_secret(envelope):
        del whole["body"]
    return await _keep(connection, actor, envelope.message_id, envelope.type, envelope.key, reason, error, whole, attempts=1)


def holds_secret(envelope: Envelope) -> bool:
    """Whether the message is one that must be written down nowhere."""
    kind = _nearest(envelope.type)
    return envelope.is_secret or (kind is not None and not kind.remembered)


def _nearest(wire: str) -> type[Message] | None:
    """The message of this name; for a version that is not known here, which a newer process may say, the newest that is."""
    kind = message_type(wire)
    if kind is None:
        actor, _, rest = wire.partition(".")
        verb = rest.rpartition(".v")[0]
        kind = message_type(f"{actor}.{verb}.v{known_version(actor, verb)}")
    return kind


async def keep_unreadable(
    connection: Connection, actor: str, delivery: Delivery, *, reason: str, error: str, largest: int = LARGEST_KEPT
) -> UUID:
    """Keep what did not pass the door, as far as it can be read; without its body where that may hold a secret.

    Of a type of which no version is known here nobody can tell what the body holds. Of the others so many bytes are kept.
    """
    properties = delivery.properties
    try:
        message_id = UUID(properties.message_id)
    except ValueError:
        message_id = None
    whole: dict[str, Any] = {
        "message_id": properties.message_id,
        "type": properties.type[:200],
        "sender": properties.user_id,
        "exchange": delivery.exchange,
        "routing_key": delivery.routing_key,
        "content_type": properties.content_type,
        "headers": {
            name[:LONGEST_HEADER]: str(value)[:LONGEST_HEADER]
            for name, value in islice(properties.headers.items(), MOST_HEADERS)
        },
        "body_bytes": len(delivery.body),
    }
    kind = _nearest(properties.type)
    if kind is not None and kind.remembered and SECRET not in properties.headers:
        if len(delivery.body) <= largest:
            whole["body_base64"] = base64.b64encode(delivery.body).decode()
        else:
            whole["body_begins_base64"] = base64.b64encode(delivery.body[:BEGINNING]).decode()
    return await _keep(connection, actor, message_id, properties.type[:200], None, reason, error, whole, attempts=0)


async def are_waiting(connection: Connection, actor: str, number: int) -> bool:
    """Whether so many letters of this mailbox wait for an operator."""
    return bool(await connection.fetchval(_sql["waiting_letters"], actor, number) >= number)


async def _keep(
    connection: Connection,
    actor: str,
    message_id: UUID | None,
    wire: str,
    key: str | None,
    reason: str,
    error: str,
    envelope: dict[str, Any],
    *,
    attempts: int,
) -> UUID:
    letter_id = new_id()
    safe = error[:LONGEST_ERROR].replace("\x00", "\\0")
    await connection.execute(
        _sql["keep"],
        letter_id,
        actor,
        message_id,
        _without_nul(wire),
        key and _without_nul(key),
        reason,
        safe,
        attempts,
        _clean(envelope),
    )
    telemetry.dead.labels(actor, reason).inc()
    return letter_id


def _without_nul(text: str) -> str:
    return text.replace("\x00", "\\0")


def _clean(kept: Any) -> Any:
    """PostgreSQL's jsonb takes no NUL."""
    if isinstance(kept, dict):
        return {_without_nul(name): _clean(value) for name, value in kept.items()}
    return _without_nul(kept) if isinstance(kept, str) else kept


async def listed(
    connection: Connection | Transaction, *, state: str, actor: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """Dead letters, the last ones first."""
    moment, letter_id = before or (None, None)
    return [dict(row) for row in await connection.fetch(_sql["listed"], state, actor, moment, letter_id, limit)]


async def shown(connection: Connection | Transaction, letter_id: UUID) -> dict[str, Any] | None:
    """One dead letter, whatever its state."""
    row = await connection.fetchrow(_sql["shown"], letter_id)
    return dict(row) if row is not None else None


async def resolve(connection: Connection, letter_id: UUID, *, state: str, note: str | None, by: str) -> dict[str, Any] | None:
    """Mark as replayed or discarded; None where it is not there or was resolved before."""
    row = await connection.fetchrow(_sql["resolve"], letter_id, state, note, by)
    return dict(row) if row is not None else None


async def forget_attempts(connection: Connection | Transaction, actor: str, message_id: UUID) -> None:
    """Let a replayed message begin anew."""
    await connection.execute(_sql["forget_attempts"], actor, message_id)


def to_replay(row: dict[str, Any]) -> Envelope:
    """The message of a dead letter, to be said again under its own id to the actor that could not handle it, and to no other.

    Nobody waits for the answer any more.
    """
    envelope = Envelope.from_json(row["envelope"])
    envelope.deadline_milliseconds = 0
    envelope.reply_to = ""
    envelope.exchange, envelope.routing_key = COMMANDS, row["actor"]
    return envelope
