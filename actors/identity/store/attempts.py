"""Attempts that failed, as they are kept."""

from datetime import datetime
from typing import Any

from actors.identity.rules.lockout import Failures, Target
from actors.identity.store.transaction import Transaction
from runtime.statements import Statements

_sql = Statements.beside(__file__, "attempts.sql")


class Attempts:
    """Reads and writes what failed; decides nothing."""

    async def lock_failures(self, db: Transaction, target: Target, now: datetime) -> Failures:
        """What failed at this target; nobody else counts there until the commit."""
        return _failures(await db.fetchrow(_sql["lock_attempts"], *target, now))

    async def failures(self, db: Transaction, target: Target, now: datetime) -> Failures:
        """What failed at this target."""
        row = await db.fetchrow(_sql["attempts"], *target)
        return Failures(0, now, None) if row is None else _failures(row)

    async def write_failures(self, db: Transaction, target: Target, failures: Failures) -> None:
        await db.execute(_sql["count_attempt"], *target, failures.count, failures.last_at, failures.locked_until)

    async def forget_failures(self, db: Transaction, target: Target) -> None:
        await db.execute(_sql["forget_attempts"], *target)

    async def clean_failures(self, db: Transaction, before: datetime) -> None:
        await db.execute(_sql["clean_attempts"], before)


def _failures(row: Any) -> Failures:
    return Failures(row["failures"], row["last_at"], row["locked_until"])
