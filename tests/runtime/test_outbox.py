"""What was said leaves in order and confirmed, is swept up after a dead process, and is said again where the broker lost it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from messages.ids import new_id
from runtime import telemetry
from runtime.admission import LARGEST_BODY
from runtime.bus import LARGEST_REPLY
from runtime.envelope import Envelope
from runtime.errors import Unavailable
from runtime.link import Link
from runtime.outbox import row
from runtime.supervisor import ended
from runtime.topology import EVENTS
from tests.bank import ADMINISTRATOR, until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Boast, CounterMoved, Shout, Whisper

ROWS_OF = "SELECT * FROM runtime.outbox WHERE $1 = ANY (message_ids) ORDER BY number"


async def test_the_events_of_a_turn_are_one_row_and_leave_in_the_order_of_their_key(probe: ProbeHouse) -> None:
    amounts = list(range(1, 60))
    await probe.mouth.say(*(Add(counter="told", amount=amount) for amount in amounts))
    heard = await probe.until_heard("told", len(amounts))
    assert [each["amount"] for each in heard] == amounts
    rows = await probe.fetch(ROWS_OF, heard[0]["message_id"])
    assert len(rows) == 1
    assert rows[0]["message_ids"] == [heard[0]["message_id"]]
    assert rows[0]["receivers"] == ["herald"]
    await until(lambda: _is_settled(probe, heard[-1]["message_id"]))


async def _is_settled(probe: ProbeHouse, message_id: UUID) -> bool:
    return all(each["settled_at"] is not None for each in await probe.fetch(ROWS_OF, message_id))


async def test_an_event_counts_as_sent_only_when_the_broker_has_confirmed_it(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    bus = probe.actors.bus
    say, may_confirm = bus.say_confirmed, asyncio.Event()

    async def say_slowly(envelopes: list[Envelope], **how: Any) -> None:
        if any(each.key == "unconfirmed" for each in envelopes):
            await may_confirm.wait()
        await say(envelopes, **how)

    monkeypatch.setattr(bus, "say_confirmed", say_slowly)
    reply = await probe.says(Add(counter="unconfirmed"))
    assert reply.total == 1  # Nobody waits for the events.
    ((sent_at,),) = await probe.fetch("SELECT sent_at FROM runtime.outbox ORDER BY number DESC LIMIT 1")
    assert sent_at is None
    may_confirm.set()
    (heard,) = await probe.until_heard("unconfirmed", 1)
    await until(lambda: _is_settled(probe, heard["message_id"]))


async def test_what_the_broker_does_not_take_is_said_until_it_does(monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse) -> None:
    bus = probe.actors.bus
    say, refusals = bus.say_confirmed, 3

    async def say_badly(envelopes: list[Envelope], **how: Any) -> None:
        nonlocal refusals
        if any(each.key == "refused once" for each in envelopes) and refusals:
            refusals -= 1
            raise Unavailable("not now")
        await say(envelopes, **how)

    monkeypatch.setattr(bus, "say_confirmed", say_badly)
    await probe.says(Add(counter="refused once", amount=1))
    await probe.says(Add(counter="refused once", amount=2))
    assert [each["amount"] for each in await probe.until_heard("refused once", 2)] == [1, 2]


async def test_an_event_that_comes_twice_is_heard_once(probe: ProbeHouse) -> None:
    event = CounterMoved(counter="twice", amount=7)
    envelope = Envelope.around(event, message_id=new_id(), principal=ADMINISTRATOR)
    envelope.exchange, envelope.routing_key = EVENTS, event.wire
    await probe.actors.bus.say_confirmed([envelope] * 5)
    await probe.actors.bus.say_confirmed([envelope] * 5)
    await probe.until_heard("twice", 1)
    await until(lambda: _is_idle(probe, "events.herald"))
    assert len(await probe.heard("twice")) == 1


async def _is_idle(probe: ProbeHouse, queue: str) -> bool:
    found = await probe.depth(queue)
    return found is not None and found[0] == 0 and probe.actors.pools["herald"].depth == 0


async def test_what_a_dead_process_left_unsaid_is_swept_up(probe: ProbeHouse) -> None:
    message_id = await _left_behind(probe, "left behind", seconds=60)
    (heard,) = await probe.until_heard("left behind", 1)
    assert heard["message_id"] == message_id
    await until(lambda: _is_settled(probe, message_id))


async def test_what_was_said_just_now_is_left_to_who_said_it(probe: ProbeHouse) -> None:
    message_id = await _left_behind(probe, "just now", seconds=0)
    assert await probe.actors.relay.sweep_once() == 0
    (heard,) = await probe.until_heard("just now", 1)
    assert heard["message_id"] == message_id


async def test_two_sweepers_do_not_sweep_at_once(probe: ProbeHouse) -> None:
    async with probe.database.acquire() as connection, connection.transaction():
        assert await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('coffer outbox sweeper'))")
        await _left_behind(probe, "swept once", seconds=60)
        assert await probe.actors.relay.sweep_once() == 0
    await probe.until_heard("swept once", 1)


async def _left_behind(probe: ProbeHouse, counter: str, *, seconds: float) -> UUID:
    """A row that a process committed and did not live to publish."""
    envelope = Envelope.around(CounterMoved(counter=counter, amount=1), message_id=new_id(), principal=ADMINISTRATOR)
    await probe.database.execute(
        "INSERT INTO runtime.outbox (actor, message_ids, receivers, envelopes, said_at)"
        " VALUES ('probe', $1, $2, $3, now() - make_interval(secs => $4))",
        *row([envelope], probe.topology),
        seconds,
    )
    return envelope.message_id


async def test_what_was_purged_from_a_queue_is_found_and_said_again(probe: ProbeHouse) -> None:
    republished = telemetry.republished.labels("herald")._value.get()
    await _lose(probe, "purged")
    heard = await probe.until_heard("purged", 3)
    assert sorted(each["amount"] for each in heard) == [1, 2, 3]
    assert telemetry.republished.labels("herald")._value.get() >= republished + 3


async def test_what_is_only_slow_is_not_taken_for_lost_and_never_applied_twice(probe: ProbeHouse) -> None:
    gate = scene.gate("hearing")
    await probe.says(Add(counter="slow", amount=1))
    for _ in range(4):
        await probe.actors.housekeeping._reconciler.look()
    gate.set()
    await probe.until_heard("slow", 1)
    await until(lambda: _is_idle(probe, "events.herald"))
    assert len(await probe.heard("slow")) == 1


async def _lose(probe: ProbeHouse, counter: str) -> None:
    """Three events reach the queue of the herald, who does not consume, and are purged there."""
    herald = probe.actors.pools["herald"]
    await herald.drain()
    for amount in (1, 2, 3):
        await probe.says(Add(counter=counter, amount=amount))
    await until(lambda: _holds(probe, "events.herald", 3))
    link = await Link.connect(probe.servers.broker_url, name="a test's purge")
    channel = await link.admin_channel()
    await channel.queue_purge("events.herald")
    await link.close()
    herald._open()


async def _holds(probe: ProbeHouse, queue: str, messages: int) -> bool:
    found = await probe.depth(queue)
    return found is not None and found[0] >= messages


async def test_an_event_too_large_for_the_broker_is_its_turns_fault_and_stops_no_other(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Boast(counter="loud", told=LARGEST_BODY))
    assert (await probe.until_dead(message_id=message_id))["reason"] == "exhausted"
    await probe.says(Add(counter="not stopped"))
    await probe.until_heard("not stopped", 1)


async def test_a_reply_too_large_for_the_broker_is_told_as_such_and_ends_no_connection(probe: ProbeHouse) -> None:
    reconnects = probe.actors.bus.reconnects
    answer = await probe.call(Boast(counter="verbose", answered=LARGEST_REPLY + 1))
    assert answer.kind == "fault"
    assert b"too_large" in answer.body
    assert await probe.steps("verbose") == [1]
    assert probe.actors.bus.reconnects == reconnects


async def test_a_message_that_starves_behind_more_urgent_ones_is_lifted(probe: ProbeHouse) -> None:
    """One worker, one message in its hands at a time, and shouts that never end: the broker alone would never come to a whisper."""
    lifted = telemetry.lifted.labels("probe")._value.get()
    pool = probe.actors.pools["probe"]
    old = pool.settings
    await pool.change(old.model_copy(update={"concurrency": 1, "prefetch": 1}))
    await probe.until_ready()
    partition = probe.topology.mailboxes["probe"].partition_of
    keys = [key for key in (f"starved-{number}" for number in range(2000)) if partition(key) == partition("starved-0")]
    quiet, loud = keys[0], keys[1:]
    shouting = asyncio.create_task(_shout(probe, loud))
    try:
        await until(lambda: len(scene.begun) > 5)
        whisper = probe.mouth.envelope(Whisper(counter=quiet), reply_to="")
        # By way of the outbox, as a timer or another system's command goes.
        await probe.actors.relay.keep_and_say("ingress", [whisper], probe.topology)
        await probe.until_stepped(quiet, [1], within_seconds=25)
        assert not shouting.done()
        assert telemetry.lifted.labels("probe")._value.get() > lifted
    finally:
        await ended(shouting)
        await pool.change(old)
    await until(lambda: _is_settled(probe, whisper.message_id))
    assert await probe.steps(quiet) == [1]


async def _shout(probe: ProbeHouse, keys: list[str]) -> None:
    """Keep some tens of shouts waiting in one partition."""
    number = 0
    queue = probe.mouth.envelope(Shout(counter=keys[0])).routing_key.split(".")[1]
    while True:
        found = await probe.depth(f"commands.probe.{queue}")
        if found is not None and found[0] < 50:
            said = [Shout(counter=keys[(number + each) % len(keys)]) for each in range(50)]
            await probe.mouth.say(*said, reply_to="")
            number += 50
        await asyncio.sleep(0.01)
