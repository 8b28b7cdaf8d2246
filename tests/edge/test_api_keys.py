"""API keys over HTTP, on a real bank: a program may some of what its user may, and not a moment longer."""

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from actors.identity.rules.api_keys import new_key
from http_edge.process import EdgeProcess
from http_edge.routes import ROUTES
from messages.identity import CheckApiKey, DisableUser, EnableUser, SetRoles
from messages.ids import new_id
from messages.member import RegisterPerson, SearchMembers
from runtime.principal import Principal
from tests.bank import Bank, House, until
from tests.edge.people import Person
from tests.edge.stub import Edge

READS = ["accounts:read", "members:read"]


@pytest.fixture(scope="module")
async def elsewhere(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    """Another edge of the bank."""
    edge = EdgeProcess(house.settings, house.environment, clock=house.clock)
    await edge.start()
    await until(lambda: edge.bus.is_ready)
    async with aiohttp.ClientSession(edge.url) as http:
        yield http
    await edge.stop()


async def makes(person: Person, **details: Any) -> dict[str, Any]:
    """A new key."""
    status, told = await person.asks("POST", "/api-keys", {"name": "till", "permissions": READS, **details})
    assert status == 201, told
    return told


async def test_a_program_works_in_its_users_name_with_its_own_permissions_only(bank: Bank) -> None:
    person = await Person.new(bank, "teller")
    key = (await makes(person))["key"]
    assert re.fullmatch(r"coffer_[a-z2-7]{8}_[A-Za-z0-9_-]{43}", key)
    assert (await person.asks("GET", "/members", token=key))[0] == 200
    status, me = await person.asks("GET", "/auth/me", token="", **{"X-API-Key": key})
    assert (status, me["user_id"]) == (200, str(person.user.user_id))
    body = {"person": {"given_name": "Amina", "born_on": "1990-01-01"}}
    assert (await person.asks("POST", "/members/persons", body))[0] == 201
    status, problem = await person.asks("POST", "/members/persons", body, token=key)
    assert (status, problem["rule"]) == (403, "forbidden")


async def test_the_actors_hold_a_program_to_its_permissions_too(bank: Bank) -> None:
    program = Principal("user", str(new_id()), ("admin",), only=frozenset({"members:read"}))
    assert Principal.from_header(program.to_header()) == program
    await bank.says(SearchMembers(), as_=program)
    with bank.refuses("forbidden"):
        await bank.says(RegisterPerson(person={"given_name": "Amina", "born_on": "1990-01-01"}), as_=program)


async def test_a_key_has_no_more_than_its_maker(bank: Bank) -> None:
    person = await Person.new(bank, "teller")
    status, problem = await person.asks("POST", "/api-keys", {"name": "x", "permissions": ["members:read", "users:write"]})
    assert (status, problem["rule"]) == (422, "permission_not_yours")
    assert problem["errors"][0]["field"] == "permissions.1"
    for wrong in ({"permissions": []}, {"expires_in_days": 366}, {"expires_in_days": 0}, {"name": ""}, {"user_id": "x"}):
        assert (await person.asks("POST", "/api-keys", {"name": "x", "permissions": READS, **wrong}))[0] == 422


async def test_who_may_less_has_keys_that_may_less_on_the_next_request(bank: Bank) -> None:
    person, administrator = await Person.new(bank, "teller"), await Person.new(bank, "admin")
    key = (await makes(person, permissions=["cash:deposit", "members:read"]))["key"]
    assert (await person.asks("GET", "/members", token=key))[0] == 200
    roles = {"roles": ["member"]}
    assert (await administrator.asks("PUT", f"/users/{person.user.user_id}/roles", roles))[0] == 200
    status, problem = await person.asks("POST", "/deposits", {}, token=key)
    assert (status, problem["rule"]) == (403, "forbidden")
    assert (await person.asks("GET", "/members", token=key))[1].get("items") == []


async def test_a_revoked_key_is_refused_on_the_next_request(bank: Bank) -> None:
    person = await Person.new(bank)
    one, other = await makes(person), await makes(person)
    assert (await person.asks("GET", "/members", token=one["key"]))[0] == 200
    assert (await person.asks("DELETE", f"/api-keys/{one['api_key_id']}"))[0] == 204
    status, problem = await person.asks("GET", "/members", token=one["key"])
    assert (status, problem["rule"]) == (401, "unauthenticated")
    assert 'error="invalid_token"' in problem["_headers"]["WWW-Authenticate"]
    assert (await person.asks("GET", "/members", token=other["key"]))[0] == 200


async def test_a_revoked_key_is_refused_on_every_edge(bank: Bank, elsewhere: aiohttp.ClientSession) -> None:
    person = await Person.new(bank)
    there = Person(bank, person.user, elsewhere)
    made = await makes(person)
    for each in (person, there):
        assert (await each.asks("GET", "/members", token=made["key"]))[0] == 200
    assert (await person.asks("DELETE", f"/api-keys/{made['api_key_id']}"))[0] == 204
    assert (await there.asks("GET", "/members", token=made["key"]))[0] == 401


async def test_the_edge_speaks_for_a_program_with_the_keys_permissions_and_asks_by_its_hash(edge: Edge) -> None:
    key, user_id = new_key(b"-----", b"=" * 32, edge.clock.now()).text, str(new_id())
    holder = {
        "api_key_id": str(new_id()),
        "user_id": user_id,
        "roles": ["admin"],
        "permissions": ["members:read"],
        "expires_at": "2999-01-01T00:00:00Z",
    }
    edge.client.will_reply(holder)
    async with edge.http.get("/api/v1/members", headers={"X-API-Key": key}) as answer:
        assert answer.status == 200
    asked, said = edge.client.said
    assert isinstance(asked.message, CheckApiKey)
    assert asked.message.key_hash.get_secret_value() == hashlib.sha256(key.encode()).hexdigest()
    assert said.principal == Principal("user", user_id, ("admin",), only=frozenset({"members:read"}))
    for seconds, questions in ((59, 1), (2, 2)):
        edge.clock.advance(seconds=seconds)
        edge.client.will_reply(holder)
        async with edge.http.get("/api/v1/members", headers={"X-API-Key": key}):
            edge.client.answers.clear()
        assert sum(isinstance(each.message, CheckApiKey) for each in edge.client.said) == questions


async def test_a_key_ends_with_its_users_access_and_does_not_come_back(bank: Bank) -> None:
    person, administrator = await Person.new(bank), await Person.new(bank, "admin")
    key = (await makes(person))["key"]
    assert (await person.asks("GET", "/members", token=key))[0] == 200
    path = f"/users/{person.user.user_id}"
    assert (await administrator.asks("POST", f"{path}/disable", {"reason": "left"}))[0] == 200
    assert (await person.asks("GET", "/members", token=key))[0] == 401
    assert (await administrator.asks("POST", f"{path}/enable"))[0] == 200
    assert (await person.asks("GET", "/members", token=key))[0] == 401
    await person.logs_in()
    assert (await person.asks("GET", "/members"))[0] == 200


async def test_changes_that_come_from_elsewhere_reach_keys_too(bank: Bank) -> None:
    person = await Person.new(bank)
    key = (await makes(person))["key"]
    assert (await person.asks("GET", "/members", token=key))[0] == 200
    await bank.says(DisableUser(user_id=person.user.user_id, reason="left"))

    async def is_out() -> bool:
        return (await person.asks("GET", "/members", token=key))[0] == 401

    await until(is_out, within_seconds=3)
    await bank.says(EnableUser(user_id=person.user.user_id))


async def test_a_key_ends_in_time(bank: Bank) -> None:
    person = await Person.new(bank)
    made = await makes(person, expires_in_days=1)
    assert (await person.asks("GET", "/members", token=made["key"]))[0] == 200
    made_at, expires_at = (datetime.fromisoformat(made["api_key"][name]) for name in ("made_at", "expires_at"))
    assert (expires_at - made_at).days == 1
    bank.clock.advance(seconds=86_399 - (bank.clock.now() - made_at).total_seconds())
    assert (await person.asks("GET", "/members", token=made["key"]))[0] == 200
    bank.clock.advance(seconds=2)
    assert (await person.asks("GET", "/members", token=made["key"]))[0] == 401
    bank.clock.advance(seconds=-86_400)


async def test_a_key_manages_no_keys_no_codes_no_passwords_and_no_sessions(bank: Bank) -> None:
    administrator = await Person.new(bank, "admin")
    key = (await makes(administrator, permissions=["users:read", "users:write"]))["key"]
    closed = [route for route in ROUTES if route.login_only]
    assert {route.path.split("/")[1] for route in closed} == {"auth", "password", "api-keys", "users"}
    guarded = ("/api-keys", "/auth/mfa", "/auth/sessions", "/auth/step-up", "/password/change")
    assert all(route.login_only for route in ROUTES if route.path.startswith(guarded) and not route.public)
    for route in closed:
        path = re.sub(r"\{\w+\}", str(new_id()), route.path)
        status, problem = await administrator.asks(route.method, path, {} if route.has_body else None, token=key)
        assert (status, problem["rule"]) == (403, "needs_a_login"), path


async def test_keys_are_listed_without_their_secrets_and_to_whom_they_concern(bank: Bank) -> None:
    person, other, auditor = await Person.new(bank), await Person.new(bank), await Person.new(bank, "auditor")
    made = [await makes(person, name=f"till {number}") for number in range(3)]
    await person.asks("GET", "/members", token=made[1]["key"])
    await bank.house.edge.tells_uses()
    status, page = await person.asks("GET", "/api-keys?limit=2")
    assert [item["name"] for item in page["items"]] == ["till 2", "till 1"]
    assert page["items"][1]["last_used_at"] is not None
    assert page["items"][0]["last_used_at"] is None
    assert made[1]["key"].startswith(page["items"][1]["prefix"])
    assert made[1]["key"] not in str(page)
    _, rest = await person.asks("GET", f"/api-keys?limit=2&cursor={page['next_cursor']}")
    assert [item["name"] for item in rest["items"]] == ["till 0"]
    assert (await other.asks("GET", "/api-keys"))[1]["items"] == []
    assert (await other.asks("GET", "/api-keys?everyones=true"))[0] == 403
    _, all_keys = await auditor.asks("GET", "/api-keys?everyones=true&limit=200")
    assert {each["api_key_id"] for each in made} <= {item["api_key_id"] for item in all_keys["items"]}
    status, problem = await other.asks("DELETE", f"/api-keys/{made[0]['api_key_id']}")
    assert (status, problem["rule"]) == (404, "api_key_not_found")
    administrator = await Person.new(bank, "admin")
    assert (await administrator.asks("DELETE", f"/api-keys/{made[0]['api_key_id']}"))[0] == 204
    for cursor in ("x", "WyJ4IiwieSJd", "WyIyMDI0LTAxLTAxIiwieSJd"):
        assert (await person.asks("GET", f"/api-keys?cursor={cursor}"))[0] == 422


async def test_what_looks_like_a_key_and_is_none_is_refused(bank: Bank) -> None:
    person = await Person.new(bank)
    key = (await makes(person))["key"]
    for wrong in (key[:-1], key + "x", key[:-1] + ("A" if key[-1] != "A" else "B"), "coffer_", "coffer_x_y", key.upper()):
        assert (await person.asks("GET", "/members", token=wrong))[0] == 401
        assert (await person.asks("GET", "/members", token="", **{"X-API-Key": wrong}))[0] == 401
    assert (await person.asks("GET", "/members", **{"X-API-Key": key}))[0] == 401
    assert (await person.asks("GET", "/members", token="", **{"X-API-Key": person.token}))[0] == 401


async def test_there_are_as_many_keys_as_anybody_can_mean(bank: Bank) -> None:
    person = await Person.new(bank)
    made = [await makes(person, name=str(number)) for number in range(20)]
    status, problem = await person.asks("POST", "/api-keys", {"name": "one more", "permissions": READS})
    assert (status, problem["rule"]) == (409, "too_many_api_keys")
    await person.asks("DELETE", f"/api-keys/{made[0]['api_key_id']}")
    await makes(person)


async def test_a_demotion_by_message_is_seen_in_what_a_key_may_do(bank: Bank) -> None:
    person = await Person.new(bank, "auditor")
    key = (await makes(person, permissions=["portfolio:read"]))["key"]
    assert (await person.asks("GET", "/portfolio", token=key))[0] != 403
    await bank.says(SetRoles(user_id=person.user.user_id, roles=("teller",)))

    async def may_less() -> bool:
        return (await person.asks("GET", "/portfolio", token=key))[0] == 403

    await until(may_less, within_seconds=3)
