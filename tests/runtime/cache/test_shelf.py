"""Replies that are kept: once loaded for all who ask, and never again after they became old."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from messages.base import Event, Query, Reply
from runtime.cache.patterns import forget_matching
from runtime.cache.scripts import EPOCH, VOUCHERS
from runtime.house import load_vocabularies
from runtime.servers import LocalServers
from tests.bank import until
from tests.runtime.cache.conftest import Paused, process_of
from tests.runtime.cache.world import ACTOR, World


@pytest.fixture
async def world(redis_servers: LocalServers) -> AsyncIterator[World]:
    async with Redis.from_url(redis_servers.redis_url) as redis:
        await redis.flushall()
    async with World(redis_servers.redis_url) as made:
        yield made


async def test_what_was_read_is_not_asked_again(world: World) -> None:
    await world.write("a")
    assert [await world.read("a") for _ in range(5)] == [1] * 5
    assert world.loads == ["a"]


async def test_a_write_is_seen_by_the_next_read(world: World) -> None:
    for expected in range(1, 4):
        await world.write("a")
        assert await world.read("a") == expected
        assert await world.is_cached("a")


async def test_a_write_leaves_other_things_where_they_are(world: World) -> None:
    await world.read("b")
    await world.write("a")
    assert await world.is_cached("b")


async def test_a_hundred_who_ask_at_once_are_one_load(world: World) -> None:
    gate = asyncio.Event()
    reads = [asyncio.create_task(world.read("a", gate=gate)) for _ in range(100)]
    await until(lambda: world.loads)
    asyncio.get_running_loop().call_later(0.2, gate.set)
    assert await asyncio.gather(*reads) == [0] * 100
    assert world.loads == ["a"]


async def test_readers_of_another_process_wait_for_the_one_that_loads(world: World, redis_servers: LocalServers) -> None:
    async with World(redis_servers.redis_url) as other:
        other._kind = world._kind
        gate = asyncio.Event()
        first = asyncio.create_task(world.read("a", gate=gate))
        await until(lambda: world.loads)
        others = [asyncio.create_task(other.read("a")) for _ in range(20)]
        asyncio.get_running_loop().call_later(0.1, gate.set)
        assert await asyncio.gather(first, *others) == [0] * 21
        assert not other.loads


async def test_a_load_that_a_write_overtook_is_not_kept(world: World) -> None:
    gate = asyncio.Event()
    slow = asyncio.create_task(world.read("a", gate=gate))
    await until(lambda: world.loads)
    await world.write("a")
    assert await world.read("a") == 1, "it may not wait for a load that began before the write"
    gate.set()
    assert await slow == 0
    assert await world.read("a") == 1


async def test_one_who_goes_away_takes_nobodys_answer_along(world: World) -> None:
    gate = asyncio.Event()
    first = asyncio.create_task(world.read("a", gate=gate))
    await until(lambda: world.loads)
    second = asyncio.create_task(world.read("a", gate=gate))
    await asyncio.sleep(0.05)
    first.cancel()
    gate.set()
    assert await second == 0


async def test_what_the_clock_made_old_is_given_once_more_while_one_asks_anew(redis_servers: LocalServers) -> None:
    async with World(redis_servers.redis_url, fresh_seconds=0.1, stale_seconds=30) as world:
        await world.read("a")
        await asyncio.sleep(0.15)
        world.truth["a"] = 7  # by hand, behind everybody's back
        assert await world.read("a") == 0
        await until(lambda: len(world.loads) == 2)
        await until(lambda: _reads(world, 7))


async def _reads(world: World, value: int) -> bool:
    return await world.read("a") == value


async def test_what_a_dead_process_had_committed_is_told_by_whoever_sweeps(world: World) -> None:
    assert await world.read("a") == 0
    left_behind = world.commit("a")
    await world.sweep(left_behind)
    assert await world.read("a") == 1


async def test_whoever_is_answered_from_the_inbox_sees_what_was_written(world: World) -> None:
    assert await world.read("a") == 0
    world.commit("a")  # and died before it was told
    await world.voucher.answered_again(ACTOR)
    assert await world.read("a") == 1


async def test_redis_emptied(world: World, redis_servers: LocalServers) -> None:
    await world.write("a")
    await world.read("a")
    async with Redis.from_url(redis_servers.redis_url) as redis:
        await redis.flushall()
        await world.write("a")
    assert await world.read("a") == 2
    await until(lambda: world.is_cached("a"))
    await world.write("a")
    assert await world.read("a") == 3


async def test_redis_killed(world: World, redis_servers: LocalServers) -> None:
    await world.write("a")
    await world.read("a")
    await redis_servers.redis.kill()
    try:
        assert await world.read("a") == 1
        await world.write("a")
        assert await world.read("a") == 2
    finally:
        await redis_servers.redis.start()
    assert await world.read("a") == 2, "what its file still had is older than the write"
    await until(lambda: world.is_cached("a"))
    await world.write("a")
    assert await world.read("a") == 3


async def test_redis_paused(world: World, redis_servers: LocalServers) -> None:
    """It comes back as it was, with all that it missed: nothing of it may be believed."""
    await world.write("a")
    await world.read("a")
    assert await world.is_cached("a")
    with Paused(await process_of(redis_servers)):
        assert await world.read("a") == 1
        await world.write("a")
    for _ in range(20):
        assert await world.read("a") == 2
        await asyncio.sleep(0.02)
    await until(lambda: world.is_cached("a"))


async def test_only_the_writer_cannot_reach_redis(world: World) -> None:
    """Readers go on finding what is kept. The write is answered when they have stopped to believe it."""
    await world.read("a")
    assert await world.is_cached("a")
    world.writing.cut = True
    await world.write("a")
    assert await world.read("a") == 1
    world.writing.cut = False
    for _ in range(50):
        assert await world.read("a") == 1
        await asyncio.sleep(0.02)
    assert await world.is_cached("a")


async def test_a_voucher_whose_answer_was_lost_binds_its_sender(world: World) -> None:
    await world.read("a")
    world.writing.answers_are_lost = True
    await asyncio.sleep(0.5)
    world.writing.cut = True
    await world.write("a")
    assert await world.read("a") == 1


async def test_a_writer_that_died_takes_all_that_was_kept_along(world: World, redis_servers: LocalServers) -> None:
    await world.read("a")
    assert await world.is_cached("a")
    async with Redis.from_url(redis_servers.redis_url) as redis:
        seconds, _ = await redis.time()
        epoch = await redis.get(EPOCH)
        await redis.hset(VOUCHERS, "somebody", (seconds - 3) * 1000)
        assert not await world.is_cached("a"), "it may have written, and told nobody"
        await redis.hset(VOUCHERS, "somebody", (seconds - 20) * 1000)
        await world.read("a")
        assert await redis.get(EPOCH) != epoch
    await until(lambda: world.is_cached("a"))


async def test_without_anybody_who_vouches_nothing_is_believed(world: World) -> None:
    await world.read("a")
    await world.voucher.stop()
    assert not await world.is_cached("a")


async def test_a_large_reply_is_not_kept(world: World) -> None:
    loads: list[int] = []

    async def load() -> bytes:
        loads.append(1)
        return b"9" * 70_000

    for _ in range(2):
        assert await world.shelf.through(uuid4().hex, [], load, counted_as="large")
    assert len(loads) == 2


async def test_an_error_of_the_loader_is_not_kept(world: World) -> None:
    name = uuid4().hex

    async def fails() -> bytes:
        raise ZeroDivisionError

    async def works() -> bytes:
        return b"1"

    with pytest.raises(ZeroDivisionError):
        await world.shelf.through(name, [], fails, counted_as="failing")
    assert await world.shelf.through(name, [], works, counted_as="failing") == b"1"


def test_faults_of_a_declaration_are_found_at_import() -> None:
    with pytest.raises(TypeError, match="no field"):

        class _Asked(Query[Reply], wire="shelf_probe.asked.v1", cached=("thing/{nothing}",)):
            """Asks."""

    with pytest.raises(TypeError, match="no field"):

        class _Told(Event, wire="shelf_probe.told.v1", renews=("thing/{nothing.of_it}",)):
            """Tells."""


async def test_by_pattern_all_of_an_actor_is_forgotten(world: World) -> None:
    await world.read("a")
    assert await world.is_cached("a")
    load_vocabularies()
    assert await forget_matching(world.reading, "actor/ledg*") == ["actor/ledger"]
    assert await world.is_cached("a"), "it belongs to another"
    assert "loan_products" in await forget_matching(world.reading, "*")
    assert await forget_matching(world.reading, "nothing like it") == []


class OfTheProbe(Query[Reply], wire="shelf_probe.get.v1", cached=("thing/{name}",)):
    """A thing."""

    name: str


async def test_by_pattern_what_is_kept_is_asked_anew(world: World) -> None:
    await world.read("a")
    assert await forget_matching(world.reading, f"actor/{ACTOR}") == [f"actor/{ACTOR}"]
    assert not await world.is_cached("a")
