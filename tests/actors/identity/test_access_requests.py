"""One asks for roles, another approves: and no way around it to more than one has."""

import asyncio
from typing import Any

import pytest

from messages.access import (
    AccessRequest,
    ApproveAccessRequest,
    ChangeRole,
    DefineRole,
    GetAccessRequest,
    ListAccessRequests,
    RejectAccessRequest,
)
from messages.base import Refusal
from messages.identity import (
    CreateUser,
    DisableUser,
    EnableUser,
    GetUser,
    InviteUser,
    ListUsers,
    SetRoles,
    User,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.identity.access import staff
from tests.actors.identity.test_logging_in import PASSWORD, created
from tests.actors.member.people import unique_word
from tests.bank import Bank, House

MAKER, CHECKER = (Principal("user", str(new_id()), ("admin",)) for _ in range(2))
READS = {"members:read": {"scope": "all"}}


@pytest.fixture
def approval(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of roles need approval, as in production."""
    monkeypatch.setattr(house.actors.pools["identity"].actor, "needs_approval", True)


@pytest.fixture(autouse=True)
async def another_administrator(bank: Bank) -> None:
    """Somebody who could approve."""
    await created(bank, roles=("admin",))


async def asked(bank: Bank, user: User, *roles: str, as_: Principal = MAKER) -> AccessRequest:
    return await bank.says(SetRoles(user_id=user.user_id, roles=roles, reason="promoted"), as_=as_)


async def approves(bank: Bank, request: AccessRequest, as_: Principal = CHECKER) -> AccessRequest:
    return await bank.says(ApproveAccessRequest(request_id=request.request_id), as_=as_)


async def roles_of(bank: Bank, user: User) -> tuple[str, ...]:
    return (await bank.says(GetUser(user_id=user.user_id))).roles


def defining(name: str, grants: dict[str, Any] = READS, **rest: Any) -> DefineRole:
    return DefineRole.model_validate({"name": name, "about": "Looks up members", "grants": grants, **rest})


def changing(name: str, grants: dict[str, Any] = READS, **rest: Any) -> ChangeRole:
    return ChangeRole.model_validate({"name": name, "about": "Looks up members", "grants": grants, **rest})


def as_(user: User, *roles: str) -> Principal:
    return Principal("user", str(user.user_id), roles or user.roles)


@pytest.mark.usefixtures("approval")
class TestApproval:
    """With approval."""

    async def test_roles_count_when_another_has_approved(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        request = await asked(bank, user, "teller")
        assert (request.status, request.access_changed, await roles_of(bank, user)) == ("pending", False, ("auditor",))
        assert request in (await bank.says(ListAccessRequests(status="pending"))).items
        done = await approves(bank, request)
        assert (done.status, done.access_changed, await roles_of(bank, user)) == ("approved", True, ("teller",))
        with bank.refuses("access_request_decided"):
            await approves(bank, request)
        kept = await bank.says(GetAccessRequest(request_id=request.request_id))
        assert (kept.status, kept.requested_by, kept.decided_by) == ("approved", f"user:{MAKER.id}", f"user:{CHECKER.id}")

    async def test_nobody_approves_what_they_asked_for(self, bank: Bank) -> None:
        user = await created(bank, as_=Principal("actor", "test"))
        request = await asked(bank, user, "teller")
        with bank.refuses("own_request"):
            await approves(bank, request, as_=MAKER)
        definition = await bank.says(defining(unique_word()), as_=MAKER)
        with bank.refuses("own_request"):
            await approves(bank, definition, as_=MAKER)

    async def test_nobody_approves_roles_for_themselves(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        request = await asked(bank, user, "admin")
        with bank.refuses("own_access"):
            await approves(bank, request, as_=as_(user, "admin"))
        assert await roles_of(bank, user) == ("auditor",)

    async def test_a_request_is_void_when_the_user_has_changed(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        first, second = await asked(bank, user, "teller"), await asked(bank, user, "manager")
        await approves(bank, second)
        with bank.refuses("access_request_void"):
            await approves(bank, first)
        assert (await bank.says(GetAccessRequest(request_id=first.request_id))).status == "void"
        assert await roles_of(bank, user) == ("manager",)
        disabled = await asked(bank, user, "teller")
        await bank.says(DisableUser(user_id=user.user_id, reason="left"))
        await bank.says(EnableUser(user_id=user.user_id))
        with bank.refuses("access_request_void"):
            await approves(bank, disabled)

    async def test_a_request_is_void_when_a_role_means_something_else_by_now(self, bank: Bank) -> None:
        name = await own_role_approved(bank)
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        request, older = await asked(bank, user, name), await bank.says(changing(name), as_=MAKER)
        await approves(bank, await bank.says(changing(name, {"loans:approve": {"scope": "all"}}), as_=MAKER))
        for each in (request, older):
            with bank.refuses("access_request_void"):
                await approves(bank, each)
        assert await roles_of(bank, user) == ("auditor",)

    async def test_two_who_define_the_same_role_make_one(self, bank: Bank) -> None:
        name = unique_word()
        both = [await bank.says(defining(name), as_=MAKER) for _ in range(2)]
        answers = await asyncio.gather(*(approves(bank, each) for each in both), return_exceptions=True)
        assert sorted(answer.rule if isinstance(answer, Refusal) else "done" for answer in answers) == [
            "access_request_void",
            "done",
        ]

    async def test_a_rejected_request_changes_nothing(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        request = await asked(bank, user, "teller")
        rejected = await bank.says(RejectAccessRequest(request_id=request.request_id, note="no"), as_=CHECKER)
        assert (rejected.status, rejected.note, await roles_of(bank, user)) == ("rejected", "no", ("auditor",))
        with bank.refuses("access_request_decided"):
            await approves(bank, request)

    async def test_a_new_user_has_no_roles_before_they_are_approved(self, bank: Bank) -> None:
        for made in (
            await bank.says(CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=("admin",)), as_=MAKER),
            await bank.says(InviteUser(username=f"{new_id().hex}@bank.test", roles=("admin",)), as_=MAKER),
        ):
            user = await bank.says(GetUser(user_id=made.user_id))
            assert user.roles == ()
            pending = (await bank.says(ListAccessRequests(status="pending"))).items
            (request,) = [each for each in pending if each.user_id == user.user_id]
            with bank.refuses("own_request"):
                await approves(bank, request, as_=MAKER)
            await approves(bank, request)
            assert await roles_of(bank, user) == ("admin",)

    async def test_who_approves_gives_no_more_than_they_have(self, bank: Bank) -> None:
        user = await created(bank, roles=("auditor",), as_=Principal("actor", "test"))
        request = await asked(bank, user, "manager")
        small = await staff(bank, as_=Principal("actor", "test"), access_requests__decide="all")
        with bank.refuses("more_than_own"):
            await approves(bank, request, as_=small)
        definition = await bank.says(defining(unique_word()), as_=MAKER)
        with bank.refuses("more_than_own"):
            await approves(bank, definition, as_=small)

    async def test_the_last_administrator_stays_one_here_too(self, bank: Bank) -> None:
        name = await own_role_approved(bank)
        user = await created(bank, roles=("admin",), as_=Principal("actor", "test"))
        request = await asked(bank, user, name)
        others = [
            each.user_id
            for each in (await all_users(bank))
            if "admin" in each.roles and not each.disabled and each.user_id != user.user_id
        ]
        for user_id in others:
            await bank.says(DisableUser(user_id=user_id, reason="away for a while"))
        try:
            with bank.refuses("last_administrator"):
                await approves(bank, request)
        finally:
            for user_id in others:
                await bank.says(EnableUser(user_id=user_id))
            await bank.house.log_root_in()


async def own_role_approved(bank: Bank) -> str:
    name = unique_word()
    await approves(bank, await bank.says(defining(name), as_=MAKER))
    return name


async def all_users(bank: Bank) -> list[User]:
    users: list[User] = []
    cursor = None
    while True:
        page = await bank.says(ListUsers(limit=200, cursor=cursor))
        users += page.items
        if (cursor := page.next_cursor) is None:
            return users


async def test_a_first_administrator_alone_needs_nobody(bank: Bank, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    identity: Any = house.actors.pools["identity"].actor
    monkeypatch.setattr(identity, "needs_approval", True)

    async def nobody(*_: Any) -> bool:
        return False

    user = await created(bank, roles=("auditor",))
    monkeypatch.setattr(identity.store, "others_with", nobody)
    assert (await asked(bank, user, "teller")).status == "approved"
    assert await roles_of(bank, user) == ("teller",)
