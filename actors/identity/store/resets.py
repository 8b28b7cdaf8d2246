"""Resets of forgotten passwords, as they are kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from actors.identity.store.transaction import Transaction
from messages.ids import UserId
from runtime.statements import Statements

_sql = Statements.beside(__file__, "resets.sql")


@dataclass(frozen=True, slots=True)
class OpenReset:
    """A reset that can be used."""

    user_id: UserId
    username: str
    password_hash: str
    expires_at: datetime


class Resets:
    """Reads and writes resets; decides nothing."""

    async def begin_reset(
        self, db: Transaction, user_id: UUID, reset_id: UUID, token_hash: bytes, now: datetime, expires_at: datetime
    ) -> bool:
        """Whether the user is enabled and has it now, and none before it any more."""
        return await db.fetchval(_sql["begin_reset"], user_id, reset_id, token_hash, now, expires_at) is not None

    async def reset_to_mail(self, db: Transaction, reset_id: UUID, now: datetime) -> tuple[str, datetime] | None:
        """The user name, and until when it is good."""
        row = await db.fetchrow(_sql["reset_by_id"], reset_id, now)
        return None if row is None else (row["username"], row["expires_at"])

    async def open_reset(self, db: Transaction, token_hash: bytes, now: datetime) -> OpenReset | None:
        """The reset of a token, if it can be used."""
        row = await db.fetchrow(_sql["reset_by_token"], token_hash, now)
        return None if row is None else OpenReset(UserId(row["user_id"]), *row[1:])

    async def use_reset(self, db: Transaction, token_hash: bytes, now: datetime) -> bool:
        """Whether this was its one use."""
        return await db.fetchval(_sql["use_reset"], token_hash, now) is not None
