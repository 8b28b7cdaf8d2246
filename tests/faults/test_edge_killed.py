"""The edge dies with requests in flight: the clients see a cut, ask again under the same key, and get the one answer."""

import pytest

from tests.faults.branch import Branch
from tests.faults.partner import Partner
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults


async def test_the_edge_dies_with_requests_in_flight(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="edge") as rush:
        for _ in range(3):
            await rush.flows()
            await branch.edge.kill()
        took = await rush.resumes()
    assert took < 3, f"resumed after {took:.1f} s"
    assert any(answer.status is None for _, answer in rush.history.answers()), "no request was in flight"
    (await rush.inquest()).assert_sound()
