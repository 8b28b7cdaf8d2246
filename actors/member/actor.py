"""The member actor: who belongs to the institution, how to reach them, by what they are known, and how they stand."""

from collections.abc import Collection
from uuid import UUID

from actors.member.rules.branches import check_branch
from actors.member.rules.dates import check_birth_date, check_registration_date
from actors.member.rules.identifiers import (
    Claim,
    check_distinct,
    check_room,
    check_same_registration,
    claims_of,
    registration_claim,
)
from actors.member.rules.life_cycle import Move, moved, refuse_if_closed
from actors.member.rules.names import KnownAs, beginnings, folded, known_as
from actors.member.rules.seats import check_seat, check_seats, check_standing
from actors.member.store import Found, Store
from config.settings import Settings
from messages.base import Forbidden, Invalid, VersionConflict
from messages.identity import GetUser, UserNotFound
from messages.ids import GroupId, MemberId, UserId
from messages.member import (
    ActivateMember,
    AddIdentifier,
    AddToGroup,
    AssignOfficer,
    CloseMember,
    CorrectBusiness,
    CorrectPerson,
    FormGroup,
    GetGroup,
    GetMember,
    Group,
    GroupNameTaken,
    GroupNotFound,
    GroupPage,
    IdentifierNotFound,
    IdentifierTaken,
    InAnotherGroup,
    ListGroups,
    ListStatusChanges,
    Member,
    MemberActivated,
    MemberClosed,
    MemberNotFound,
    MemberPage,
    MemberRegistered,
    MemberSuspended,
    MoveMember,
    NotInGroup,
    ReactivateMember,
    RegisterBusiness,
    RegisterPerson,
    RemoveFromGroup,
    RemoveIdentifier,
    SearchMembers,
    Seat,
    StatusHistory,
    StillInGroup,
    SuspendMember,
    UpdateContact,
    WrongMemberKind,
)
from runtime.actor import Actor, Turn, handles
from runtime.paging import decode_cursor, encode_cursor


