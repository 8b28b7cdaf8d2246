"""The actors' side of the cache: what a committed turn made old is forgotten before its reply is sent, or nobody trusts the cache.

Each process of actors vouches in Redis, for the next seconds, that it misses nothing. Whoever reads trusts what is kept only
while all of them do. So when Redis cannot be told what is old now (it is down, hangs, or cannot be reached from here), this
process stops vouching, and the turn's reply waits until what it vouched for last is over: TRUST_SECONDS at most, once. When Redis
is back, the first thing it gets from here is another epoch, by which all that was kept is old; only then is it vouched for again.

What goes wrong, and why nothing stale is read afterwards:

    Redis restarts             another run id: no stamp from before fits, whatever its file had lost
    Redis hangs (a pause)      the vouchers lapse meanwhile; who vouches after a lapse begins a new epoch
    Redis is emptied           nothing is kept and nobody vouches
    only we cannot reach it    we stop vouching, so nobody trusts it; it is told a new epoch when we are back
    a command arrives late     a voucher names its end by Redis's own clock, so it vouches for no longer, whenever it arrives
    we die                     the voucher lapses; after GONE_MILLISECONDS all is old. What we had committed and not told is
                               told by whoever sweeps up our outbox, or answers the same message again from the inbox
    a failover                 the run that we last saw is another: a new epoch

What is not covered: a process that never reached Redis since it began, while others do; what it makes old is found at the end of
the time for which replies are kept.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from uuid import uuid4

from messages.base import Event, all_message_types, message_type
from runtime import telemetry
from runtime.cache.line import Away, Line
from runtime.cache.scripts import EPOCH, FORGET, LEAVE, PREFIX, VOUCH, VOUCHERS
from runtime.clock import stopwatch_seconds
from runtime.envelope import Envelope
from runtime.supervisor import ended

log = logging.getLogger("coffer.cache")

TRUST_SECONDS = 3.0
"""For how long is vouched at a time: the longest that a reply waits when Redis goes away."""
RENEW_SECONDS = 0.5
TIME_SECONDS = 1.0
"""How long Redis's clock is known well enough."""
SLACK_SECONDS = 0.1
"""By how much two clocks may run apart within these times."""
LOOK_SECONDS = 0.02


def everything_of(actor: str) -> str:
    """The tag that all cached replies of an actor have."""
    return f"actor/{actor}"


class Voucher:
    """Forgets what turns made old, and vouches that nothing was missed."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._process = uuid4().hex
        self._now = 0
        """Redis's clock, in milliseconds,"""
        self._now_at = float("-inf")
        """and when, at the latest, it showed that."""
        self._run = b""
        self._trusted_until = float("-inf")
        """Until when, at the latest, somebody may trust because of us."""
        self._missed = 0
        """How often something could not be told,"""
        self._made_good = 0
        """and how much of that a new epoch has made good."""
        self._tasks: list[asyncio.Task[None]] = []
        self._teach = frozenset[str]()
        self._actors = frozenset[str]()

    async def start(self) -> None:
        """Begin vouching."""
        renewing = [kind for kind in all_message_types() if kind.renews]
        self._teach = frozenset(kind.wire for kind in renewing)
        self._actors = frozenset(kind.actor for kind in renewing)
        if self._line.is_there:
            await self._try()
            self._tasks = [asyncio.create_task(self._keep_vouching(), name="cache voucher")]

    async def stop(self) -> None:
        """Stop vouching; at once for all where nothing was missed, else it lapses."""
        await ended(*self._tasks)
        if self._line.is_there and self._missed == self._made_good:
            try:
                await self._line.run(LEAVE, [EPOCH, VOUCHERS], [self._process])
            except Away:
                log.info("left without a word; what was vouched for lapses")

    async def renew(self, events: Iterable[Event]) -> None:
        """These have been committed: what they made old is read by nobody who asks after this returns."""
        tags = [tag for event in events for tag in event.filled(event.renews)]
        if tags:
            await self._forget(tags)

    async def renew_left_behind(self, envelopes: Sequence[Envelope]) -> None:
        """The same for what another process committed, and may not have told before it died."""
        tags: list[str] = []
        for each in envelopes:
            if each.type in self._teach and (kind := message_type(each.type)) is not None:
                tags += kind.model_validate_json(each.body).filled(kind.renews)
        if tags:
            await self._forget(tags)

    async def answered_again(self, actor: str) -> None:
        """A message was answered from the inbox. Whoever handled it may have died before it told what it made old."""
        if actor in self._actors:
            await self._forget([everything_of(actor)])

    def missed(self) -> None:
        """Something that Redis should have got did not reach it: begin a new epoch as soon as it is there."""
        self._missed += 1

    async def _forget(self, tags: Sequence[str]) -> None:
        if not self._line.is_there:
            return
        telemetry.cache_renewed.inc(len(tags))
        try:
            await self._line.run(FORGET, [f"{PREFIX}tag:{tag}" for tag in dict.fromkeys(tags)], [uuid4().hex])
        except Away:
            self._missed += 1
            await self._until_nobody_trusts(self._missed)

    async def _until_nobody_trusts(self, mine: int) -> None:
        while stopwatch_seconds() < self._trusted_until and self._made_good < mine:
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep_vouching(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._try()

    async def _try(self) -> None:
        try:
            await self._vouch()
        except Away:
            telemetry.cache_vouched.set(0)
        except Exception:
            log.exception("vouching failed")

    async def _vouch(self) -> None:
        if stopwatch_seconds() - self._now_at > TIME_SECONDS:
            await self._say(0, missed=False)
        until = self._now + int(TRUST_SECONDS * 1000)
        # Before it is said: it may arrive although no answer comes.
        self._trusted_until = max(self._trusted_until, self._now_at + TRUST_SECONDS + SLACK_SECONDS)
        covered = self._missed
        run = await self._say(until, missed=covered > self._made_good)
        self._made_good, self._run = covered, run
        telemetry.cache_vouched.set(1)

    async def _say(self, until: int, *, missed: bool) -> bytes:
        now, run = await self._line.run(
            VOUCH, [EPOCH, VOUCHERS], [uuid4().hex, self._process, until, int(missed), self._run], insist=True
        )
        self._now, self._now_at = int(now), stopwatch_seconds()
        return bytes(run)
