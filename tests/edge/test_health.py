"""Alive, ready, and what is counted: for anybody, for balancers, for operators."""

from typing import Any

from tests.edge.stub import Edge


async def ready(edge: Edge, **headers: str) -> tuple[int, dict[str, Any]]:
    edge.clock.advance(seconds=1)
    async with edge.http.get("/ready", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_alive_is_alive_whatever_else_is(edge: Edge) -> None:
    edge.pieces["broker"] = "away"
    async with edge.http.get("/health") as answer:
        assert (answer.status, await answer.json(content_type=None)) == (200, {"status": "alive"})


async def test_ready_when_every_piece_answers(edge: Edge) -> None:
    assert await ready(edge) == (200, {"ready": True, "pieces": {"edge": "ok", "broker": "ok", "database": "ok"}})


async def test_not_ready_names_the_piece(edge: Edge) -> None:
    edge.pieces["ledger"] = "nobody consumes for it"
    status, told = await ready(edge)
    assert (status, told["ready"], told["pieces"]["ledger"]) == (503, False, "nobody consumes for it")


async def test_draining_is_not_ready_but_answers(edge: Edge) -> None:
    edge.app.start_draining()
    status, told = await ready(edge)
    assert (status, told["pieces"]["edge"]) == (503, "draining")
    async with edge.http.get("/api/v1/auth/me", headers=edge.as_()) as answer:
        assert answer.status == 200


async def test_strangers_are_told_no_details(edge: Edge) -> None:
    edge.pieces["ledger"] = "nobody consumes for it"
    assert await ready(edge, **{"X-Forwarded-For": "203.0.113.7"}) == (503, {"ready": False})
    assert await ready(edge, **edge.as_("teller")) == (503, {"ready": False})
    _, told = await ready(edge, **edge.as_("auditor"), **{"X-Forwarded-For": "203.0.113.7"})
    assert "pieces" in told


async def test_metrics_count_requests_by_route_and_status(edge: Edge) -> None:
    async with edge.http.get("/api/v1/members/no-such-thing", headers=edge.as_()):
        pass
    async with edge.http.get("/metrics") as answer:
        text = await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'coffer_http_request_seconds_count{method="GET",path="/api/v1/members/{member_id}",status="404"}' in text
    assert "coffer_http_in_flight" in text
    assert "no-such-thing" not in text


async def test_metrics_are_for_operators(edge: Edge) -> None:
    for headers in ({"Forwarded": "for=203.0.113.7"}, edge.as_("teller")):
        async with edge.http.get("/metrics", headers=headers) as answer:
            assert (answer.status, (await answer.json(content_type=None))["rule"]) == (403, "forbidden")
    async with edge.http.get("/metrics", headers=edge.as_("admin") | {"Forwarded": "for=203.0.113.7"}) as answer:
        assert answer.status == 200
