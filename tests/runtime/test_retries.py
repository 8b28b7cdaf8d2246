"""What fails is tried again in place, then parked with its key in order, at last a dead letter; other keys go on all the while."""

from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest

from messages.base import Refusal
from messages.ids import new_id
from messages.operations import DiscardDeadLetter, ReplayDeadLetter
from runtime import telemetry
from runtime.clock import unix_milliseconds
from runtime.middleware import retries
from runtime.middleware.retries import Retries, RetryPolicy
from runtime.performer import Performer
from tests.bank import until
from tests.runtime.probe import Probe, scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Relay, Secret, SwapNow

TROUBLE_FOR_GOOD = "fault:*"
IN_PLACE = 4
"""The first try and three more."""


async def test_a_retry_in_place_keeps_the_order_of_its_key_and_stops_no_other(probe: ProbeHouse) -> None:
    await probe.mouth.say(
        Add(counter="in place", amount=1, trouble="fault:3"), Add(counter="in place", amount=2), Add(counter="beside", amount=1)
    )
    await probe.until_stepped("beside", [1])
    await probe.until_stepped("in place", [1, 2])
    assert not await probe.dead()


async def test_a_parked_key_takes_its_messages_behind_it_and_gives_them_back_in_order(probe: ProbeHouse) -> None:
    ids = await probe.mouth.say(Add(counter="parked", amount=1, trouble="broken:parked"))
    await probe.until_parked("parked", 1)
    await probe.freeze("parked")
    ids += await probe.mouth.say(*(Add(counter="parked", amount=amount) for amount in range(2, 6)))
    await probe.until_parked("parked", 5)
    assert [row["message_id"] for row in await probe.parked("parked")] == ids
    assert await probe.steps("parked") == []
    assert (await probe.says(Add(counter="not parked"))).total == 1

    scene.gate("parked").set()
    await probe.thaw("parked")
    await probe.until_stepped("parked", [1, 2, 3, 4, 5])
    await probe.mouth.until_answered(*ids)
    await probe.until_parked("parked", 0)
    # Freed: what comes now is handled at once.
    assert (await probe.says(Add(counter="parked", amount=6))).number == 6


async def test_a_parked_message_may_carry_what_no_database_takes(probe: ProbeHouse) -> None:
    await probe.mouth.say(Add(counter="nul", trouble=f"fault:{IN_PLACE + 1}"), correlation_id="a\x00b")
    await probe.until_stepped("nul", [1])


async def test_what_waits_behind_a_parked_key_and_comes_too_late_is_answered_so(probe: ProbeHouse) -> None:
    (head,) = await probe.mouth.say(
        Add(counter="tardy", amount=1, trouble="broken:tardy"),
        deadline_milliseconds=unix_milliseconds(probe.clock.now()) + 300,
    )
    await probe.until_parked("tardy", 1)
    await probe.freeze("tardy")
    (behind,) = await probe.mouth.say(
        Add(counter="tardy", amount=2), deadline_milliseconds=unix_milliseconds(probe.clock.now()) + 100
    )
    await probe.until_parked("tardy", 2)
    deadline = unix_milliseconds(probe.clock.now()) + 400
    await until(lambda: unix_milliseconds(probe.clock.now()) > deadline)
    scene.gate("tardy").set()
    await probe.thaw("tardy")
    await probe.mouth.until_answered(head, behind)
    # The head had begun, and might have asked others; the one behind it had not.
    assert probe.mouth.answers(head)[-1][0] == "reply"
    assert probe.mouth.answers(behind)[-1][0] == "expired"
    assert await probe.steps("tardy") == [1]


async def test_what_is_exhausted_becomes_a_dead_letter_with_all_that_is_known(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="exhausted", amount=1, trouble=TROUBLE_FOR_GOOD))
    await probe.mouth.put(envelope)
    letter = await probe.until_dead(message_id=envelope.message_id)
    parked_tries = probe.actors.pools["probe"].settings.retry.parked
    assert (letter["actor"], letter["type"], letter["key"]) == ("probe", "probe.add.v1", "exhausted")
    assert (letter["reason"], letter["state"]) == ("exhausted", "dead")
    assert "trouble fault:*" in letter["error"]
    assert letter["attempts"] == IN_PLACE + parked_tries == scene.handlings[envelope.message_id]
    assert letter["first_at"] < letter["last_at"]
    assert orjson.loads(letter["envelope"])["body"] == envelope.body.decode()
    await probe.mouth.until_answered(envelope.message_id)
    assert probe.mouth.answers(envelope.message_id)[-1][0] == "fault"
    # By the policy `continue` its key goes on.
    await until(lambda: _is_free(probe, "exhausted"))
    assert (await probe.says(Add(counter="exhausted", amount=2))).total == 2


async def test_what_waits_behind_a_dead_message_goes_on_in_order(probe: ProbeHouse) -> None:
    await probe.mouth.say(Add(counter="behind", amount=1, trouble=TROUBLE_FOR_GOOD))
    await probe.mouth.say(*(Add(counter="behind", amount=amount) for amount in (2, 3, 4)))
    await probe.until_stepped("behind", [2, 3, 4])
    await probe.until_dead(key="behind")


