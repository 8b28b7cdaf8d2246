"""A ledger is stopped in the middle of a turn for longer than its heartbeat; another takes over; then it wakes up. It must lose."""

import asyncio

import pytest

from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.launch import PLANTED
from tests.faults.partner import Partner
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults

IMPATIENT = {"COFFER_BROKER__HEARTBEAT_SECONDS": "1", PLANTED: "impatient"}
"""So that broker and database notice in seconds."""


@pytest.mark.parametrize("place", ["after_begin", "before_commit", "after_commit_before_reply"])
async def test_a_process_that_wakes_up_late_loses(branch: Branch, partner: Partner, place: str) -> None:
    """Before its transaction; in it, with all its locks; after it, with its replies unsent."""
    async with Rush(branch, partner, seed=f"zombie-{place}") as rush:
        await rush.flows()
        zombie = branch.ledger
        await branch.rebirth(zombie, environment=IMPATIENT, lives=[{"COFFER_FAILPOINTS": f"{place}=stop@40"}])
        await until(lambda: zombie.is_stopped, within_seconds=20)
        stopped = stopwatch_seconds()
        async with branch.twin_of(zombie) as second:
            await until(lambda: rush.history.resumed(stopped) is not None, within_seconds=20)
            await rush.flows()
            zombie.go_on()
            await rush.flows()
            await asyncio.gather(second.alive(), rush.flows())
        assert not zombie.ended
        await rush.resumes()
    (await rush.inquest()).assert_sound()
