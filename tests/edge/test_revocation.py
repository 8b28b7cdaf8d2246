"""Whoever was put out, or may do less, is refused on the very next request: on every edge, with Redis and without."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from http_edge.process import EdgeProcess
from http_edge.tokens import signing_key_id
from messages.identity import CreateUser, Login, RefreshTokens, SetRoles, Tokens, User
from messages.ids import new_id
from runtime.broker_roles import HEARD_BY_EDGES
from tests.actors.time_passing import time_passes
from tests.bank import Bank, House, until

PASSWORD = "correct horse battery staple"
ME, PORTFOLIO = "/api/v1/auth/me", "/api/v1/trial-balance"


class Edges:
    """Two edges of one bank, each with a client of its own."""

    def __init__(self, house: House, second: EdgeProcess, http: aiohttp.ClientSession) -> None:
        self.second = second
        self.clients = (house.http, http)

    async def ask(self, which: int, tokens: Tokens, method: str = "GET", path: str = ME, body: Any = None) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {tokens.access_token.get_secret_value()}",
            "User-Agent": "Mozilla/5.0 Firefox/140.0",
        }
        async with self.clients[which].request(method, path, headers=headers, json=body) as answer:
            raw = await answer.read()
            return answer.status, await answer.json(content_type=None) if raw else None

    async def statuses(self, tokens: Tokens, path: str = ME) -> list[int]:
        return [(await self.ask(which, tokens, path=path))[0] for which in (0, 1)]


@pytest.fixture(scope="module")
async def edges(house: House) -> AsyncIterator[Edges]:
    """The house's edge, and another."""
    second = EdgeProcess(house.settings, house.environment, clock=house.clock)
    await second.start()
    await until(lambda: second.bus.is_ready)
    async with aiohttp.ClientSession(second.url) as http:
        yield Edges(house, second, http)
    await second.stop()


async def somebody(bank: Bank, *roles: str) -> tuple[User, Tokens]:
    """A user who has logged in."""
    command = CreateUser(
        username=f"u-{new_id().hex}", password=PASSWORD, roles=roles or ("auditor",), must_change_password=False
    )
    user = await bank.says(command)
    return user, await logged_in(bank, user)


async def logged_in(bank: Bank, user: User) -> Tokens:
    return await bank.says(Login(username=user.username, password=PASSWORD))


Change = Callable[[Bank, Edges, User, Tokens], Awaitable[Any]]


async def by_logging_out(bank: Bank, edges: Edges, user: User, tokens: Tokens) -> int:
    body = {"refresh_token": tokens.refresh_token.get_secret_value()}
    async with edges.clients[0].post("/api/v1/auth/logout", json=body) as answer:
        return answer.status


async def by_logging_out_everywhere(bank: Bank, edges: Edges, user: User, tokens: Tokens) -> int:
    return (await edges.ask(0, tokens, "POST", "/api/v1/auth/logout-all"))[0]


async def by_another_device(bank: Bank, edges: Edges, user: User, tokens: Tokens) -> int:
    other = await logged_in(bank, user)
    return (await edges.ask(0, other, "DELETE", "/api/v1/auth/sessions"))[0]


async def by_an_administrator(bank: Bank, edges: Edges, user: User, tokens: Tokens) -> int:
    async with edges.clients[0].post(f"/api/v1/users/{user.user_id}/end-sessions", headers=bank.root) as answer:
        return answer.status


async def by_being_disabled(bank: Bank, edges: Edges, user: User, tokens: Tokens) -> int:
    path = f"/api/v1/users/{user.user_id}/disable"
    async with edges.clients[0].post(path, json={"reason": "left"}, headers=bank.root) as answer:
        return answer.status


