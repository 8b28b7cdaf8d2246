"""Whose things a permission reaches: the one place where scopes are judged, for every actor.

    await turn.sees(account.member_id, AccountNotFound())          # somebody's thing: theirs to see, or not there
    turn.sees_all(Forbidden())                                     # the institution's own: only `all` reaches it
    rows = await turn.fetch(self.sql["accounts"], ..., *turn.reach.arguments)      # a list, restricted by its statement

A thing belongs to a member, and what decides is what the member actor knows of that member now: the branch, and who looks after the
group. It publishes both by `reporting.members_within_reach(own, officer, branch)`, which the statement below and those of lists ask;
so nobody keeps a copy that could be old, and a member who moves is seen by others from that commit on. Who reaches `own` or `all`
costs no question. What is not within reach is answered as what is not there.

A handler that looks neither at `sees` nor at `reach` nor at `scope` has not asked whose the thing is: then only `all` may (performer.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from runtime.principal import Principal, Scope
from runtime.statements import Statements

_SQL = Statements.beside(__file__, "reach.sql")


class Rows(Protocol):
    """Whoever can be asked for rows."""

    async def fetch(self, statement: str, /, *arguments: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose things: everybody's, or those of a member, of an officer's groups, of a branch."""

    everything: bool
    member_id: UUID | None = None
    officer_id: UUID | None = None
    branch: str | None = None

    @staticmethod
    def of(principal: Principal, scope: Scope) -> "Reach":
        """How far a scope reaches for a principal."""
        if scope == "all":
            return Reach(everything=True)
        return Reach(
            everything=False,
            member_id=principal.member_id,
            officer_id=principal.user_id if scope in {"group", "branch"} else None,
            branch=principal.branch if scope == "branch" else None,
        )

    @property
    def arguments(self) -> tuple[bool, UUID | None, UUID | None, str | None]:
        """For a statement that says `AND ($1 OR x.member_id IN (SELECT reporting.members_within_reach($2, $3, $4)))`."""
        return self.everything, self.member_id, self.officer_id, self.branch

    def looks_after(self, officer_id: UUID | None) -> bool:
        """Whether a thing's officer is who reaches."""
        return self.everything or (officer_id is not None and officer_id == self.officer_id)

    async def among(self, rows: Rows, members: Collection[UUID]) -> frozenset[UUID]:
        """Those of the members who are within reach."""
        if self.everything:
            return frozenset(members)
        found = frozenset(members) & {self.member_id} if self.member_id is not None else frozenset[UUID]()
        if not members or (self.officer_id is None and self.branch is None):
            return found
        near = await rows.fetch(_SQL["members_within_reach"], list(members), *self.arguments[1:])
        return found | {row["member_id"] for row in near}
