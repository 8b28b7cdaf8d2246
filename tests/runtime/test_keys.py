"""One key's messages are handled one at a time and in order; different keys do not wait for each other."""

import random
from collections import defaultdict

import pytest

from runtime import mailbox
from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Note, Shout, Whisper


@pytest.mark.parametrize("seed", range(3))
async def test_the_messages_of_each_key_are_handled_one_at_a_time_and_in_order(probe: ProbeHouse, seed: int) -> None:
    chance = random.Random(seed)
    keys = [f"{seed} {name}" for name in "abcdefghij"]
    said: dict[str, list[int]] = defaultdict(list)
    envelopes = []
    for number in range(300):
        key = chance.choice(keys)
        trouble = chance.choice(["", "", "", "", "fault:1", "fault:3"]) if chance.random() < 0.1 else ""
        said[key].append(number)
        envelopes.append(probe.mouth.envelope(Add(counter=key, amount=number, trouble=trouble)))
    again = chance.sample(envelopes, 60)
    await probe.mouth.put(*envelopes[:200], *again[:30], *envelopes[200:], *again[30:])
    for key in keys:
        # What is said again, before or after it was handled, changes nothing.
        first_said = list(dict.fromkeys(e.message_id for e in envelopes[:200] + again[:30] + envelopes[200:] if e.key == key))
        amounts = {e.message_id: amount for e, amount in zip(envelopes, range(300), strict=True)}
        await probe.until_stepped(key, [amounts[message_id] for message_id in first_said])
        assert scene.most_working[key] == 1


async def test_different_keys_are_handled_side_by_side(probe: ProbeHouse) -> None:
    keys = [f"side {number}" for number in range(probe.actors.pools["probe"].settings.concurrency)]
    await probe.mouth.say(*(Add(counter=key, trouble="gate:side") for key in keys))
    await until(lambda: len(scene.begun) == len(keys))
    assert scene.most_working["*"] == len(keys)
    scene.gate("side").set()
    for key in keys:
        await probe.until_stepped(key, [1])


async def test_messages_without_a_key_do_not_wait_for_each_other(probe: ProbeHouse) -> None:
    await probe.mouth.say(*(Note(trouble="gate:notes") for _ in range(5)))
    await until(lambda: len(scene.begun) == 5)
    scene.gate("notes").set()
    await probe.until_stepped("notes", [1] * 5)


async def test_a_message_without_a_key_that_is_said_twice_is_not_handled_twice_at_once(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Note(trouble="gate:once"), reply_to="")
    before = await probe.steps("notes")
    await probe.mouth.put(envelope, envelope, envelope)
    await until(lambda: scene.begun)
    scene.gate("once").set()
    await probe.until_stepped("notes", [*before, 1])
    await probe.says(Note())
    assert scene.handlings[envelope.message_id] == 1
    assert scene.most_working["notes"] == 1


async def test_the_more_urgent_of_what_waits_goes_first(probe: ProbeHouse) -> None:
    await probe.mouth.say(Add(counter="urgent", trouble="gate:urgent"))
    await until(lambda: scene.begun)
    await probe.mouth.say(Whisper(counter="urgent", amount=2))
    await probe.mouth.say(Add(counter="urgent", amount=3))
    await probe.mouth.say(Shout(counter="other urgent", amount=4))
    scene.gate("urgent").set()
    await probe.until_stepped("urgent", [1, 2, 3])
    await probe.until_stepped("other urgent", [4])


async def test_a_message_that_waits_in_the_process_overtakes_more_urgent_ones_in_the_end(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    monkeypatch.setattr(mailbox, "LEVEL_UP_SECONDS", 0.02)
    partition = probe.topology.mailboxes["probe"].partition_of
    keys = [key for key in (f"hot-{number}" for number in range(1000)) if partition(key) == partition("hot-0")]
    quiet, *loud = keys
    running = loud[: probe.actors.pools["probe"].settings.concurrency]
    await probe.mouth.say(*(Add(counter=key, trouble=f"gate:{key}") for key in running))
    await until(lambda: len(scene.begun) == len(running))
    await probe.mouth.say(Whisper(counter=quiet))
    await until(lambda: probe.actors.pools["probe"].depth > len(running))
    waits_since = stopwatch_seconds()
    await until(lambda: stopwatch_seconds() > waits_since + 0.1)
    await probe.mouth.say(*(Shout(counter=key) for key in loud[len(running) : len(running) + 12]))
    await until(lambda: probe.actors.pools["probe"].depth >= len(running) + 13)
    scene.gate(running[0]).set()
    await probe.until_stepped(loud[len(running) + 11], [1])
    assert scene.begun[len(running)][0] == quiet
