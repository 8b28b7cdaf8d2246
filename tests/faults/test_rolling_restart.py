"""A rolling restart: each process gets SIGTERM in its turn, while its twin works on. Turns and requests in flight finish."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from runtime.clock import stopwatch_seconds
from tests.faults.branch import Branch, is_ready
from tests.faults.partner import Partner
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults

GRACE_SECONDS = 5.0
"""A drain with nothing long in hand ends well within this."""


@contextlib.asynccontextmanager
async def balanced(rush: Rush, urls: list[str]) -> AsyncIterator[None]:
    """A load balancer: customers go where `/ready` says yes, asked every 50 ms."""

    async def watch() -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                ready = [url for url in urls if await is_ready(http, url)]
                rush.customers.urls[:] = ready or urls
                await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_rolling_restart_fails_nobody(branch: Branch, partner: Partner) -> None:
    async with (
        branch.twin_of(branch.ledger) as ledger2,
        branch.twin_of(branch.others) as others2,
        branch.another_edge() as (edge2, url),
        Rush(branch, partner, seed="rolling") as rush,
        balanced(rush, [branch.url, url]),
    ):
        await rush.flows()
        for worker in (branch.ledger, ledger2, branch.others, others2, branch.edge, edge2):
            began = stopwatch_seconds()
            await worker.terminate()
            assert worker.ended[-1] == 0, f"{worker.name} ended by {worker.ended}"
            assert stopwatch_seconds() - began < GRACE_SECONDS, f"{worker.name} took its time"
            await worker.alive()
            if worker.part == "actors":
                await branch.until_consuming(worker)
            for edge in (branch.url, url):
                await branch.until_ready(edge)
            await rush.flows()
    failed = [answer for _, answer in rush.history.answers() if not answer.is_definite]
    assert not failed, f"answered {[answer.status for answer in failed]}"
    (await rush.inquest()).assert_sound()


async def test_a_second_signal_ends_at_once(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="twice") as rush:
        await rush.flows()
        await branch.rebirth(branch.ledger, lives=[{"COFFER_FAILPOINTS": "before_commit=wait:30@9"}])
        await rush.stalls()
        began = stopwatch_seconds()
        branch.ledger.send(signal.SIGTERM)
        branch.ledger.send(signal.SIGTERM, after_seconds=0.2)
        await rush.resumes()
        assert stopwatch_seconds() - began < GRACE_SECONDS
        assert branch.ledger.ended == [130]
    (await rush.inquest()).assert_sound()
