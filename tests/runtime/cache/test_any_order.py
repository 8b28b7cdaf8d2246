"""Whatever happens in whatever order (reads that take long, writers that die, a Redis that is emptied, hangs, or cannot be reached
by one side): a read that begins after a write was answered never finds what was there before it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from runtime.cache import line, vouching
from runtime.servers import LocalServers
from tests.runtime.cache.conftest import Paused, process_of
from tests.runtime.cache.world import ACTOR, World, Written

T = TypeVar("T")
NAMES = st.sampled_from(["a", "b"])
READERS = st.integers(0, 1)


class AnyOrder(RuleBasedStateMachine):
    """A writer, two readers with a shelf each, one truth."""

    url = ""
    redis_process = 0

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.paused: Paused | None = None
        self.worlds = self.run(self._begin())
        self.answered: dict[str, int] = {}
        """The newest value whose write was answered."""
        self.dead: list[Written] = []
        """What was committed by who died before telling it."""
        self.slow: list[tuple[str, int, asyncio.Event, asyncio.Task[int]]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _begin(self) -> list[World]:
        async with Redis.from_url(self.url) as redis:
            await redis.flushall()
        worlds = [World(self.url), World(self.url)]
        worlds[1].truth, worlds[1]._kind = worlds[0].truth, worlds[0]._kind
        await worlds[0].voucher.start()
        return worlds

    @rule(name=NAMES)
    def write(self, name: str) -> None:
        self.run(self.worlds[0].write(name))
        self.answered[name] = self.worlds[0].truth[name]

    @rule(name=NAMES, how=st.sampled_from(["cut", "answers are lost"]))
    def write_what_redis_cannot_be_told(self, name: str, how: str) -> None:
        self.the_writers_line(how)
        self.write(name)
        self.read(name, 0)

    @rule(name=NAMES)
    def write_and_die(self, name: str) -> None:
        self.dead.append(self.worlds[0].commit(name))

    @rule()
    def ask_again_what_a_dead_writer_did(self) -> None:
        if self.dead:
            event = self.dead.pop()
            self.run(self.worlds[0].voucher.answered_again(ACTOR))
            self.answered[event.name] = max(self.answered.get(event.name, 0), event.value)

    @rule()
    def sweep(self) -> None:
        if self.dead:
            event = self.dead.pop()
            self.run(self.worlds[0].sweep(event))
            self.answered[event.name] = max(self.answered.get(event.name, 0), event.value)

    @rule(name=NAMES, reader=READERS)
    def read(self, name: str, reader: int) -> None:
        oldest = self.answered.get(name, 0)
        assert self.run(self._read(name, reader)) >= oldest

    async def _read(self, name: str, reader: int) -> int:
        """It may share a slow load that began at the same versions; then that has to end."""
        task = asyncio.create_task(self.worlds[reader].read(name))
        await asyncio.wait([task], timeout=0.3)
        for _, _, gate, _ in self.slow:
            if not task.done():
                gate.set()
        async with asyncio.timeout(10):
            return await task

    @rule(name=NAMES, reader=READERS)
    def begin_a_slow_read(self, name: str, reader: int) -> None:
        gate = asyncio.Event()
        oldest = self.answered.get(name, 0)
        task = self.loop.create_task(self.worlds[reader].read(name, gate=gate))
        self.slow.append((name, oldest, gate, task))
        self.run(asyncio.sleep(0.01))

    @rule()
    def end_a_slow_read(self) -> None:
        if self.slow:
            _, oldest, gate, task = self.slow.pop(0)
            for other in self.slow:
                other[2].set()  # it may wait for one of them
            gate.set()
            assert self.run(self._value(task)) >= oldest

    @staticmethod
    async def _value(task: "asyncio.Task[int]") -> int:
        async with asyncio.timeout(10):
            return await task

    @rule()
    def let_time_pass(self) -> None:
        self.run(asyncio.sleep(0.1))

    @rule()
    def empty_redis(self) -> None:
        if self.paused is None:
            self.run(self._empty())

    async def _empty(self) -> None:
        async with Redis.from_url(self.url) as redis:
            await redis.flushall()

    @rule()
    def pause_or_wake_redis(self) -> None:
        if self.paused is None:
            self.paused = Paused(self.redis_process)
            self.paused.__enter__()
        else:
            self.paused.__exit__()
            self.paused = None

    @rule(how=st.sampled_from(["whole", "cut", "answers are lost"]))
    def the_writers_line(self, how: str) -> None:
        self.worlds[0].writing.cut = how == "cut"
        self.worlds[0].writing.answers_are_lost = how == "answers are lost"

    @invariant()
    def the_truth_only_grows(self) -> None:
        assert all(self.answered[name] <= self.worlds[0].truth[name] for name in self.answered)

    def teardown(self) -> None:
        if self.paused is not None:
            self.paused.__exit__()
        for _, _, gate, _ in self.slow:
            gate.set()
        for *_, task in self.slow:
            self.run(self._value(task))
        for world in self.worlds:
            self.run(world.__aexit__())
        self.loop.close()


def test_a_read_after_an_answered_write_never_finds_older(redis_servers: LocalServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(line, "QUIET_SECONDS", 0.03)
    monkeypatch.setattr(vouching, "TRUST_SECONDS", 0.3)
    monkeypatch.setattr(vouching, "RENEW_SECONDS", 0.05)
    AnyOrder.url = redis_servers.redis_url
    with asyncio.Runner() as runner:
        AnyOrder.redis_process = runner.run(process_of(redis_servers))
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False
        ),
    )
