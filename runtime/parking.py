"""Keys that wait for a retry, and what has queued up behind them, in order. Attempts are counted here, never taken from headers."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from runtime.database import Connection, Transaction
from runtime.envelope import Envelope
from runtime.statements import Statements

_sql = Statements.beside(__file__, "parking.sql")

LEASE = timedelta(seconds=30)
"""How long a key that is being replayed stays with its replayer; a dead one's is taken over then."""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A key that is due for another try."""

    key: str
    tries: int
    """How often its head was tried while parked."""


async def count_start(connection: Connection, actor: str, message_id: UUID) -> int:
    """Count, before the turn, that a redelivered message is begun; how often it was. What kills its process is found so."""
    return int(await connection.fetchval(_sql["count_start"], actor, message_id))


async def uncount_start(connection: Connection, actor: str, message_id: UUID) -> None:
    """The turn ended, in whatever way, and the process lives."""
    await connection.execute(_sql["uncount_start"], actor, message_id)


async def count_failure(connection: Connection, actor: str, message_id: UUID, error: str) -> int:
    """Count a fault of the message; how many it had."""
    return int(await connection.fetchval(_sql["count_failure"], actor, message_id, error.replace("\x00", "\\0")[:2000]))


def key_of(envelope: Envelope) -> str:
    """What is parked: the message's key, or the message alone where it has none."""
    return envelope.key if envelope.key is not None else f"message {envelope.message_id}"


async def park(connection: Connection, actor: str, envelope: Envelope, *, delay: timedelta, reason: str) -> None:
    """Let the message wait, and with it its key. In a transaction of the caller."""
    await connection.execute(_sql["park_key"], actor, key_of(envelope), delay, reason[:500].replace("\x00", "\\0"))
    await connection.execute(_sql["park_message"], actor, key_of(envelope), envelope.message_id, envelope.to_json())


async def queue_behind(connection: Connection, actor: str, envelope: Envelope) -> bool:
    """Put a message behind its parked key; False where the key is no longer parked. In a transaction of the caller."""
    if await connection.fetchval(_sql["lock_key"], actor, key_of(envelope)) is None:
        return False
    await connection.execute(_sql["park_message"], actor, key_of(envelope), envelope.message_id, envelope.to_json())
    return True


async def take_due(connection: Connection, actor: str, most: int) -> list[ParkedKey]:
    """Keys whose time has come, for `LEASE`."""
    return [ParkedKey(row["key"], row["tries"]) for row in await connection.fetch(_sql["take_due"], actor, LEASE, most)]


async def head(connection: Connection, actor: str, key: str) -> tuple[Envelope, bool] | None:
    """The first message that waits under the key, and whether it was ever begun. None where nothing waits, or the key is held."""
    row = await connection.fetchrow(_sql["head"], actor, key)
    return (Envelope.from_json(row["envelope"]), row["begun"]) if row is not None else None


async def hold(connection: Connection, actor: str, key: str, message_id: UUID) -> None:
    """Let the key wait until an operator has decided about its dead letter."""
    await connection.execute(_sql["hold"], actor, key, f"held by {message_id}")


async def release(
    connection: Connection | Transaction, actor: str, key: str, message_id: UUID, *, first: Envelope | None = None
) -> bool:
    """Let a key go on that is held by this message, with `first` before what waits. False where the message holds none."""
    if await connection.execute(_sql["release"], actor, key, f"held by {message_id}") != "UPDATE 1":
        return False
    if first is not None:
        await connection.execute(_sql["put_first"], actor, key, message_id, first.to_json())
    return True


async def remove(connection: Connection, actor: str, message_id: UUID) -> None:
    """The message no longer waits."""
    await connection.execute(_sql["remove"], actor, message_id)


async def unpark(connection: Connection, actor: str, key: str) -> bool:
    """Free the key, unless something came to wait meanwhile, or it is held; whether there is nothing more to do for it now.

    In a transaction of the caller.
    """
    held = await connection.fetchval(_sql["lock_key"], actor, key)
    return held is None or held or str(await connection.execute(_sql["unpark"], actor, key)) == "DELETE 1"


async def put_off(connection: Connection, actor: str, key: str, *, delay: timedelta, tries: int, reason: str) -> None:
    """Try the key's head again later."""
    await connection.execute(_sql["put_off"], actor, key, delay, tries, reason[:500].replace("\x00", "\\0"))
