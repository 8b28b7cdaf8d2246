"""Many messages in one transaction are answered as they would have been one by one; one that is no good hurts no other."""

from collections import Counter
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messages.ids import new_id
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, TallyAdd, TallyOpen

SENTENCES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-9, 9), st.sampled_from(["", "", "", "", "fault:1", "refuse"])),
    min_size=1,
    max_size=40,
)


async def answers_with(probe: ProbeHouse, batch: int, said: list[tuple[str, int, str]], again: list[int]) -> list[Any]:
    """What the same sequence is answered when so many are taken in one transaction."""
    desk = probe.actors.pools["tally"]._mailboxes[0].desk
    desk.batch = batch  # type: ignore[attr-defined]  # a stream's desk has one
    world = str(new_id())
    scene.forget()
    # All of it waits behind the first, so that it is taken together.
    blocker = probe.mouth.envelope(TallyOpen(tally=world, trouble="gate:batch"))
    envelopes = [probe.mouth.envelope(TallyAdd(tally=f"{world} {name}", amount=amount, trouble=t)) for name, amount, t in said]
    await probe.mouth.put(blocker)
    await until(lambda: scene.handlings[blocker.message_id])
    repeated = [envelopes[index % len(envelopes)] for index in again]
    await probe.mouth.put(*envelopes)
    for each in repeated:
        each.reply_to = ""  # else whoever asks again is told that it is being worked on
    await probe.mouth.put(*repeated)
    for each in repeated:
        each.reply_to = probe.mouth.queue
    await until(lambda: probe.actors.pools["tally"].depth >= 1 + len(envelopes) + len(repeated))
    scene.gate("batch").set()
    await probe.mouth.until_answered(*(each.message_id for each in envelopes))
    await until(lambda: probe.actors.pools["tally"].depth == 0)
    found = []
    for each in envelopes:
        ((kind, body),) = probe.mouth.answers(each.message_id)
        found.append((kind, body.replace(world.encode(), b"world")))
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=SENTENCES, again=st.lists(st.integers(0, 39), max_size=10))
async def test_a_batch_answers_as_one_by_one(probe: ProbeHouse, said: list[tuple[str, int, str]], again: list[int]) -> None:
    # What fails at first steps aside and comes later, so that only what does not fail has its order.
    faultless = [(name, amount, "" if trouble == "fault:1" else trouble) for name, amount, trouble in said]
    one_by_one = await answers_with(probe, 1, faultless, again)
    together = await answers_with(probe, 256, faultless, again)
    assert together == one_by_one
    assert max(scene.batches) > 1 or len(said) < 2 or any(trouble for *_, trouble in faultless)


async def test_what_waits_is_taken_together_and_never_waited_for(probe: ProbeHouse) -> None:
    await answers_with(probe, 256, [("a", 1, "")] * 100, [])
    assert sum(scene.batches) == 100
    assert len(scene.batches) <= 3
    scene.forget()
    await probe.says(TallyAdd(tally="alone", amount=1))
    assert scene.batches == [1]


async def test_one_that_fails_hurts_none_of_the_others(probe: ProbeHouse) -> None:
    said = [("a", 1, ""), ("a", 1, "fault:*"), ("a", -9, ""), ("a", 1, "refuse"), ("a", 1, "fault:1"), ("a", 1, "")]
    desk = probe.actors.pools["tally"]._mailboxes[0].desk
    desk.batch = 256  # type: ignore[attr-defined]  # a stream's desk has one
    world = str(new_id())
    envelopes = [probe.mouth.envelope(TallyAdd(tally=f"{world} {name}", amount=n, trouble=t)) for name, n, t in said]
    await probe.mouth.put(*envelopes)
    await probe.mouth.until_answered(*(each.message_id for each in envelopes))
    kinds = [probe.mouth.answers(each.message_id)[-1][0] for each in envelopes]
    assert kinds == ["reply", "fault", "refusal", "refusal", "reply", "reply"]
    assert await probe.steps(f"{world} a") == [1, 1, 1]
    letter = await probe.until_dead(message_id=envelopes[1].message_id)
    assert (letter["actor"], letter["reason"]) == ("tally", "exhausted")


