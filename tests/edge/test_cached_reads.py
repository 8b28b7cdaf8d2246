"""Cached answers at the edge: what depends on who asks is kept for each by themselves, and permission is looked at before."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson
import pytest

from config.limits import load_limits
from config.roles import load_roles
from config.sections import Settings
from http_edge.app import create_app
from http_edge.server import serve
from messages.base import Event, Query, all_message_types
from messages.loan_product import LoanProduct, LoanProductNotFound
from runtime import telemetry
from runtime.client import Answer
from runtime.clock import SettableClock
from runtime.house import load_vocabularies
from tests.bank import Bank, until
from tests.edge.stub import Edge, StubClient, StubLimiter

PRODUCT = uuid4()
PATH = f"/api/v1/loan-products/{PRODUCT}"


class Cupboard:
    """A shelf without a Redis."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.tags: list[list[str]] = []

    async def through(
        self, name: str, tags: Sequence[str], load: Callable[[], Awaitable[bytes | None]], *, counted_as: str
    ) -> bytes | None:
        self.tags.append(list(tags))
        if name not in self.kept:
            body = await load()
            if body is None:
                return None
            self.kept[name] = body
        return self.kept[name]


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    client, limiter, clock, settings = StubClient(), StubLimiter(), SettableClock(), Settings()

    async def readiness() -> dict[str, str | None]:
        return {}

    cupboard = Cupboard()
    app = create_app(
        client,
        readiness=readiness,
        limiter=limiter,
        limits=load_limits(),
        settings=settings,
        roles=load_roles(),
        clock=clock,
        shelf=cupboard,
    )
    made = Edge(app, client, limiter, clock, settings)
    made.cupboard = cupboard  # type: ignore[attr-defined]  # of this file alone
    runner = await serve(app, "127.0.0.1", 0, limits=settings.http.limits, drain_seconds=1)
    made.port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{made.port}") as made.http:
        yield made
    await runner.cleanup()


def product(name: str) -> bytes:
    """The least that the reply's model reads."""
    fields = dict.fromkeys(LoanProduct.model_fields)
    return orjson.dumps(fields | {"name": name})


async def get(edge: Edge, path: str = PATH, *, roles: Sequence[str] = ("admin",), **who: str) -> tuple[int, bytes]:
    async with edge.http.get(path, headers=edge.as_(*roles, **who)) as answer:
        return answer.status, await answer.read()


@pytest.fixture(autouse=True)
def any_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("http_edge.cached_reads.CachedReads._can_be_read", lambda _self, body: body != b"poison")


async def test_a_hit_asks_nobody(edge: Edge) -> None:
    edge.client.will(Answer("reply", product("first"), uuid4()))
    first = await get(edge)
    assert await get(edge) == first
    assert await get(edge, roles=("auditor",)) == first, "whoever sees all of them sees the same"
    assert len(edge.client.said) == 1


async def test_another_question_is_another_answer(edge: Edge) -> None:
    await get(edge)
    await get(edge, f"{PATH}?product_version=1")
    await get(edge, f"/api/v1/loan-products/{uuid4()}")
    assert len(edge.client.said) == 3


async def test_whose_own_answer_it_is_nobody_else_gets_it(edge: Edge) -> None:
    member, sub = str(uuid4()), str(uuid4())
    mine: Any = {"roles": ("member",), "member": member, "sub": sub}
    edge.client.will(Answer("reply", product("of all"), uuid4()))
    edge.client.will(Answer("reply", product("mine"), uuid4()))
    edge.client.will(Answer("reply", product("another's"), uuid4()))
    edge.client.will(Answer("reply", product("another user's of the same member"), uuid4()))
    assert b"of all" in (await get(edge))[1]
    assert b"mine" in (await get(edge, **mine))[1]
    assert b"another's" in (await get(edge, roles=("member",), member=str(uuid4()), sub=str(uuid4())))[1]
    assert b"another user's" in (await get(edge, roles=("member",), member=member, sub=str(uuid4())))[1]
    assert b"mine" in (await get(edge, **mine))[1]
    assert len(edge.client.said) == 4


