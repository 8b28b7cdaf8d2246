"""What is to be said later is said once, in its time and order, whoever looks at the clock."""

import asyncio

from messages.ids import derived_id, new_id
from tests.bank import until
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Remind


async def test_a_reminder_comes_in_its_time_and_not_before(probe: ProbeHouse) -> None:
    message_id = new_id()
    await probe.says(Remind(counter="reminded", seconds=3600), message_id=message_id)
    for _ in range(3):
        assert await probe.actors.housekeeping.fire_timers() == 0
    assert await probe.steps("reminded") == []
    probe.clock.advance(seconds=3601)
    await probe.until_stepped("reminded", [1])
    (row,) = await probe.fetch("SELECT message_id, principal FROM probe.step WHERE counter = 'reminded'")
    assert row["message_id"] == derived_id(message_id, "reminder 0")
    assert row["principal"] == "test-administrator"


async def test_reminders_of_one_key_come_in_their_order(probe: ProbeHouse) -> None:
    await probe.says(Remind(counter="in order", seconds=60, times=40))
    probe.clock.advance(seconds=120)
    await probe.until_stepped("in order", list(range(1, 41)))


async def test_a_reminder_comes_once_though_many_processes_look_and_its_cause_is_said_again(probe: ProbeHouse) -> None:
    others = [probe.another_process().housekeeping for _ in range(3)]
    for other in others:
        await other._database.open()
    message_id = new_id()
    for _ in range(2):
        await probe.says(Remind(counter="once", seconds=60, times=5), message_id=message_id)
    probe.clock.advance(seconds=61)
    fired = await asyncio.gather(*(each.fire_timers() for each in [probe.actors.housekeeping, *others] * 3))
    assert sum(fired) <= 5
    await until(lambda: _nothing_is_left(probe))
    await probe.until_stepped("once", [1, 2, 3, 4, 5], within_seconds=20)
    for other in others:
        await other._database.close()


async def _nothing_is_left(probe: ProbeHouse) -> bool:
    return not await probe.fetch("SELECT FROM runtime.timer")


async def test_a_reminder_for_an_actor_that_nobody_runs_stops_no_other(probe: ProbeHouse) -> None:
    lost = probe.mouth.envelope(Add(counter="nobody"))
    lost.type, lost.exchange, lost.routing_key = "nobody.add.v1", "", ""
    await probe.database.execute(
        "INSERT INTO runtime.timer (id, due_at, envelope) VALUES ($1, now() - interval '1 hour', $2::jsonb)",
        lost.message_id,
        _json(lost.to_json()),
    )
    await probe.says(Remind(counter="not stopped", seconds=0))
    await probe.until_stepped("not stopped", [1])
    letter = await probe.until_dead(message_id=lost.message_id)
    assert (letter["actor"], letter["reason"]) == ("nobody", "no_such_actor")


def _json(kept: object) -> str:
    import orjson

    return orjson.dumps(kept).decode()
