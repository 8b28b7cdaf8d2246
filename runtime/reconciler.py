"""Compares what was said with what was handled. What the broker lost is said again under the same id, and what starves behind more
urgent messages is said again one level higher; the inbox makes both harmless. Rows whose receivers all have their messages are
settled, and later deleted.

Lost is decided by evidence, never by age: the message's queue is empty, twice in a row with time in between, while the message is
in no inbox, parked nowhere and no dead letter; or the queues had to be made anew. Starved is a message that has waited for
`lift_after` in a queue that is not empty and takes more urgent types; the broker alone would hand those out first for ever.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from runtime import telemetry
from runtime.bus import Bus
from runtime.clock import stopwatch_seconds
from runtime.database import Database, Record
from runtime.envelope import Envelope, unpack
from runtime.levels import level_above, may_starve
from runtime.link import Link
from runtime.statements import Statements
from runtime.topology import COMMANDS, REPLIES, Topology, depth, is_marked, mark, matches

log = logging.getLogger("coffer.reconciler")

SENT_BEFORE = timedelta(seconds=3)
"""What was sent just now is on its way."""
AGAIN_SECONDS = 10.0
"""Between two times that the same message is said again: its queue may be empty because it is in somebody's hands."""
PAGE_ROWS, MOST_PAGES = 2000, 10
MOST_EXAMINED = 500
"""Missing messages that are looked at in one round; the next round goes on behind them."""
MOST_REMEMBERED = 5000
MOST_LIFTED = 40
"""Messages lifted in one round, so that a long queue is not doubled."""

_sql = Statements.beside(__file__, "reconciler.sql")


@dataclass(slots=True)
class _Missing:
    """A message that one receiver has not got, as it was seen over the rounds."""

    envelope: Envelope
    receiver: str
    queue: str
    sent: float
    """When, by the stopwatch."""
    level: int
    seen_lost: bool = False
    """In the last round nothing waited in its queue."""
    said_again: float = field(default=float("-inf"))