async def test_a_message_that_fails_in_a_stream_does_not_stop_the_stream(probe: ProbeHouse) -> None:
    (failing,) = await probe.mouth.say(TallyOpen(tally="poison", trouble="fault:*"))
    numbers = [(await probe.says(TallyAdd(tally="goes on", amount=1))).number for _ in range(5)]
    assert numbers == [1, 2, 3, 4, 5]
    await probe.until_dead(message_id=failing)


async def test_the_same_message_twice_in_one_batch_is_applied_once(probe: ProbeHouse) -> None:
    replies = await answers_with(probe, 256, [("a", 5, "")], [0, 0, 0])
    assert [orjson.loads(body)["number"] for _, body in replies] == [1]


async def test_the_same_id_for_something_else_is_refused_within_one_batch(probe: ProbeHouse) -> None:
    blocker = probe.mouth.envelope(TallyOpen(tally="ids", trouble="gate:ids"))
    await probe.mouth.put(blocker)
    await until(lambda: scene.handlings[blocker.message_id])
    message_id = new_id()
    first = probe.mouth.envelope(TallyAdd(tally="ids", amount=1), message_id=message_id, reply_to="")
    second = probe.mouth.envelope(TallyAdd(tally="ids", amount=2), message_id=message_id)
    await probe.mouth.put(first)
    await until(lambda: probe.actors.pools["tally"].depth == 2)
    # The second asks for an answer, and would be told that the id is being worked on; as a redelivery it is not.
    second.reply_to = ""
    await probe.mouth.put(second)
    await until(lambda: probe.actors.pools["tally"].depth == 3)
    scene.gate("ids").set()
    await probe.until_stepped("ids", [1])
    answer = await probe.call(TallyAdd(tally="ids", amount=2), message_id=message_id)
    assert orjson.loads(answer.body)["rule"] == "idempotency_key_reused"
    assert await probe.steps("ids") == [1]


async def test_the_events_of_a_batch_are_told_once_each(probe: ProbeHouse) -> None:
    before = len(await probe.fetch("SELECT FROM runtime.outbox WHERE actor = 'tally'"))
    blocker = probe.mouth.envelope(TallyOpen(tally="told", trouble="gate:told"))
    await probe.mouth.put(blocker)
    await until(lambda: scene.handlings[blocker.message_id])
    await probe.mouth.say(*(TallyAdd(tally="told", amount=number) for number in range(1, 31)))
    await until(lambda: probe.actors.pools["tally"].depth == 31)
    scene.gate("told").set()
    heard = await probe.until_heard("told", 30)
    assert Counter(row["amount"] for row in heard) == Counter(range(1, 31))
    # One row of the outbox per turn, not per event.
    assert len(await probe.fetch("SELECT FROM runtime.outbox WHERE actor = 'tally'")) - before == 1


async def test_a_fault_of_the_surroundings_in_a_batch_burns_no_attempt_and_keeps_the_order(probe: ProbeHouse) -> None:
    said = [TallyAdd(tally="away", amount=number, trouble="away:2" if number == 3 else "") for number in range(1, 8)]
    ids = await probe.mouth.say(*said)
    await probe.until_stepped("away", [1, 2, 3, 4, 5, 6, 7])
    assert not await probe.fetch("SELECT FROM runtime.attempt WHERE message_id = ANY($1::uuid[]) AND failures > 0", ids)


@pytest.mark.parametrize("mailbox", ["tally", "probe"])
async def test_nothing_is_left_in_hand(probe: ProbeHouse, mailbox: str) -> None:
    await probe.says(Add(counter="last"))
    await until(lambda: probe.actors.pools[mailbox].depth == 0)
    assert all(not box.desk._ids for box in probe.actors.pools[mailbox]._mailboxes if hasattr(box.desk, "_ids"))
