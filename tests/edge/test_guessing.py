"""Guessing at passwords and codes over HTTP, by many at once and from everywhere; and what one learns of who has a user: nothing."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from statistics import median
from typing import Any

import aiohttp
import pytest

from http_edge.process import EdgeProcess
from messages.identity import DisableUser, Login, VerifyMfa
from messages.ids import new_id
from runtime.clock import stopwatch_seconds
from runtime.envelope import NOBODY
from tests.actors.identity.test_logging_in import created
from tests.actors.identity.test_passwords import identity_of
from tests.bank import Bank, House, until
from tests.edge.people import PASSWORD, Person

DEAR = 9
"""A bcrypt cost at which hashing, about 30 ms, stands out from all else that a login takes."""


class Crowd:
    """Clients from so many addresses as one likes."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self._addresses = itertools.count(new_id().int % 2**40)

    async def asks(self, path: str, body: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, answer and headers, for somebody who never asked before."""
        number = next(self._addresses)
        address = f"2001:db8:{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}::1"
        async with self.http.post(f"/api/v1{path}", json=body, headers={"X-Forwarded-For": address}) as answer:
            raw = await answer.read()
            return answer.status, await answer.json(content_type=None) if raw else {}, dict(answer.headers)


@pytest.fixture(scope="module")
async def proxied(house: House) -> AsyncIterator[EdgeProcess]:
    """An edge behind a proxy."""
    http = house.settings.http.model_validate({"port": 0, "trusted_proxies": ["127.0.0.0/8"]})
    edge = EdgeProcess(house.settings.model_copy(update={"http": http}), house.environment, clock=house.clock)
    await edge.start()
    await until(lambda: edge.bus.is_ready)
    yield edge
    await edge.stop()


@pytest.fixture
async def crowd(proxied: EdgeProcess) -> AsyncIterator[Crowd]:
    """On the other side of it."""
    async with aiohttp.ClientSession(proxied.url) as http:
        yield Crowd(http)


async def test_fifty_wrong_passwords_at_once_from_fifty_addresses_are_five_and_the_known_device_gets_in(
    bank: Bank, crowd: Crowd
) -> None:
    user = await created(bank)
    right = {"username": user.username, "password": PASSWORD}
    status, known, _ = await crowd.asks("/auth/login", right)
    assert status == 200
    wrong = {**right, "password": "not this one"}
    guesses = [asyncio.ensure_future(crowd.asks("/auth/login", wrong)) for _ in range(50)]
    device = {**right, "device_token": known["device_token"]}
    assert (await crowd.asks("/auth/login", device))[0] in {200, 503}, "in the midst of it, unless there is no place to hash"
    told = Counter((status, body["rule"]) for status, body, _ in await asyncio.gather(*guesses))
    assert told.pop((401, "wrong_credentials")) == 5
    assert told.total() == 45
    assert set(told) <= {(429, "too_many_attempts"), (503, "passwords_busy")}
    status, problem, headers = await crowd.asks("/auth/login", right)
    assert (status, problem["rule"]) == (429, "too_many_attempts")
    assert 1 <= int(headers["Retry-After"]) <= 30
    assert (await crowd.asks("/auth/login", device))[0] == 200


async def test_thirty_wrong_codes_at_once_are_no_more_than_one_after_the_other(bank: Bank) -> None:
    """Of a million codes three are right at any time: a race that let a thousand through would be worth running."""
    person = await Person.new(bank)
    await person.enrols()
    challenge, right = await person.challenge(), person.next_code()
    wrong = [code for code in (f"{number:06}" for number in range(100_000, 100_040)) if code != right][:30]
    told = await asyncio.gather(*(person.verifies(challenge, code) for code in wrong))
    rules = Counter(problem["rule"] for _, problem in told)
    assert rules == {"mfa_code_wrong": 5, "mfa_locked": 25}
    assert (await person.verifies(challenge, right))[1]["rule"] == "mfa_locked"


async def test_a_code_that_was_used_is_used_for_every_door(bank: Bank) -> None:
    person = await Person.new(bank)
    await person.enrols()
    code = person.next_code()
    assert (await person.logs_in(code=code))[0] == 200
    body = {"password": PASSWORD, "code": code}
    for path in ("/auth/step-up", "/auth/mfa/recovery-codes", "/auth/mfa/remove"):
        status, problem = await person.asks("POST", path, body)
        assert (status, problem.get("rule")) == (422, "mfa_code_wrong"), path
    assert (await person.verifies(await person.challenge(), code))[1]["rule"] == "mfa_code_wrong"


async def test_at_every_door_at_once_a_code_opens_one(bank: Bank) -> None:
    person = await Person.new(bank)
    await person.enrols()
    challenge, code = await person.challenge(), person.next_code()
    verify, login = (
        VerifyMfa(challenge=challenge, code=code),
        Login(username=person.user.username, password=PASSWORD, code=code),
    )
    answers = await asyncio.gather(*(bank.call(each, as_=NOBODY) for each in (verify, login) * 4))
    assert Counter(answer.kind for answer in answers)["reply"] == 1


def bare(told: tuple[int, dict[str, Any], dict[str, str]]) -> tuple[Any, ...]:
    """An answer without what is this one request's alone."""
    status, body, headers = told
    kept = {name: value for name, value in headers.items() if name.lower() not in {"x-request-id", "date", "ratelimit"}}
    return status, {name: value for name, value in body.items() if name != "correlation_id"}, kept


@pytest.mark.parametrize("path", ["/auth/login", "/password/reset-request"])
async def test_who_has_a_user_is_answered_to_the_letter_like_who_has_none(bank: Bank, crowd: Crowd, path: str) -> None:
    known, disabled, enrolled = await created(bank), await created(bank), await Person.new(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    await enrolled.enrols()
    fresh = await created(bank, must_change_password=True)
    names = [f"nobody-{new_id().hex}", known.username, disabled.username, enrolled.user.username, fresh.username]
    names += [known.username.upper(), "' OR 1=1 --", "root@bank.test"]
    password = {"password": "not this one"} if path == "/auth/login" else {}
    told = [bare(await crowd.asks(path, {"username": name, **password})) for name in names]
    for name, each in zip(names, told, strict=True):
        assert each == told[0], name
    assert told[0][0] == (401 if password else 202)


async def test_who_has_a_user_waits_as_long_as_who_has_none(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of whoever asks, one after the other and in turns, so that what else the machine does falls on both."""
    identity = identity_of(bank)
    monkeypatch.setattr(identity, "settings", identity.settings.model_copy(update={"bcrypt_cost": DEAR}))
    known, disabled = await created(bank), await created(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    seconds: dict[str, list[float]] = {"known": [], "disabled": [], "nobody": []}
    for _ in range(4):  # the fifth would be locked
        for who, name in (("known", known.username), ("disabled", disabled.username), ("nobody", f"nobody-{new_id().hex}")):
            began = stopwatch_seconds()
            with bank.refuses("wrong_credentials"):
                await bank.says(Login(username=name, password="not this one"))
            seconds[who].append(stopwatch_seconds() - began)
    usual = {who: median(each) for who, each in seconds.items()}
    assert max(usual.values()) < 2.5 * min(usual.values()), usual
