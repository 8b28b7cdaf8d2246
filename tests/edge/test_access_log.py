"""The access log: a line for each request, and never a word that is nobody else's business."""

import json
from typing import Any
from uuid import uuid4

from config.sections import HttpSettings
from http_edge.app import create_app
from messages.identity import WrongCredentials
from tests.edge.stub import Edge, exchange, opened_edge


def lines(edge: Edge) -> list[dict[str, Any]]:
    assert edge.app.access_log is not None
    edge.app.access_log.flush()
    return [json.loads(line) for line in edge.log.splitlines()]


async def test_each_request_is_one_line(edge: Edge) -> None:
    user, account, request_id = str(uuid4()), str(uuid4()), str(uuid4())
    headers = edge.as_(sub=user) | {"X-Request-Id": request_id}
    async with edge.http.get(f"/api/v1/accounts/{account}", headers=headers) as answer:
        body = await answer.read()
    [line] = lines(edge)
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "coffer.access",
        "event": "request",
        "process": "edge",
        "correlation_id": request_id,
        "address": "127.0.0.1",
        "status": 200,
        "method": "GET",
        "route": "/api/v1/accounts/{account_id}",
        "bytes": len(body),
        "user": user,
        "path": {"account_id": account},
    }


async def test_what_was_not_found_or_malformed_has_its_line_too(edge: Edge) -> None:
    async with edge.http.get("/wp-admin/canary-1"):
        pass
    await exchange(edge, b"canary-2\r\n\r\n")
    found = lines(edge)
    assert [(line["status"], line.get("route")) for line in found] == [(404, None), (400, None)]
    assert all(line["correlation_id"] and line["address"] == "127.0.0.1" for line in found)
    assert "canary" not in edge.log


async def test_ids_dates_and_numbers_are_shown_and_free_text_is_masked(edge: Edge) -> None:
    member = str(uuid4())
    path = f"/api/v1/accounts?member_id={member}&limit=5&cursor=canary-1&canary_2=canary-3"
    async with edge.http.get(path, headers=edge.as_()):
        pass
    async with edge.http.get("/api/v1/members?name=canary-4&phone=canary-5&access_token=canary-6", headers=edge.as_()):
        pass
    async with edge.http.patch("/api/v1/pools/canary-7", json={}, headers=edge.as_()):
        pass
    first, second, third = lines(edge)
    assert first["query"] == {"member_id": [member], "limit": ["5"], "cursor": ["***"], "canary_2": ["***"]}
    assert second["query"] == {"name": ["***"], "phone": ["***"], "access_token": ["***"]}
    assert third["path"] == {"pool": "***"}
    assert "canary-" not in edge.log


async def test_no_header_and_no_body_is_in_it(edge: Edge) -> None:
    edge.client.will_refuse(WrongCredentials())
    headers = {"Cookie": "a=canary-1", "Authorization": "Bearer canary-2", "User-Agent": "canary-3", "X-Request-Id": "canary-4"}
    who = {"username": "canary-5", "password": "canary-6"}
    async with edge.http.post("/api/v1/auth/login", json=who, headers=headers) as answer:
        assert answer.status == 401
    assert len(lines(edge)) == 1
    assert "canary" not in edge.log


async def test_a_forwarded_address_is_the_one_that_is_noted() -> None:
    async with opened_edge(HttpSettings.model_validate({"trusted_proxies": ["127.0.0.0/8"]})) as edge:
        async with edge.http.get("/health", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}):
            pass
        async with edge.http.post("/api/v1/auth/login", json={}, headers={"X-Forwarded-For": "203.0.113.7"}):
            pass
        assert [line["address"] for line in lines(edge)] == ["203.0.113.7", "203.0.113.7"]
        assert ("logins", "203.0.113.7") in edge.limiter.counted


def test_it_can_be_turned_off(edge: Edge) -> None:
    quiet = edge.settings.telemetry.model_copy(update={"access_log": False})
    app = create_app(
        edge.client,
        readiness=lambda: None,  # type: ignore[arg-type, return-value]  # nobody asks
        limiter=edge.limiter,
        limits=edge.limits,
        settings=edge.settings.model_copy(update={"telemetry": quiet}),
        roles={},
        clock=edge.clock,
    )
    assert app.access_log is None
