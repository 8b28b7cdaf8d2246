"""What a process of actors does beside turns: timers, reconciling, cleaning up, telling that it lives, keeping the topology.

Several processes do this at once; each step takes an advisory lock or skips locked rows, so that one does it and none waits.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from messages.ids import new_id
from runtime import dead_letters, timers
from runtime.bus import Bus
from runtime.clock import Clock, stopwatch_seconds
from runtime.database import Connection, Database
from runtime.envelope import Envelope
from runtime.errors import SurroundingsFault, is_surroundings
from runtime.link import Link
from runtime.outbox import Relay, address_command, row
from runtime.reconciler import Reconciler
from runtime.statements import Statements
from runtime.supervisor import ended
from runtime.topology import Topology, declare, is_complete, is_marked

log = logging.getLogger("coffer.housekeeping")

TIMER_SECONDS, RECONCILE_SECONDS, HEARTBEAT_SECONDS, TOPOLOGY_SECONDS, CLEAN_SECONDS = 0.5, 2.0, 2.0, 3.0, 60.0
LOOK_SECONDS = 0.2
"""How soon it is told that a pool has begun to consume: until then the bank does not count as ready."""
LOOKS_PER_DECLARATION = 20
MOST_TIMERS = 200
KEEP_INBOX = timedelta(days=30)
"""How long a repeated request finds its first answer."""
KEEP_OUTBOX = timedelta(days=1)
"""How far back other systems' events are said again after the broker was lost."""
PROCESS_IS_GONE = timedelta(minutes=5)

_CLEAN = (
    ("clean_inbox", KEEP_INBOX),
    ("clean_outbox", KEEP_OUTBOX),
    ("clean_attempts", KEEP_INBOX),
    ("clean_processes", PROCESS_IS_GONE),
)

_sql = Statements.beside(__file__, "housekeeping.sql")


class Housekeeping:
    """The periodic work of one process."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        relay: Relay,
        topology: Topology,
        clock: Clock,
        describe: Callable[[], Mapping[str, Any]],
        topology_url: str | None,
        *,
        lift_after: timedelta,
    ) -> None:
        self._database = database
        self._relay = relay
        self._bus = bus
        self._topology = topology
        self._clock = clock
        self._describe = describe
        self._topology_url = topology_url
        self._reconciler = Reconciler(database, bus, topology, lift_after=lift_after)
        self._id: UUID = new_id()
        self._looks = 0
        self._told: dict[str, bool] = {}
        self._told_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        work: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (TIMER_SECONDS, self.fire_timers),
            (RECONCILE_SECONDS, self._reconciler.look),
            (LOOK_SECONDS, self.tell_news),
            (CLEAN_SECONDS, self.clean),
        ]
        if self._topology_url is not None:
            work.append((TOPOLOGY_SECONDS, self.keep_topology))
        self._tasks = [asyncio.create_task(_every(seconds, each), name=each.__name__) for seconds, each in work]

    async def stop(self) -> None:
        """End, and be forgotten as a living process."""
        await ended(*self._tasks)
        try:
            async with self._database.connection() as connection:
                await connection.execute(_sql["forget"], self._id)
        except (SurroundingsFault, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.info("left without a word; the others will notice")

    async def fire_timers(self) -> int:
        """Say the commands whose time has come; how many."""
        async with self._database.transaction() as connection:
            due = await timers.take_due(connection, self._clock.now(), MOST_TIMERS)
            envelopes = [each for envelope in due for each in await self._addressed(connection, envelope)]
            if not envelopes:
                return 0
            number = await connection.fetchval(_sql["say"], *row(envelopes, self._topology))
        self._relay.committed(number, envelopes)
        return len(envelopes)

    async def _addressed(self, connection: Connection, envelope: Envelope) -> list[Envelope]:
        """The envelope with its address; a dead letter, and nothing, where nobody runs its actor, so that no other timer waits."""
        try:
            return [address_command(envelope, self._topology)]
        except KeyError:
            actor = envelope.type.partition(".")[0]
            error = f"no pool runs the actor {actor}"
            await dead_letters.keep(connection, actor, envelope, reason="no_such_actor", error=error)
            return []

    async def tell_news(self) -> None:
        """Tell at once when a pool begins or ends to consume, else now and then."""
        consuming = {name: pool["consuming"] for name, pool in self._describe().items()}
        if consuming != self._told or stopwatch_seconds() - self._told_at >= HEARTBEAT_SECONDS:
            await self.tell()
            self._told, self._told_at = consuming, stopwatch_seconds()

    async def tell(self) -> None:
        """Tell that this process lives, and how its pools are."""
        async with self._database.connection() as connection:
            await connection.execute(_sql["tell"], self._id, socket.gethostname(), os.getpid(), dict(self._describe()))

    async def clean(self) -> None:
        """Delete what nobody asks for any more."""
        for statement, keep in _CLEAN:
            async with self._database.connection() as connection:
                await connection.execute(_sql[statement], keep)

    async def _is_complete(self) -> bool:
        try:
            return await is_complete(self._bus.consuming, self._topology, self._looks)
        except SurroundingsFault:
            return False  # on a new broker the bus itself cannot be ready before the exchanges are there

    async def keep_topology(self) -> None:
        """Make what is missing at the broker; one without its mark is a new one and has lost what it held.

        Mostly it only looks, on a connection that is there; bindings, which nobody can look at, are made anew once a minute.
        """
        assert self._topology_url is not None
        self._looks += 1
        if self._looks % LOOKS_PER_DECLARATION != 1 and await self._is_complete():
            return
        link = await Link.connect(self._topology_url, name="topology")
        try:
            if made := await declare(link, self._topology):
                log.warning("queues were missing and were made", extra={"queues": made})
            if not await is_marked(link):
                await self._bus.ready()
                await self._reconciler.mend(link, keep_for=KEEP_OUTBOX)
        finally:
            await link.close()


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.exception("housekeeping was cut off by somebody else's end")
        except Exception as error:
            if is_surroundings(error):
                log.info("housekeeping put off", extra={"reason": str(error)})
            else:
                log.exception("housekeeping failed")
        await asyncio.sleep(seconds)
