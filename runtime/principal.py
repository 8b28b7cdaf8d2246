"""On whose behalf a message is sent, and what their roles allow.

Who somebody is comes from the door; what they may do is decided here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal, get_args
from uuid import UUID

import orjson

from config.roles import Grant, Scope
from messages.base import AboveLimit, Amount, Forbidden

__all__ = ["Authority", "Grant", "Grants", "Kind", "Principal", "Roles", "Scope", "above_limit", "widest", "within"]

Kind = Literal["user", "system", "actor"]
Grants = tuple[Grant, ...]
Roles = Mapping[str, Mapping[str, Grant]]
"""Role -> permission -> grant, as config/roles.yaml says."""
EVERYTHING: Grants = (Grant(scope="all"),)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person logged in, another system, or one of our own actors."""

    kind: Kind
    id: str
    roles: tuple[str, ...] = ()
    member_id: UUID | None = None
    """The member that a user is, where the user is one."""
    branch: str | None = None
    """The branch that a user works at, where they do."""
    only: frozenset[str] | None = None
    """For a program with a user's key: the permissions that the key has, of those that the user's roles give. None: all of them."""

    @property
    def user_id(self) -> UUID | None:
        """The user that it is; None for systems and actors."""
        try:
            return UUID(self.id) if self.kind == "user" else None
        except ValueError:
            return None

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
    if principal.branch is not None:
        fields["branch"] = principal.branch
    return orjson.dumps(fields).decode()


@lru_cache(maxsize=8192)
def _from_header(text: str) -> Principal:
    fields = orjson.loads(text)
    if not isinstance(fields, dict) or fields.get("kind") not in get_args(Kind) or not isinstance(fields.get("id"), str):
        raise ValueError("no principal")
    member, branch, only = fields.get("member"), fields.get("branch"), fields.get("only")
    if not isinstance(only, list | None):
        raise ValueError("no permissions")  # noqa: TRY004 - a header that holds something else is a wrong value like any other
    return Principal(
        fields["kind"],
        fields["id"],
        tuple(map(str, fields.get("roles", ()))),
        UUID(member) if member else None,
        str(branch) if branch else None,
        None if only is None else frozenset(map(str, only)),
    )


class Authority:
    """What roles allow: the built-in ones of config/roles.yaml, and those that the institution defined itself.

    A role of the institution's that is named like a built-in one does not count. What nobody grants is refused.
    """

    def __init__(self, built_in: Roles) -> None:
        self._built_in = built_in
        self._own: Roles = {}
        self.change = -1
        """The number of the last change of the institution's own roles that is known here; own_roles.py."""
        self._known: dict[tuple[Principal, str], Grants] = {}

    def is_built_in(self, role: str) -> bool:
        """Whether it stands in the file."""
        return role in self._built_in

    def replace_own(self, roles: Roles, change: int) -> None:
        """The institution's own roles are these, since the change of this number."""
        self._own, self.change = roles, change
        self._known.clear()

    def role(self, name: str) -> Mapping[str, Grant] | None:
        """What a role grants; None where there is no such role."""
        return self._built_in.get(name, self._own.get(name))

    def grants(self, principal: Principal, permission: str | None) -> Grants:
        """What a principal was granted of a permission; empty: nothing. Our own actors may do everything."""
        if permission is None or principal.kind == "actor":
            return EVERYTHING
        if principal.only is not None and permission not in principal.only:
            return ()
        known = self._known.get((principal, permission))
        if known is not None:
            return known
        found = (self.role(role) or {} for role in principal.roles)
        grants = tuple(grant for role in found if (grant := role.get(permission)) is not None)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[principal, permission] = grants
        return grants

    def judge(self, principal: Principal, permission: str | None, amounts: Callable[[], Iterable[Amount]] = tuple) -> Grants:
        """The grants under which this may be done. Forbidden where there is none, AboveLimit where all have lower limits.

        `amounts`: asked only where there is a limit.
        """
        grants = self.grants(principal, permission)
        if not grants:
            raise Forbidden(f"This takes the permission {permission}.", permission=permission)
        return grants if all(grant.at_most is None for grant in grants) else within(grants, amounts(), permission)


def within(grants: Grants, amounts: Iterable[Amount], permission: str | None) -> Grants:
    """Those of the grants whose limit bears the amounts. AboveLimit where there is none."""
    for money in amounts:
        bearing = tuple(grant for grant in grants if grant.bears(money.amount, money.currency))
        if not bearing:
            raise above_limit(grants, money.currency, permission)
        grants = bearing
    return grants


def above_limit(grants: Grants, currency: str, permission: str | None) -> AboveLimit:
    """The refusal, with the highest limit that any of the grants has."""
    limits = [grant.at_most[currency] for grant in grants if grant.at_most is not None and currency in grant.at_most]
    return AboveLimit(permission=permission, at_most=max(limits, key=Decimal, default="0"), currency=currency)


def widest(grants: Grants) -> Scope:
    """How far the widest of the grants reaches."""
    return max(grants, key=lambda grant: grant.width).scope
