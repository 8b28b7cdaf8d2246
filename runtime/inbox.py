"""What was handled, with the reply that it got. One statement looks up, one writes inbox and outbox of a turn together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from runtime.database import Connection, Transaction

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


_LOOKUP = """
    SELECT message_id, fingerprint, kind, reply FROM runtime.inbox WHERE actor = $1 AND message_id = ANY($2::uuid[])
"""
_RECORD = """
    WITH handled AS (
        INSERT INTO runtime.inbox (actor, message_id, fingerprint, kind, reply)
        SELECT $1, * FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::bytea[])
    )
    INSERT INTO runtime.outbox (actor, message_ids, receivers, envelopes)
    SELECT $1, $6::uuid[], $7::text[], $8::bytea WHERE cardinality($6::uuid[]) > 0
    RETURNING number
"""
_PARKED = "SELECT EXISTS (SELECT FROM runtime.parked_key WHERE actor = $1 AND key = $2)"


async def lookup(connection: Connection, actor: str, message_ids: Sequence[UUID]) -> dict[UUID, Handled]:
    """Those of the messages that the actor has handled."""
    return {
        row["message_id"]: Handled(row["fingerprint"], Outcome(row["kind"], row["reply"], replayed=True))
        for row in await connection.fetch(_LOOKUP, actor, message_ids)
    }


async def is_parked(connection: Connection, actor: str, key: str) -> bool:
    """Whether the key waits for a retry, so that its later messages must queue up behind."""
    return bool(await connection.fetchval(_PARKED, actor, key))


async def record(
    transaction: Transaction,
    actor: str,
    handled: Sequence[tuple[UUID, bytes, Outcome]],
    said: tuple[list[UUID], list[str], bytes],
) -> int | None:
    """Write what was handled (id, fingerprint, outcome) and what was said (ids, receivers, packed); the outbox row's number."""
    number: int | None = await transaction.fetchval(
        _RECORD,
        actor,
        [message_id for message_id, _, _ in handled],
        [fingerprint for _, fingerprint, _ in handled],
        [outcome.kind for _, _, outcome in handled],
        [outcome.body for _, _, outcome in handled],
        *said,
    )
    return number
