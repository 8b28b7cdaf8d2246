"""Requests that are wrong as HTTP or JSON, or come at a bad time: each gets a named problem, and nothing reaches an actor."""

import asyncio
from typing import Any
from uuid import uuid4

import orjson
import pytest
from multidict import CIMultiDict

from messages.ids import new_id
from messages.ledger import AccountNotFound
from runtime.client import Answer
from runtime.errors import Unavailable
from tests.edge.stub import Edge

TRANSFER = {
    "from_account_id": str(uuid4()),
    "to_account_id": str(uuid4()),
    "amount": {"amount": "250.00", "currency": "KES"},
}
PATH = "/api/v1/transfers"


async def send(edge: Edge, body: bytes, path: str = PATH, **headers: str) -> tuple[int, dict[str, Any], CIMultiDict[str]]:
    sent = {**edge.as_(), "Idempotency-Key": str(uuid4()), "Content-Type": "application/json", **headers}
    async with edge.http.post(path, data=body, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers.copy()


def assert_problem(got: tuple[int, dict[str, Any], CIMultiDict[str]], status: int, rule: str) -> None:
    answered, problem, headers = got
    assert (answered, problem["status"], problem["rule"]) == (status, status, rule)
    assert problem["type"] == f"/problems/{rule}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["correlation_id"] == headers["X-Request-Id"]
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"description":"a","description":"b"}',
        b'{"amount":{"amount":NaN}}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"9" * 100_000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"description":"\xff"}',
        b'{"description":"\\ud800"}',
        b"a=1&b=2",
    ],
)
async def test_json_that_is_none_is_refused(edge: Edge, body: bytes) -> None:
    assert_problem(await send(edge, body), 400, "malformed_json")
    assert not edge.client.said


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data", "a/b/c"],
)
async def test_only_json_is_read(edge: Edge, media: str) -> None:
    assert_problem(await send(edge, orjson.dumps(TRANSFER), **{"Content-Type": media}), 415, "unsupported_media_type")


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"'])
async def test_json_may_say_that_it_is_utf_8(edge: Edge, media: str) -> None:
    assert (await send(edge, orjson.dumps(TRANSFER), **{"Content-Type": media}))[0] == 201


async def test_a_compressed_body_is_not_unpacked(edge: Edge) -> None:
    assert_problem(await send(edge, b"\x1f\x8b" + b"x" * 50, **{"Content-Encoding": "gzip"}), 415, "unsupported_media_type")


async def test_a_body_may_be_so_large_and_no_larger(edge: Edge) -> None:
    most = edge.settings.http.limits.body_bytes
    body = orjson.dumps(TRANSFER)
    assert (await send(edge, body + b" " * (most - len(body))))[0] == 201
    assert_problem(await send(edge, body + b" " * (most - len(body) + 1)), 413, "body_too_large")


