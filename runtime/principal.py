"""On whose behalf a message is sent, and what their roles allow.

Who somebody is comes from the door; what they may do is decided here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args
from uuid import UUID

import orjson

Kind = Literal["user", "system", "actor"]
Scope = Literal["all", "own"]
Roles = Mapping[str, Mapping[str, Scope]]
"""Role -> permission -> scope, as config/roles.yaml says."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person logged in, another system, or one of our own actors."""

    kind: Kind
    id: str
    roles: tuple[str, ...] = ()
    member_id: UUID | None = None
    """The member that a user is, where the user is one."""
    only: frozenset[str] | None = None
    """For a program with a user's key: the permissions that the key has, of those that the user's roles give. None: all of them."""

    def to_header(self) -> str:
        """As text for a message header."""
        return _to_header(self)

    @staticmethod
    def from_header(text: str) -> "Principal":
        """From a message header. ValueError where it is none."""
        return _from_header(text)


@lru_cache(maxsize=8192)
def _to_header(principal: Principal) -> str:
    fields: dict[str, object] = {"kind": principal.kind, "id": principal.id}
    if principal.roles:
        fields["roles"] = principal.roles
    if principal.member_id is not None:
        fields["member"] = str(principal.member_id)
    if principal.only is not None:
        fields["only"] = sorted(principal.only)
    return orjson.dumps(fields).decode()


@lru_cache(maxsize=8192)
def _from_header(text: str) -> Principal:
    fields = orjson.loads(text)
    if not isinstance(fields, dict) or fields.get("kind") not in get_args(Kind) or not isinstance(fields.get("id"), str):
        raise ValueError("no principal")
    member, only = fields.get("member"), fields.get("only")
    if not isinstance(only, list | None):
        raise ValueError("no permissions")  # noqa: TRY004 - a header that holds something else is a wrong value like any other
    return Principal(
        fields["kind"],
        fields["id"],
        tuple(map(str, fields.get("roles", ()))),
        UUID(member) if member else None,
        None if only is None else frozenset(map(str, only)),
    )


class Authority:
    """What the roles of config/roles.yaml allow."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._known: dict[tuple[Principal, str], Scope | None] = {}

    def scope(self, principal: Principal, permission: str | None) -> Scope | None:
        """How far the permission reaches: all, own, or not at all (None). Our own actors reach all."""
        if permission is None or principal.kind == "actor":
            return "all"
        if principal.only is not None and permission not in principal.only:
            return None
        if (principal, permission) in self._known:
            return self._known[principal, permission]
        scopes = {self._roles.get(role, {}).get(permission) for role in principal.roles}
        scope: Scope | None = "all" if "all" in scopes else "own" if "own" in scopes else None
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[principal, permission] = scope
        return scope