class Members(Actor):
    """Knows every member once: numbers have no gaps, nobody holds another's identifier, a closed membership stays closed."""

    name = "member"

    def __init__(self, branches: Collection[str] = ()) -> None:
        self.store = Store()
        self.branches = frozenset(branches)

    @classmethod
    def configured(cls, settings: Settings) -> "Members":
        """As the settings of this process have it."""
        return cls(settings.branches)

    # Registering

    @handles
    async def register_person(self, command: RegisterPerson, turn: Turn) -> Member:
        check_birth_date(command.person.born_on, turn.now.date())
        return await self._register(turn, command, known_as(command.person), claims_of(command.identifiers))

    @handles
    async def register_business(self, command: RegisterBusiness, turn: Turn) -> Member:
        check_registration_date(command.business.registered_on, turn.now.date())
        claims = [registration_claim(command.business), *claims_of(command.identifiers)]
        return await self._register(turn, command, known_as(command.business), claims)

    async def _register(
        self, turn: Turn, command: RegisterPerson | RegisterBusiness, new: KnownAs, claims: list[Claim]
    ) -> Member:
        branch = command.branch or turn.principal.branch
        if turn.scope != "all" and (turn.scope != "branch" or branch is None or branch != turn.principal.branch):
            raise Forbidden
        check_branch(branch, self.branches)
        check_distinct(claims)
        member_id = MemberId(turn.derive("member"))
        await self._claim(turn, member_id, claims)
        await self.store.insert(turn, member_id, new, command.contact, branch)
        member = await self._as_it_is(turn, member_id)
        turn.emit(MemberRegistered(member_id=member_id, kind=member.kind, number=member.number))
        return member

    async def _claim(self, turn: Turn, member_id: MemberId, claims: list[Claim]) -> None:
        by_id = {turn.derive(f"identifier.{place}"): claim for place, claim in enumerate(claims)}
        if not claims:
            return
        claimed = await self.store.claim(turn, member_id, {key: identifier for key, (_, identifier) in by_id.items()})
        for identifier_id, (field, _) in by_id.items():
            if identifier_id not in claimed:
                raise IdentifierTaken(field=field)

    # Keeping the data right

    @handles
    async def update_contact(self, command: UpdateContact, turn: Turn) -> Member:
        await self._to_change(turn, command.member_id, command.expected_version)
        await self.store.update_contact(turn, command.member_id, command.contact)
        return await self._as_it_is(turn, command.member_id)

    @handles
    async def correct_person(self, command: CorrectPerson, turn: Turn) -> Member:
        member = await self._to_change(turn, command.member_id, command.expected_version)
        if member.person is None:
            raise WrongMemberKind
        check_birth_date(command.person.born_on, turn.now.date())
        await self.store.update_details(turn, command.member_id, known_as(command.person))
        return await self._as_it_is(turn, command.member_id)

    @handles
    async def correct_business(self, command: CorrectBusiness, turn: Turn) -> Member:
        member = await self._to_change(turn, command.member_id, command.expected_version)
        if member.business is None:
            raise WrongMemberKind
        check_registration_date(command.business.registered_on, turn.now.date())
        check_same_registration(member.business, command.business)
        await self.store.update_details(turn, command.member_id, known_as(command.business))
        return await self._as_it_is(turn, command.member_id)

    @handles
    async def add_identifier(self, command: AddIdentifier, turn: Turn) -> Member:
        member = await self._to_change(turn, command.member_id, command.expected_version)
        check_room(len(member.identifiers))
        await self._claim(turn, command.member_id, [("identifier.value", command.identifier)])
        await self.store.touch(turn, command.member_id)
        return await self._as_it_is(turn, command.member_id)

    @handles
    async def remove_identifier(self, command: RemoveIdentifier, turn: Turn) -> Member:
        await self._to_change(turn, command.member_id, command.expected_version)
        if not await self.store.remove_identifier(turn, command.member_id, command.identifier_id):
            raise IdentifierNotFound
        await self.store.touch(turn, command.member_id)
        return await self._as_it_is(turn, command.member_id)

    @handles
    async def move_member(self, command: MoveMember, turn: Turn) -> Member:
        turn.sees_all(Forbidden())
        check_branch(command.branch, self.branches)
        await self._to_change(turn, command.member_id, command.expected_version)
        await self.store.move(turn, command.member_id, command.branch)
        return await self._as_it_is(turn, command.member_id)

    # The life of a member

    @handles
    async def activate_member(self, command: ActivateMember, turn: Turn) -> Member:
        member = await self._move(turn, command, Move.ACTIVATE)
        turn.emit(MemberActivated(member_id=command.member_id))
        return member

    @handles
    async def suspend_member(self, command: SuspendMember, turn: Turn) -> Member:
        member = await self._move(turn, command, Move.SUSPEND, command.reason)
        turn.emit(MemberSuspended(member_id=command.member_id, reason=command.reason))
        return member

    @handles
    async def reactivate_member(self, command: ReactivateMember, turn: Turn) -> Member:
        member = await self._move(turn, command, Move.REACTIVATE)
        turn.emit(MemberActivated(member_id=command.member_id))
        return member

    @handles
    async def close_member(self, command: CloseMember, turn: Turn) -> Member:
        member = await self._move(turn, command, Move.CLOSE, command.reason)
        await self.store.release_identifiers(turn, command.member_id)
        turn.emit(MemberClosed(member_id=command.member_id, reason=command.reason))
        return member

    async def _move(
        self,
        turn: Turn,
        command: ActivateMember | SuspendMember | ReactivateMember | CloseMember,
        move: Move,
        reason: str | None = None,
    ) -> Member:
        member = await self._to_change(turn, command.member_id, command.expected_version)
        status = moved(member.status, move)
        if move is Move.CLOSE and await self.store.group_of(turn, command.member_id) is not None:
            raise StillInGroup
        await self.store.change_status(turn, member, status, reason, command.note)
        return await self._as_it_is(turn, command.member_id)

    # Reading

    @handles
    async def get_member(self, query: GetMember, turn: Turn) -> Member:
        await turn.sees(query.member_id, MemberNotFound())
        return await self._as_it_is(turn, query.member_id)

    @handles
    async def search_members(self, query: SearchMembers, turn: Turn) -> MemberPage:
        found = await self._search(query, turn)
        return MemberPage(items=found.members, next_cursor=encode_cursor(*found.end) if found.end else None)

    async def _search(self, query: SearchMembers, turn: Turn) -> Found:
        words = [] if query.name is None else beginnings(query.name)
        among = await self._known_beforehand(query, turn)
        if among is not None:
            return await self.store.search_among(turn, among, query, words, _seq_after(query.cursor))
        if words:
            return await self.store.search_by_name(turn, query, words, _word_and_seq_after(query.cursor))
        return await self.store.search_in_order(turn, query, _seq_after(query.cursor))

    async def _known_beforehand(self, query: SearchMembers, turn: Turn) -> set[UUID] | None:
        """The few members that it can only be; None where it can be anybody."""
        narrowed: list[set[UUID]] = []
        if turn.scope == "own":
            narrowed.append({turn.principal.member_id} if turn.principal.member_id is not None else set())
        if query.number is not None:
            narrowed.append(await self.store.ids_by_seq(turn, int(query.number.removeprefix("M-"))))
        if query.identifier is not None:
            narrowed.append(await self.store.ids_by_identifier(turn, query.identifier))
        if query.phone is not None:
            narrowed.append(await self.store.ids_by_phone(turn, query.phone))
        return set.intersection(*narrowed) if narrowed else None

    @handles
    async def list_status_changes(self, query: ListStatusChanges, turn: Turn) -> StatusHistory:
        await turn.sees(query.member_id, MemberNotFound())
        changes = await self.store.status_changes(turn, query.member_id, _seq_after(query.cursor), query.limit + 1)
        if not changes and query.cursor is None:
            raise MemberNotFound
        page = changes[: query.limit]
        more = len(changes) > query.limit
        return StatusHistory(
            items=tuple(change for _, change in page), next_cursor=encode_cursor(str(page[-1][0])) if more else None
        )

    # Groups

    @handles
    async def form_group(self, command: FormGroup, turn: Turn) -> Group:
        turn.sees_all(Forbidden())
        check_seats(command.seats)
        group_id = GroupId(turn.derive("group"))
        if not await self.store.insert_group(turn, group_id, command.name, folded(command.name)):
            raise GroupNameTaken(field="name")
        await self._seat(turn, group_id, {f"seats.{place}.member_id": seat for place, seat in enumerate(command.seats)})
        return await self._group_as_it_is(turn, group_id)

    @handles
    async def add_to_group(self, command: AddToGroup, turn: Turn) -> Group:
        group = await self._group_to_change(turn, command.group_id, command.expected_version)
        check_seat(command.member_id, command.role, {seat.member_id: seat.role for seat in group.members})
        await self._seat(turn, command.group_id, {"member_id": Seat(member_id=command.member_id, role=command.role)})
        await self.store.touch_group(turn, command.group_id)
        return await self._group_as_it_is(turn, command.group_id)

    async def _seat(self, turn: Turn, group_id: GroupId, seats: dict[str, Seat]) -> None:
        standing = await self.store.standing_of(turn, [seat.member_id for seat in seats.values()])
        for field, seat in seats.items():
            check_standing(standing.get(seat.member_id), field=field)
        seated = await self.store.seat(turn, group_id, list(seats.values()))
        for field, seat in seats.items():
            if seat.member_id not in seated:
                raise InAnotherGroup(field=field)

    @handles
    async def remove_from_group(self, command: RemoveFromGroup, turn: Turn) -> Group:
        await self._group_to_change(turn, command.group_id, command.expected_version)
        if not await self.store.leave_seat(turn, command.group_id, command.member_id):
            raise NotInGroup(field="member_id")
        await self.store.touch_group(turn, command.group_id)
        return await self._group_as_it_is(turn, command.group_id)

    @handles
    async def assign_officer(self, command: AssignOfficer, turn: Turn) -> Group:
        turn.sees_all(GroupNotFound())
        if command.officer_id is not None:
            await self._check_officer(turn, command.officer_id)
        await self._group_to_change(turn, command.group_id, command.expected_version)
        await self.store.assign_officer(turn, command.group_id, command.officer_id)
        return await self._group_as_it_is(turn, command.group_id)

    async def _check_officer(self, turn: Turn, officer_id: UserId) -> None:
        try:
            await turn.ask(GetUser(user_id=officer_id), step="officer", in_own_name=True)
        except UserNotFound as no:
            no.field = "officer_id"
            raise

    @handles
    async def get_group(self, query: GetGroup, turn: Turn) -> Group:
        group = await self._group_as_it_is(turn, query.group_id)
        near = await turn.said.seen_among([seat.member_id for seat in group.members])
        if turn.scope != "all" and not near and not turn.reach.looks_after(group.officer_id):
            raise GroupNotFound
        return group

    @handles
    async def list_groups(self, query: ListGroups, turn: Turn) -> GroupPage:
        groups = await self.store.groups(turn, _seq_after(query.cursor), query.member_id, query.limit + 1)
        page = groups[: query.limit]
        more = len(groups) > query.limit
        return GroupPage(items=tuple(group for _, group in page), next_cursor=encode_cursor(str(page[-1][0])) if more else None)

    # Loading

    async def _to_change(self, turn: Turn, member_id: MemberId, expected_version: int | None) -> Member:
        await turn.sees(member_id, MemberNotFound())
        member = await self.store.lock(turn, member_id)
        if member is None:
            raise MemberNotFound
        _check_version(member.version, expected_version)
        refuse_if_closed(member.status)
        return member

    async def _as_it_is(self, turn: Turn, member_id: MemberId) -> Member:
        member = await self.store.member(turn, member_id)
        if member is None:
            raise MemberNotFound
        # Whoever is suspected must not learn of it here.
        return member.model_copy(update={"status_reason": None}) if turn.scope == "own" else member

    async def _group_to_change(self, turn: Turn, group_id: GroupId, expected_version: int | None) -> Group:
        turn.sees_all(GroupNotFound())
        group = await self.store.lock_group(turn, group_id)
        if group is None:
            raise GroupNotFound
        _check_version(group.version, expected_version)
        return group

    async def _group_as_it_is(self, turn: Turn, group_id: GroupId) -> Group:
        group = await self.store.group(turn, group_id)
        if group is None:
            raise GroupNotFound
        return group


def _check_version(version: int, expected: int | None) -> None:
    if expected is not None and expected != version:
        raise VersionConflict(version=version)


LARGEST_SEQ = 2**63 - 1


def _seq(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_SEQ)) or int(text) > LARGEST_SEQ:
        raise Invalid("This cursor did not come from the previous page.", field="cursor")
    return int(text)


def _seq_after(cursor: str | None) -> int:
    return 0 if cursor is None else _seq(decode_cursor(cursor, 1)[0])


def _word_and_seq_after(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return "", 0
    word, seq = decode_cursor(cursor, 2)
    return word.replace("\0", ""), _seq(seq)
