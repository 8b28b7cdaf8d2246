"""Whose members a permission reaches: one's own, those of the groups that one looks after, those of one's branch, all."""

from typing import Any

import pytest

from messages.base import Refusal
from messages.identity import CreateUser
from messages.ids import UserId, new_id
from messages.member import (
    AddIdentifier,
    AddToGroup,
    AssignOfficer,
    CloseMember,
    Contact,
    FormGroup,
    GetGroup,
    GetMember,
    Group,
    ListGroups,
    ListStatusChanges,
    Member,
    MoveMember,
    RegisterPerson,
    RemoveFromGroup,
    SearchMembers,
    Seat,
    UpdateContact,
)
from runtime import reach
from runtime.principal import Principal
from runtime.statements import Statements
from tests.actors.identity.access import staff
from tests.actors.member.people import active, national_id, person, unique_phone, unique_word
from tests.bank import Bank

ABOUT_MEMBERS = ("members:read", "members:write", "members:history", "members:status", "groups:read", "groups:write")


async def member_staff(bank: Bank, scope: str, **rest: Any) -> Principal:
    """Somebody with all permissions about members, so narrow."""
    scopes = {permission.replace(":", "_"): scope for permission in ABOUT_MEMBERS}
    if scope == "own":
        del scopes["members_history"], scopes["members_status"]
    del scopes["groups_write"]
    return await staff(bank, **scopes, **rest)


async def user(bank: Bank) -> UserId:
    command = CreateUser(username=f"u-{new_id().hex}", password="correct horse battery staple", roles=("loan_officer",))
    return (await bank.says(command)).user_id


async def looked_after(bank: Bank, *members: Member) -> tuple[Group, UserId]:
    """A group of these, and the user who looks after it."""
    seats = tuple(Seat(member_id=member.member_id) for member in members)
    group = await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=seats))
    officer_id = await user(bank)
    return await bank.says(AssignOfficer(group_id=group.group_id, officer_id=officer_id)), officer_id


async def found(bank: Bank, who: Principal, **query: Any) -> set[Any]:
    """Who is found, on all pages."""
    ids, cursor = set(), None
    while True:
        page = await bank.says(SearchMembers(cursor=cursor, limit=2, **query), as_=who)
        ids |= {member.member_id for member in page.items}
        if (cursor := page.next_cursor) is None:
            return ids


async def test_a_branch_reaches_its_members_and_nobody_elses(bank: Bank) -> None:
    word = unique_word()
    north = [await active(bank, f"{word} N", branch="north") for _ in range(3)]
    south, nowhere = await active(bank, f"{word} S", branch="south"), await active(bank, f"{word} X")
    teller = await member_staff(bank, "branch", branch="north")
    ids = {member.member_id for member in north}
    assert await found(bank, teller, name=word) == ids
    assert await found(bank, teller, name=word, status="active") == ids
    assert ids <= await found(bank, teller) and not {south.member_id, nowhere.member_id} & await found(bank, teller)
    assert ids <= await found(bank, teller, status="active")
    assert not {south.member_id, nowhere.member_id} & await found(bank, teller, status="active")
    assert await found(bank, teller, number=north[0].number) == {north[0].member_id}
    assert not await found(bank, teller, number=south.number)
    assert (await bank.says(GetMember(member_id=north[0].member_id), as_=teller)).branch == "north"


async def test_an_officer_reaches_the_groups_that_they_look_after(bank: Bank) -> None:
    word = unique_word()
    mine, other = await active(bank, f"{word} A"), await active(bank, f"{word} B", branch="north")
    group, officer_id = await looked_after(bank, mine)
    elsewhere, _ = await looked_after(bank, other)
    officer = await member_staff(bank, "group", user_id=officer_id, branch="north")
    assert await found(bank, officer, name=word) == {mine.member_id}
    assert (await bank.says(GetGroup(group_id=group.group_id), as_=officer)).officer_id == officer_id
    listed = {each.group_id for each in (await bank.says(ListGroups(limit=200), as_=officer)).items}
    assert listed == {group.group_id}
    with bank.refuses("group_not_found"):
        await bank.says(GetGroup(group_id=elsewhere.group_id), as_=officer)
    await bank.says(RemoveFromGroup(group_id=group.group_id, member_id=mine.member_id))
    assert not await found(bank, officer, name=word)
    await bank.says(AddToGroup(group_id=group.group_id, member_id=mine.member_id))
    await bank.says(AssignOfficer(group_id=group.group_id, officer_id=None))
    assert not await found(bank, officer, name=word)


