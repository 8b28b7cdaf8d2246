"""Delays and deadlines of the business: a command kept until its time, then sent like any other. One row each, cancellable, visible."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from runtime.database import Connection, Transaction
from runtime.envelope import Envelope
from runtime.statements import Statements

_sql = Statements.beside(__file__, "timers.sql")


async def keep(transaction: Transaction, due: Sequence[tuple[UUID, datetime, Envelope]]) -> None:
    """Keep commands until they are due; part of the turn that asked for it."""
    await transaction.execute(
        _sql["keep"],
        [message_id for message_id, _, _ in due],
        [due_at for _, due_at, _ in due],
        [envelope.to_json() for _, _, envelope in due],
    )


async def take_due(connection: Connection, now: datetime, most: int) -> list[Envelope]:
    """Take what is due, the earliest first; the caller puts it into the outbox in the same transaction."""
    due = await connection.fetch(_sql["take_due"], now, most)
    return [Envelope.from_json(row["envelope"]) for row in sorted(due, key=lambda row: row["due_at"])]
