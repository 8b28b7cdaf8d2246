"""What was handled, with the reply that it got. One statement looks up, one writes inbox and outbox of a turn together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from runtime.database import Connection, Transaction
from runtime.statements import Statements

_sql = Statements.beside(__file__, "inbox.sql")

OutcomeKind = Literal["reply", "refusal", "expired", "busy", "fault"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message led to, as the asker gets it."""

    kind: OutcomeKind
    body: bytes
    replayed: bool = False
    """It was handled before; this is the stored answer."""


@dataclass(frozen=True, slots=True)
class Handled:
    """A row of the inbox."""

    fingerprint: bytes
    outcome: Outcome


async def lookup(
    connection: Connection, actor: str, message_ids: Sequence[UUID], keys: Sequence[str] = ()
) -> tuple[dict[UUID, Handled], set[str]]:
    """Those of the messages that the actor has handled, and those of the keys that wait for a retry, so that their later messages
    must queue up behind.
    """
    rows = await connection.fetch(_sql["lookup"], actor, message_ids, keys)
    handled = {
        row["message_id"]: Handled(row["fingerprint"], Outcome(row["kind"], row["reply"], replayed=True))
        for row in rows
        if row["key"] is None
    }
    return handled, {row["key"] for row in rows if row["key"] is not None}


async def record(
    transaction: Transaction | Connection,
    actor: str,
    handled: Sequence[tuple[UUID, bytes, Outcome]],
    said: tuple[list[UUID], list[str], bytes],
) -> int | None:
    """Write what was handled (id, fingerprint, outcome) and what was said (ids, receivers, packed); the outbox row's number."""
    number: int | None = await transaction.fetchval(
        _sql["record"],
        actor,
        [message_id for message_id, _, _ in handled],
        [fingerprint for _, fingerprint, _ in handled],
        [outcome.kind for _, _, outcome in handled],
        [outcome.body for _, _, outcome in handled],
        *said,
    )
    return number