@pytest.fixture
async def holding(probe: ProbeHouse) -> AsyncIterator[ProbeHouse]:
    """The house while a probe's key is held when its message died."""
    pool = probe.actors.pools["probe"]
    old = pool.settings
    await pool.change(old.model_copy(update={"retry": old.retry.model_copy(update={"exhausted": "hold"})}))
    await probe.until_ready()
    yield probe
    await pool.change(old)


async def test_by_policy_the_key_of_a_dead_message_is_held_until_it_is_replayed(holding: ProbeHouse) -> None:
    (message_id,) = await holding.mouth.say(Add(counter="held", amount=1, trouble="fault:7"))
    letter = await holding.until_dead(message_id=message_id)
    await holding.mouth.say(Add(counter="held", amount=2), Add(counter="held", amount=3))
    await holding.until_parked("held", 2)
    assert (await holding.says(Add(counter="not held"))).total == 1

    await holding.says(ReplayDeadLetter(dead_letter_id=letter["id"]))
    await holding.until_stepped("held", [1, 2, 3])
    await until(lambda: _is_free(holding, "held"))


async def test_by_policy_the_key_of_a_dead_message_is_held_until_it_is_discarded(holding: ProbeHouse) -> None:
    (message_id,) = await holding.mouth.say(Add(counter="held too", amount=1, trouble=TROUBLE_FOR_GOOD))
    letter = await holding.until_dead(message_id=message_id)
    await holding.mouth.say(Add(counter="held too", amount=2))
    await holding.until_parked("held too", 1)
    await holding.says(DiscardDeadLetter(dead_letter_id=letter["id"], note="the customer withdrew it"))
    await holding.until_stepped("held too", [2])
    await until(lambda: _is_free(holding, "held too"))


async def _is_free(probe: ProbeHouse, key: str) -> bool:
    return not await probe.parked(key)


async def test_a_message_that_ends_its_process_each_time_is_put_aside(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="killer"))
    # What three processes that were killed in its turn have left.
    await probe.database.execute(
        "INSERT INTO runtime.attempt (actor, message_id, starts) VALUES ('probe', $1, 3)", envelope.message_id
    )
    outcome = await _retries(probe).perform(envelope, redelivered=True)
    assert outcome is not None
    assert outcome.kind == "fault"
    letter = await probe.until_dead(message_id=envelope.message_id)
    assert (letter["reason"], letter["attempts"]) == ("kills_process", 4)
    assert await probe.steps("killer") == []


async def test_a_parked_message_that_ends_its_process_each_time_is_put_aside(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Add(counter="parked killer", trouble="broken:killer"))
    await probe.until_parked("parked killer", 1)
    await probe.freeze("parked killer")
    await probe.database.execute("UPDATE runtime.attempt SET starts = 3 WHERE message_id = $1", message_id)
    scene.gate("killer").set()
    await probe.thaw("parked killer")
    assert (await probe.until_dead(message_id=message_id))["reason"] == "kills_process"
    await until(lambda: _is_free(probe, "parked killer"))


async def test_a_redelivered_message_that_ends_well_counts_as_nothing(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="again"))
    for _ in range(6):
        outcome = await _retries(probe).perform(envelope, redelivered=True)
        assert outcome is not None
        assert outcome.kind == "reply"
    (row,) = await probe.fetch("SELECT starts FROM runtime.attempt WHERE message_id = $1", envelope.message_id)
    assert row["starts"] == 0


