"""Keys that wait for a retry, and what has queued up behind them, in order. Attempts are counted here, never taken from headers."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from runtime.database import Connection, Transaction
from runtime.envelope import Envelope

LEASE = timedelta(seconds=30)
"""How long a key that is being replayed stays with its replayer; a dead one's is taken over then."""

_COUNT_START = """
    INSERT INTO runtime.attempt (actor, message_id, starts) VALUES ($1, $2, 1)
    ON CONFLICT (actor, message_id) DO UPDATE SET starts = attempt.starts + 1, last_at = now() RETURNING starts
"""
_COUNT_FAILURE = """
    INSERT INTO runtime.attempt (actor, message_id, failures, error) VALUES ($1, $2, 1, $3)
    ON CONFLICT (actor, message_id) DO UPDATE SET failures = attempt.failures + 1, error = $3, last_at = now()
    RETURNING failures
"""
_UNCOUNT_START = """
    UPDATE runtime.attempt SET starts = greatest(starts - 1, 0) WHERE actor = $1 AND message_id = $2
"""
_PARK_KEY = """
    INSERT INTO runtime.parked_key (actor, key, due_at, reason) VALUES ($1, $2, now() + $3, $4)
    ON CONFLICT (actor, key) DO NOTHING
"""
_PARK_MESSAGE = """
    INSERT INTO runtime.parked_message (actor, key, message_id, envelope) VALUES ($1, $2, $3, $4)
    ON CONFLICT (actor, message_id) DO NOTHING
"""
_LOCK_KEY = "SELECT held FROM runtime.parked_key WHERE actor = $1 AND key = $2 FOR UPDATE"
_TAKE_DUE = """
    UPDATE runtime.parked_key SET due_at = now() + $2
    WHERE (actor, key) IN (
        SELECT actor, key FROM runtime.parked_key WHERE actor = $1 AND due_at <= now() AND NOT held
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) RETURNING key, tries
"""
_HEAD = """
    SELECT m.envelope, coalesce(a.failures + a.starts, 0) > 0 AS begun
    FROM runtime.parked_key AS k
    JOIN runtime.parked_message AS m ON m.actor = k.actor AND m.key = k.key
    LEFT JOIN runtime.attempt AS a ON a.actor = m.actor AND a.message_id = m.message_id
    WHERE k.actor = $1 AND k.key = $2 AND NOT k.held ORDER BY m.position LIMIT 1
"""
_REMOVE = "DELETE FROM runtime.parked_message WHERE actor = $1 AND message_id = $2"
_UNPARK = """
    DELETE FROM runtime.parked_key WHERE actor = $1 AND key = $2
    AND NOT EXISTS (SELECT FROM runtime.parked_message WHERE actor = $1 AND key = $2)
"""
_HOLD = """
    INSERT INTO runtime.parked_key (actor, key, due_at, reason, held) VALUES ($1, $2, now(), $3, true)
    ON CONFLICT (actor, key) DO UPDATE SET reason = $3, held = true
"""
_RELEASE = """
    UPDATE runtime.parked_key SET held = false, due_at = now(), tries = 0, reason = 'released'
    WHERE actor = $1 AND key = $2 AND held AND reason = $3
"""
_PUT_FIRST = """
    INSERT INTO runtime.parked_message (actor, key, position, message_id, envelope) OVERRIDING SYSTEM VALUE
    SELECT $1, $2, coalesce(min(position), 1) - 1, $3, $4 FROM runtime.parked_message WHERE actor = $1 AND key = $2
    ON CONFLICT (actor, message_id) DO NOTHING
"""
_PUT_OFF = """
    UPDATE runtime.parked_key SET due_at = now() + $3, tries = $4, reason = $5 WHERE actor = $1 AND key = $2
"""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A key that is due for another try."""

    key: str
    tries: int
    """How often its head was tried while parked."""


async def count_start(connection: Connection, actor: str, message_id: UUID) -> int:
    """Count, before the turn, that a redelivered message is begun; how often it was. What kills its process is found so."""
    return int(await connection.fetchval(_COUNT_START, actor, message_id))


async def uncount_start(connection: Connection, actor: str, message_id: UUID) -> None:
    """The turn ended, in whatever way, and the process lives."""
    await connection.execute(_UNCOUNT_START, actor, message_id)


async def count_failure(connection: Connection, actor: str, message_id: UUID, error: str) -> int:
    """Count a fault of the message; how many it had."""
    return int(await connection.fetchval(_COUNT_FAILURE, actor, message_id, error.replace("\x00", "\\0")[:2000]))


def key_of(envelope: Envelope) -> str:
    """What is parked: the message's key, or the message alone where it has none."""
    return envelope.key if envelope.key is not None else f"message {envelope.message_id}"


async def park(connection: Connection, actor: str, envelope: Envelope, *, delay: timedelta, reason: str) -> None:
    """Let the message wait, and with it its key. In a transaction of the caller."""
    await connection.execute(_PARK_KEY, actor, key_of(envelope), delay, reason[:500].replace("\x00", "\\0"))
    await connection.execute(_PARK_MESSAGE, actor, key_of(envelope), envelope.message_id, envelope.to_json())


async def queue_behind(connection: Connection, actor: str, envelope: Envelope) -> bool:
    """Put a message behind its parked key; False where the key is no longer parked. In a transaction of the caller."""
    if await connection.fetchval(_LOCK_KEY, actor, key_of(envelope)) is None:
        return False
    await connection.execute(_PARK_MESSAGE, actor, key_of(envelope), envelope.message_id, envelope.to_json())
    return True


async def take_due(connection: Connection, actor: str, most: int) -> list[ParkedKey]:
    """Keys whose time has come, for `LEASE`."""
    return [ParkedKey(row["key"], row["tries"]) for row in await connection.fetch(_TAKE_DUE, actor, LEASE, most)]


async def head(connection: Connection, actor: str, key: str) -> tuple[Envelope, bool] | None:
    """The first message that waits under the key, and whether it was ever begun. None where nothing waits, or the key is held."""
    row = await connection.fetchrow(_HEAD, actor, key)
    return (Envelope.from_json(row["envelope"]), row["begun"]) if row is not None else None


async def hold(connection: Connection, actor: str, key: str, message_id: UUID) -> None:
    """Let the key wait until an operator has decided about its dead letter."""
    await connection.execute(_HOLD, actor, key, f"held by {message_id}")


async def release(
    connection: Connection | Transaction, actor: str, key: str, message_id: UUID, *, first: Envelope | None = None
) -> bool:
    """Let a key go on that is held by this message, with `first` before what waits. False where the message holds none."""
    if await connection.execute(_RELEASE, actor, key, f"held by {message_id}") != "UPDATE 1":
        return False
    if first is not None:
        await connection.execute(_PUT_FIRST, actor, key, message_id, first.to_json())
    return True


async def remove(connection: Connection, actor: str, message_id: UUID) -> None:
    """The message no longer waits."""
    await connection.execute(_REMOVE, actor, message_id)


async def unpark(connection: Connection, actor: str, key: str) -> bool:
    """Free the key, unless something came to wait meanwhile, or it is held; whether there is nothing more to do for it now.

    In a transaction of the caller.
    """
    held = await connection.fetchval(_LOCK_KEY, actor, key)
    return held is None or held or str(await connection.execute(_UNPARK, actor, key)) == "DELETE 1"


async def put_off(connection: Connection, actor: str, key: str, *, delay: timedelta, tries: int, reason: str) -> None:
    """Try the key's head again later."""
    await connection.execute(_PUT_OFF, actor, key, delay, tries, reason[:500].replace("\x00", "\\0"))
