"""Roles, requests and invitations over HTTP: who asks, who approves, and that each change counts on the very next request."""

from typing import Any
from uuid import uuid4

import pytest

from messages.identity import CreateUser, GetMail, Login
from messages.ids import new_id
from runtime.clock import stopwatch_seconds
from runtime.principal import Principal
from tests.actors.member.people import active, unique_word
from tests.bank import Bank, House
from tests.systems.conftest import entry_of
from tests.systems.stranger import Stranger

PASSWORD = "correct horse battery staple"
READS: dict[str, Any] = {"members:read": {"scope": "all"}}
SYSTEM = Principal("actor", "test")


class Somebody:
    """A user who has logged in, over HTTP."""

    def __init__(self, bank: Bank, user_id: str, token: str) -> None:
        self.bank = bank
        self.user_id = user_id
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def with_roles(cls, bank: Bank, *roles: str, **details: Any) -> "Somebody":
        name = f"u-{new_id().hex}"
        wanted = {"username": name, "password": PASSWORD, "roles": roles, "must_change_password": False, **details}
        user = await bank.says(CreateUser.model_validate(wanted), as_=SYSTEM)
        tokens = await bank.says(Login(username=name, password=PASSWORD))
        return cls(bank, str(user.user_id), tokens.access_token.get_secret_value())

    async def asks(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {**self._headers, **headers}
        async with self.bank.http.request(method, f"/api/v1{path}", json=body, headers=sent) as answer:
            raw = await answer.read()
            return answer.status, await answer.json(content_type=None) if raw else None

    async def status(self, method: str, path: str, body: Any = None) -> int:
        return (await self.asks(method, path, body))[0]


@pytest.fixture
def approval(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of roles need approval, as in production."""
    monkeypatch.setattr(house.actors.pools["identity"].actor, "needs_approval", True)


@pytest.fixture
async def maker(bank: Bank) -> Somebody:
    return await Somebody.with_roles(bank, "admin")


@pytest.fixture
async def checker(bank: Bank) -> Somebody:
    return await Somebody.with_roles(bank, "admin")


def role_wanted(name: str, grants: Any = READS) -> dict[str, Any]:
    return {"name": name, "about": "Looks members up", "grants": grants}


@pytest.mark.usefixtures("approval")
async def test_a_role_and_who_has_it_are_asked_for_by_one_and_approved_by_another(
    bank: Bank, maker: Somebody, checker: Somebody
) -> None:
    member, name = await active(bank), unique_word()
    user = await Somebody.with_roles(bank, "auditor")
    status, request = await maker.asks("POST", "/roles", role_wanted(name, {"members:write": {"scope": "all"}}))
    assert (status, request["status"]) == (201, "pending")
    assert await maker.status("GET", f"/roles/{name}") == 404
    assert await maker.status("POST", f"/access-requests/{request['request_id']}/approve") == 403
    status, told = await checker.asks("POST", f"/access-requests/{request['request_id']}/approve", {"note": "fine"})
    assert (status, told["status"], told["note"]) == (200, "approved", "fine")
    assert (await maker.asks("GET", f"/roles/{name}"))[1]["grants"] == {"members:write": {"scope": "all", "at_most": None}}

    began = stopwatch_seconds()
    status, request = await maker.asks("PUT", f"/users/{user.user_id}/roles", {"roles": [name], "reason": "promoted"})
    assert (status, request["status"], request["access_changed"]) == (200, "pending", False)
    assert stopwatch_seconds() - began < 0.9, "nobody waits for a change that has not been made"
    writing = ("PUT", f"/members/{member.member_id}/contact", {"contact": {}})
    assert await user.status(*writing) == 403
    assert (await checker.asks("GET", "/access-requests?status=pending"))[1]["items"][0] == request
    assert await checker.status("POST", f"/access-requests/{request['request_id']}/approve") == 200
    assert await user.status(*writing) == 200
    assert await user.status("GET", f"/members/{member.member_id}") == 403


async def test_a_demotion_counts_on_the_very_next_request(bank: Bank, maker: Somebody) -> None:
    member, name = await active(bank), unique_word()
    look = ("GET", f"/members/{member.member_id}")
    assert await maker.status("POST", "/roles", role_wanted(name)) == 201
    user = await Somebody.with_roles(bank, name)
    for _ in range(3):
        assert await user.status(*look) == 200
        less = {"about": "Looks loans up", "grants": {"loans:read": {"scope": "all"}}}
        assert await maker.status("PUT", f"/roles/{name}", less) == 200
        assert await user.status(*look) == 403
        assert await maker.status("PUT", f"/roles/{name}", {"about": "Looks members up", "grants": READS}) == 200
    assert await maker.status("PUT", f"/users/{user.user_id}/roles", {"roles": ["teller"]}) == 200
    assert await user.status(*look) == 200
    assert await user.status("GET", f"{look[1]}/status-changes") == 403
    await maker.asks("PUT", f"/users/{user.user_id}/roles", {"roles": ["auditor"]})
    assert await user.status("GET", f"{look[1]}/status-changes") == 200


async def test_a_branch_counts_on_the_very_next_request(bank: Bank, maker: Somebody) -> None:
    member, name = await active(bank, branch="north"), unique_word()
    look = ("GET", f"/members/{member.member_id}")
    await maker.asks("POST", "/roles", role_wanted(name, {"members:read": {"scope": "branch"}}))
    user = await Somebody.with_roles(bank, name, branch="north")
    assert (await user.asks("GET", "/auth/me"))[1]["branch"] == "north"
    assert await user.status(*look) == 200
    assert await maker.status("PUT", f"/users/{user.user_id}/branch", {"branch": "south"}) == 200
    assert await user.status(*look) == 404
    assert await maker.status("PUT", f"/members/{member.member_id}/branch", {"branch": "south"}) == 200
    assert await user.status(*look) == 200
    assert (await user.asks("GET", "/branches"))[1]["items"] == [
        {"code": "north", "name": "North"},
        {"code": "south", "name": "South"},
    ]


async def test_what_is_above_the_limit_is_refused_with_the_limit(bank: Bank, maker: Somebody) -> None:
    name = unique_word()
    await maker.asks("POST", "/roles", role_wanted(name, {"transfers:make": {"scope": "all", "at_most": {"KES": "100000.00"}}}))
    user = await Somebody.with_roles(bank, name)
    transfer = {"from_account_id": str(uuid4()), "to_account_id": str(uuid4())}

    async def moves(amount: str) -> tuple[int, Any]:
        body = {**transfer, "amount": {"amount": amount, "currency": "KES"}}
        return await user.asks("POST", "/transfers", body, **{"Idempotency-Key": str(uuid4())})

    assert (await moves("100000.00"))[1]["rule"] == "account_not_found"
    status, problem = await moves("100000.01")
    assert (status, problem["rule"]) == (403, "above_limit")
    assert problem["facts"] == {"permission": "transfers:make", "at_most": "100000.00", "currency": "KES"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/roles", {"name": "cashier", "about": "x", "grants": READS, "built_in": True}),
        ("POST", "/roles", {"name": "cashier", "about": "x", "grants": READS, "status": "approved"}),
        ("PUT", "/roles/cashier", {"name": "cashier", "about": "x", "grants": READS}),
        ("PUT", "/roles/cashier", {"about": "x", "grants": READS, "version": 7}),
        ("PUT", f"/users/{uuid4()}/roles", {"roles": ["teller"], "status": "approved"}),
        ("PUT", f"/users/{uuid4()}/roles", {"roles": ["teller"], "user_id": str(uuid4())}),
        ("POST", "/users/invitations", {"username": "a@bank.test", "roles": ["teller"], "password": "x" * 20}),
        ("POST", f"/access-requests/{uuid4()}/approve", {"decided_by": "user:somebody-else"}),
        ("POST", "/roles", {"name": "cashier", "about": "x", "grants": {"members:read": {"scope": "all", "for": "me"}}}),
    ],
)
async def test_nobody_sets_what_is_not_asked_for(maker: Somebody, method: str, path: str, body: Any) -> None:
    status, problem = await maker.asks(method, path, body)
    assert (status, problem["rule"]) == (422, "invalid")


@pytest.mark.parametrize("role", ["manager", "teller", "loan_officer", "auditor", "member"])
async def test_only_who_may_defines_roles_and_approves(bank: Bank, role: str) -> None:
    user = await Somebody.with_roles(bank, role)
    assert await user.status("POST", "/roles", role_wanted(unique_word())) == 403
    assert await user.status("PUT", f"/users/{user.user_id}/roles", {"roles": ["admin"]}) == 403
    for action in ("approve", "reject"):
        assert await user.status("POST", f"/access-requests/{uuid4()}/{action}") == 403
    reads = {"manager", "auditor"}
    assert await user.status("GET", "/roles") == (200 if role in reads else 403)
    assert await user.status("GET", "/permissions") == (200 if role in reads else 403)


async def test_somebody_is_invited_and_comes(bank: Bank, maker: Somebody) -> None:
    name = f"{new_id().hex}@bank.test"
    status, told = await maker.asks("POST", "/users/invitations", {"username": name, "roles": ["teller"], "branch": "north"})
    assert (status, told["username"]) == (201, name)
    mail = await bank.says(GetMail(mail_id=told["invitation_id"]), as_=Principal("actor", "notification"))
    accepting = {"token": mail.token.get_secret_value(), "new_password": PASSWORD}
    for body, expected in (({**accepting, "token": "x"}, 422), (accepting, 204), (accepting, 422)):
        async with bank.http.post("/api/v1/auth/accept-invitation", json=body) as answer:
            assert answer.status == expected
    async with bank.http.post("/api/v1/auth/login", json={"username": name, "password": PASSWORD}) as answer:
        assert answer.status == 200


async def test_a_change_of_a_systems_role_counts_on_its_next_message(bank: Bank, house: House, maker: Somebody) -> None:
    """Over AMQP as over HTTP: whoever judges knows the roles as they are."""
    member, name = await active(bank), unique_word()
    await maker.asks("POST", "/roles", role_wanted(name))
    url = house.servers.broker_urls["demo_partner"]
    says = ("member.get_member.v1",)
    async with Stranger.connected(url, "demo-partner") as partner:
        with entry_of(house, "demo-partner", roles=(name,), says=says):
            for grants, expected in ((READS, "reply"), ({"loans:read": {"scope": "all"}}, "refusal"), (READS, "reply")):
                await maker.asks("PUT", f"/roles/{name}", {"about": "x", "grants": grants})
                answer = await partner.asks("member.get_member.v1", {"member_id": str(member.member_id)})
                assert answer.type == expected