async def test_a_wider_scope_reaches_what_the_narrower_ones_reach(bank: Bank) -> None:
    word = unique_word()
    me, grouped, near, far = [
        await active(bank, f"{word} {name}", branch=branch)
        for name, branch in (("Me", None), ("Grouped", "south"), ("Near", "north"), ("Far", "south"))
    ]
    _, officer_id = await looked_after(bank, grouped)
    expected: dict[str, list[Member]] = {
        "own": [me],
        "group": [me, grouped],
        "branch": [me, grouped, near],
        "all": [me, grouped, near, far],
    }
    for scope, members in expected.items():
        who = await member_staff(bank, scope, user_id=officer_id, branch="north", member_id=me.member_id)
        assert await found(bank, who, name=word) == {member.member_id for member in members}, scope


@pytest.mark.parametrize("scope", ["own", "group", "branch"])
async def test_who_is_not_within_reach_is_as_who_is_not_there(bank: Bank, scope: str) -> None:
    other = await active(bank, branch="south")
    group, _ = await looked_after(bank, other)
    who = await member_staff(bank, scope, branch="north", member_id=(await active(bank)).member_id)
    for member_id in (other.member_id, new_id()):
        for message in (
            GetMember(member_id=member_id),
            UpdateContact(member_id=member_id, contact=Contact(phones=(unique_phone(),))),
            AddIdentifier(member_id=member_id, identifier=national_id()),
        ):
            with bank.refuses("member_not_found"):
                await bank.says(message, as_=who)  # type: ignore[misc]  # of different replies
        if scope != "own":
            for message in (ListStatusChanges(member_id=member_id), CloseMember(member_id=member_id, reason="other")):
                with bank.refuses("member_not_found"):
                    await bank.says(message, as_=who)  # type: ignore[misc]  # of different replies
    for group_id in (group.group_id, new_id()):
        with bank.refuses("group_not_found"):
            await bank.says(GetGroup(group_id=group_id), as_=who)


async def test_who_has_no_branch_and_no_member_reaches_nobody(bank: Bank) -> None:
    """Not those either who have none themselves: nothing is not the same as nothing."""
    word = unique_word()
    await active(bank, f"{word} X")
    for scope in ("own", "group", "branch"):
        assert not await found(bank, await member_staff(bank, scope), name=word)
        assert not await found(bank, await member_staff(bank, scope))


async def test_a_member_who_moves_is_reached_by_the_other_branch_at_once(bank: Bank) -> None:
    member = await active(bank, branch="north")
    north, south = [await member_staff(bank, "branch", branch=branch) for branch in ("north", "south")]
    await bank.says(GetMember(member_id=member.member_id), as_=north)
    await bank.says(MoveMember(member_id=member.member_id, branch="south"))
    await bank.says(GetMember(member_id=member.member_id), as_=south)
    with bank.refuses("member_not_found"):
        await bank.says(GetMember(member_id=member.member_id), as_=north)


async def test_staff_of_a_branch_register_for_it_alone_and_move_nobody(bank: Bank) -> None:
    teller = await member_staff(bank, "branch", branch="north")
    assert (await bank.says(RegisterPerson(person=person()), as_=teller)).branch == "north"
    with bank.refuses("forbidden"):
        await bank.says(RegisterPerson(person=person(), branch="south"), as_=teller)
    for scope in ("own", "group"):
        with bank.refuses("forbidden"):
            await bank.says(
                RegisterPerson(person=person(), branch="north"), as_=await member_staff(bank, scope, branch="north")
            )
    mover = await staff(bank, members_move="all")
    member = await active(bank, branch="south")
    with bank.refuses("unknown_branch", field="branch"):
        await bank.says(MoveMember(member_id=member.member_id, branch="mars"), as_=mover)
    with bank.refuses("unknown_branch", field="branch"):
        await bank.says(RegisterPerson(person=person(), branch="mars"))
    with bank.refuses("forbidden"):
        await bank.says(MoveMember(member_id=member.member_id, branch="north"), as_=teller)


async def test_an_officer_is_a_user(bank: Bank) -> None:
    group, _ = await looked_after(bank, await active(bank))
    with bank.refuses("user_not_found", field="officer_id"):
        await bank.says(AssignOfficer(group_id=group.group_id, officer_id=new_id()))
    with pytest.raises(Refusal) as no:
        await bank.says(AssignOfficer(group_id=group.group_id, officer_id=None), as_=await staff(bank, groups_read="all"))
    assert no.value.rule == "forbidden"


async def test_whom_a_permission_reaches_is_found_by_indexes(bank: Bank) -> None:
    """The function is written into the statement that asks it; else each question would read a whole branch."""
    statement = Statements.beside(reach.__file__, "reach.sql")["members_within_reach"]
    async with bank.database.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE asked (uuid[], uuid, uuid, text) AS {statement}")
        plan = await connection.fetch("EXPLAIN EXECUTE asked (ARRAY[gen_random_uuid()], NULL, gen_random_uuid(), 'north')")
        await connection.execute("DEALLOCATE asked")
    told = "\n".join(row[0] for row in plan)
    assert "Function Scan" not in told, told
    assert "Seq Scan" not in told, told
