"""A house of the probe's actors on servers of its own, and short words for what these tests say to it and see of it.

reply = await probe.says(Add(counter="a"))           asked as everybody asks
await probe.mouth.say(Add(counter="a"))              put on the wire by hand, as somebody would who has only an AMQP client
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import orjson

from config.pools import PoolSettings, load_pools
from config.settings import load_settings
from config.systems import load_systems
from messages.base import Command, Event, Message, Query, Reply
from messages.ids import new_id
from runtime import topology
from runtime.bus import Bus
from runtime.client import Answer, Client, reply_of
from runtime.clock import SettableClock
from runtime.envelope import Envelope
from runtime.failpoints import Failpoints
from runtime.house import find_actors
from runtime.lane import Lane
from runtime.link import Link
from runtime.outbox import address_command
from runtime.principal import Principal
from runtime.process import ActorsProcess
from runtime.servers import LocalServers
from runtime.wire import Delivery, Properties
from tests.bank import ADMINISTRATOR, emptied, environment_of, until
from tests.runtime.probe import SCHEMA, Herald, Probe, Tally, scene

R = TypeVar("R", bound=Reply)

OURS = ("operations", "ingress")
ACTORS = {"probe": Probe, "herald": Herald, "tally": Tally, **find_actors({name: load_pools()[name] for name in OURS})}
QUICK_RETRIES = {"in_place_first_seconds": 0.005, "parked": 3, "parked_first_seconds": 0.05, "parked_cap_seconds": 0.2}
"""Retries in fractions of a second."""
POOLS: dict[str, dict[str, Any]] = {
    "probe": {"actor": "actors.probe", "mailbox": "keyed", "concurrency": 32, "batch": 16, "retry": QUICK_RETRIES},
    "herald": {"actor": "actors.herald", "mailbox": "keyed", "retry": QUICK_RETRIES},
    "tally": {"actor": "actors.tally", "mailbox": "stream", "batch": 256, "prefetch": 512, "retry": QUICK_RETRIES},
}
SYSTEMS = {
    "demo-partner": {
        "user": "demo_partner",
        "says": ["probe.add.v1", "probe.whisper.v1", "probe.shout.v1"],
        "hears": ["probe.*.v1"],
        "roles": ["teller"],
    }
}
READY_SECONDS = 30


class Mouth:
    """A broker user with a connection of its own: publishes what it likes, and hears what is answered."""

    def __init__(self, link: Link, user: str, heart: topology.Topology) -> None:
        self._link = link
        self._topology = heart
        self.user = user
        self.queue = f"reply.edge.{uuid4().hex}"
        self.heard: list[Delivery] = []
        self._lane: Lane

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, url: str, user: str, heart: topology.Topology) -> AsyncIterator["Mouth"]:
        """Connected, with a queue for answers."""
        link = await Link.connect(url, name="a test's mouth")
        mouth = cls(link, user, heart)
        try:
            await topology.declare_reply_queue(link, mouth.queue)
            hearing = await link.lane()
            await hearing.consume(mouth.queue, mouth.heard.append, prefetch=1000, acknowledge=False)
            mouth._lane = await link.lane(confirms=True)
            yield mouth
        finally:
            await link.close()

    def envelope(self, message: Message, *, message_id: UUID | None = None, **rest: Any) -> Envelope:
        """The message as our own client would wrap it, to be answered in this mouth's queue."""
        rest.setdefault("reply_to", self.queue)
        principal = rest.pop("principal", ADMINISTRATOR)
        wrapped = Envelope.around(message, message_id=message_id or new_id(), principal=principal, **rest)
        wrapped.correlation_id = wrapped.correlation_id or str(uuid4())
        if isinstance(message, Event):
            wrapped.exchange, wrapped.routing_key = topology.EVENTS, message.wire
        elif isinstance(message, Query):
            wrapped.exchange, wrapped.routing_key = topology.QUERIES, f"{message.actor}.{message.wire}"
        else:
            address_command(wrapped, self._topology)
        return wrapped

    async def say(self, *messages: Message, **rest: Any) -> list[UUID]:
        """Publish these in order; their ids."""
        return await self.put(*(self.envelope(message, **rest) for message in messages))

    async def put(self, *envelopes: Envelope) -> list[UUID]:
        """Publish these envelopes in order."""
        await self.publish(
            *((each.exchange, each.routing_key, each.to_properties(sender=self.user), each.body) for each in envelopes)
        )
        return [each.message_id for each in envelopes]

    async def publish(self, *raw: tuple[str, str, Properties, bytes]) -> None:
        """Publish exactly this; returns when the broker holds it."""
        async with asyncio.timeout(10):
            for start in range(0, len(raw), 200):
                await self._lane.confirmed(list(raw[start : start + 200]))

    def answers(self, message_id: UUID) -> list[tuple[str, bytes]]:
        """What was answered to a message: kind and body of each answer."""
        return [(each.properties.type, each.body) for each in self.heard if each.properties.message_id == str(message_id)]

    async def until_answered(self, *message_ids: UUID, within_seconds: float = 15) -> None:
        """Wait until each of them has an answer."""
        await until(lambda: all(self.answers(each) for each in message_ids), within_seconds=within_seconds)


