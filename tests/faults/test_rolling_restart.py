"""A rolling restart: each process gets SIGTERM in its turn, while its twin works on. Turns and requests in flight finish."""

import signal

import pytest

from runtime.clock import stopwatch_seconds
from tests.faults.branch import Branch
from tests.faults.partner import Partner
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults

GRACE_SECONDS = 5.0
"""A drain with nothing long in hand ends well within this."""


async def test_a_rolling_restart_fails_nobody(branch: Branch, partner: Partner) -> None:
    async with (
        branch.another_ledger() as second_ledger,
        branch.another_edge() as (second_edge, url),
        Rush(branch, partner, seed="rolling", urls=[branch.url, url]) as rush,
    ):
        await rush.flows()
        for worker in (branch.ledger, second_ledger, branch.others, branch.edge, second_edge):
            began = stopwatch_seconds()
            await worker.terminate()
            assert worker.ended == [0], f"{worker.name} ended by {worker.ended}"
            assert stopwatch_seconds() - began < GRACE_SECONDS
            await worker.alive()
            await rush.flows()
    failed = {answer.status for _, answer in rush.history.answers() if not answer.is_definite and answer.status is not None}
    assert not failed, f"answered {failed}"
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
