"""Users: made, given roles, linked to members, kept out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from pydantic import ValidationError

from messages.base import Refusal
from messages.identity import (
    CreateFirstAdministrator,
    CreateUser,
    DisableUser,
    EnableUser,
    GetUser,
    LinkMember,
    ListUsers,
    Login,
    SetRoles,
    User,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.identity.test_logging_in import PASSWORD, created, logged_in, refreshed
from tests.actors.member.people import active, closed, registered
from tests.bank import Bank, until


async def administrators(bank: Bank) -> set[UUID]:
    """Who may make users."""
    found, cursor, first = [], None, True
    while first or cursor:
        page = await bank.says(ListUsers(limit=200, cursor=cursor))
        found += [user.user_id for user in page.items if "admin" in user.roles and not user.disabled]
        cursor, first = page.next_cursor, False
    return set(found)


@contextlib.asynccontextmanager
async def no_other_administrators(bank: Bank, *users: User) -> AsyncIterator[None]:
    """Only these are administrators for a while; and nobody who was made for it afterwards."""
    mine = {user.user_id for user in users}
    others = await administrators(bank) - mine
    for user_id in others:
        await bank.says(DisableUser(user_id=user_id, reason="away for a while"))
    try:
        yield
    finally:
        for user_id in others:
            await bank.says(EnableUser(user_id=user_id))
        for user_id in await administrators(bank) & mine:
            await bank.says(DisableUser(user_id=user_id, reason="was here for a test"))
        await bank.house.log_root_in()


async def test_a_user_is_made_once_even_when_the_message_is_handled_twice(bank: Bank) -> None:
    command = CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=("teller",))
    message_id = new_id()
    user = await bank.says(command, message_id=message_id)
    assert await bank.says(command, message_id=message_id) == user
    assert await bank.says(GetUser(user_id=user.user_id)) == user
    with bank.refuses("username_taken"):
        await bank.says(command)
    with bank.refuses("username_taken"):
        await created(bank, username=user.username.upper())
    other = command.model_copy(update={"username": f"u-{new_id().hex}"})
    assert (await bank.says(other, message_id=message_id)).user_id != user.user_id


async def test_the_first_administrator_is_made_when_there_is_no_user_only(bank: Bank) -> None:
    await created(bank)
    with bank.refuses("users_exist"):
        await bank.says(CreateFirstAdministrator(username="boss", password=PASSWORD))


async def test_only_who_may_makes_users_and_nobody_raises_themself(bank: Bank) -> None:
    user = await created(bank, roles=("manager",))
    for role in ("manager", "teller", "loan_officer", "auditor", "member"):
        principal = Principal("user", str(user.user_id), (role,))
        for command in (
            CreateUser(username="mallory", password=PASSWORD, roles=("admin",)),
            CreateFirstAdministrator(username="mallory", password=PASSWORD),
            SetRoles(user_id=user.user_id, roles=("admin",)),
            LinkMember(user_id=user.user_id, member_id=None),
            DisableUser(user_id=user.user_id, reason="x"),
            EnableUser(user_id=user.user_id),
        ):
            with bank.refuses("forbidden"):
                await bank.says(command, as_=principal)


async def test_an_unknown_role_is_refused_and_named(bank: Bank) -> None:
    user = await created(bank)
    with pytest.raises(Refusal) as no:
        await bank.says(SetRoles(user_id=user.user_id, roles=("teller", "root")))
    assert (no.value.rule, no.value.field) == ("unknown_role", "roles.1")


async def test_who_read_an_older_version_changes_nothing(bank: Bank) -> None:
    user = await created(bank)
    await bank.says(SetRoles(user_id=user.user_id, roles=("auditor", "auditor"), expected_version=1))
    changed = await bank.says(GetUser(user_id=user.user_id))
    assert (changed.roles, changed.version) == (("auditor",), 2)
    for command in (
        SetRoles(user_id=user.user_id, roles=("teller",), expected_version=1),
        DisableUser(user_id=user.user_id, reason="x", expected_version=1),
    ):
        with bank.refuses("version_conflict"):
            await bank.says(command)
    assert await bank.says(GetUser(user_id=user.user_id)) == changed


async def test_the_last_administrator_stays_one(bank: Bank) -> None:
    last = await created(bank, roles=("admin",))
    async with no_other_administrators(bank, last):
        with bank.refuses("last_administrator"):
            await bank.says(DisableUser(user_id=last.user_id, reason="x"))
        with bank.refuses("last_administrator"):
            await bank.says(SetRoles(user_id=last.user_id, roles=("teller",)))
        await bank.says(SetRoles(user_id=last.user_id, roles=("teller", "admin")))


async def test_two_administrators_who_remove_each_other_at_once_leave_one(bank: Bank) -> None:
    for _ in range(3):
        one, other = await created(bank, roles=("admin",)), await created(bank, roles=("admin",))
        async with no_other_administrators(bank, one, other):
            answers = await asyncio.gather(
                bank.says(DisableUser(user_id=one.user_id, reason="x")),
                bank.says(SetRoles(user_id=other.user_id, roles=("teller",))),
                return_exceptions=True,
            )
            assert [answer.rule for answer in answers if isinstance(answer, Exception)] == ["last_administrator"]
            assert len(await administrators(bank)) == 1


async def test_a_member_is_linked_to_one_user_who_is_known_and_not_closed(bank: Bank) -> None:
    member, gone = await active(bank), await closed(bank, await registered(bank))
    user, other = await created(bank, roles=("member",), member_id=member.member_id), await created(bank)
    assert user.member_id == member.member_id
    with bank.refuses("member_linked"):
        await created(bank, member_id=member.member_id)
    with bank.refuses("member_linked"):
        await bank.says(LinkMember(user_id=other.user_id, member_id=member.member_id))
    with bank.refuses("membership_ended"):
        await bank.says(LinkMember(user_id=other.user_id, member_id=gone.member_id))
    with bank.refuses("member_not_found"):
        await bank.says(LinkMember(user_id=other.user_id, member_id=new_id()))
    assert (await bank.says(LinkMember(user_id=user.user_id, member_id=None))).member_id is None
    assert (await bank.says(LinkMember(user_id=other.user_id, member_id=member.member_id))).member_id == member.member_id


async def test_a_closed_membership_ends_the_members_login_but_not_a_colleagues(bank: Bank) -> None:
    leaving, colleague = await active(bank), await active(bank)
    user = await created(bank, roles=("member",), member_id=leaving.member_id)
    staff = await created(bank, roles=("teller", "member"), member_id=colleague.member_id)
    tokens = await logged_in(bank, user)
    await closed(bank, leaving)
    await closed(bank, colleague)

    async def is_out() -> bool:
        return (await bank.says(GetUser(user_id=user.user_id))).disabled

    async def is_no_member() -> bool:
        return (await bank.says(GetUser(user_id=staff.user_id))).member_id is None

    await until(is_out)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens)
    await until(is_no_member)
    staff = await bank.says(GetUser(user_id=staff.user_id))
    assert (staff.roles, staff.disabled) == (("teller",), False)
    await logged_in(bank, staff)


async def test_users_come_in_pages_by_name(bank: Bank) -> None:
    made = [await created(bank) for _ in range(5)]
    names, cursor, first = [], None, True
    while first or cursor:
        page = await bank.says(ListUsers(limit=2, cursor=cursor))
        names += [user.username for user in page.items]
        cursor, first = page.next_cursor, False
    assert names == sorted(set(names))
    assert {user.username for user in made} <= set(names)


async def test_a_password_is_not_the_user_name(bank: Bank) -> None:
    with bank.refuses("password_is_username"):
        await created(bank, username="amina.wanjiru@example.org", password="Amina.Wanjiru@example.org")


@pytest.mark.parametrize(
    "password", ["кит ест сыр", "correct horse " * 18, "  tea  + hens ", "brown\0hens row", "пароль-2024", "'; drop table --"]
)
async def test_any_strong_password_of_eight_characters_or_more_logs_in(bank: Bank, password: str) -> None:
    user = await created(bank, password=password)
    await bank.says(Login(username=user.username, password=password))


@pytest.mark.parametrize("password", ["", "a" * 7, "a" * 257])
def test_a_shorter_or_endless_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        CreateUser(username="amina", password=password, roles=("teller",))
