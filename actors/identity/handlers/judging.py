"""Who may change whose access: which users somebody reaches, and that nobody gives more than they may do themselves.

The rules, for everything that changes roles: nobody changes their own; a role is given by who may do all that it allows, or who may
change all users without a limit; and where the settings want it, what one asks for another approves.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from actors.identity.handlers.hashing import Hashing
from actors.identity.store import Transaction
from config.roles import Grant
from messages.access import MoreThanOwn, OwnAccess, Role, RoleGrant, UnknownRole
from messages.base import UnknownBranch
from messages.identity import User, UserNotFound
from runtime.actor import Turn
from runtime.principal import Principal

DECIDING = "access-requests:decide"
GIVING = "users:write"

Definitions = Mapping[str, Mapping[str, Grant]]
"""Role -> permission -> grant."""


class Judging(Hashing):
    """Refuses what must not be given."""

    async def definitions(self, db: Transaction) -> tuple[Definitions, Mapping[str, int]]:
        """What each role allows as it is now, and the versions of the institution's own."""
        own = await self.store.own_roles(db)
        mine = {name: as_granted(role.grants) for name, role in own.items() if name not in self.built_in}
        return {**mine, **self.built_in}, {name: own[name].version for name in mine}

    async def permissions_of(self, db: Transaction, roles: Collection[str]) -> frozenset[str]:
        """All that somebody with these roles may do, to their own things or to others'."""
        definitions, _ = await self.definitions(db)
        return frozenset(permission for role in roles for permission in definitions.get(role, ()))

    def check_not_oneself(self, turn: Turn, user_id: UUID) -> None:
        """Nobody changes their own access."""
        if turn.principal.user_id == user_id:
            raise OwnAccess

    def check_not_own_role(self, turn: Turn, role: str) -> None:
        """Nor what a role of theirs means."""
        if role in turn.principal.roles:
            raise OwnAccess

    def check_reaches(self, turn: Turn, user: User) -> None:
        """Not found, where the principal reaches some users only and this is none of them."""
        if not reaches(turn, user):
            raise UserNotFound

    def branch_for(self, turn: Turn, wanted: str | None) -> str | None:
        """Where a new user works. Who reaches one branch only makes users of that one."""
        branch = wanted if wanted is not None or turn.reach.everything else turn.reach.branch
        if branch is not None and branch not in self.branches:
            raise UnknownBranch(field="branch", branch=branch)
        if not turn.reach.everything and (branch is None or branch != turn.reach.branch):
            raise UserNotFound("You make users of your own branch.", field="branch")
        return branch

    async def check_giving(
        self, turn: Turn, roles: Collection[str], already: Collection[str] = (), *, db: Transaction | None = None
    ) -> Mapping[str, int]:
        """Refuse roles that are not there, and those that can do more than who gives them. The versions of those that are own.

        `db`: where it is looked up apart, before the turn asks others.
        """
        definitions, versions = await self.definitions(db or turn)
        for place, role in enumerate(roles):
            if role not in definitions:
                raise UnknownRole(field=f"roles.{place}", role=role)
            if role not in already:
                self.check_no_more(turn, definitions, definitions[role], field=f"roles.{place}")
        return {role: versions.get(role, 0) for role in roles if role not in self.built_in}

    def check_no_more(
        self, turn: Turn, definitions: Definitions, given: Mapping[str, Grant], *, field: str | None = None
    ) -> None:
        """Refuse what can do more than who gives it."""
        mine = held_by(turn.principal, definitions)
        if turn.principal.kind == "actor" or Grant(scope="all") in mine.get(GIVING, ()):
            return
        for permission, grant in given.items():
            if not any(own.covers(grant) for own in mine.get(permission, ())):
                raise MoreThanOwn(field=field, permission=permission)

    async def counts_at_once(self, turn: Turn) -> bool:
        """Whether a change of roles needs nobody else: by the settings, or because there is nobody else yet who could approve."""
        if not self.needs_approval or turn.principal.kind == "actor":
            return True
        definitions, _ = await self.definitions(turn)
        approving = [name for name, grants in definitions.items() if DECIDING in grants]
        return not await self.store.others_with(turn, turn.principal.user_id, approving)


def reaches(turn: Turn, user: User) -> bool:
    """Whether the principal's permission reaches a user: all, those of the branch, or oneself."""
    reach = turn.reach
    if reach.everything or user.user_id == turn.principal.user_id:
        return True
    return reach.branch is not None and user.branch == reach.branch


def held_by(principal: Principal, definitions: Definitions) -> dict[str, list[Grant]]:
    """What a principal was granted, by permission."""
    held: dict[str, list[Grant]] = {}
    for role in principal.roles:
        for permission, grant in definitions.get(role, {}).items():
            held.setdefault(permission, []).append(grant)
    return held


def as_granted(grants: Mapping[str, RoleGrant]) -> dict[str, Grant]:
    """As the settings have it."""
    return {permission: Grant(scope=grant.scope, at_most=grant.at_most) for permission, grant in grants.items()}


def as_told(role: str, about: str, grants: Mapping[str, Grant]) -> Role:
    """A built-in role as it is told."""
    told = {permission: RoleGrant(scope=grant.scope, at_most=grant.at_most) for permission, grant in grants.items()}
    return Role(name=role, about=about, built_in=True, grants=told, version=1)


def each_once(roles: Sequence[str]) -> tuple[str, ...]:
    """The roles in their order, none twice."""
    return tuple(dict.fromkeys(roles))