class Reconciler:
    """Settles, says again, lifts."""

    def __init__(self, database: Database, bus: Bus, topology: Topology, *, lift_after: timedelta) -> None:
        self._database = database
        self._bus = bus
        self._topology = topology
        self._lift_seconds = lift_after.total_seconds()
        self._missing: dict[tuple[int, UUID, str], _Missing] = {}
        self._after = 0

    async def look(self) -> int:
        """Settle what arrived; say again what was lost or starves. How many messages were lost."""
        began_after = self._after
        async with self._database.transaction() as connection:
            if not await connection.fetchval(_sql["one_reconciler"]):
                return 0
            rows = await self._settle(connection)
            new = [row for row in rows if _name(row) not in self._missing]
            fetched = await connection.fetch(_sql["envelopes"], sorted({row["number"] for row in new})) if new else []
        names = {_name(row) for row in rows}
        ended = self._after or sys.maxsize
        arrived = [name for name in self._missing if name not in names and began_after < name[0] <= ended]
        for name in arrived:
            del self._missing[name]
        self._remember(new, {row["number"]: unpack(row["envelopes"]) for row in fetched})
        return await self._say_again([self._missing[name] for name in names if name in self._missing])

    async def _settle(self, connection: Any) -> Sequence[Record]:
        """Settle what arrived; the rows of what did not, from where the last round ended."""
        missing: list[Record] = []
        for _ in range(MOST_PAGES):
            page = await connection.fetch(_sql["unsettled"], SENT_BEFORE, self._after, PAGE_ROWS)
            numbers = [row["number"] for row in page]
            found = await connection.fetch(_sql["missing"], numbers) if numbers else []
            await connection.execute(_sql["settle"], sorted(set(numbers) - {row["number"] for row in found}))
            missing += found
            if len(missing) >= MOST_EXAMINED:
                self._after = int(missing[MOST_EXAMINED - 1]["number"])
                return [row for row in missing if row["number"] <= self._after]
            self._after = numbers[-1] if len(numbers) == PAGE_ROWS else 0
            if self._after == 0:
                break
        return missing

    def _remember(self, rows: Sequence[Record], said: dict[int, list[Envelope]]) -> None:
        now = stopwatch_seconds()
        for row in rows[: MOST_REMEMBERED - len(self._missing)]:
            for envelope in said.get(row["number"], ()):
                if envelope.message_id == row["message_id"]:
                    queue = self._queue_of(envelope, row["receiver"])
                    if queue is not None:
                        sent = now - row["sent_seconds_ago"]
                        self._missing[_name(row)] = _Missing(envelope, row["receiver"], queue, sent, envelope.priority)

    def _queue_of(self, envelope: Envelope, receiver: str) -> str | None:
        """The queue by which the receiver gets the message; None where nobody runs it."""
        mailbox = self._topology.mailboxes.get(receiver)
        if mailbox is None:
            return None
        return (
            mailbox.command_queue(mailbox.partition_of(envelope.key)) if envelope.exchange == COMMANDS else mailbox.event_queue
        )

    async def _say_again(self, missing: list[_Missing]) -> int:
        now = stopwatch_seconds()
        waiting = {queue: await depth(self._bus.consuming, queue) for queue in {each.queue for each in missing}}
        lost: list[_Missing] = []
        starved: list[_Missing] = []
        for each in missing:
            found = waiting[each.queue]
            nothing_waits = found is not None and found[0] == 0
            if nothing_waits and each.seen_lost and now - each.said_again > AGAIN_SECONDS:
                lost.append(each)
            elif found is not None and found[0] > 0 and len(starved) < MOST_LIFTED and self._starves(each, now):
                starved.append(each)
            each.seen_lost = nothing_waits
        for each in lost:
            telemetry.republished.labels(each.receiver).inc()
        for each in starved:
            telemetry.lifted.labels(each.receiver).inc()
            each.level = level_above(each.level)
        again = {each.envelope.message_id: each.envelope.at_level(each.level) for each in (*lost, *starved)}
        if again:
            said = {"lost": len(lost), "starved": len(starved)}
            log.warning("messages that the broker lost, or that starve, are said again", extra=said)
            await self._bus.say_confirmed(list(again.values()))
        for each in (*lost, *starved):
            each.said_again = now
        return len(lost)

    def _starves(self, each: _Missing, now: float) -> bool:
        """Whether it waited for long at its present level, and more urgent messages may come before it."""
        since = max(each.sent, each.said_again)
        envelope = each.envelope.at_level(each.level)
        return now - since > self._lift_seconds and may_starve(envelope, each.receiver, self._topology)

    async def mend(self, link: Link, *, keep_for: timedelta) -> None:
        """Say again what a broker without its mark has lost, and mark it; one process does, and who dies at it is followed."""
        async with self._database.connection() as connection:
            if not await connection.fetchval(_sql["one_mender"]):
                return
            try:
                if not await is_marked(link):
                    await self.broker_was_made_anew(keep_for=keep_for)
                    await mark(link)
            finally:
                await connection.execute(_sql["mender_is_done"])

    async def broker_was_made_anew(self, *, keep_for: timedelta) -> None:
        """The queues had to be made: whatever they held is gone, so everything that is not known to have arrived is said again."""
        async with self._database.connection() as connection:
            await connection.execute(_sql["unsend"])
        copies = await self._say_to_systems(keep_for) if self._topology.systems else 0
        log.warning("the broker was made anew; messages are said again", extra={"to_systems": copies})

    async def _say_to_systems(self, keep_for: timedelta) -> int:
        """Other systems have no inbox here: they get what was said lately again, and know it by its id."""
        after = copies = 0
        while True:
            async with self._database.connection() as connection:
                page = await connection.fetch(_sql["said_since"], keep_for, after, PAGE_ROWS)
            if not page:
                return copies
            after = page[-1]["number"]
            said = [copy for row in page for envelope in unpack(row["envelopes"]) for copy in self._for_systems(envelope)]
            await self._bus.say_confirmed(said)
            copies += len(said)

    def _for_systems(self, envelope: Envelope) -> list[Envelope]:
        """Copies of an event for the queues of those who subscribed to it."""
        if envelope.exchange == COMMANDS:
            return []
        copies = []
        for system in self._topology.systems:
            if any(matches(pattern, envelope.type) for pattern in system.events):
                copy = Envelope.from_json(envelope.to_json())
                copy.exchange, copy.routing_key = REPLIES, system.event_queue
                copies.append(copy)
        return copies


def _name(row: Record) -> tuple[int, UUID, str]:
    return row["number"], row["message_id"], row["receiver"]