async def test_permission_is_looked_at_before_the_cache(edge: Edge) -> None:
    await get(edge, "/api/v1/chart-of-accounts")
    assert (await get(edge, "/api/v1/chart-of-accounts", roles=("teller",)))[0] == 403
    async with edge.http.get("/api/v1/chart-of-accounts") as answer:
        assert answer.status == 401


async def test_a_refusal_is_not_kept(edge: Edge) -> None:
    edge.client.will_refuse(LoanProductNotFound())
    assert (await get(edge))[0] == 404
    assert (await get(edge))[0] == 200


async def test_what_redis_gives_back_otherwise_is_no_answer(edge: Edge) -> None:
    await get(edge)
    cupboard: Cupboard = edge.cupboard  # type: ignore[attr-defined]  # of this file alone
    for name in cupboard.kept:
        cupboard.kept[name] = b"poison"
    status, body = await get(edge)
    assert (status, b"poison" in body) == (200, False)
    assert len(edge.client.said) == 2


async def test_tags_name_the_thing_and_its_actor(edge: Edge) -> None:
    await get(edge)
    cupboard: Cupboard = edge.cupboard  # type: ignore[attr-defined]  # of this file alone
    assert cupboard.tags == [["actor/loan_product", f"loan_product/{PRODUCT}"]]


def test_whatever_is_cached_is_renewed_by_some_event() -> None:
    load_vocabularies()
    ours = [kind for kind in all_message_types() if kind.__module__.startswith("messages.")]
    cached = {(kind.actor, tag) for kind in ours for tag in kind.cached}
    renewed = {(kind.actor, tag) for kind in ours for tag in kind.renews}
    assert cached == renewed
    assert all(issubclass(kind, Query) for kind in ours if kind.cached)
    assert all(issubclass(kind, Event) for kind in ours if kind.renews)


# ---- in a whole bank ----


async def asked(bank: Bank, path: str, **headers: str) -> tuple[dict[str, object], str]:
    async with bank.http.get(f"/api/v1{path}", headers={**bank.root, **headers}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json(), answer.headers["ETag"]


async def test_a_chart_account_is_listed_as_soon_as_it_was_made(bank: Bank) -> None:
    for number in range(5):
        code = f"77{number}{str(UUID(int=uuid4().int))[:4].upper()}"
        await asked(bank, "/chart-of-accounts?limit=200")
        body = {"code": code, "name": f"Cached {number}", "kind": "expense"}
        async with bank.http.post("/api/v1/chart-of-accounts", json=body, headers=bank.root) as answer:
            assert answer.status in {200, 201}, await answer.text()
        listed, _ = await asked(bank, "/chart-of-accounts?limit=200")
        assert code in str(listed)


async def test_a_hit_touches_neither_broker_nor_database(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    await until(lambda: _is_kept(bank))
    said: list[str] = []
    call = bank.client.call

    async def counted(message: object, **around: object) -> Answer:
        said.append(type(message).__name__)
        return await call(message, **around)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(bank.client, "call", counted)
    for _ in range(10):
        await asked(bank, "/chart-of-accounts?limit=3")
    assert "ListChart" not in said


async def _is_kept(bank: Bank) -> bool:
    hits = telemetry.cache_reads.labels("ledger.list_chart.v1", "hit")
    before = hits._value.get()  # type: ignore[attr-defined]  # the counter's own
    await asked(bank, "/chart-of-accounts?limit=3")
    return bool(hits._value.get() > before)  # type: ignore[attr-defined]  # the counter's own


async def test_a_write_whose_turn_died_before_it_told_is_seen_by_whoever_is_answered_again(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: _is_kept(bank))
    await asked(bank, "/chart-of-accounts?limit=200")
    code = f"78{uuid4().hex[:6].upper()}"
    failpoints = bank.house.actors._house.surroundings.failpoints
    monkeypatch.setattr(failpoints, "_wanted", {"after_commit_before_reply": ("raise", "1")})
    monkeypatch.setattr(failpoints, "_passed", {})
    body = {"code": code, "name": "Died once", "kind": "expense"}
    async with bank.http.post("/api/v1/chart-of-accounts", json=body, headers=bank.root) as answer:
        assert answer.status in {200, 201}, await answer.text()
    assert failpoints._passed["after_commit_before_reply"] >= 1
    listed, _ = await asked(bank, "/chart-of-accounts?limit=200")
    assert code in str(listed)