class ProbeHouse:
    """The actors' process of the probe's house, in this process; a client of its edge; the database."""

    def __init__(self, servers: LocalServers, folder: Path, pools: Mapping[str, Mapping[str, Any]]) -> None:
        self.servers = servers
        self.folder = folder
        self.write_pools(pools)
        silent = {name: {"says": [], "hears": []} for name in load_systems()}
        (folder / "systems.yaml").write_bytes(orjson.dumps({"systems": {**silent, **SYSTEMS}}))
        self.environment = {**environment_of(servers), "COFFER_CONFIG_DIR": str(folder), "COFFER_PROCESS__LIFT_SECONDS": "1"}
        self.settings = load_settings(self.environment)
        self.clock = SettableClock()
        self.actors = self.another_process()
        broker = self.settings.broker
        self._bus = Bus(broker.url_for("edge"), user=broker.user_for("edge"), name="a test's edge")
        self.topology = self.actors.topology
        self.client = Client(self._bus, self.topology, self.clock, role="edge")
        self.mouth: Mouth
        self._mouths = contextlib.AsyncExitStack()
        self.database: asyncpg.Pool

    def another_process(self, *, failpoints: str = "", only: tuple[str, ...] = ()) -> ActorsProcess:
        """A process of these actors, not yet started, beside or instead of the first."""
        return ActorsProcess(
            self.settings,
            self.environment,
            only=only,
            clock=self.clock,
            failpoints=Failpoints(failpoints),
            read_pools=pools_in(self.folder),
            actors=ACTORS,
        )

    def write_pools(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Write pools.yaml anew, with changes to some of POOLS."""
        pools = {name: {**pool, **changes.get(name, {})} for name, pool in POOLS.items()}
        (self.folder / "pools.yaml").write_bytes(orjson.dumps({"pools": pools}))  # which is YAML, too

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, servers: LocalServers, folder: Path, pools: Mapping[str, Mapping[str, Any]] | None = None
    ) -> AsyncIterator["ProbeHouse"]:
        """An empty house that is ready."""
        await emptied(servers)
        house = cls(servers, folder, pools or {})
        house.database = await asyncpg.create_pool(servers.database_url, min_size=0, max_size=4)
        await house.database.execute(SCHEMA)
        await house.declare()
        await house.actors.start()
        await house._bus.start()
        try:
            await house.until_ready()
            await house.speak_anew()
            yield house
        finally:
            scene.forget(over=True)
            await house._mouths.aclose()
            await house._bus.stop()
            await house.actors.stop()
            await house.database.close()

    async def empty(self) -> None:
        """Let what is in hand end, and forget all that was."""
        scene.forget()
        await self.until_ready()
        await until(lambda: not any(pool.depth for pool in self.actors.pools.values()))
        for (table,) in await self.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('runtime', 'probe')"
        ):
            await self.database.execute(f"DELETE FROM {table}")
        self.clock.rewind()
        await self.speak_anew()

    async def speak_anew(self) -> None:
        """Another mouth: the broker of the last one is gone."""
        await self._mouths.aclose()
        broker = self.settings.broker
        mouth = Mouth.opened(broker.url_for("edge"), broker.user_for("edge"), self.topology)
        self.mouth = await self._mouths.enter_async_context(mouth)

    async def declare(self, *, anew: bool = True) -> None:
        """Declare the topology; queues of an earlier house are deleted."""
        link = await Link.connect(self.settings.broker.url_for("topology"), name="test topology")
        if anew:
            channel = await link.admin_channel()
            for queue, *_ in topology._queues(self.topology):
                await channel.queue_delete(queue)
        await topology.declare(link, self.topology)
        await link.close()

    async def until_ready(self, *, within_seconds: float = READY_SECONDS) -> None:
        """Wait until every mailbox consumes and the edge is connected."""
        await until(lambda: self.is_ready, within_seconds=within_seconds)

    @property
    def is_ready(self) -> bool:
        """Whether every mailbox consumes and the edge is connected."""
        pools = self.actors.pools
        return self._bus.is_ready and len(pools) == len(ACTORS) and all(pool.is_consuming for pool in pools.values())

    async def call(
        self, message: Message, *, as_: Principal = ADMINISTRATOR, message_id: UUID | None = None, **rest: Any
    ) -> Answer:
        """The bare answer."""
        return await self.client.call(message, principal=as_, message_id=message_id, **rest)

    async def says(
        self, message: Command[R] | Query[R], *, as_: Principal = ADMINISTRATOR, message_id: UUID | None = None, **rest: Any
    ) -> R:
        """The reply; a refusal is raised as its class."""
        return reply_of(message, await self.call(message, as_=as_, message_id=message_id, **rest))

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Look into the database."""
        rows: list[asyncpg.Record] = await self.database.fetch(statement, *arguments)
        return rows

    async def steps(self, counter: str) -> list[int]:
        """The amounts that were added to a counter, in order."""
        return [
            row["amount"]
            for row in await self.fetch("SELECT amount FROM probe.step WHERE counter = $1 ORDER BY place", counter)
        ]

    async def until_stepped(self, counter: str, amounts: list[int], *, within_seconds: float = 15) -> None:
        """Wait until so much was added to a counter; then it must have been this, in this order."""
        await until(lambda: self._has_stepped(counter, len(amounts)), within_seconds=within_seconds)
        assert await self.steps(counter) == amounts

    async def _has_stepped(self, counter: str, steps: int) -> bool:
        return len(await self.steps(counter)) >= steps

    async def heard(self, what: str) -> list[asyncpg.Record]:
        """What the herald heard of something, in order."""
        return await self.fetch("SELECT * FROM probe.heard WHERE what = $1 ORDER BY place", what)

    async def until_heard(self, what: str, times: int, *, within_seconds: float = 15) -> list[asyncpg.Record]:
        """Wait until the herald has heard of something so often."""
        await until(lambda: self._has_heard(what, times), within_seconds=within_seconds)
        return await self.heard(what)

    async def _has_heard(self, what: str, times: int) -> bool:
        return len(await self.heard(what)) >= times

    async def dead(self, **wanted: Any) -> list[asyncpg.Record]:
        """Dead letters, the first ones first, of which these columns have these values."""
        rows = await self.fetch("SELECT * FROM runtime.dead_letter ORDER BY last_at, id")
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    async def until_dead(self, *, within_seconds: float = 15, **wanted: Any) -> asyncpg.Record:
        """Wait for such a dead letter."""
        found: list[asyncpg.Record] = []

        async def is_there() -> bool:
            found[:] = await self.dead(**wanted)
            return bool(found)

        await until(is_there, within_seconds=within_seconds)
        return found[0]

    async def parked(self, key: str) -> list[asyncpg.Record]:
        """What waits under a key, in order; with the key's own columns."""
        return await self.fetch(
            "SELECT k.*, m.message_id, m.envelope FROM runtime.parked_key AS k LEFT JOIN runtime.parked_message AS m USING (actor, key)"
            " WHERE k.key = $1 ORDER BY m.position",
            key,
        )

    async def until_parked(self, key: str, messages: int, *, within_seconds: float = 15) -> None:
        """Wait until so many messages wait under a key."""

        async def is_there() -> bool:
            return len(await self.parked(key)) == messages

        await until(is_there, within_seconds=within_seconds)

    async def freeze(self, key: str) -> None:
        """Let nobody try a parked key."""
        await self.database.execute("UPDATE runtime.parked_key SET held = true WHERE key = $1", key)

    async def thaw(self, key: str) -> None:
        """Let it be tried now."""
        await self.database.execute("UPDATE runtime.parked_key SET held = false, due_at = now() WHERE key = $1", key)

    async def depth(self, queue: str) -> tuple[int, int] | None:
        """Messages ready and consumers of a queue."""
        return await topology.depth(self.mouth._link, queue)


def pools_in(folder: Path) -> Callable[[], dict[str, PoolSettings]]:
    """Reads the pools of the probe's house from a folder's pools.yaml."""

    def read() -> dict[str, PoolSettings]:
        return {name: pool for name, pool in load_pools(folder).items() if name in ACTORS}

    return read


def at_level(envelope: Envelope, priority: int) -> Envelope:
    """The same message as somebody would publish it who chose its priority."""
    return replace(envelope, priority=priority)
