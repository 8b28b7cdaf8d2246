"""Finds what the broker lost, and says it again under the same id; the inbox makes that harmless.

Lost is decided by evidence, never by age: the queues of a receiver are empty, twice in a row with time in between, while a message
that was sent to it is in no inbox, parked nowhere and no dead letter; or the queues had to be made anew. Rows whose receivers all
have their messages are settled, and later deleted.
"""

import logging
from datetime import timedelta

from runtime import telemetry
from runtime.bus import Bus
from runtime.database import Connection, Database
from runtime.envelope import Envelope, unpack
from runtime.topology import COMMANDS, REPLIES, Topology, depth, matches

log = logging.getLogger("coffer.reconciler")

SETTLE_ROWS = 2000
SENT_BEFORE = timedelta(seconds=3)
"""What was sent just now is on its way."""

_MISSING = """
    SELECT o.number, o.envelopes, m.message_id, r.receiver
    FROM runtime.outbox AS o
    CROSS JOIN LATERAL unnest(o.message_ids, o.receivers) AS m (message_id, receivers)
    CROSS JOIN LATERAL unnest(string_to_array(m.receivers, ',')) AS r (receiver)
    WHERE o.settled_at IS NULL AND o.sent_at < now() - $1::interval AND o.number = ANY($2::bigint[])
      AND NOT EXISTS (SELECT FROM runtime.inbox AS i WHERE i.message_id = m.message_id AND i.actor = r.receiver)
      AND NOT EXISTS (SELECT FROM runtime.parked_message AS p WHERE p.message_id = m.message_id AND p.actor = r.receiver)
      AND NOT EXISTS (SELECT FROM runtime.dead_letter AS d WHERE d.message_id = m.message_id AND d.actor = r.receiver)
    ORDER BY o.number
"""
_CANDIDATES = """
    SELECT number FROM runtime.outbox
    WHERE settled_at IS NULL AND sent_at < now() - $1::interval ORDER BY number LIMIT $2
"""
_SETTLE = "UPDATE runtime.outbox SET settled_at = now() WHERE number = ANY($1::bigint[])"
_UNSEND_UNSETTLED = "UPDATE runtime.outbox SET sent_at = NULL, said_at = now() - interval '1 minute' WHERE settled_at IS NULL"
_SINCE = "SELECT envelopes FROM runtime.outbox WHERE said_at > now() - $1::interval ORDER BY number"
_ONE_RECONCILER = "SELECT pg_try_advisory_xact_lock(hashtext('coffer reconciler'))"


class Reconciler:
    """Compares what was said with what was handled."""

    def __init__(self, database: Database, bus: Bus, topology: Topology) -> None:
        self._database = database
        self._bus = bus
        self._topology = topology
        self._suspects: set[tuple[int, str, str]] = set()

    async def look(self) -> int:
        """Settle what arrived; say again what was lost. How many messages were lost."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval(_ONE_RECONCILER):
                return 0
            numbers = [row["number"] for row in await connection.fetch(_CANDIDATES, SENT_BEFORE, SETTLE_ROWS)]
            if not numbers:
                self._suspects.clear()
                return 0
            missing = await connection.fetch(_MISSING, SENT_BEFORE, numbers)
            await connection.execute(_SETTLE, sorted(set(numbers) - {row["number"] for row in missing}))
        return await self._say_again(missing) if missing else 0

    async def _say_again(self, missing: list[Connection]) -> int:
        empty = {receiver for receiver in {row["receiver"] for row in missing} if await self._is_empty(receiver)}
        seen = {(row["number"], str(row["message_id"]), row["receiver"]) for row in missing if row["receiver"] in empty}
        lost = seen & self._suspects
        self._suspects = seen - lost
        again: dict[str, Envelope] = {}
        for row in missing:
            if (row["number"], str(row["message_id"]), row["receiver"]) in lost:
                telemetry.republished.labels(row["receiver"]).inc()
                for envelope in unpack(row["envelopes"]):
                    if envelope.message_id == row["message_id"]:
                        again[str(envelope.message_id)] = envelope
        if again:
            log.warning("the broker had lost messages; they are said again", extra={"messages": len(again)})
            await self._bus.say_confirmed(list(again.values()))
        return len(again)

    async def _is_empty(self, receiver: str) -> bool:
        """Whether nothing waits in the queues of an actor that is there and consuming."""
        mailbox = self._topology.mailboxes.get(receiver)
        if mailbox is None:
            return False
        queues = [mailbox.command_queue(partition) for partition in range(mailbox.partitions)]
        if mailbox.events:
            queues.append(mailbox.event_queue)
        for queue in queues:
            found = await depth(self._bus.consuming, queue)
            if found is None or found[0] > 0:
                return False
        return True

    async def broker_was_made_anew(self, *, keep_for: timedelta) -> None:
        """The queues had to be made: whatever they held is gone, so everything that is not known to have arrived is said again."""
        async with self._database.transaction() as connection:
            await connection.execute(_UNSEND_UNSETTLED)
            kept = await connection.fetch(_SINCE, keep_for) if self._topology.systems else []
        addressed = [copy for row in kept for envelope in unpack(row["envelopes"]) for copy in self._for_systems(envelope)]
        if addressed:
            await self._bus.say_confirmed(addressed)
        log.warning("the broker was made anew; messages are said again", extra={"to_systems": len(addressed)})

    def _for_systems(self, envelope: Envelope) -> list[Envelope]:
        """Copies of an event for the queues of other systems: who has no inbox here gets it again, and knows it by its id."""
        if envelope.exchange == COMMANDS:
            return []
        copies = []
        for system in self._topology.systems:
            if any(matches(pattern, envelope.type) for pattern in system.events):
                copy = Envelope.from_json(envelope.to_json())
                copy.exchange, copy.routing_key = REPLIES, system.event_queue
                copies.append(copy)
        return copies
