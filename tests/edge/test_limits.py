"""Limits as a client meets them: who is counted as whom, what is told, and what a forged header changes: nothing."""

from collections.abc import Sequence
from ipaddress import ip_network
from uuid import uuid4

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from redis.asyncio import Redis

from http_edge.addresses import Addresses, counted_as
from messages.base import Unauthenticated
from runtime.limits import Standing
from tests.bank import Bank
from tests.edge.stub import Edge

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
WHO = {"username": "amina", "password": "pass"}


async def test_every_answer_of_a_limited_route_tells_how_the_limits_stand(edge: Edge) -> None:
    async with edge.http.get(ME, headers=edge.as_()) as answer:
        assert (answer.status, answer.headers["RateLimit"]) == (200, '"requests";r=7;t=1')
        assert answer.headers["RateLimit-Policy"] == '"requests";q=6000;w=60'
    edge.client.will_refuse(Unauthenticated())
    async with edge.http.get(ME, headers=edge.as_()) as answer:
        assert (answer.status, answer.headers["RateLimit"]) == (401, '"requests";r=7;t=1')
    async with edge.http.post(LOGIN, json=WHO) as answer:
        assert answer.headers["RateLimit"] == '"logins";r=7;t=1, "requests";r=7;t=1'
    async with edge.http.get("/api/v1/portfolio/proof", headers=edge.as_()) as answer:
        assert answer.headers["RateLimit-Policy"].endswith(', "proofs";q=2;qu="concurrent-requests"')
        assert answer.headers["RateLimit"].endswith(', "proofs";r=7')


async def test_what_is_not_limited_is_not_asked_about(edge: Edge) -> None:
    for path in ("/health", "/api/docs", "/problems", "/api/docs.json", "/nowhere"):
        async with edge.http.get(path) as answer:
            assert "RateLimit" not in answer.headers
    assert edge.limiter.counted == []


async def test_a_limit_that_says_no_is_a_registered_problem(edge: Edge) -> None:
    edge.limiter.says_no = {"logins": Standing(False, 0, 2.0, 6.2)}
    async with edge.http.post(LOGIN, json=WHO) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert answer.headers["RateLimit"] == '"logins";r=0;t=2, "requests";r=7;t=1'
        problem = await answer.json(content_type=None)
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert (problem["title"], problem["rule"]) == (
        "Request cannot be satisfied as assigned quota has been exceeded",
        "quota_exceeded",
    )
    assert problem["violated-policies"] == ["logins"]
    assert not edge.client.said


async def test_users_are_counted_as_themselves_and_strangers_by_address(edge: Edge) -> None:
    user = str(uuid4())
    async with edge.http.get(ME, headers=edge.as_(sub=user)):
        pass
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Bearer coffer_abc_whatever"}):
        async with edge.http.get(ME, headers=headers) as answer:
            assert (answer.status, "RateLimit" in answer.headers) == (401, False)
    async with edge.http.post(LOGIN, json=WHO):
        pass
    assert edge.limiter.counted == [
        ("requests", user),
        *[("requests", "127.0.0.1")] * 2,
        ("wrong-keys", "127.0.0.1"),
        ("requests", "127.0.0.1"),
        ("logins", "127.0.0.1"),
        ("requests", "127.0.0.1"),
    ]


async def test_whoever_guesses_tokens_runs_into_the_limit_of_their_address(edge: Edge) -> None:
    edge.limiter.says_no = {"requests": Standing(False, 0, 1.0, 1.0)}
    async with edge.http.get(ME, headers={"Authorization": "Bearer x.y.z"}) as answer:
        assert answer.status == 429


async def test_a_place_is_given_back_whatever_the_answer(edge: Edge) -> None:
    path = "/api/v1/portfolio/proof"
    async with edge.http.get(path, headers=edge.as_()) as answer:
        assert answer.status == 200
    edge.client.will(RuntimeError("falls over"))
    async with edge.http.get(path, headers=edge.as_()) as answer:
        assert answer.status == 500
    async with edge.http.get(path) as answer:
        assert answer.status == 401
    assert edge.limiter.given_back == 3


async def test_what_a_client_says_of_its_address_counts_nothing(edge: Edge) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7"}
    async with edge.http.post(LOGIN, json=WHO, headers=forged):
        pass
    assert {key for _, key in edge.limiter.counted} == {"127.0.0.1"}


def address(trusted: Sequence[str], peer: str, *lines: str, header: str = "X-Forwarded-For") -> str:
    request = make_mocked_request("GET", "/", headers=CIMultiDict([(header, line) for line in lines])).clone(remote=peer)
    return Addresses([ip_network(each) for each in trusted], header).of(request)


INSIDE = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "lines", "found"),
    [
        ("198.51.100.9", ["203.0.113.7"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["10.0.0.5, 10.0.0.6"], "10.0.0.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, 10.0.0.2, nonsense, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("fd00::1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, " + ", ".join(["10.0.0.1"] * 30)], "10.0.0.1"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_trusted_proxies_told_it(peer: str, lines: list[str], found: str) -> None:
    assert address(INSIDE, peer, *lines) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ("for=6.6.6.6, for=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7"),
        ('proto=https;For="[2001:db8::1]:4711"', "2001:db8::1"),
        ('for="203.0.113.7:80"', "203.0.113.7"),
        ("for=203.0.113.7, for=_hidden", "10.0.0.1"),
        ("for=203.0.113.7, for=unknown", "10.0.0.1"),
        ("by=203.0.113.7", "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_where_the_proxies_write_it(line: str, found: str) -> None:
    assert address(INSIDE, "10.0.0.1", line, header="Forwarded") == found


def test_the_other_header_is_a_clients_own_words() -> None:
    request = make_mocked_request("GET", "/", headers={"Forwarded": "for=6.6.6.6", "X-Forwarded-For": "203.0.113.7"})
    trusted = [ip_network("10.0.0.0/8")]
    assert Addresses(trusted, "X-Forwarded-For").of(request.clone(remote="10.0.0.1")) == "203.0.113.7"


@given(st.lists(st.text(max_size=30), max_size=4))
def test_no_words_of_a_client_left_of_its_address_change_it(words: list[str]) -> None:
    line = ", ".join([*(word.replace("\n", " ").replace("\r", " ") for word in words), "203.0.113.7"])
    assert address(INSIDE, "10.0.0.1", line) == "203.0.113.7"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_a_host_of_ipv6_has_one_count(one: str, other: str, same: bool) -> None:
    assert (counted_as(one) == counted_as(other)) is same


async def test_the_eleventh_login_of_a_minute_waits(bank: Bank) -> None:
    answers = []
    for _ in range(11):
        async with bank.http.post(LOGIN, json=WHO) as answer:
            answers.append(answer.status)
            last = answer.headers.copy()
    async with Redis.from_url(bank.house.servers.redis_url) as redis:  # whoever logs in next is not to wait for this
        await redis.delete(*[key async for key in redis.scan_iter("coffer:limit:logins:*")])
    assert answers[-1] == 429
    assert set(answers) == {401, 429}
    assert 1 <= int(last["Retry-After"]) <= 6
    assert last["RateLimit"].startswith('"logins";r=0;t=')
