"""What is kept of API keys; its statements are in api_keys.sql."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.identity.rules.api_keys import NewKey
from actors.identity.store.transaction import Transaction
from messages.identity import ApiKey, ApiKeyId
from messages.ids import MemberId, UserId
from runtime.statements import Statements


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that is good, and whose it is."""

    api_key_id: ApiKeyId
    permissions: frozenset[str]
    expires_at: datetime
    user_id: UserId
    roles: tuple[str, ...]
    member_id: MemberId | None
    branch: str | None
    has_second_factor: bool


class ApiKeyStore:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "api_keys.sql")

    async def count(self, db: Transaction, user_id: UUID, now: datetime) -> int:
        """How many keys of a user are good."""
        return int(await db.fetchval(self.sql["count_keys"], user_id, now))

    async def insert(
        self, db: Transaction, api_key_id: UUID, user_id: UUID, name: str, key: NewKey, permissions: list[str], now: datetime
    ) -> ApiKey:
        """Keep a key: its hash, and what it may do."""
        arguments = (api_key_id, user_id, name, key.prefix, key.key_hash, permissions, now, key.expires_at)
        return _api_key(await db.fetchrow(self.sql["insert_key"], *arguments))

    async def holder(self, db: Transaction, key_hash: bytes, now: datetime) -> HeldKey | None:
        """Whose a key is; None where it is unknown, over, or its user kept out."""
        row = await db.fetchrow(self.sql["key_holder"], key_hash, now)
        if row is None:
            return None
        return HeldKey(
            api_key_id=ApiKeyId(row["api_key_id"]),
            permissions=frozenset(row["permissions"]),
            expires_at=row["expires_at"],
            user_id=UserId(row["user_id"]),
            roles=tuple(row["roles"]),
            member_id=None if row["member_id"] is None else MemberId(row["member_id"]),
            branch=row["branch"],
            has_second_factor=row["has_second_factor"],
        )

    async def were_used(self, db: Transaction, moments: Mapping[ApiKeyId, datetime]) -> None:
        """Keep when keys were used last, where that is later than what is known."""
        await db.execute(self.sql["were_used"], list(moments), list(moments.values()))

    async def lock(self, db: Transaction, api_key_id: UUID) -> ApiKey | None:
        """A key that nobody else revokes until the commit."""
        row = await db.fetchrow(self.sql["lock_key"], api_key_id)
        return None if row is None else _api_key(row)

    async def revoke(self, db: Transaction, api_key_id: UUID, now: datetime, because: str) -> None:
        await db.execute(self.sql["revoke_key"], api_key_id, now, because)

    async def revoke_all(self, db: Transaction, user_id: UUID, now: datetime, because: str) -> list[ApiKeyId]:
        """End all keys of a user; which they were."""
        rows = await db.fetch(self.sql["revoke_keys_of"], user_id, now, because)
        return [ApiKeyId(row["api_key_id"]) for row in rows]

    async def keys(self, db: Transaction, user_id: UUID | None, before: datetime, before_id: UUID, limit: int) -> list[ApiKey]:
        """Keys of a user, or of all, made before a position; the newest first."""
        return [_api_key(row) for row in await db.fetch(self.sql["keys"], user_id, before, before_id, limit)]


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        api_key_id=ApiKeyId(row["api_key_id"]),
        user_id=UserId(row["user_id"]),
        name=row["name"],
        prefix=row["prefix"],
        permissions=tuple(row["permissions"]),
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        revoked_because=row["revoked_because"],
    )