async def test_a_start_that_could_not_be_uncounted_is_not_counted_twice(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    envelope = probe.mouth.envelope(Add(counter="uncounted", trouble="away:4"))

    async def away(*_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError("the database went away in the turn")

    ours = _retries(probe)
    with monkeypatch.context() as patch:
        patch.setattr(retries.parking, "uncount_start", away)
        for _ in range(4):
            with pytest.raises(Exception, match="trouble away"):
                await ours.perform(envelope, redelivered=True)
    outcome = await ours.perform(envelope, redelivered=True)
    assert outcome is not None
    assert outcome.kind == "reply"
    assert not await probe.dead(message_id=envelope.message_id)


def _retries(probe: ProbeHouse) -> Retries:
    performer = Performer(Probe(), probe.actors._house.surroundings)
    return Retries(performer, probe.actors.database, RetryPolicy(in_place_seconds=(0.001,)))


async def test_a_newer_version_waits_and_is_handled_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    newer = probe.mouth.envelope(SwapNow(counter="newer", amount=1))
    newer.type = "probe.swap.v3"
    await probe.mouth.put(newer)
    await probe.mouth.say(Add(counter="newer", amount=2))
    await probe.until_parked("newer", 2)
    ((parked), *_) = await probe.parked("newer")
    assert parked["reason"].startswith("newer_version")
    assert not await probe.dead(message_id=newer.message_id)
    await probe.thaw("newer")
    await until(lambda: _waits_for_long(probe, "newer"))
    assert await probe.steps("newer") == []

    # The deployment went on: this process knows it now.
    monkeypatch.setitem(message_types(), "probe.swap.v3", SwapNow)

    async def is_handled() -> bool:
        await probe.thaw("newer")
        return len(await probe.steps("newer")) == 2

    await until(is_handled)
    assert await probe.steps("newer") == [1, 2]


def message_types() -> dict[str, object]:
    """The messages that this process knows, by wire name."""
    from messages import base

    return base._by_wire  # type: ignore[return-value]  # seen as objects here


async def _waits_for_long(probe: ProbeHouse, key: str) -> bool:
    rows = await probe.fetch("SELECT FROM runtime.parked_key WHERE key = $1 AND due_at > now() + interval '20 seconds'", key)
    return bool(rows)


async def test_a_message_with_a_secret_is_written_down_nowhere(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Secret(counter="hush", word="open sesame", trouble=TROUBLE_FOR_GOOD))
    letter = await probe.until_dead(message_id=message_id)
    assert "open sesame" not in letter["envelope"]
    await probe.mouth.say(Add(counter="hush", trouble="broken:hush"))
    await probe.until_parked("hush", 1)
    await probe.freeze("hush")
    (asked,) = await probe.mouth.say(Secret(counter="hush", word="open sesame"))
    await probe.mouth.until_answered(asked)
    assert probe.mouth.answers(asked)[-1][0] == "busy"
    assert len(await probe.parked("hush")) == 1
    scene.gate("hush").set()
    await probe.thaw("hush")
    await probe.until_stepped("hush", [1])


async def test_who_asked_for_what_cannot_be_handled_fails_too_instead_of_waiting(probe: ProbeHouse) -> None:
    message_id = new_id()
    await probe.mouth.say(Relay(counter="in vain", their_trouble=TROUBLE_FOR_GOOD), message_id=message_id)
    letter = await probe.until_dead(message_id=message_id, within_seconds=30)
    assert letter["actor"] == "herald"
    assert "could not be handled" in letter["error"]


async def test_a_fault_of_the_surroundings_burns_no_attempt_and_keeps_the_order(probe: ProbeHouse) -> None:
    ids = await probe.mouth.say(
        Add(counter="held up", amount=1, trouble="away:2"), *(Add(counter="held up", amount=n) for n in range(2, 30))
    )
    await probe.until_stepped("held up", list(range(1, 30)))
    assert not await probe.fetch("SELECT FROM runtime.attempt WHERE message_id = ANY($1::uuid[]) AND failures > 0", ids)
    assert not await probe.dead(key="held up")


async def test_a_message_that_never_gets_what_it_needs_waits_apart_from_its_partition(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    monkeypatch.setattr(retries, "MOST_HOLDS", 2)
    partition = probe.topology.mailboxes["probe"].partition_of
    keys = [key for key in (f"apart {number}" for number in range(400)) if partition(key) == partition("apart 0")][:12]
    # More of them than keys are handled at a time: together they would hold the partition for ever.
    ids = await probe.mouth.say(*(Add(counter=key, amount=1, trouble="away:*") for key in keys[:-1]))
    await probe.mouth.say(Add(counter=keys[0], amount=2))
    for key in keys[:-1]:
        await probe.until_parked(key, 2 if key == keys[0] else 1, within_seconds=30)
    assert (await probe.says(Add(counter=keys[-1]))).total == 1
    assert not await probe.fetch("SELECT FROM runtime.attempt WHERE message_id = ANY($1::uuid[]) AND failures > 0", ids)
    assert not await probe.dead(key=keys[0])
    scene.mended = True
    await probe.until_stepped(keys[0], [1, 2])
    for key in keys[1:-1]:
        await probe.until_stepped(key, [1])


async def test_retries_are_counted_for_the_operator(probe: ProbeHouse) -> None:
    failed, retried = (
        counter.labels("probe", "probe.add.v1")._value.get() for counter in (telemetry.failed, telemetry.retried)
    )
    await probe.says(Add(counter="counted", trouble="fault:2"))
    assert telemetry.failed.labels("probe", "probe.add.v1")._value.get() == failed + 2
    assert telemetry.retried.labels("probe", "probe.add.v1")._value.get() == retried + 2


def test_the_distance_between_tries_grows_and_is_never_nothing() -> None:
    policy = RetryPolicy(parked_seconds=2, parked_seconds_most=60)
    for tries, ceiling in enumerate((2, 4, 8, 16, 32, 60, 60)):
        delays = [policy.parked_delay(tries).total_seconds() for _ in range(100)]
        assert ceiling / 4 <= min(delays) <= max(delays) <= ceiling


async def test_a_refusal_is_never_tried_again(probe: ProbeHouse) -> None:
    message_id = new_id()
    with pytest.raises(Refusal):
        await probe.says(Add(counter="no", trouble="refuse"), message_id=message_id)
    assert scene.handlings[message_id] == 1
