"""The keys that sign access tokens, as they are kept: the private half sealed."""

from dataclasses import dataclass
from datetime import datetime

from actors.identity.store.transaction import Transaction
from messages.identity import SigningKey
from runtime.statements import Statements

_sql = Statements.beside(__file__, "keys.sql")


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A private key as it is kept."""

    kid: str
    sealed: bytes
    made_at: datetime
    signs_from: datetime | None
    """None for the one that signs; the next one has a time."""


class Keys:
    """Reads and writes keys; decides nothing."""

    async def signing_keys(self, db: Transaction) -> tuple[SealedKey | None, SealedKey | None]:
        """The key that signs, and the next."""
        keys = [SealedKey(*row) for row in await db.fetch(_sql["signing_keys"])]
        signs = next((key for key in keys if key.signs_from is None), None)
        return signs, next((key for key in keys if key.signs_from is not None), None)

    async def retire_signing_key(self, db: Transaction, kid: str, now: datetime) -> None:
        await db.execute(_sql["retire_signing_key"], kid, now)

    async def let_next_key_sign(self, db: Transaction, kid: str) -> None:
        await db.execute(_sql["let_next_key_sign"], kid)

    async def insert_signing_key(
        self, db: Transaction, kid: str, public_x: str, sealed: bytes, now: datetime, signs_from: datetime | None
    ) -> None:
        """Keep a key to sign with, unless another process was faster."""
        await db.execute(_sql["insert_signing_key"], kid, public_x, sealed, now, signs_from)

    async def public_keys(self, db: Transaction, retired_after: datetime) -> tuple[SigningKey, ...]:
        rows = await db.fetch(_sql["public_keys"], retired_after)
        return tuple(SigningKey(kid=row["kid"], x=row["public_x"]) for row in rows)
