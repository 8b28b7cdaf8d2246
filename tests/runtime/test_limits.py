"""Limits: each strategy beside a model of a few lines, at the edges of its window; a hundred at once; with and without Redis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from config.limits import LimitSettings, Strategy
from messages.ids import new_id
from runtime.limits import Limiter, Meter, Verdict
from runtime.limits_alone import CountsAlone
from runtime.servers import LocalServers
from tests.bank import until

SECOND = 1_000_000
"""In the script's unit, microseconds."""
TEST_TIME = "local now = tonumber(redis.call('GET', 'coffer:test:now'))\n"
WINDOWS = [Strategy.FIXED_WINDOW, Strategy.SLIDING_WINDOW_LOG, Strategy.SLIDING_WINDOW_COUNTER]
BUCKETS = [Strategy.TOKEN_BUCKET, Strategy.LEAKY_BUCKET]


def meter(strategy: Strategy, quota: int, *, window: int = 1, cost: int = 1, burst: int | None = None) -> Meter:
    limit = LimitSettings(strategy=strategy, quota=quota, window_seconds=window, burst=burst, per=("everything",))  # type: ignore[arg-type]  # as YAML says it
    return Meter(new_id().hex, limit, cost)


@dataclass
class Model:
    """What each strategy means, said as plainly as possible, over everything that was let through."""

    strategy: Strategy
    quota: int
    window: int
    burst: int
    passed: list[tuple[int, int]] = field(default_factory=list)

    def used(self, now: int) -> Fraction:
        """How much of the quota (or the burst) is used now."""
        index = now // self.window
        here = sum(cost for at, cost in self.passed if at // self.window == index)
        if self.strategy is Strategy.FIXED_WINDOW:
            return Fraction(here)
        if self.strategy in {Strategy.SLIDING_WINDOW_LOG, Strategy.CONCURRENT}:
            return Fraction(sum(cost for at, cost in self.passed if at > now - self.window))
        if self.strategy is Strategy.SLIDING_WINDOW_COUNTER:
            before = sum(cost for at, cost in self.passed if at // self.window == index - 1)
            return here + Fraction(before * (self.window - now % self.window), self.window)
        # A bucket leaks (or is filled) evenly; what has passed fills it.
        interval = (
            Fraction(self.window, self.quota) if self.strategy is Strategy.TOKEN_BUCKET else ceil(self.window / self.quota)
        )
        level, last = Fraction(0), 0
        for at, cost in self.passed:
            level, last = max(Fraction(0), level - Fraction(at - last) / interval) + cost, at
        return max(Fraction(0), level - Fraction(now - last) / interval)

    @property
    def most(self) -> int:
        return self.burst if self.strategy in BUCKETS else self.quota

    def free(self, now: int) -> int:
        return max(0, floor(self.most - self.used(now)))


@contextlib.asynccontextmanager
async def timed(servers: LocalServers) -> AsyncIterator[tuple[Limiter, Redis]]:
    limiter, redis = Limiter(servers.redis_url, clock=TEST_TIME), Redis.from_url(servers.redis_url)
    try:
        yield limiter, redis
    finally:
        await limiter.close()
        await redis.aclose()


def moments(window: int, quota: int) -> st.SearchStrategy[int]:
    """Gaps between two questions: mostly around the edges."""
    edges = [0, 1, window - 1, window, window + 1, 2 * window - 1, 2 * window, window // quota, window // quota + 1]
    return st.one_of(st.sampled_from(edges), st.integers(0, 2 * window))


@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_strategy_does_what_it_means(servers: LocalServers, strategy: Strategy, data: st.DataObject) -> None:
    quota, window = data.draw(st.integers(1, 5)), SECOND
    burst = data.draw(st.integers(1, 5)) if strategy in BUCKETS else None
    model = Model(strategy, quota, window, burst or quota)
    asked = meter(strategy, quota, burst=burst)
    now = 1_700_000_000 * SECOND + data.draw(st.sampled_from([0, 1, SECOND - 1, 300_000]))
    async with timed(servers) as (limiter, redis):
        for _ in range(data.draw(st.integers(1, 8))):
            now += data.draw(moments(window, quota))
            await redis.set("coffer:test:now", now)
            asked.cost = data.draw(st.integers(1, model.most))
            fits = model.used(now) + asked.cost <= model.most
            [standing] = (await limiter.ask([(asked, "")])).standings
            assert standing.allowed == fits, (model, now, asked.cost)
            if fits:
                model.passed.append((now, asked.cost))
            assert standing.free == model.free(now)
            if not fits:
                wait = round(standing.retry_after_seconds * SECOND)
                assert model.used(now + wait) + asked.cost <= model.most
                assert model.used(now + wait - 1) + asked.cost > model.most
            if standing.free < model.most:
                reset = round(standing.reset_seconds * SECOND)
                assert model.free(now + reset) > standing.free
                assert model.free(now + reset - 1) <= standing.free
            else:
                assert standing.reset_seconds == 0


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_a_hundred_at_once_are_never_more_than_allowed(servers: LocalServers, strategy: Strategy) -> None:
    burst = 37 if strategy in BUCKETS else None
    asked = meter(strategy, 37, window=3600, burst=burst)
    edges = [Limiter(servers.redis_url) for _ in range(3)]
    verdicts = await asyncio.gather(*(edges[n % 3].ask([(asked, "same")]) for n in range(100)))
    assert sum(verdict.allowed for verdict in verdicts) == 37
    assert not any(verdict.alone for verdict in verdicts)
    assert all(verdict.standings[0].retry_after_seconds > 0 for verdict in verdicts if not verdict.allowed)
    await asyncio.gather(*(edge.close() for edge in edges))


@pytest.fixture
async def limiter(servers: LocalServers) -> AsyncIterator[Limiter]:
    made = Limiter(servers.redis_url)
    yield made
    await made.close()


async def free(limiter: Limiter, asked: Meter) -> int:
    """What is free, without asking for any."""
    look = Meter(asked.name, LimitSettings(strategy=Strategy.FIXED_WINDOW, quota=1, per=("everything",)), 0)  # type: ignore[arg-type]  # as YAML says it
    look.spec, look.key_start = asked.spec, asked.key_start
    return (await limiter.ask([(look, "")])).standings[0].free


async def test_a_request_is_counted_by_all_its_limits_or_by_none(limiter: Limiter) -> None:
    wide, narrow = meter(Strategy.TOKEN_BUCKET, 10, window=3600), meter(Strategy.FIXED_WINDOW, 1, window=86_400)
    assert (await limiter.ask([(wide, ""), (narrow, "")])).allowed
    for _ in range(3):
        verdict = await limiter.ask([(wide, ""), (narrow, "")])
        assert [standing.allowed for standing in verdict.standings] == [True, False]
    assert await free(limiter, wide) == 9


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_what_costs_nothing_asks_whether_one_more_could_pass_and_counts_nothing(
    limiter: Limiter, strategy: Strategy
) -> None:
    limit = LimitSettings(strategy=strategy, quota=2, window_seconds=60, per=("everything",))  # type: ignore[arg-type]  # as YAML says it
    name, alone = new_id().hex, CountsAlone(1.0)
    asks, counts = Meter(name, limit, 0), Meter(name, limit, 1)
    most = counts.most_at_once
    for passed in range(most):
        for _ in range(3):
            assert (await limiter.ask([(asks, "one")])).allowed
            assert alone.ask([(asks, "one")])[0] <= 0
        assert (await limiter.ask([(counts, "one")])).allowed, passed
        assert alone.ask([(counts, "one")])[0] <= 0
    verdict = await limiter.ask([(asks, "one")])
    assert not verdict.allowed
    assert 0 < verdict.standings[0].retry_after_seconds <= 2 * 60
    assert alone.ask([(asks, "one")])[0] > 0


async def test_keys_are_counted_apart(limiter: Limiter) -> None:
    asked = meter(Strategy.SLIDING_WINDOW_LOG, 1, window=60)
    assert [(await limiter.ask([(asked, key)])).allowed for key in ("a", "b", "a")] == [True, True, False]


async def test_a_place_is_free_when_it_is_given_back(limiter: Limiter) -> None:
    asked = meter(Strategy.CONCURRENT, 2, window=60)
    first, second, third = [await limiter.ask([(asked, "")]) for _ in range(3)]
    assert (first.allowed, second.allowed, third.allowed) == (True, True, False)
    limiter.give_back(third)
    assert not (await limiter.ask([(asked, "")])).allowed
    limiter.give_back(first)
    limiter.give_back(first)
    assert (await limiter.ask([(asked, "")])).allowed
    assert not (await limiter.ask([(asked, "")])).allowed


async def test_a_place_whose_edge_died_is_free_after_its_window(servers: LocalServers) -> None:
    asked = meter(Strategy.CONCURRENT, 1, window=30)
    async with timed(servers) as (dying, redis):
        await redis.set("coffer:test:now", 1_700_000_000 * SECOND)
        assert (await dying.ask([(asked, "")])).allowed
    async with timed(servers) as (other, redis):
        await redis.set("coffer:test:now", 1_700_000_030 * SECOND - 1)
        assert not (await other.ask([(asked, "")])).allowed
        await redis.set("coffer:test:now", 1_700_000_030 * SECOND)
        assert (await other.ask([(asked, "")])).allowed


async def test_nothing_is_left_in_redis(servers: LocalServers, limiter: Limiter) -> None:
    for strategy in Strategy:
        await limiter.ask([(meter(strategy, 5), "")])
    async with Redis.from_url(servers.redis_url) as redis:
        assert [key async for key in redis.scan_iter("coffer:limit:*") if await redis.pttl(key) < 0] == []


async def test_many_are_asked_in_one_step(servers: LocalServers, limiter: Limiter) -> None:
    asked = meter(Strategy.LEAKY_BUCKET, 1_000_000, burst=1_000_000)
    await limiter.ask([(asked, "")])
    async with Redis.from_url(servers.redis_url, decode_responses=True) as redis:
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await asyncio.gather(*(limiter.ask([(asked, str(n))]) for n in range(100)))
        assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before + 1


class Gate:
    """A door to Redis that can be shut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(*self._to)
        self._open |= {writer, here}
        with contextlib.suppress(OSError):
            await asyncio.gather(self._copy(reader, here), self._copy(there, writer))
        self._open -= {writer, here}

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()


async def test_without_redis_each_process_counts_a_share_and_goes_back_when_it_is_back(servers: LocalServers) -> None:
    url = servers.redis_url
    redis = Redis.from_url(url)
    where = redis.connection_pool.connection_kwargs
    await redis.aclose()
    gate = Gate(where["host"], where["port"])
    await gate.open()
    limiter = Limiter(url.replace(str(where["port"]), str(gate.port)), share_alone=0.25)
    asked = meter(Strategy.SLIDING_WINDOW_LOG, 20, window=3600)
    assert (await limiter.ask([(asked, "")])).standings[0].free == 19
    await gate.shut()
    verdicts: list[Verdict] = await asyncio.gather(*(limiter.ask([(asked, "")]) for _ in range(20)))
    assert sum(verdict.allowed for verdict in verdicts) == 5
    assert all(verdict.alone for verdict in verdicts)
    assert all(verdict.standings[0].retry_after_seconds > 0 for verdict in verdicts if not verdict.allowed)
    await gate.open()
    await until(lambda: not limiter.is_alone)
    assert (await limiter.ask([(asked, "")])).standings[0].free == 18
    await limiter.close()
    await gate.shut()


async def test_no_redis_at_all_is_no_open_door() -> None:
    limiter = Limiter(None, share_alone=0.5)
    asked = meter(Strategy.FIXED_WINDOW, 4, window=60)
    assert [(await limiter.ask([(asked, "")])).allowed for _ in range(3)] == [True, True, False]


@given(st.lists(st.tuples(st.floats(0, 90), st.integers(1, 3)), max_size=60))
def test_alone_never_more_than_a_share_and_a_burst_passes(asked: list[tuple[float, int]]) -> None:
    now = 0.0
    alone = CountsAlone(0.5, lambda: now)
    limit = meter(Strategy.TOKEN_BUCKET, 12, window=60)
    passed: list[tuple[float, int]] = []
    for gap, cost in asked:
        now += gap
        limit.cost = cost
        if alone.ask([(limit, "")])[0] <= 0:
            passed.append((now, cost))
    for first, _ in passed:
        for length in (0, 30, 60, 120):
            within: Any = sum(cost for at, cost in passed if first <= at <= first + length)
            assert within <= 6 + length / 60 * 6 + 3


def test_alone_places_are_given_back() -> None:
    alone, limit = CountsAlone(0.5), meter(Strategy.CONCURRENT, 2)
    assert alone.ask([(limit, "")]) == [0.0]
    assert alone.ask([(limit, "")])[0] > 0
    alone.give_back([(limit, "")])
    assert alone.ask([(limit, "")]) == [0.0]
