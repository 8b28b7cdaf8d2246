"""What was said but is not yet known to have arrived. One row per turn; it leaves at once, confirmed, in order, unwaited for.

The relay publishes what this process committed; the sweeper publishes what a dead process left. A row is settled when the inbox
of every receiver has its messages; `reconciler.py` finds what the broker lost.
"""

import asyncio
import contextlib
import logging
from collections import deque
from uuid import UUID

from runtime import telemetry
from runtime.admission import LARGEST_BODY
from runtime.bus import Bus
from runtime.cache.vouching import Voucher
from runtime.database import Database
from runtime.envelope import Envelope, pack, unpack
from runtime.errors import MessageFault, is_surroundings
from runtime.failpoints import Failpoints
from runtime.feed import Feed
from runtime.statements import Statements
from runtime.supervisor import ended
from runtime.topology import COMMANDS, EVENTS, Topology

_sql = Statements.beside(__file__, "outbox.sql")

log = logging.getLogger("coffer.outbox")

PAUSE_SECONDS = 0.2
APART_SECONDS = 0.03
"""Between two times that something is said. What is said after a while of silence leaves at once; under load, what many turns said
leaves together, for each time costs the database a commit, the broker a confirmation and Redis a call."""
SWEEP_SECONDS = 1.0
LEFT_BEHIND_SECONDS = 2
"""A row unsent for longer than this was left by a process that died."""
SWEEP_ROWS = 500


def addressed(envelopes: list[Envelope], topology: Topology) -> tuple[list[Envelope], list[str]]:
    """The envelopes with exchange and routing key, and the receivers of each (comma-separated; [] where none has any)."""
    receivers: list[str] = []
    for envelope in envelopes:
        if not envelope.exchange:
            actor = envelope.type.partition(".")[0]
            to = topology.receivers(envelope.type)
            envelope.exchange, envelope.routing_key = EVENTS, envelope.type
        else:
            actor = envelope.routing_key.partition(".")[0]
            to = (actor,)
        receivers.append(",".join(to))
    return envelopes, receivers if any(receivers) else []


def address_command(envelope: Envelope, topology: Topology) -> Envelope:
    """Send a command to its partition; an event that is said again to one subscriber, to a partition of that actor.

    KeyError for an actor that nobody runs.
    """
    told_to = envelope.routing_key if envelope.exchange == COMMANDS else envelope.type
    actor = told_to.partition(".")[0]
    envelope.exchange = COMMANDS
    envelope.routing_key = topology.command_route(actor, envelope.type, envelope.key)
    return envelope


def row(envelopes: list[Envelope], topology: Topology) -> tuple[list[UUID], list[str], bytes]:
    """The outbox row of one turn: message ids, receivers, packed envelopes.

    MessageFault for a message larger than anybody takes: one that the broker does not take would stop the relay for good.
    """
    for each in envelopes:
        if len(each.body) > LARGEST_BODY:
            raise MessageFault(f"{each.type} has {len(each.body)} bytes; at most {LARGEST_BODY} are taken")
    ready, receivers = addressed(envelopes, topology)
    return [each.message_id for each in ready], receivers, pack(ready)


class Relay:
    """Publishes the rows that this process committed, in the order of their commits, and sweeps up what others left."""

    def __init__(self, database: Database, bus: Bus, failpoints: Failpoints, voucher: Voucher, feed: Feed) -> None:
        self._database = database
        self._bus = bus
        self._voucher = voucher
        self._feed = feed
        self._failpoints = failpoints
        self._waiting: deque[tuple[int, list[Envelope]]] = deque()
        self._confirmed: list[int] = []
        """Said, but not yet marked as sent."""
        self._in_hand: set[int] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Begin relaying and sweeping."""
        telemetry.outbox_unsent.set_function(lambda: len(self._in_hand))
        self._tasks = [
            asyncio.create_task(self._relay(), name="outbox relay"),
            asyncio.create_task(self._sweep(), name="outbox sweeper"),
        ]

    async def stop(self, *, drain_seconds: float) -> None:
        """Publish what is waiting, for so long at most; the rest is swept up by the next process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                await self._idle.wait()
        await ended(*self._tasks)

    async def keep_and_say(self, teller: str, envelopes: list[Envelope], topology: Topology) -> None:
        """Keep what nobody's turn said, as if one had, and publish it."""
        async with self._database.connection() as connection:
            number = await connection.fetchval(_sql["keep"], teller, *row(envelopes, topology))
        self.committed(number, envelopes)

    def committed(self, number: int, envelopes: list[Envelope]) -> None:
        """The row was committed: publish its messages."""
        self._waiting.append((number, envelopes))
        self._in_hand.add(number)
        self._idle.clear()
        self._wake.set()

    async def _relay(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._publish(list(self._waiting))
                await self._mark()
            except Exception as error:
                if not is_surroundings(error):
                    log.exception("outbox relay failed")
                await asyncio.sleep(PAUSE_SECONDS)
                await self._bus.ready()
            if self._waiting or self._confirmed:
                self._wake.set()
            else:
                self._idle.set()
            await asyncio.sleep(APART_SECONDS)

    async def _publish(self, rows: list[tuple[int, list[Envelope]]]) -> None:
        if not rows:
            return
        await self._failpoints.passing("before_event_publish")
        said = [envelope for _, envelopes in rows for envelope in envelopes]
        await self._bus.say_confirmed(said)
        await self._feed.add(said)
        await self._failpoints.passing("after_event_publish")
        for number, _ in rows:
            self._waiting.popleft()
            self._confirmed.append(number)

    async def _mark(self) -> None:
        """Apart from the saying, so that a database that is away does not make it be said again and again."""
        numbers, self._confirmed = self._confirmed, []
        try:
            async with self._database.connection() as connection:
                await connection.execute(_sql["mark_sent"], numbers)
        except BaseException:
            self._confirmed = numbers + self._confirmed
            raise
        self._in_hand.difference_update(numbers)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep_once()
            except Exception as error:
                if is_surroundings(error):
                    log.info("sweep put off", extra={"reason": str(error)})
                else:
                    log.exception("sweep failed")

    async def sweep_once(self) -> int:
        """Publish rows that were left behind; how many."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval(_sql["one_sweeper"]):
                return 0
            found = await connection.fetch(_sql["left_behind"], LEFT_BEHIND_SECONDS, SWEEP_ROWS)
            rows = [(each["number"], unpack(each["envelopes"])) for each in found if each["number"] not in self._in_hand]
            if not rows:
                return 0
            said = [envelope for _, envelopes in rows for envelope in envelopes]
            await self._voucher.renew_left_behind(said)
            await self._bus.say_confirmed(said)
            await self._feed.add(said)
            await connection.execute(_sql["mark_sent"], [number for number, _ in rows])
            log.info("swept up", extra={"rows": len(rows)})
            return len(rows)
