"""A turn: applied once, answered the same, whatever is said again."""

from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add


async def test_smoke(probe: ProbeHouse) -> None:
    assert (await probe.says(Add(counter="smoke", amount=4))).total == 4
    assert len(await probe.until_heard("smoke", 1)) == 1
