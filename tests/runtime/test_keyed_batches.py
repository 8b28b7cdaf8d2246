"""Messages of different keys in one transaction: each keeps its key's order and its answer, and what is wrong with one hurts no other."""

import random
from collections import defaultdict

import pytest

from runtime.envelope import Envelope
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Heap


async def heaped(probe: ProbeHouse, messages: list[Add | Heap], *, behind: int = 1) -> list[Envelope]:
    """Messages that have waited together, behind others that take all the turns there are for heaps."""
    blockers = [Heap(counter=f"blocker {number}", trouble="gate:heap") for number in range(behind)]
    for number, blocker in enumerate(blockers, start=1):
        await probe.mouth.say(blocker)
        await until(lambda number=number: len(scene.begun) == number)  # type: ignore[misc]  # bound now
    envelopes = [probe.mouth.envelope(message) for message in messages]
    await probe.mouth.put(*envelopes)
    heaps = [message for message in messages if isinstance(message, Heap)]
    await until(lambda: probe.actors.pools["probe"].depth >= behind + len(heaps))
    scene.gate("heap").set()
    await probe.mouth.until_answered(*(each.message_id for each in envelopes))
    return envelopes


@pytest.mark.parametrize("seed", range(3))
async def test_the_messages_of_each_key_are_handled_one_at_a_time_and_in_order(probe: ProbeHouse, seed: int) -> None:
    chance = random.Random(seed)
    keys = [f"heaps {seed} {name}" for name in "abcdefghijklmnop"]
    said: dict[str, list[int]] = defaultdict(list)
    envelopes = []
    for number in range(300):
        key = chance.choice(keys)
        trouble = chance.choice(["fault:1", "fault:2"]) if chance.random() < 0.1 else ""
        said[key].append(number)
        kind = Add if chance.random() < 0.2 else Heap
        envelopes.append(probe.mouth.envelope(kind(counter=key, amount=number, trouble=trouble)))
    again = chance.sample(envelopes, 60)
    await probe.mouth.put(*envelopes[:200], *again[:30], *envelopes[200:], *again[30:])
    amounts = {each.message_id: amount for each, amount in zip(envelopes, range(300), strict=True)}
    for key in keys:
        first_said = list(dict.fromkeys(e.message_id for e in envelopes[:200] + again[:30] + envelopes[200:] if e.key == key))
        await probe.until_stepped(key, [amounts[message_id] for message_id in first_said])
        assert scene.most_working[key] == 1
        heard = await probe.until_heard(key, len(said[key]))
        assert sorted(each["amount"] for each in heard) == sorted(said[key])
    assert max(scene.batches) > 1


async def test_what_waits_is_taken_together_and_each_is_answered(probe: ProbeHouse) -> None:
    envelopes = await heaped(probe, [Heap(counter=f"crowd {number}", amount=number) for number in range(12)])
    assert 12 in scene.batches
    for number, envelope in enumerate(envelopes):
        ((kind, body),) = probe.mouth.answers(envelope.message_id)
        assert (kind, f'"total":{number},'.encode() in body) == ("reply", True)


async def test_never_two_of_one_key_and_never_more_than_a_batch(probe: ProbeHouse) -> None:
    await heaped(probe, [Heap(counter=f"few {number % 3}", amount=number) for number in range(9)])
    assert scene.batches[1:] == [3, 3, 3]
    for key in range(3):
        assert await probe.steps(f"few {key}") == [key, key + 3, key + 6]
    scene.forget()
    await heaped(probe, [Heap(counter=f"many {number}") for number in range(40)])
    assert max(scene.batches) == 16


async def test_one_that_fails_or_is_refused_hurts_none_of_the_others(probe: ProbeHouse) -> None:
    troubles = ["", "fault:*", "refuse", "fault:1", "", "refuse"]
    messages = [Heap(counter=f"mixed {number}", amount=7, trouble=trouble) for number, trouble in enumerate(troubles)]
    envelopes = await heaped(probe, [*messages])
    kinds = [probe.mouth.answers(envelope.message_id)[0][0] for envelope in envelopes]
    assert kinds == ["reply", "fault", "refusal", "reply", "reply", "refusal"]
    for number, kind in enumerate(kinds):
        assert await probe.steps(f"mixed {number}") == ([7] if kind == "reply" else [])
    dead = {each["message_id"] for each in await probe.dead()}
    assert [envelope.message_id in dead for envelope in envelopes] == [kind == "fault" for kind in kinds]


async def test_behind_a_key_that_waits_for_a_retry_its_heaps_wait_in_order(probe: ProbeHouse) -> None:
    await probe.mouth.say(Add(counter="parked heap", amount=1, trouble="broken:parked"))
    await until(lambda: _is_parked(probe))
    said = [Heap(counter="parked heap", amount=2), Heap(counter="free heap"), Heap(counter="parked heap", amount=3)]
    await probe.mouth.say(*said)
    await probe.until_stepped("free heap", [1])
    assert await probe.steps("parked heap") == []
    scene.gate("parked").set()
    await probe.until_stepped("parked heap", [1, 2, 3])


async def _is_parked(probe: ProbeHouse) -> bool:
    return bool(await probe.fetch("SELECT FROM runtime.parked_key WHERE key = 'parked heap'"))
