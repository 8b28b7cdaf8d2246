"""Passwords as they are kept: the present hash, and those before it."""

from datetime import datetime
from uuid import UUID

from actors.identity.store.transaction import Transaction
from runtime.statements import Statements

_sql = Statements.beside(__file__, "passwords.sql")


class Passwords:
    """Reads and writes hashes; decides nothing."""

    async def password_of(self, db: Transaction, user_id: UUID) -> tuple[str, str] | None:
        """Name and password hash of an enabled user."""
        row = await db.fetchrow(_sql["password_of"], user_id)
        return None if row is None else (row["username"], row["password_hash"])

    async def former_passwords(self, db: Transaction, user_id: UUID, most: int) -> list[str]:
        """The last so many former hashes."""
        return [row["password_hash"] for row in await db.fetch(_sql["former_passwords"], user_id, most)]

    async def replace_password(
        self, db: Transaction, user_id: UUID, old_hash: str, new_hash: str, now: datetime, *, keep: int
    ) -> bool:
        """Whether the user still had the old one; then it has the new one, which need not be changed."""
        if await db.fetchval(_sql["set_password"], user_id, old_hash, new_hash) is None:
            return False
        if keep:
            await db.execute(_sql["keep_former_password"], user_id, old_hash, now)
            await db.execute(_sql["forget_former_passwords"], user_id, keep)
        return True

    async def rehash_password(self, db: Transaction, user_id: UUID, old_hash: str, new_hash: str) -> bool:
        """Whether it has the new hash now; a later login does it otherwise."""
        return await db.fetchval(_sql["rehash_password"], user_id, old_hash, new_hash) is not None

    async def require_password_change(self, db: Transaction, user_id: UUID) -> None:
        await db.execute(_sql["require_password_change"], user_id)
