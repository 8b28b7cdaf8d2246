"""What the member actor keeps in the schema `member`; its statements are in queries.sql."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from actors.member.rules.names import KnownAs
from messages.ids import GroupId, MemberId, UserId
from messages.member import (
    Contact,
    Group,
    GroupMember,
    GroupSummary,
    Member,
    MemberKind,
    MemberStatus,
    MemberSummary,
    NewIdentifier,
    Part,
    SearchMembers,
    Seat,
    StatusChange,
)
from runtime.actor import Turn
from runtime.statements import Statements

MOST_LOOKED_AT = 2_000
"""Rows that one page of a search looks at; it may hold less than asked for then, and the next page goes on."""
ABOVE_ALL_LETTERS = "\U0010ffff"
"""Sorts after whatever a word is made of, so that a prefix is the range [prefix, prefix + this)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search."""

    members: tuple[MemberSummary, ...]
    end: tuple[str, ...] | None
    """The position after which the next page begins; None on the last one."""


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    async def claim(self, turn: Turn, member_id: UUID, identifiers: Mapping[UUID, NewIdentifier]) -> set[UUID]:
        """Claim identifiers for a member; the ids of those that nobody else held."""
        rows = await turn.fetch(
            self.sql["claim_identifiers"],
            member_id,
            list(identifiers),
            [identifier.kind for identifier in identifiers.values()],
            [identifier.country for identifier in identifiers.values()],
            [identifier.value for identifier in identifiers.values()],
            turn.now,
        )
        return {row["identifier_id"] for row in rows}

    async def insert(self, turn: Turn, member_id: UUID, new: KnownAs, contact: Contact, branch: str | None) -> None:
        """Write a new member down, pending, with the next number."""
        await turn.fetchval(
            self.sql["insert_member"],
            member_id,
            new.kind,
            new.name,
            new.words,
            turn.now,
            *_details(new),
            contact.phones,
            contact.emails,
            _json(contact.address),
            _who(turn),
            branch,
        )

    async def lock(self, turn: Turn, member_id: UUID) -> Member | None:
        """A member that nobody else changes until the commit."""
        if await turn.fetchrow(self.sql["lock_member"], member_id) is None:
            return None
        return await self.member(turn, member_id)

    async def member(self, turn: Turn, member_id: UUID) -> Member | None:
        """A member as it is."""
        row = await turn.fetchrow(self.sql["member_by_id"], member_id)
        return None if row is None else _member(row)

    async def update_contact(self, turn: Turn, member_id: UUID, contact: Contact) -> None:
        await turn.execute(self.sql["update_contact"], member_id, contact.phones, contact.emails, _json(contact.address))

    async def update_details(self, turn: Turn, member_id: UUID, new: KnownAs) -> None:
        """Write down a new name and new details, and find the member by them."""
        await turn.execute(self.sql["update_details"], member_id, new.name, new.words, *_details(new))
        await turn.execute(self.sql["forget_words"], member_id)
        await turn.execute(self.sql["insert_words"], member_id)

    async def move(self, turn: Turn, member_id: UUID, branch: str | None) -> None:
        await turn.execute(self.sql["move_member"], member_id, branch)

    async def remove_identifier(self, turn: Turn, member_id: UUID, identifier_id: UUID) -> bool:
        """Whether there was one to remove."""
        return bool(await turn.fetchval(self.sql["remove_identifier"], member_id, identifier_id, turn.now))

    async def release_identifiers(self, turn: Turn, member_id: UUID) -> None:
        await turn.execute(self.sql["release_identifiers"], member_id, turn.now)

    async def touch(self, turn: Turn, member_id: UUID) -> None:
        await turn.execute(self.sql["touch_member"], member_id)

    async def change_status(self, turn: Turn, member: Member, to: MemberStatus, reason: str | None, note: str) -> None:
        """Write down a new status, with a line of history."""
        await turn.execute(self.sql["change_status"], member.member_id, member.status, to, reason, note, turn.now, _who(turn))

    async def status_changes(
        self, turn: Turn, member_id: UUID, after_version: int, limit: int
    ) -> list[tuple[int, StatusChange]]:
        """History after a version of the member, oldest first, each step with its version."""
        rows = await turn.fetch(self.sql["status_changes"], member_id, after_version, limit)
        return [(row["version"], StatusChange.model_validate(dict(row))) for row in rows]

    # Searching

    async def ids_by_seq(self, turn: Turn, seq: int) -> set[UUID]:
        return {row["member_id"] for row in await turn.fetch(self.sql["ids_by_seq"], seq)}

    async def ids_by_phone(self, turn: Turn, phone: str) -> set[UUID]:
        return {row["member_id"] for row in await turn.fetch(self.sql["ids_by_phone"], phone)}

    async def ids_by_identifier(self, turn: Turn, value: str) -> set[UUID]:
        return {row["member_id"] for row in await turn.fetch(self.sql["ids_by_identifier"], value)}

    async def search_among(
        self, turn: Turn, among: set[UUID], query: SearchMembers, beginnings: Sequence[str], after_seq: int
    ) -> Found:
        """Those of a few known members that fit the query."""
        rows = await turn.fetch(
            self.sql["search_among"],
            list(among),
            query.status,
            query.kind,
            [_somewhere(beginning) for beginning in beginnings],
            after_seq,
            query.limit + 1,
            *turn.reach.arguments,
        )
        return _found(rows, query.limit, last_nth=None, position=("seq",))

    async def search_in_order(self, turn: Turn, query: SearchMembers, after_seq: int) -> Found:
        """Members of a status and kind, or all."""
        arguments: list[Any] = [query.kind, after_seq, query.limit + 1, MOST_LOOKED_AT, *turn.reach.arguments]
        if query.status is None:
            rows = await turn.fetch(self.sql["search_in_order"], *arguments)
        else:
            rows = await turn.fetch(self.sql["search_by_status"], *arguments, query.status)
        return _found(rows, query.limit, last_nth=MOST_LOOKED_AT, position=("seq",))

    async def search_by_name(
        self, turn: Turn, query: SearchMembers, beginnings: Sequence[str], after: tuple[str, int]
    ) -> Found:
        """Members whose name has words that begin so."""
        rows = await turn.fetch(
            self.sql["search_by_name"],
            beginnings[0],
            beginnings[0] + ABOVE_ALL_LETTERS,
            *after,
            [_somewhere(beginning) for beginning in beginnings[1:]],
            query.status,
            query.kind,
            query.limit + 1,
            MOST_LOOKED_AT,
            *turn.reach.arguments,
        )
        return _found(rows, query.limit, last_nth=MOST_LOOKED_AT, position=("word", "seq"))

    # Groups

    async def insert_group(self, turn: Turn, group_id: UUID, name: str, folded_name: str) -> bool:
        """Whether the name was free."""
        return await turn.fetchval(self.sql["insert_group"], group_id, name, folded_name, turn.now) is not None

    async def lock_group(self, turn: Turn, group_id: UUID) -> Group | None:
        """A group that nobody else changes until the commit."""
        if await turn.fetchrow(self.sql["lock_group"], group_id) is None:
            return None
        return await self.group(turn, group_id)

    async def group(self, turn: Turn, group_id: UUID) -> Group | None:
        """A group as it is."""
        row = await turn.fetchrow(self.sql["group_by_id"], group_id)
        return None if row is None else _group(row)

    async def standing_of(self, turn: Turn, member_ids: Sequence[UUID]) -> dict[UUID, MemberStatus]:
        """The statuses of members; they stay until the commit."""
        rows = await turn.fetch(self.sql["standing_of"], member_ids)
        return {row["member_id"]: MemberStatus(row["status"]) for row in rows}

    async def seat(self, turn: Turn, group_id: UUID, seats: Sequence[Seat]) -> set[UUID]:
        """Seat members; the ids of those who were in no group."""
        members, roles = [seat.member_id for seat in seats], [seat.role for seat in seats]
        rows = await turn.fetch(self.sql["seat_members"], group_id, members, roles, turn.now)
        return {row["member_id"] for row in rows}

    async def leave_seat(self, turn: Turn, group_id: UUID, member_id: UUID) -> bool:
        """Whether the member was in the group."""
        return bool(await turn.fetchval(self.sql["leave_seat"], group_id, member_id, turn.now))

    async def touch_group(self, turn: Turn, group_id: UUID) -> None:
        await turn.execute(self.sql["touch_group"], group_id)

    async def assign_officer(self, turn: Turn, group_id: UUID, officer_id: UUID | None) -> None:
        await turn.execute(self.sql["assign_officer"], group_id, officer_id)

    async def group_of(self, turn: Turn, member_id: UUID) -> UUID | None:
        """The group that a member is in."""
        group_id: UUID | None = await turn.fetchval(self.sql["group_of"], member_id)
        return group_id

    async def groups(self, turn: Turn, after_seq: int, only_with: UUID | None, limit: int) -> list[tuple[int, GroupSummary]]:
        """Groups after a number, each with its number."""
        rows = await turn.fetch(self.sql["groups"], after_seq, only_with, limit, *turn.reach.arguments)
        return [(row["seq"], GroupSummary.model_validate({**row, "number": _group_number(row["seq"])})) for row in rows]


def _json(part: Part | None) -> dict[str, Any] | None:
    return None if part is None else part.model_dump(mode="json", exclude_none=True)


def _details(known: KnownAs) -> tuple[Any, Any]:
    details = _json(known.details)
    return (details, None) if known.kind is MemberKind.PERSON else (None, details)


def _who(turn: Turn) -> str:
    return f"{turn.principal.kind}:{turn.principal.id}"


def _somewhere(beginning: str) -> str:
    # Folded words are letters, digits and marks only: there is nothing in them that LIKE would understand.
    return f"% {beginning}%"


def _member_number(seq: int) -> str:
    return f"M-{seq:06}"


def _group_number(seq: int) -> str:
    return f"G-{seq:06}"


def _member(row: Any) -> Member:
    contact = {name: row[name] for name in ("phones", "emails", "address")}
    return Member.model_validate({**row, "number": _member_number(row["seq"]), "contact": contact})


def _group(row: Any) -> Group:
    seats = [GroupMember.model_validate({**seat, "number": _member_number(seat["seq"])}) for seat in row["seats"]]
    return Group(
        group_id=GroupId(row["group_id"]),
        number=_group_number(row["seq"]),
        name=row["name"],
        members=tuple(seats),
        officer_id=None if row["officer_id"] is None else UserId(row["officer_id"]),
        formed_at=row["formed_at"],
        version=row["version"],
    )


def _summary(row: Any) -> MemberSummary:
    return MemberSummary(
        member_id=MemberId(row["member_id"]),
        number=_member_number(row["seq"]),
        kind=MemberKind(row["kind"]),
        name=row["name"],
        status=MemberStatus(row["status"]),
        registered_at=row["registered_at"],
        version=row["version"],
    )


def _found(rows: Sequence[Any], limit: int, *, last_nth: int | None, position: tuple[str, ...]) -> Found:
    """A page from rows of which one more than `limit` was asked for; the last row looked at may come along without a member."""
    fitting = [row for row in rows if row["member_id"] is not None]
    page, end = fitting[:limit], None
    if len(fitting) > limit:
        end = page[-1]
    elif last_nth is not None and rows and rows[-1]["nth"] == last_nth:
        end = rows[-1]
    members = tuple(_summary(row) for row in page)
    return Found(members, None if end is None else tuple(str(end[name]) for name in position))
