"""Solidarity groups: who is in them, and in what office."""

import asyncio

import pytest

from messages.base import Refusal
from messages.ids import new_id
from messages.member import (
    AddToGroup,
    CloseMember,
    FormGroup,
    GetGroup,
    Group,
    GroupRole,
    InAnotherGroup,
    ListGroups,
    Member,
    RemoveFromGroup,
    Seat,
)
from runtime.principal import Principal
from tests.actors.member.people import active, closed, registered, unique_word
from tests.bank import Bank


async def formed(bank: Bank, *members: Member, **roles: Member) -> Group:
    seats = [Seat(member_id=member.member_id) for member in members]
    seats += [Seat(member_id=member.member_id, role=GroupRole(role)) for role, member in roles.items()]
    return await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=tuple(seats)))


async def test_a_group_is_formed_grows_and_shrinks(bank: Bank) -> None:
    chair, other, late = [await active(bank, name) for name in ("Amina A", "Bea B", "Cyd C")]
    group = await formed(bank, other, chair=chair)
    assert {(seat.name, seat.role) for seat in group.members} == {("Bea B", "member"), ("Amina A", "chair")}
    group = await bank.says(AddToGroup(group_id=group.group_id, member_id=late.member_id, role="treasurer", expected_version=1))
    assert (group.members[-1].number, group.members[-1].role, group.version) == (late.number, "treasurer", 2)
    group = await bank.says(RemoveFromGroup(group_id=group.group_id, member_id=chair.member_id))
    assert [seat.name for seat in group.members] == ["Bea B", "Cyd C"]
    assert await bank.says(GetGroup(group_id=group.group_id)) == group
    with bank.refuses("not_in_group"):
        await bank.says(RemoveFromGroup(group_id=group.group_id, member_id=chair.member_id))
    again = await bank.says(AddToGroup(group_id=group.group_id, member_id=chair.member_id, role="chair"))
    assert len(again.members) == 3


async def test_a_member_is_in_one_group_at_a_time(bank: Bank) -> None:
    member = await active(bank)
    first, second = await formed(bank, member), await formed(bank)
    with bank.refuses("in_another_group"):
        await bank.says(AddToGroup(group_id=second.group_id, member_id=member.member_id))
    with bank.refuses("in_another_group"):
        await formed(bank, member)
    await bank.says(RemoveFromGroup(group_id=first.group_id, member_id=member.member_id))
    group = await bank.says(AddToGroup(group_id=second.group_id, member_id=member.member_id))
    assert [seat.member_id for seat in group.members] == [member.member_id]


async def test_of_two_groups_that_take_a_member_at_once_one_gets_them(bank: Bank) -> None:
    member = await active(bank)
    groups = [await formed(bank) for _ in range(5)]

    async def attempt(group: Group) -> Group | None:
        try:
            return await bank.says(AddToGroup(group_id=group.group_id, member_id=member.member_id))
        except InAnotherGroup:
            return None

    assert len([group for group in await asyncio.gather(*map(attempt, groups)) if group]) == 1


async def test_only_active_members_join(bank: Bank) -> None:
    group, pending = await formed(bank), await registered(bank)
    for member, rule in ((pending, "not_an_active_member"), (await closed(bank, pending), "not_an_active_member")):
        with bank.refuses(rule):
            await bank.says(AddToGroup(group_id=group.group_id, member_id=member.member_id))
    with bank.refuses("member_not_found"):
        await bank.says(AddToGroup(group_id=group.group_id, member_id=new_id()))
    with bank.refuses("group_not_found"):
        await bank.says(AddToGroup(group_id=new_id(), member_id=pending.member_id))


async def test_a_refused_group_takes_no_number_and_names_the_seat_at_fault(bank: Bank) -> None:
    before = await formed(bank)
    with pytest.raises(Refusal) as no:
        await formed(bank, await active(bank), await registered(bank))
    assert (no.value.rule, no.value.field) == ("not_an_active_member", "seats.1.member_id")
    after = await formed(bank)
    assert int(after.number[2:]) == int(before.number[2:]) + 1


async def test_an_office_has_one_holder(bank: Bank) -> None:
    group = await formed(bank, chair=await active(bank))
    with bank.refuses("seat_taken"):
        await bank.says(AddToGroup(group_id=group.group_id, member_id=(await active(bank)).member_id, role=GroupRole.CHAIR))


async def test_group_names_that_read_alike_are_taken(bank: Bank) -> None:
    group = await formed(bank)
    with bank.refuses("group_name_taken"):
        await bank.says(FormGroup(name=f" {group.name.upper()}!"))


async def test_who_guarantees_others_leaves_the_group_before_leaving_for_good(bank: Bank) -> None:
    member = await active(bank)
    group = await formed(bank, member)
    with bank.refuses("still_in_group"):
        await bank.says(CloseMember(member_id=member.member_id, reason="member_request"))
    await bank.says(RemoveFromGroup(group_id=group.group_id, member_id=member.member_id))
    assert (await closed(bank, member)).status == "closed"


async def test_joining_and_closing_at_once_never_leaves_a_closed_member_in_a_group(bank: Bank) -> None:
    for _ in range(5):
        member, group = await active(bank), await formed(bank)
        answers = await asyncio.gather(
            bank.says(AddToGroup(group_id=group.group_id, member_id=member.member_id)),
            bank.says(CloseMember(member_id=member.member_id, reason="other")),
            return_exceptions=True,
        )
        refused = [answer.rule for answer in answers if isinstance(answer, Refusal)]
        assert refused in (["still_in_group"], ["not_an_active_member"])


async def test_groups_are_listed_in_the_order_of_their_numbers(bank: Bank) -> None:
    formed_now = [await formed(bank) for _ in range(3)]
    listed, cursor, first = [], None, True
    while first or cursor:
        page = await bank.says(ListGroups(limit=2, cursor=cursor))
        listed += page.items
        cursor, first = page.next_cursor, False
    numbers = [group.number for group in listed]
    assert numbers == sorted(set(numbers), key=lambda number: int(number[2:]))
    assert numbers[-3:] == [group.number for group in formed_now]


async def test_who_read_an_older_version_of_a_group_changes_nothing(bank: Bank) -> None:
    group = await formed(bank)
    await bank.says(AddToGroup(group_id=group.group_id, member_id=(await active(bank)).member_id))
    with bank.refuses("version_conflict"):
        await bank.says(
            AddToGroup(group_id=group.group_id, member_id=(await active(bank)).member_id, expected_version=group.version)
        )


async def test_a_member_sees_only_the_group_they_are_in(bank: Bank) -> None:
    mine, other = await active(bank), await active(bank)
    my_group, other_group = await formed(bank, mine), await formed(bank, other)
    me = Principal("user", "u", ("member",), mine.member_id)
    assert (await bank.says(GetGroup(group_id=my_group.group_id), as_=me)).group_id == my_group.group_id
    with bank.refuses("group_not_found"):
        await bank.says(GetGroup(group_id=other_group.group_id), as_=me)
    assert [group.group_id for group in (await bank.says(ListGroups(), as_=me)).items] == [my_group.group_id]
    theirs = await bank.says(ListGroups(member_id=other.member_id))
    assert [group.group_id for group in theirs.items] == [other_group.group_id]
    assert (await bank.says(ListGroups(member_id=other.member_id), as_=me)).items == ()
    assert (await bank.says(ListGroups(), as_=Principal("user", "u", ("member",)))).items == ()
    with bank.refuses("forbidden"):
        await bank.says(FormGroup(name=unique_word()), as_=me)
