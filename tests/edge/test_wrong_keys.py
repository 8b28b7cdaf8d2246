"""Guessing at API keys, on a real bank: as few guesses as at passwords, and whoever has a good key goes on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from actors.identity.rules.api_keys import new_key
from config.limits import WRONG_KEY, load_limits
from config.sections import Profile
from http_edge import wrong_keys
from http_edge.process import EdgeProcess
from http_edge.wrong_keys import WrongKeys
from messages.identity import ApiKeyInvalid, CheckApiKey
from messages.ids import new_id
from runtime.errors import Unavailable
from tests.bank import Bank, House, until
from tests.edge.belongings import key_of
from tests.edge.people import Person
from tests.edge.stub import Edge

QUOTA = 10


class Door:
    """An edge behind a proxy, and somebody on the other side of that."""

    def __init__(self, http: aiohttp.ClientSession, edge: EdgeProcess) -> None:
        self.http = http
        self.edge = edge
        self.address = f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}::"
        """Somebody's whole network."""

    async def asks(
        self, key: str, path: str = "/api/v1/members", *, address: str = "", header: str = ""
    ) -> tuple[int, Any, Any]:
        """Status, rule and Retry-After."""
        sent = {header: key} if header else {"Authorization": f"Bearer {key}"}
        sent["X-Forwarded-For"] = address or f"{self.address}{new_id().hex[-4:]}"
        async with self.http.get(path, headers=sent) as answer:
            told = await answer.json(content_type=None)
            return answer.status, told.get("rule"), answer.headers.get("Retry-After")

    async def runs_into_the_limit(self) -> None:
        """Guess until it is told to wait."""
        for _ in range(QUOTA + 2):
            if (await self.asks(guess()))[0] == 429:
                return
        raise AssertionError("it may go on")


@pytest.fixture(scope="module")
async def strict(house: House, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EdgeProcess]:
    """An edge that counts as strictly as in production."""
    place = tmp_path_factory.mktemp("config")
    (place / "limits.yaml").write_text(f"limits:\n  wrong-keys:\n    quota: {QUOTA}\n")
    http = house.settings.http.model_validate({"port": 0, "trusted_proxies": ["127.0.0.0/8"]})
    settings = house.settings.model_copy(update={"http": http, "config_dir": place})
    edge = EdgeProcess(settings, house.environment, clock=house.clock)
    await edge.start()
    await until(lambda: edge.bus.is_ready)
    yield edge
    await edge.stop()


@pytest.fixture
async def door(strict: EdgeProcess) -> AsyncIterator[Door]:
    """That edge, for somebody who was never there."""
    async with aiohttp.ClientSession(strict.url) as client:
        yield Door(client, strict)


def guess() -> str:
    """What looks like a key."""
    return new_key(new_id().bytes[:5], new_id().bytes * 2, new_id()).text  # type: ignore[arg-type]  # when it ends does not stand in it


def test_a_key_may_be_guessed_as_often_as_a_password_is_shipped() -> None:
    limits = load_limits(profile=Profile.PRODUCTION).limits
    keys, logins = limits["wrong-keys"], limits["logins"]
    assert keys.routes == {WRONG_KEY: 1}
    assert logins.routes["POST /auth/login"] == 1
    rows = [each.model_dump(exclude={"routes"}) for each in (keys, logins)]
    assert rows[0] == rows[1]
    assert keys.quota == QUOTA


