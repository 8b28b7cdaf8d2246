"""Users and their refresh tokens, as they are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from actors.identity.rules.access_tokens import Proof
from actors.identity.rules.refreshing import Issue, hash_of
from actors.identity.store.access import Access
from actors.identity.store.attempts import Attempts
from actors.identity.store.keys import Keys
from actors.identity.store.passwords import Passwords
from actors.identity.store.resets import Resets
from actors.identity.store.sessions import Sessions
from actors.identity.store.transaction import Transaction
from messages.identity import MemberLinked, User
from messages.ids import MemberId, UserId
from runtime.statements import Statements


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A refresh token as it is kept, with its session and user."""

    salt: bytes
    expires_at: datetime
    used_at: datetime | None
    used_by: UUID | None
    session_id: UUID
    session_ends_at: datetime
    session_revoked: bool
    proof: Proof
    user: User


class Store(Access, Attempts, Keys, Passwords, Resets, Sessions):
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    # Logging in

    async def credentials(self, db: Transaction, username: str) -> tuple[UUID, str] | None:
        """Id and password hash of a user."""
        row = await db.fetchrow(self.sql["credentials"], username)
        return None if row is None else (row["user_id"], row["password_hash"])

    async def lock_who_logs_in(self, db: Transaction, user_id: UUID, password_hash: str) -> User | None:
        """The user, if still enabled and of the same password; both stay so until the commit."""
        return _user_or_none(await db.fetchrow(self.sql["lock_who_logs_in"], user_id, password_hash))

    async def insert_token(self, db: Transaction, issue: Issue, salt: bytes, now: datetime) -> None:
        """Keep a refresh token: its hash, and the salt of its successor."""
        arguments = (hash_of(issue.token), issue.session_id, salt, now, issue.expires_at)
        await db.execute(self.sql["insert_refresh_token"], *arguments)

    async def lock_token(self, db: Transaction, token_hash: bytes) -> KnownToken | None:
        """A refresh token whose session nobody else touches until the commit."""
        if await db.fetchval(self.sql["lock_session_of"], token_hash) is None:
            return None
        row = await db.fetchrow(self.sql["refresh_token"], token_hash)
        return KnownToken(
            salt=row["salt"],
            expires_at=row["expires_at"],
            used_at=row["used_at"],
            used_by=row["used_by"],
            session_id=row["session_id"],
            session_ends_at=row["ends_at"],
            session_revoked=row["revoked_at"] is not None,
            proof=Proof(row["authenticated_at"], tuple(row["amr"])),
            user=_user(row),
        )

    async def unused_token_expiry(self, db: Transaction, token_hash: bytes) -> datetime | None:
        """When a token that was not used yet expires; None for one that was."""
        expires_at: datetime | None = await db.fetchval(self.sql["token_expiry"], token_hash)
        return expires_at

    async def use_token(self, db: Transaction, token_hash: bytes, now: datetime, message_id: UUID) -> None:
        await db.execute(self.sql["use_refresh_token"], token_hash, now, message_id)

    # Users

    async def any_user(self, db: Transaction) -> bool:
        """Whether there is any user; nobody makes one until the commit."""
        await db.execute(self.sql["let_nobody_make_users"])
        return bool(await db.fetchval(self.sql["any_user"]))

    async def insert_user(self, db: Transaction, user: User, password_hash: str) -> bool:
        """Whether name and member were free."""
        mine = (user.user_id, user.username, password_hash, user.roles, user.member_id, user.created_at)
        return await db.fetchval(self.sql["insert_user"], *mine, user.must_change_password, user.branch) is not None

    async def user(self, db: Transaction, user_id: UUID) -> User | None:
        return _user_or_none(await db.fetchrow(self.sql["user_by_id"], user_id))

    async def user_named(self, db: Transaction, username: str) -> User | None:
        return _user_or_none(await db.fetchrow(self.sql["user_by_name"], username))

    async def lock_user(self, db: Transaction, user_id: UUID) -> User | None:
        """A user whom nobody else changes until the commit."""
        return _user_or_none(await db.fetchrow(self.sql["lock_user"], user_id))

    async def lock_user_of_member(self, db: Transaction, member_id: UUID) -> User | None:
        """The user who is this member, whom nobody else changes until the commit."""
        return _user_or_none(await db.fetchrow(self.sql["lock_user_of_member"], member_id))

    async def lock_administrators(self, db: Transaction) -> set[UUID]:
        """Who can make users; they stay so until the commit. Before any other lock."""
        return {row["user_id"] for row in await db.fetch(self.sql["lock_administrators"])}

    async def change_user(self, db: Transaction, user: User, now: datetime, disabled_because: str | None) -> None:
        """Write down the roles, the member, the branch and the access of a user. Refused where the member is linked to another."""
        arguments = (user.user_id, user.roles, user.member_id, user.disabled, now, disabled_because, user.branch)
        try:
            await db.execute(self.sql["change_user"], *arguments)
        except asyncpg.UniqueViolationError:
            raise MemberLinked(field="member_id") from None

    async def users(
        self, db: Transaction, after_name: str, limit: int, *, everybody: bool, oneself: UUID | None, branch: str | None
    ) -> list[User]:
        """Users after a name: everybody, or oneself and those of a branch."""
        rows = await db.fetch(self.sql["users"], after_name, limit, everybody, oneself, branch)
        return [_user(row) for row in rows]


def _user(row: Any) -> User:
    return User(
        user_id=UserId(row["user_id"]),
        username=row["username"],
        roles=tuple(row["roles"]),
        member_id=None if row["member_id"] is None else MemberId(row["member_id"]),
        disabled=row["disabled_at"] is not None,
        branch=row["branch"],
        must_change_password=row["must_change_password"],
        created_at=row["created_at"],
        version=row["version"],
    )


def _user_or_none(row: Any) -> User | None:
    return None if row is None else _user(row)
