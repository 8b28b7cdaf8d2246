"""What is kept of authenticators and recovery codes; its statements are in second_factors.sql."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.identity.store.transaction import Transaction
from runtime.statements import Statements


@dataclass(frozen=True, slots=True)
class Factor:
    """A user's authenticator as it is kept."""

    sealed: bytes = field(repr=False)
    confirmed_at: datetime | None
    last_step: int | None
    last_by: UUID | None
    """The message that brought the last code."""
    failures: int
    locked_until: datetime | None


class SecondFactorStore:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "second_factors.sql")

    async def factor(self, db: Transaction, user_id: UUID) -> Factor | None:
        return _factor(await db.fetchrow(self.sql["factor"], user_id))

    async def lock(self, db: Transaction, user_id: UUID) -> Factor | None:
        """An authenticator that nobody else counts a code of until the commit."""
        return _factor(await db.fetchrow(self.sql["lock_factor"], user_id))

    async def is_due(self, db: Transaction, user_id: UUID) -> bool:
        """Whether a user who may log in must give a code for it."""
        return bool(await db.fetchval(self.sql["has_factor"], user_id))

    async def enrol(self, db: Transaction, user_id: UUID, sealed: bytes, now: datetime) -> bool:
        """Whether there was none in use."""
        return await db.fetchval(self.sql["enrol"], user_id, sealed, now) is not None

    async def confirm(self, db: Transaction, user_id: UUID, step: int, message_id: UUID, now: datetime) -> None:
        await db.execute(self.sql["confirm"], user_id, now, step, message_id)

    async def code_was_right(self, db: Transaction, user_id: UUID, step: int | None, message_id: UUID | None) -> None:
        """`step` of an authenticator's code, None for a recovery code."""
        await db.execute(self.sql["code_was_right"], user_id, step, message_id)

    async def code_was_wrong(self, db: Transaction, user_id: UUID, failures: int, locked_until: datetime | None) -> None:
        await db.execute(self.sql["code_was_wrong"], user_id, failures, locked_until)

    async def remove(self, db: Transaction, user_id: UUID) -> None:
        """The authenticator and its recovery codes; what sessions were begun with counts as a password only."""
        for statement in ("remove_factor", "remove_recovery_codes", "forget_second_factor"):
            await db.execute(self.sql[statement], user_id)

    # Recovery codes

    async def recovery_code(
        self, db: Transaction, user_id: UUID, code_hash: bytes
    ) -> tuple[datetime | None, UUID | None] | None:
        """When and by which message a recovery code was used; None for one that was never given out."""
        row = await db.fetchrow(self.sql["recovery_code"], user_id, code_hash)
        return None if row is None else (row["used_at"], row["used_by"])

    async def use_recovery_code(
        self, db: Transaction, user_id: UUID, code_hash: bytes, now: datetime, message_id: UUID
    ) -> None:
        await db.execute(self.sql["use_recovery_code"], user_id, code_hash, now, message_id)

    async def recovery_codes_left(self, db: Transaction, user_id: UUID) -> int:
        return int(await db.fetchval(self.sql["recovery_codes_left"], user_id))

    async def replace_recovery_codes(self, db: Transaction, user_id: UUID, hashes: Iterable[bytes]) -> None:
        """These and no others."""
        await db.execute(self.sql["remove_recovery_codes"], user_id)
        await db.execute(self.sql["insert_recovery_codes"], user_id, list(hashes))

    # Proving again who one is

    async def authenticate_session(
        self, db: Transaction, session_id: UUID, user_id: UUID, now: datetime, amr: Iterable[str]
    ) -> bool:
        """Whether the session goes on."""
        arguments = (session_id, user_id, now, list(amr))
        return await db.fetchval(self.sql["authenticate_session"], *arguments) is not None


def _factor(row: Any) -> Factor | None:
    return None if row is None else Factor(*(row[name] for name in Factor.__slots__))
