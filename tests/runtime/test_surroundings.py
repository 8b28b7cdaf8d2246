"""Database or broker are away: everybody waits, nothing is lost, nothing is burnt, and all resumes with no operator."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from runtime.clock import stopwatch_seconds
from runtime.database import Database
from runtime.errors import Unavailable, is_surroundings
from runtime.link import Link
from runtime.middleware import retries
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, GetCounter, Relay, TallyAdd

KEYS = [f"key {number}" for number in range(12)]


@pytest.fixture(autouse=True)
async def afterwards_all_is_there(probe: ProbeHouse) -> AsyncIterator[None]:
    """Servers that a test has stopped run again for the next."""
    yield
    await probe.servers.postgres.start()
    await probe.servers.rabbitmq.start()
    await probe.until_ready()
    await probe.speak_anew()


async def said(probe: ProbeHouse, world: str, messages: int) -> dict[str, list[int]]:
    """Say many additions of many keys; what each key must have in the end."""
    wanted: dict[str, list[int]] = {}
    adds = []
    for number in range(1, messages + 1):
        key = f"{world} {KEYS[number % len(KEYS)]}"
        wanted.setdefault(key, []).append(number)
        adds.append(Add(counter=key, amount=number))
    await probe.mouth.say(*adds, reply_to="")
    return wanted


async def until_all_is_done(probe: ProbeHouse, wanted: dict[str, list[int]]) -> None:
    for key, amounts in wanted.items():
        await probe.until_stepped(key, amounts, within_seconds=30)
        assert scene.most_working[key] == 1


async def test_nothing_is_lost_or_burnt_while_the_database_is_away(probe: ProbeHouse) -> None:
    wanted = await said(probe, "database", 600)
    await until(lambda: len(scene.begun) > 50)
    await probe.servers.postgres.kill()
    more = await said(probe, "database away", 100)
    with pytest.raises(Unavailable):
        await probe.says(Add(counter="not now"), deadline_seconds=0.5)
    tallied = await probe.mouth.say(*(TallyAdd(tally="database", amount=1) for _ in range(20)))
    await until(lambda: not probe.actors.pools["probe"].is_consuming)
    await probe.servers.postgres.start()

    await until_all_is_done(probe, wanted)
    await until_all_is_done(probe, more)
    await probe.mouth.until_answered(*tallied)
    await probe.until_stepped("database", [1] * 20)
    assert not await probe.dead()
    assert not await probe.fetch("SELECT FROM runtime.attempt WHERE failures > 0")
    assert not await probe.fetch("SELECT FROM runtime.parked_key")
    await probe.until_ready()
    for key, amounts in wanted.items():
        heard = await probe.until_heard(key, len(amounts))
        assert sorted(each["amount"] for each in heard) == amounts


async def test_an_outage_of_the_database_in_the_middle_of_redelivered_turns_is_counted_against_none(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    monkeypatch.setattr(retries, "MOST_STARTS", 1)
    ids = await probe.mouth.say(*(Add(counter=f"outage {key}", trouble="gate:outage") for key in KEYS))
    await until(lambda: len(scene.begun) == len(KEYS))
    for _ in range(2):
        began = len(scene.begun)
        await probe.servers.postgres.kill()
        scene.gate("outage").set()
        await until(lambda: not probe.actors.pools["probe"].is_consuming)
        scene.gate("outage").clear()
        await probe.servers.postgres.start()
        await until(lambda began=began: len(scene.begun) >= began + len(KEYS), within_seconds=20)  # type: ignore[misc]  # bound now
    scene.gate("outage").set()
    for key in KEYS:
        await probe.until_stepped(f"outage {key}", [1])
    assert not await probe.dead()
    await until(lambda: _none_is_counted(probe, ids))


async def _none_is_counted(probe: ProbeHouse, ids: list[object]) -> bool:
    return not await probe.fetch("SELECT FROM runtime.attempt WHERE message_id = ANY($1::uuid[]) AND failures > 0", ids)


async def test_nothing_is_lost_while_the_broker_is_away(probe: ProbeHouse) -> None:
    other = probe.another_process(only=("herald", "tally"))
    await other.start()
    await until(lambda: all(pool.is_consuming for pool in other.pools.values()))
    reconnects = probe.actors.bus.reconnects
    # A client and a turn of the herald's are waiting for answers, and many messages are on their way.
    asking = asyncio.create_task(probe.says(Add(counter="asked when it went", trouble="gate:broker")))
    (relayed,) = await probe.mouth.say(Relay(counter="asked across", times=3, their_trouble="gate:broker"), reply_to="")
    await until(lambda: len(scene.begun) == 2)
    wanted = await said(probe, "broker", 600)
    await until(lambda: len(scene.begun) > 50)
    await probe.servers.rabbitmq.kill()
    scene.gate("broker").set()

    began = stopwatch_seconds()
    with pytest.raises(Unavailable):
        await asking
    with pytest.raises(Unavailable):
        await probe.says(Add(counter="not now"))
    assert stopwatch_seconds() - began < 3
    # Who is told to stop does not wait for the broker either.
    await until(lambda: not other.bus.is_ready)
    began = stopwatch_seconds()
    await other.stop()
    assert stopwatch_seconds() - began < 8

    await probe.servers.rabbitmq.start()
    await until_all_is_done(probe, wanted)
    await probe.until_stepped("relayed asked across", [1], within_seconds=40)
    assert await probe.steps("asked across") == [1, 1, 1]
    await probe.until_ready()
    assert probe.actors.bus.reconnects > reconnects
    assert not await probe.dead(message_id=relayed)
    assert not await probe.dead()
    for key, amounts in wanted.items():
        heard = await probe.until_heard(key, len(amounts))
        assert sorted(each["amount"] for each in heard) == amounts


async def test_what_a_broker_held_that_was_deleted_is_said_again_by_a_new_one(probe: ProbeHouse) -> None:
    herald = probe.actors.pools["herald"]
    await herald.drain()
    for amount in range(1, 6):
        await probe.says(Add(counter="wiped", amount=amount))
    await probe.servers.rabbitmq.wipe()
    herald._open()
    heard = await probe.until_heard("wiped", 5, within_seconds=30)
    assert sorted(each["amount"] for each in heard) == [1, 2, 3, 4, 5]
    await probe.until_ready()
    assert (await probe.says(Add(counter="wiped", amount=6))).number == 6


async def test_a_queue_that_was_deleted_is_made_again_and_its_consumer_comes_back(probe: ProbeHouse) -> None:
    link = await Link.connect(probe.settings.broker.url_for("topology"), name="a test's deletion")
    channel = await link.admin_channel()
    for queue in ("commands.probe.03", "events.herald", "queries.probe", "commands.tally.00"):
        await channel.queue_delete(queue)
    await link.close()
    await until(lambda: _consumers(probe, "commands.probe.03"), within_seconds=20)
    await probe.until_ready()
    for number in range(40):
        assert (await probe.says(Add(counter=f"remade {number}"))).total == 1
        await probe.until_heard(f"remade {number}", 1)
    assert (await probe.says(GetCounter(counter="remade 1"))).total == 1
    assert (await probe.says(TallyAdd(tally="remade", amount=1))).total == 1


async def _consumers(probe: ProbeHouse, queue: str) -> bool:
    found = await probe.depth(queue)
    return found is not None and found[1] > 0


async def test_the_error_of_one_channel_takes_no_other_down(probe: ProbeHouse) -> None:
    boxes = {box.queue: box for box in probe.actors.pools["probe"]._mailboxes}
    lanes = {queue: box._lane for queue, box in boxes.items()}
    hurt = "commands.probe.07"
    lane = lanes[hurt]
    assert lane is not None
    lane.ack(10_000)  # no such delivery: the broker closes the channel
    await until(lane.closed.is_set)
    await until(lambda: boxes[hurt].consuming and boxes[hurt]._lane is not lane)
    assert {queue for queue, box in boxes.items() if box._lane is not lanes[queue]} == {hurt}
    for number in range(40):
        await probe.says(Add(counter=f"unhurt {number}"))


async def test_a_process_waits_at_its_start_for_a_database_that_comes_later(probe: ProbeHouse) -> None:
    await probe.servers.postgres.kill()
    process = probe.another_process(only=("herald",))
    starting = asyncio.create_task(process.start())
    for _ in range(20):
        await asyncio.sleep(0.02)
        assert not starting.done()
    await probe.servers.postgres.start()
    await starting
    await until(lambda: process.pools["herald"].is_consuming, within_seconds=20)
    await process.stop()


async def test_a_connection_with_an_open_transaction_goes_back_to_nobody(probe: ProbeHouse) -> None:
    from runtime.database import Transaction

    database = Database(probe.servers.database_url, size=1)
    await database.open()
    one = Transaction(database)
    await one.execute("INSERT INTO probe.counter (name, total, number) VALUES ('leaked', 1, 1)")
    ending = asyncio.create_task(one.end())
    await asyncio.sleep(0)
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
    other = Transaction(database)
    await other.execute("INSERT INTO probe.counter (name, total, number) VALUES ('kept', 1, 1)")
    await other.commit()
    await other.end()
    await database.close()
    names = {each["name"] for each in await probe.fetch("SELECT name FROM probe.counter WHERE name IN ('leaked', 'kept')")}
    assert names == {"kept"}


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InterfaceError("cannot call Connection.fetch(): the underlying connection is closed"), True),
        (asyncpg.InterfaceError("pool is closing"), True),
        (asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"), False),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), False),
        (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), True),
        (asyncpg.DeadlockDetectedError("deadlock detected"), True),
        (asyncpg.SerializationError("could not serialize"), True),
        (asyncpg.AdminShutdownError("terminating connection"), True),
        (asyncpg.CheckViolationError("new row violates check constraint"), False),
        (asyncpg.UntranslatableCharacterError("\\u0000 cannot be converted to text"), False),
        (Unavailable("away"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (ValueError("a bug"), False),
        (AssertionError("a bug"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_faults_of_the_surroundings_are_told_from_those_of_the_message(error: Exception, away: bool) -> None:
    if isinstance(error, asyncpg.PostgresError):
        error.sqlstate = type(error).sqlstate
    assert is_surroundings(error) is away
