"""Roles of an institution's own, and no way by them to more than one has."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.roles import Grant
from messages.access import (
    ChangeRole,
    DefineRole,
    GetRole,
    ListPermissions,
    ListRoles,
)
from messages.base import Refusal
from messages.identity import (
    CreateUser,
    DisableUser,
    EnableUser,
    EndUserSessions,
    GetUser,
    InviteUser,
    LinkMember,
    ListUsers,
    SetBranch,
    SetRoles,
)
from messages.ids import new_id
from messages.ledger import GetTrialBalance
from messages.member import GetMember
from messages.operations import ResetPool
from runtime.principal import Principal
from tests.actors.identity.access import own_role, staff
from tests.actors.identity.test_access_requests import as_, changing, defining, roles_of
from tests.actors.identity.test_logging_in import PASSWORD, created
from tests.actors.member.people import active, unique_word
from tests.bank import Bank, House

READS = {"members:read": {"scope": "all"}}


async def test_a_role_is_defined_told_and_changed(bank: Bank) -> None:
    name = unique_word()
    grants = {"cash:deposit": {"scope": "branch", "at_most": {"KES": "500.00"}}, "members:read": {"scope": "own"}}
    assert (await bank.says(defining(name, grants))).status == "approved"
    role = await bank.says(GetRole(name=name))
    assert (role.built_in, role.version, role.grants["cash:deposit"].at_most) == (False, 1, {"KES": "500.00"})
    await bank.says(changing(name, expected_version=1))
    with bank.refuses("version_conflict"):
        await bank.says(changing(name, expected_version=1))
    told = {each.name: each for each in (await bank.says(ListRoles())).items}
    assert (told[name].version, set(told[name].grants)) == (2, {"members:read"})
    assert told["teller"].built_in
    assert list(told) == sorted(told)


@pytest.mark.parametrize(
    ("grants", "rule", "field"),
    [
        ({"vault:open": {"scope": "all"}}, "unknown_permission", "grants.vault:open"),
        ({"users:write": {"scope": "own"}}, "scope_without_meaning", "grants.users:write.scope"),
        ({"pools:manage": {"scope": "branch"}}, "scope_without_meaning", "grants.pools:manage.scope"),
        ({"members:read": {"scope": "all", "at_most": {"KES": "1"}}}, "limit_without_meaning", "grants.members:read.at_most"),
    ],
)
async def test_a_grant_of_nothing_is_refused(bank: Bank, grants: dict[str, Any], rule: str, field: str) -> None:
    with bank.refuses(rule, field=field):
        await bank.says(defining(unique_word(), grants))


@pytest.mark.parametrize(
    "grants",
    [
        {"members:read": {"scope": "everything"}},
        {"members:read": {"scope": "all", "until": "2030"}},
        {"cash:deposit": {"scope": "all", "at_most": {"KES": "-1"}}},
        {"cash:deposit": {"scope": "all", "at_most": {"KES": "1.005"}}},
        {"cash:deposit": {"scope": "all", "at_most": {"KES": 100}}},
        {"cash:deposit": {"scope": "all", "at_most": {"ZZZ": "1"}}},
        {"cash:deposit": {"scope": "all", "at_most": {}}},
        {"no permission": {"scope": "all"}},
    ],
)
def test_a_grant_is_written_as_one(grants: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        defining("cashier", grants)


async def test_a_role_of_the_file_is_not_defined_anew(bank: Bank) -> None:
    for message in (defining("teller"), changing("admin")):
        with bank.refuses("role_is_built_in", field="name"):
            await bank.says(message)
    name = await own_role(bank, members_read="all")
    with bank.refuses("role_exists", field="name"):
        await bank.says(defining(name))
    with bank.refuses("role_not_found"):
        await bank.says(changing(unique_word()))
    with bank.refuses("role_not_found"):
        await bank.says(GetRole(name=unique_word()))


async def test_each_permission_says_what_it_is_for(bank: Bank) -> None:
    told = {each.name: each for each in (await bank.says(ListPermissions())).items}
    assert told["transfers:make"].takes_limit
    assert told["loans:approve"].takes_limit
    assert not told["members:read"].takes_limit
    assert "Debit one account and credit another of the same currency." in told["transfers:make"].opens
    assert all(each.about.endswith(".") and each.opens for each in told.values())


# Escalation


async def test_nobody_changes_their_own_access(bank: Bank) -> None:
    user = await created(bank, roles=("admin",))
    me, member = as_(user), await active(bank)
    for message in (
        SetRoles(user_id=user.user_id, roles=("admin", "manager")),
        LinkMember(user_id=user.user_id, member_id=member.member_id),
        SetBranch(user_id=user.user_id, branch="north"),
    ):
        with bank.refuses("own_access"):
            await bank.says(message, as_=me)  # type: ignore[misc]  # of different replies
    name = await own_role(bank, members_read="own")
    with bank.refuses("own_access"):
        await bank.says(changing(name), as_=Principal("user", me.id, ("admin", name)))
    assert await bank.says(GetUser(user_id=user.user_id)) == user


async def test_who_may_not_change_all_users_gives_no_more_than_they_have(bank: Bank) -> None:
    limit = {"scope": "branch", "at_most": {"KES": "500.00"}}
    less = await own_role(bank, cash_deposit={**limit, "at_most": {"KES": "500"}}, members_read="own")
    more = [
        await own_role(bank, cash_deposit={"scope": "all", "at_most": {"KES": "1"}}),
        await own_role(bank, cash_deposit={**limit, "at_most": {"KES": "500.01"}}),
        await own_role(bank, cash_deposit={**limit, "at_most": {"KES": "1", "USD": "1"}}),
        await own_role(bank, cash_deposit="branch"),
        await own_role(bank, members_read="own", loans_read="own"),
        "admin",
    ]
    boss = await staff(bank, branch="north", users_write="branch", users_read="branch", cash_deposit=limit, members_read="all")
    user = await created(bank, roles=("auditor",), branch="north")
    for role in more:
        for message in (
            SetRoles(user_id=user.user_id, roles=(less, role)),
            CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=(role,)),
            InviteUser(username=f"{new_id().hex}@bank.test", roles=(role,)),
        ):
            with bank.refuses("more_than_own"):
                await bank.says(message, as_=boss)  # type: ignore[misc]  # of different replies
    assert await roles_of(bank, user) == ("auditor",)
    await bank.says(SetRoles(user_id=user.user_id, roles=("auditor", less)), as_=boss)
    assert await roles_of(bank, user) == ("auditor", less)
    definer = Principal(boss.kind, boss.id, (*boss.roles, await own_role(bank, roles_write="all")), None, "north")
    with bank.refuses("more_than_own", field="grants"):
        await bank.says(defining(unique_word(), {"members:write": {"scope": "own"}}), as_=definer)
    assert (await bank.says(defining(unique_word()), as_=definer)).status == "approved"


async def test_who_makes_users_of_a_branch_reaches_those_alone(bank: Bank) -> None:
    near, far = [await created(bank, roles=("auditor",), branch=branch) for branch in ("north", "south")]
    grants = {"users_write": "branch", "users_read": "branch", "members_read": "branch"}
    boss = await staff(bank, branch="north", **grants)
    role = await own_role(bank, members_read="own")
    listed = {user.user_id for user in (await bank.says(ListUsers(limit=200), as_=boss)).items}
    assert near.user_id in listed and far.user_id not in listed
    for user_id in (far.user_id, new_id()):
        for message in (
            GetUser(user_id=user_id),
            SetRoles(user_id=user_id, roles=(role,)),
            DisableUser(user_id=user_id, reason="x"),
            SetBranch(user_id=user_id, branch="north"),
        ):
            with bank.refuses("user_not_found"):
                await bank.says(message, as_=boss)  # type: ignore[misc]  # of different replies
    made = await bank.says(CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=(role,)), as_=boss)
    assert made.branch == "north"
    with pytest.raises(Refusal):
        await bank.says(CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=(role,), branch="south"), as_=boss)
    with bank.refuses("unknown_branch", field="branch"):
        await created(bank, branch="mars")


async def test_a_narrow_permission_for_what_belongs_to_nobody_is_none(
    bank: Bank, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a role cannot be defined; where a file of roles has it all the same, it reaches nothing."""
    authority = house.actors._house.surroundings.authority
    odd = {"pools:manage": Grant(scope="own"), "users:write": Grant(scope="own"), "trial-balance:read": Grant(scope="branch")}
    monkeypatch.setattr(authority, "_built_in", {**authority._built_in, "odd": odd})
    who = Principal("user", str(new_id()), ("odd",), None, "north")
    user = await created(bank, branch="north")
    for message in (
        EnableUser(user_id=user.user_id),
        EndUserSessions(user_id=user.user_id),
        CreateUser(username="mallory", password=PASSWORD, roles=("teller",)),
        ResetPool(pool="ledger"),
        GetTrialBalance(),
    ):
        with pytest.raises(Refusal) as no:
            await bank.says(message, as_=who)  # type: ignore[misc]  # of different replies
        assert no.value.status in {403, 404}, message


# At once


async def test_a_change_of_a_role_counts_on_the_next_message(bank: Bank) -> None:
    member = await active(bank)
    name = await own_role(bank, members_read="all")
    who = Principal("user", str(new_id()), (name,))
    look = GetMember(member_id=member.member_id)
    for _ in range(5):
        await bank.says(changing(name, {"loans:read": {"scope": "all"}}))
        with bank.refuses("forbidden"):
            await bank.says(look, as_=who)
        await bank.says(changing(name))
        await bank.says(look, as_=who)


async def test_a_role_that_nobody_defined_allows_nothing(bank: Bank) -> None:
    with bank.refuses("forbidden"):
        await bank.says(GetMember(member_id=new_id()), as_=Principal("user", str(new_id()), (unique_word(),)))


@pytest.mark.parametrize("field", ["status", "requested_by", "decided_by", "request_id", "built_in", "version"])
def test_no_other_field_is_taken(field: str) -> None:
    for kind in (DefineRole, ChangeRole):
        with pytest.raises(ValidationError):
            kind.model_validate({"name": "cashier", "about": "x", "grants": READS, field: "1"})
    with pytest.raises(ValidationError):
        SetRoles.model_validate({"user_id": str(new_id()), "roles": ["teller"], field: "1"})