async def test_a_body_without_a_length_is_counted_as_it_comes(edge: Edge) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 16_384

    headers = {**edge.as_(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    async with edge.http.post(PATH, data=endless(), headers=headers) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("method", "path", "status", "rule"),
    [
        ("GET", "/api/v1/nothing", 404, "no_such_path"),
        ("GET", "/favicon.ico", 404, "no_such_path"),
        ("GET", "/api/docs/../app.py", 404, "no_such_path"),
        ("GET", "/api/docs/index.html", 404, "no_such_path"),
        ("GET", "/problems/no_such_rule", 404, "no_such_path"),
        ("GET", PATH, 405, "method_not_allowed"),
        ("DELETE", PATH, 405, "method_not_allowed"),
        ("TRACE", PATH, 405, "method_never"),
        ("HEAD", PATH, 405, "method_not_allowed"),
        ("PROPFIND", "/health", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(edge: Edge, method: str, path: str, status: int, rule: str) -> None:
    async with edge.http.request(method, path, headers={"X-HTTP-Method-Override": "POST"}) as answer:
        assert answer.status == status
        if method != "HEAD":
            assert (await answer.json(content_type=None))["rule"] == rule
        assert ("Allow" in answer.headers) == (status == 405)


async def test_what_stands_there_is_named_in_allow(edge: Edge) -> None:
    async with edge.http.delete("/api/v1/members") as answer:
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_head_answers_like_get_without_a_body(edge: Edge) -> None:
    path = f"/api/v1/accounts/{uuid4()}"
    async with edge.http.head(path, headers=edge.as_()) as answer:
        assert (answer.status, await answer.read(), answer.headers["ETag"][:3]) == (200, b"", '"1-')
        assert int(answer.headers["Content-Length"]) > 0


async def test_a_refusal_names_rule_field_and_facts(edge: Edge) -> None:
    edge.client.will_refuse(AccountNotFound(field="account_id", account_id="x"))
    async with edge.http.get(f"/api/v1/accounts/{uuid4()}", headers=edge.as_()) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["rule"], problem["facts"]) == (404, "account_not_found", {"account_id": "x"})
    assert problem["errors"] == [{"field": "account_id", "detail": problem["detail"]}]
    assert problem["correlation_id"] == answer.headers["X-Request-Id"]


async def test_a_reply_goes_out_as_it_came_in(edge: Edge) -> None:
    body = b'{"account_id":"0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101","version": 12, "balance":{"amount":"10.10"}}'
    edge.client.will(Answer("reply", body, new_id()))
    async with edge.http.get(f"/api/v1/accounts/{uuid4()}", headers=edge.as_()) as answer:
        assert (answer.status, await answer.read(), answer.headers["ETag"][:4]) == (200, body, '"12-')


async def test_what_was_made_is_pointed_to(edge: Edge) -> None:
    edge.client.will_reply({"account_id": "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101", "version": 1})
    async with edge.http.post("/api/v1/accounts", json={"kind": "internal", "currency": "KES"}, headers=edge.as_()) as answer:
        assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
        assert answer.headers["Location"] == "/api/v1/accounts/0192d4a0-7c1e-7a53-9a5b-0f8a2c61d101"


async def test_logging_out_answers_nothing(edge: Edge) -> None:
    async with edge.http.post("/api/v1/auth/logout", json={"refresh_token": "x"}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
        assert "Content-Length" not in answer.headers


@pytest.mark.parametrize(
    ("outcome", "status", "rule", "retry_after"),
    [
        (Unavailable("the broker is away", retry_after_seconds=2), 503, "unavailable", "2"),
        (Answer("expired", b"{}", new_id()), 503, "expired", "1"),
        (Answer("busy", b"{}", new_id()), 409, "request_in_progress", "1"),
        (Answer("fault", b"{}", new_id()), 500, "could_not_be_handled", None),
        (RuntimeError("canary-9d1e"), 500, "unexpected_error", None),
    ],
)
async def test_each_bad_time_has_its_answer(
    edge: Edge, outcome: Answer | Exception, status: int, rule: str, retry_after: str | None
) -> None:
    edge.client.will(outcome)
    got = await send(edge, orjson.dumps(TRANSFER))
    assert_problem(got, status, rule)
    assert got[2].get("Retry-After") == retry_after
    assert "canary" not in str(got)


async def test_more_than_can_be_done_is_refused_at_once(edge: Edge) -> None:
    edge.client.in_flight = edge.settings.http.limits.max_in_flight
    got = await send(edge, orjson.dumps(TRANSFER))
    assert_problem(got, 503, "overloaded")
    assert got[2]["Retry-After"]
    assert not edge.client.said
    async with edge.http.get("/health") as answer:
        assert answer.status == 200


async def test_requests_do_not_wait_for_each_other(edge: Edge) -> None:
    got = await asyncio.gather(*(send(edge, orjson.dumps(TRANSFER)) for _ in range(100)))
    assert {status for status, _, _ in got} == {201}
    assert len({said.message_id for said in edge.client.said}) == 100
