"""How often something may be done: limits that all edges share in Redis, asked many at a time in one atomic script.

    meter = Meter("logins", settings, cost=1)
    verdict = await limiter.ask([(meter, "203.0.113.7")])              # all of them let it through and count it, or none counts
    limiter.give_back(verdict)                                         # when it is done, for limits of how much at once

While a question is on its way the next ones gather, and go together: under load a request costs a fraction of a round trip.
Redis keeps limits and caches, never the truth: while it is away each process counts for itself, by a share of each quota, so that
nothing is let through unlimited and nobody is locked out. What each strategy does is in limits.lua.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config.limits import LimitSettings, Strategy
from runtime.limits_alone import CountsAlone
from runtime.supervisor import ended

log = logging.getLogger("coffer.limits")

TIMEOUT_SECONDS = 0.25
"""Nobody waits longer for a limit."""
PROBE_SECONDS = 1.0
"""How often Redis is looked for while it is away; no request waits for that."""
MOST_TOGETHER = 128
"""Requests that are asked about in one script: it holds Redis for about a millisecond then."""
PREFIX = "coffer:limit:"

REDIS_TIME = "local time = redis.call('TIME'); local now = time[1] * 1000000 + time[2]\n"
"""One clock for all edges, in whole microseconds since 1970."""
SCRIPT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit stands after it was asked."""

    allowed: bool
    free: int
    """What may still be asked now."""
    reset_seconds: float
    """Until one more may be asked than that."""
    retry_after_seconds: float
    """Until this may be asked, where it was not allowed."""


class Meter:
    """A limit at the cost of one thing. A cost of 0 asks whether one more could pass, and counts nothing."""

    __slots__ = ("cost", "is_concurrent", "key_start", "most_at_once", "name", "quota", "spec", "window_seconds")

    def __init__(self, name: str, settings: LimitSettings, cost: int) -> None:
        self.name = name
        self.cost = cost
        self.quota = settings.quota
        self.most_at_once = settings.most_at_once
        self.window_seconds = settings.window_seconds
        self.is_concurrent = settings.strategy is Strategy.CONCURRENT
        self.key_start = f"{PREFIX}{name}:{settings.strategy}:"  # a limit that is told to count otherwise begins anew
        self.spec = f"{settings.strategy} %d {settings.quota} {settings.window_seconds * 1_000_000} {settings.most_at_once}"


Question = tuple[Meter, str]
"""A meter, and what it counts apart from others."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits of one request say."""

    standings: tuple[Standing, ...]
    questions: Sequence[Question] = ()
    lease: str = ""
    """The name of the places taken, where a limit is on how much at once."""
    alone: bool = False
    """Whether this process decided by itself."""

    @property
    def allowed(self) -> bool:
        """Whether it may be done, and was counted."""
        return all(standing.allowed for standing in self.standings)


@dataclass(slots=True)
class _Waiting:
    questions: Sequence[Question]
    lease: str
    answer: "asyncio.Future[Verdict] | None"
    """None: places are given back, and nobody waits for that."""

    @property
    def arguments(self) -> list[str]:
        sign = 1 if self.answer is not None else -1
        return [f"{meter.spec % (meter.cost * sign)} {self.lease}" for meter, _ in self.questions]


class Limiter:
    """Asks limits."""

    def __init__(self, url: str | None, *, share_alone: float = 0.25, clock: str = REDIS_TIME) -> None:
        self._redis = (
            Redis.from_url(
                url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
            )
            if url
            else None
        )
        self._script = None if self._redis is None else self._redis.register_script(clock + SCRIPT)
        self._alone = CountsAlone(share_alone)
        self._waiting: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._leases, self._lease_name = 0, uuid4().hex

    @property
    def is_alone(self) -> bool:
        """Whether this process counts by itself."""
        return self._script is None or self._probing is not None

    async def ask(self, questions: Sequence[Question]) -> Verdict:
        """Whether something may be done that these limits are for; if so, it is counted."""
        lease = ""
        if any(meter.is_concurrent for meter, _ in questions):
            self._leases += 1
            lease = f"{self._lease_name}.{self._leases}"
        if self.is_alone:
            return self._decide_alone(questions, lease)
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._send(_Waiting(questions, lease, answer))
        return await answer

    def give_back(self, verdict: Verdict) -> None:
        """Free the places that were taken for something that is over. Nothing where none were."""
        if not verdict.lease or not verdict.allowed:
            return
        taken = [each for each in verdict.questions if each[0].is_concurrent]
        if verdict.alone:
            self._alone.give_back(taken)
        elif not self.is_alone:  # else the leases lapse by themselves
            self._send(_Waiting(taken, verdict.lease, None))

    def _send(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask_all(), name="limits")

    async def _ask_all(self) -> None:
        """Ask Redis for all that wait, some at a time, until nobody waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                try:
                    found = await self._ask_redis(batch)
                except (RedisError, OSError, TimeoutError) as away:
                    self._go_alone(away, batch)
                    return
                for waiting, standings in zip(batch, found, strict=True):
                    if waiting.answer is None:
                        continue
                    verdict = Verdict(standings, waiting.questions, waiting.lease)
                    if waiting.answer.done():
                        self.give_back(verdict)
                    else:
                        waiting.answer.set_result(verdict)
        finally:
            self._asking = None

    async def _ask_redis(self, batch: Sequence[_Waiting]) -> list[tuple[Standing, ...]]:
        assert self._script is not None
        keys = [meter.key_start + key for waiting in batch for meter, key in waiting.questions]
        arguments = [argument for waiting in batch for argument in waiting.arguments]
        sizes = " ".join(str(len(waiting.questions)) for waiting in batch)
        async with asyncio.timeout(TIMEOUT_SECONDS * 2):
            text = await self._script(keys=keys, args=[*arguments, sizes])
        numbers = map(int, text.split())
        return [
            tuple(
                Standing(allowed=next(numbers) == 1, free=next(numbers), reset_seconds=next(numbers) / 1e6,
                         retry_after_seconds=next(numbers) / 1e6)
                for _ in waiting.questions
            )
            for waiting in batch
        ]  # fmt: skip

    def _go_alone(self, away: Exception, batch: Sequence[_Waiting]) -> None:
        log.warning("redis away; limits are counted here", extra={"reason": repr(away)})
        self._probing = asyncio.get_running_loop().create_task(self._until_back(), name="limits probe")
        waiting, self._waiting = [*batch, *self._waiting], []
        for each in waiting:
            if each.answer is not None and not each.answer.done():
                each.answer.set_result(self._decide_alone(each.questions, each.lease))

    def _decide_alone(self, questions: Sequence[Question], lease: str) -> Verdict:
        waits = self._alone.ask(questions)
        standings = tuple(Standing(wait <= 0, 0, max(0.0, wait), max(0.0, wait)) for wait in waits)
        return Verdict(standings, questions, lease, alone=True)

    async def _until_back(self) -> None:
        assert self._redis is not None
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                    await self._redis.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            log.info("redis is back; limits are shared again")
            self._probing = None
            return

    async def close(self) -> None:
        """Let go of Redis."""
        await ended(*(task for task in (self._asking, self._probing) if task is not None))
        if self._redis is not None:
            await self._redis.aclose()