async def test_of_fifty_guesses_at_once_no_more_are_looked_at_than_one_after_the_other(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at, really = Counter[str](), door.edge.client.call

    async def call(message: Any, **around: Any) -> Any:
        looked_at[type(message).__name__] += 1
        return await really(message, **around)

    monkeypatch.setattr(door.edge.client, "call", call)
    answers = await asyncio.gather(*(door.asks(guess()) for _ in range(50)))
    told = Counter((status, rule) for status, rule, _ in answers)
    # One or two more where the machine is so slow that the limit, one every six seconds, lets them through.
    assert QUOTA <= told[401, "unauthenticated"] <= QUOTA + 2
    assert told[401, "unauthenticated"] + told[429, "quota_exceeded"] == 50
    assert looked_at[CheckApiKey.__name__] <= QUOTA + 2
    assert all(1 <= int(wait) <= 6 for status, _, wait in answers if status == 429)


async def test_while_an_address_waits_not_even_a_right_guess_is_worth_anything(bank: Bank, door: Door) -> None:
    person = await Person.new(bank)
    known, other = (await key_of(person))[1], (await key_of(person))[1]
    assert (await door.asks(known))[0] == 200
    await door.runs_into_the_limit()
    assert (await door.asks(other))[:2] == (429, "quota_exceeded")
    assert (await door.asks(other, header="X-API-Key"))[0] == 429
    assert (await door.asks(other, address=f"2001:db8:{new_id().hex[-4:]}::1"))[0] == 200
    assert (await door.asks(known))[0] == 200
    bank.clock.advance(seconds=61)
    assert (await door.asks(known))[0] == 200, "a key that was good a minute ago is no guess"
    body, sent = {"username": person.user.username, "password": "wrong"}, {"X-Forwarded-For": f"{door.address}1"}
    async with door.http.post("/api/v1/auth/login", json=body, headers=sent) as answer:
        assert answer.status == 401, "people behind that address log in as before"


@pytest.mark.parametrize("path", ["/ready", "/api/v1/events", "/api/v1/auth/me"])
async def test_no_door_is_without_that_limit(bank: Bank, door: Door, path: str) -> None:
    person = await Person.new(bank)
    api_key_id, key = await key_of(person)
    assert (await person.asks("DELETE", f"/api-keys/{api_key_id}"))[0] == 204
    wrong = [key, key[:-1], "coffer_", "coffer_x_y", *(guess() for _ in range(QUOTA))]
    answers = [await door.asks(each, path, header="X-API-Key") for each in wrong]
    assert [status for status, _, _ in answers[:QUOTA]] == [401] * QUOTA
    assert answers[-1][:2] == (429, "quota_exceeded")


async def test_a_key_that_was_good_and_is_over_counts_like_any_other(edge: Edge) -> None:
    headers = {"X-API-Key": guess()}
    holder = {"api_key_id": str(new_id()), "user_id": str(new_id()), "roles": ["admin"], "permissions": ["members:read"]}
    edge.client.will_reply({**holder, "expires_at": "2999-01-01T00:00:00Z"})
    async with edge.http.get("/api/v1/members", headers=headers) as answer:
        assert answer.status == 200
    edge.clock.advance(seconds=61)
    counted = []
    for _ in range(3):
        edge.client.will_refuse(ApiKeyInvalid())
        async with edge.http.get("/api/v1/members", headers=headers) as answer:
            assert answer.status == 401
        counted.append(sum(name == "wrong-keys" for name, _ in edge.limiter.counted))
    assert counted == [0, 1, 2]


async def test_of_many_first_requests_of_a_program_one_asks_what_it_may_do(edge: Edge) -> None:
    headers, holder = {"X-API-Key": guess()}, {"api_key_id": str(new_id()), "user_id": str(new_id()), "roles": ["admin"]}
    edge.client.will_reply({**holder, "permissions": ["members:read"], "expires_at": "2999-01-01T00:00:00Z"})

    async def status() -> int:
        async with edge.http.get("/api/v1/members", headers=headers) as answer:
            return answer.status

    assert set(await asyncio.gather(*(status() for _ in range(20)))) == {200}
    assert sum(isinstance(said.message, CheckApiKey) for said in edge.client.said) == 1


async def test_behind_a_key_that_is_not_answered_nobody_waits_for_ever(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "LONGEST_IN_LINE_SECONDS", 0.1)
    keys, request, answer = WrongKeys(edge.limits, edge.limiter), make_mocked_request("GET", "/"), asyncio.Event()

    async def found() -> str:
        await answer.wait()
        return "found"

    first = asyncio.ensure_future(keys.looked_up(request, found))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await keys.looked_up(request, found)
    answer.set()
    assert await first == "found"
    assert await keys.looked_up(request, found) == "found"
