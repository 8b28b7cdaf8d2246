"""The broker is short of memory and takes nothing: clients are told so at once, and all goes on when it has memory again."""

import asyncio

import aiohttp
import pytest

from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.faults.branch import Branch, is_ready
from tests.faults.partner import Partner
from tests.faults.rush import Rush
from tests.faults.surroundings import be_short_of_memory

pytestmark = pytest.mark.faults

TOLD_SECONDS, ALARM_SECONDS = 1.0, 4.0
"""How long a request that comes during the alarm may wait for its no; and how long the alarm lasts."""


async def is_unready(branch: Branch) -> bool:
    """What a balancer sees. Its question is also what shows the edge that nothing is taken, where all clients wait."""
    async with aiohttp.ClientSession() as http:
        return not await is_ready(http, branch.url)


async def test_clients_are_told_while_the_broker_takes_nothing(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="memory") as rush:
        await rush.flows()
        alarm = asyncio.create_task(be_short_of_memory(branch, ALARM_SECONDS))
        await until(lambda: is_unready(branch), within_seconds=60)
        told = stopwatch_seconds()
        await until(lambda: rush.told_to_wait(told) > 30)
        await alarm
        assert await rush.resumes() < 5
        await rush.flows()
    late = [
        answer.ended - answer.began
        for _, answer in rush.history.answers()
        if told < answer.began < told + ALARM_SECONDS / 2 and answer.ended - answer.began > TOLD_SECONDS
    ]
    assert not late, f"{len(late)} requests waited, up to {max(late):.1f} s"
    (await rush.inquest()).assert_sound()
