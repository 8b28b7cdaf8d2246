"""Roles of the institution's own, requests for them, and invitations, as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from actors.identity.store.transaction import Transaction
from messages.access import AccessRequest, AccessRequestId, Role, RoleGrant, RoleWanted
from messages.ids import UserId
from runtime.statements import Statements

_sql = Statements.beside(__file__, "access.sql")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what it rests on."""

    seq: int
    request: AccessRequest


@dataclass(frozen=True, slots=True)
class Invited:
    """Whose invitation it is."""

    user_id: UserId
    username: str


class Access:
    """Reads and writes; decides nothing."""

    async def own_roles(self, db: Transaction) -> dict[str, Role]:
        """The institution's own roles, by name."""
        return {row["name"]: _role(row) for row in await db.fetch(_sql["own_roles"])}

    async def lock_definitions(self, db: Transaction) -> None:
        """Nobody else defines a role until the commit."""
        await db.fetch(_sql["lock_definitions"])

    async def define_role(self, db: Transaction, role: RoleWanted, now: datetime, by: str) -> int:
        """The version that the role has now."""
        version: int = await db.fetchval(_sql["define_role"], role.name, role.about, _as_kept(role.grants), now, by)
        return version

    async def others_with(self, db: Transaction, user_id: UUID | None, roles: Sequence[str]) -> bool:
        """Whether another user, enabled or not, has one of these roles."""
        return bool(await db.fetchval(_sql["hold_users_with_roles"], user_id, list(roles)))

    # Requests

    async def insert_request(self, db: Transaction, request: AccessRequest, rests_on: Mapping[str, int]) -> None:
        """Write a request down, pending or decided already; once, however often it is handled.

        `rests_on`: the versions of own roles that it was asked with, 0 for one that is not there.
        """
        role = request.role
        await db.execute(
            _sql["insert_access_request"],
            request.request_id,
            request.kind,
            request.user_id,
            request.roles,
            None if role is None else role.name,
            None if role is None else role.about,
            None if role is None else _as_kept(role.grants),
            dict(rests_on),
            request.reason,
            request.requested_by,
            request.requested_at,
            request.status,
            request.decided_by,
            request.decided_at,
        )

    async def request(self, db: Transaction, request_id: UUID) -> AccessRequest | None:
        """A request as it stands now."""
        row = await db.fetchrow(_sql["access_request"], request_id)
        return None if row is None else _request(row)

    async def requests(self, db: Transaction, before: int | None, status: str | None, limit: int) -> list[Asked]:
        """Requests, newest first."""
        rows = await db.fetch(_sql["access_requests"], before, status, limit)
        return [Asked(row["seq"], _request(row)) for row in rows]

    async def lock_request(self, db: Transaction, request_id: UUID) -> bool:
        """Whether there is one; nobody else decides it until the commit."""
        return await db.fetchrow(_sql["lock_access_request"], request_id) is not None

    async def decide_request(self, db: Transaction, request_id: UUID, status: str, by: str, now: datetime, note: str) -> None:
        await db.execute(_sql["decide_access_request"], request_id, status, by, now, note)

    # Invitations

    async def invite(
        self, db: Transaction, invitation_id: UUID, user_id: UUID, token_hash: bytes, now: datetime, by: str, ends_at: datetime
    ) -> bool:
        """Whether the user may still be invited, and has this invitation now."""
        return await db.fetchval(_sql["invite"], invitation_id, user_id, token_hash, now, by, ends_at) is not None

    async def invitation_to_mail(self, db: Transaction, invitation_id: UUID, now: datetime) -> tuple[str, datetime] | None:
        """The user name, and until when it is good."""
        row = await db.fetchrow(_sql["invitation_by_id"], invitation_id, now)
        return None if row is None else (row["username"], row["expires_at"])

    async def open_invitation(self, db: Transaction, token_hash: bytes, now: datetime) -> Invited | None:
        """The invitation of a token, if it can be used."""
        row = await db.fetchrow(_sql["invitation_by_token"], token_hash, now)
        return None if row is None else Invited(UserId(row["user_id"]), row["username"])

    async def accept_invitation(self, db: Transaction, token_hash: bytes, now: datetime) -> bool:
        """Whether this was its one use."""
        return await db.fetchval(_sql["accept_invitation"], token_hash, now) is not None

    async def waits_for(self, db: Transaction, user_id: UUID) -> bool:
        """Whether a user was invited, and has not come yet."""
        return bool(await db.fetchval(_sql["invitation_of"], user_id))


def _as_kept(grants: Mapping[str, RoleGrant]) -> dict[str, Any]:
    return {permission: grant.model_dump(mode="json", exclude_none=True) for permission, grant in grants.items()}


def _role(row: Any) -> Role:
    return Role(name=row["name"], about=row["about"], built_in=False, grants=row["grants"], version=row["version"])


def _request(row: Any) -> AccessRequest:
    role = None
    if row["role_name"] is not None:
        role = RoleWanted(name=row["role_name"], about=row["about"], grants=row["grants"])
    return AccessRequest(
        request_id=AccessRequestId(row["request_id"]),
        kind=row["kind"],
        status=row["status"],
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        roles=None if row["roles"] is None else tuple(row["roles"]),
        role=role,
        reason=row["reason"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        note=row["note"],
    )