WAYS: tuple[Change, ...] = (
    by_logging_out,
    by_logging_out_everywhere,
    by_another_device,
    by_an_administrator,
    by_being_disabled,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_who_was_put_out_is_refused_on_the_next_request_on_both_edges(bank: Bank, edges: Edges, way: Change) -> None:
    for _ in range(5):
        user, tokens = await somebody(bank)
        assert await edges.statuses(tokens) == [200, 200]
        assert await way(bank, edges, user, tokens) in {200, 204}
        statuses = [(await edges.ask(1, tokens))[0], (await edges.ask(0, tokens))[0]]
        assert statuses == [401, 401]


async def test_who_was_demoted_may_do_less_on_the_next_request_without_a_new_token(bank: Bank, edges: Edges) -> None:
    user, tokens = await somebody(bank, "auditor")
    assert await edges.statuses(tokens, PORTFOLIO) == [200, 200]
    path = f"/api/v1/users/{user.user_id}/roles"
    async with edges.clients[0].put(path, json={"roles": ["member"]}, headers=bank.root) as answer:
        assert answer.status == 200
    assert (await edges.ask(1, tokens, path=PORTFOLIO))[0] == 403
    assert (await edges.ask(0, tokens, path=PORTFOLIO))[0] == 403
    assert (await edges.ask(1, tokens))[1]["roles"] == ["member"]


async def test_redis_has_no_say_in_it(bank: Bank, edges: Edges, house: House) -> None:
    out, demoted = await somebody(bank), await somebody(bank)
    assert await edges.statuses(out[1], PORTFOLIO) == await edges.statuses(demoted[1], PORTFOLIO) == [200, 200]
    await house.servers.redis.kill()
    try:
        assert await edges.statuses(out[1]) == [200, 200]
        assert await by_an_administrator(bank, edges, *out) == 204
        async with edges.clients[0].put(
            f"/api/v1/users/{demoted[0].user_id}/roles", json={"roles": ["member"]}, headers=bank.root
        ) as answer:
            assert answer.status == 200
        assert await edges.statuses(out[1]) == [401, 401]
        assert await edges.statuses(demoted[1], PORTFOLIO) == [403, 403]
    finally:
        await house.servers.redis.start()


async def test_a_change_that_came_from_elsewhere_is_heard_too(bank: Bank, edges: Edges) -> None:
    user, tokens = await somebody(bank, "auditor")
    assert await edges.statuses(tokens, PORTFOLIO) == [200, 200]
    await bank.says(SetRoles(user_id=user.user_id, roles=("member",)))

    async def refused() -> bool:
        return await edges.statuses(tokens, PORTFOLIO) == [403, 403]

    await until(refused, within_seconds=3)


async def test_an_edge_that_lost_the_broker_remembers_nobody(bank: Bank, edges: Edges) -> None:
    _, tokens = await somebody(bank)
    assert await edges.statuses(tokens) == [200, 200]
    gatekeeper = edges.second._app.gatekeeper
    authorization = f"Bearer {tokens.access_token.get_secret_value()}"
    assert gatekeeper.known(authorization, 0.0) is not None
    before = edges.second.bus.reconnects
    await edges.second.bus.consuming.close()
    await until(lambda: edges.second.bus.reconnects > before)
    assert gatekeeper.known(authorization, 0.0) is None
    await until(lambda: edges.second.bus.is_ready)
    assert await edges.statuses(tokens) == [200, 200]


async def test_an_edge_whose_queue_was_deleted_connects_anew_instead_of_going_deaf(
    bank: Bank, edges: Edges, house: House
) -> None:
    user, tokens = await somebody(bank)
    assert await edges.statuses(tokens) == [200, 200]
    bus, before = edges.second.bus, edges.second.bus.reconnects
    channel = await bus.consuming.admin_channel()
    await channel.queue_delete(edges.second.hearing.queue)
    await until(lambda: bus.reconnects > before)
    await until(lambda: bus.is_ready)
    assert await edges.statuses(tokens) == [200, 200]
    assert await by_an_administrator(bank, edges, user, tokens) == 204
    assert await edges.statuses(tokens) == [401, 401]


async def test_a_refresh_token_in_two_hands_ends_the_session_on_every_edge(bank: Bank, edges: Edges) -> None:
    _, tokens = await somebody(bank)
    assert await edges.statuses(tokens) == [200, 200]
    following = await bank.says(RefreshTokens(refresh_token=tokens.refresh_token))
    await bank.says(RefreshTokens(refresh_token=following.refresh_token))
    body = {"refresh_token": tokens.refresh_token.get_secret_value()}
    async with edges.clients[0].post("/api/v1/auth/refresh", json=body) as answer:
        assert answer.status == 401

    async def over() -> bool:
        return await edges.statuses(tokens) == await edges.statuses(following) == [401, 401]

    await until(over, within_seconds=1)


async def test_of_ten_refreshes_at_once_on_two_edges_all_get_the_same_successor(bank: Bank, edges: Edges) -> None:
    _, tokens = await somebody(bank)
    body = {"refresh_token": tokens.refresh_token.get_secret_value()}

    async def refresh(which: int) -> str:
        async with edges.clients[which].post("/api/v1/auth/refresh", json=body) as answer:
            assert answer.status == 200
            return str((await answer.json())["refresh_token"])

    assert len(set(await asyncio.gather(*(refresh(n % 2) for n in range(10))))) == 1


async def test_a_key_that_follows_in_time_logs_nobody_out_and_is_known_at_its_first_token(bank: Bank, edges: Edges) -> None:
    user, before = await somebody(bank)
    assert await edges.statuses(before) == [200, 200]
    await bank.database.execute(
        "UPDATE identity.signing_key SET made_at = made_at - interval '91 days' WHERE retired_at IS NULL"
    )
    await logged_in(bank, user)
    for edge in (bank.house.edge, edges.second):
        edge._app.gatekeeper._tokens._asked_at = float("-inf")  # the five minutes pass in which each asks for the keys
        edge._app.gatekeeper.forget_all()
    assert await edges.statuses(before) == [200, 200]
    with time_passes(bank, minutes=11):
        after = await logged_in(bank, user)
        kids = [signing_key_id(tokens.access_token.get_secret_value()) for tokens in (before, after)]
        assert kids[0] != kids[1]
        assert await edges.statuses(after) == [200, 200]
        assert await edges.statuses(before) == [200, 200]


async def test_a_session_is_listed_with_its_device_and_ended_by_its_user_alone(bank: Bank, edges: Edges) -> None:
    user, tokens = await somebody(bank)
    _, stranger = await somebody(bank)
    body = {"username": user.username, "password": PASSWORD}
    phone = {"User-Agent": "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"}
    async with edges.clients[0].post("/api/v1/auth/login", json=body, headers=phone) as answer:
        on_phone = Tokens.model_validate(await answer.json())
    status, listed = await edges.ask(1, tokens, path="/api/v1/auth/sessions")
    assert status == 200
    assert [(each["device"], each["address"], each["current"]) for each in listed["items"]] == [
        ("Unknown device", "", True),
        ("Chrome on Android", "127.0.0.1", False),
    ]
    path = f"/api/v1/auth/sessions/{listed['items'][1]['session_id']}"
    assert (await edges.ask(0, stranger, "DELETE", path))[0] == 404
    assert await edges.statuses(on_phone) == [200, 200]
    assert (await edges.ask(0, tokens, "DELETE", path))[0] == 204
    assert await edges.statuses(on_phone) == [401, 401]
    assert await edges.statuses(tokens) == [200, 200]
    assert (await edges.ask(0, tokens, "DELETE", path))[0] == 404


@pytest.mark.parametrize("field", ["address", "user_agent"])
async def test_a_client_does_not_say_where_it_comes_from(bank: Bank, edges: Edges, field: str) -> None:
    body = {"username": "amina", "password": PASSWORD, field: "203.0.113.7"}
    async with edges.clients[0].post("/api/v1/auth/login", json=body) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["rule"], problem["errors"][0]["field"]) == (422, "invalid", field)


async def test_a_client_does_not_choose_the_session_that_stays(bank: Bank, edges: Edges) -> None:
    _, tokens = await somebody(bank)
    status, problem = await edges.ask(0, tokens, "DELETE", f"/api/v1/auth/sessions?current={new_id()}")
    assert (status, problem["errors"][0]["field"]) == (422, "current")


async def test_an_unknown_refresh_token_logs_out_without_delay(bank: Bank, edges: Edges) -> None:
    async with asyncio.timeout(0.9):
        async with edges.clients[0].post("/api/v1/auth/logout", json={"refresh_token": "A" * 43}) as answer:
            assert answer.status == 204


def test_what_the_edge_may_hear_is_what_it_hears(house: House) -> None:
    assert set(house.edge.hearing.events) == set(HEARD_BY_EDGES)
