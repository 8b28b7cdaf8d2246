"""What follows when a turn fails.

A message's own fault is tried again in place, three times in about a second, while its key waits and other keys go on; then its key
is parked and a timer tries again, with growing distance; at last it is a dead letter and its key goes on, or is held, by policy.
A fault of the surroundings is passed on: the mailbox holds, and no attempt is burnt.

    in_place_seconds   (0.05, 0.2, 0.8), each +-50 %
    parked_tries       5, then it is dead
    parked_seconds     2, doubled at each try up to 300, with full jitter
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from runtime import dead_letters, parking, telemetry
from runtime.admission import problem
from runtime.clock import stopwatch_seconds
from runtime.database import Database
from runtime.envelope import Envelope
from runtime.errors import NewerVersion, Unreadable, is_surroundings
from runtime.inbox import Outcome
from runtime.performer import Parked, Performer

log = logging.getLogger("coffer.retries")

MOST_STARTS = 3
"""A message that was begun so often after a redelivery, and never ended, kills its process."""
MOST_HOLDS = 5
"""A message that so often asked somebody who does not answer, or ran into a time limit, waits apart with its key: no attempt is
burnt, but the rest of its partition goes on."""
MOST_REMEMBERED = 10_000
NEWER_VERSION_SECONDS = 30.0
KEYS_AT_A_TIME = 4
"""Parked keys that are replayed side by side; each takes a connection."""
WHILE_AWAY = timedelta(seconds=2)
ASK_AGAIN = problem("in_progress", "This cannot be handled yet; ask again.")
"""What must be written down nowhere cannot wait here."""
TRIED_AND_FAILED = ("exhausted", "kills_process")
"""Reasons of dead letters by which a key may be held: the message might yet be handled."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how far apart; seconds."""

    in_place_seconds: tuple[float, ...] = (0.05, 0.2, 0.8)
    parked_tries: int = 5
    parked_seconds: float = 2.0
    parked_seconds_most: float = 300.0
    hold_key_when_dead: bool = False

    def parked_delay(self, tries: int) -> timedelta:
        """Exponential with full jitter, but never at once."""
        ceiling = min(self.parked_seconds_most, self.parked_seconds * 2**tries)
        return timedelta(seconds=random.uniform(ceiling / 4, ceiling))


class Retries:
    """Around the turns of one actor."""

    def __init__(self, performer: Performer, database: Database, policy: RetryPolicy) -> None:
        self._performer = performer
        self._database = database
        self._policy = policy
        self.actor = performer.name
        self._still_counted: set[UUID] = set()
        """Begun, ended, and not uncounted, because the database was away: they killed nobody."""
        self._held: dict[UUID, int] = {}
        """How often a message met a fault of the surroundings."""

    async def perform(self, envelope: Envelope, *, redelivered: bool, begun: bool = False) -> Outcome | None:
        """The outcome; None where the message waits or was put aside, so that there is nothing to answer yet.

        `begun`: it was tried before, together with others.
        """
        with telemetry.conversation(envelope.correlation_id, envelope.traceparent):
            try:
                outcome = await self._perform(envelope, redelivered=redelivered, begun=begun)
            except Exception as error:
                if not is_surroundings(error) or not await self._holds_up_others(envelope):
                    raise
                await self._let_wait(envelope, WHILE_AWAY, f"waits: {error!r}")
                return None
            self._held.pop(envelope.message_id, None)
            return outcome

    async def _perform(self, envelope: Envelope, *, redelivered: bool, begun: bool) -> Outcome | None:
        if not redelivered:
            return await self._try_in_place(envelope, begun=begun)
        if (killer := await self._begin(envelope)) is not None:
            return killer
        try:
            return await self._try_in_place(envelope, begun=True)
        finally:
            await self._uncount(envelope)

    async def _holds_up_others(self, envelope: Envelope) -> bool:
        """Whether the message has made its mailbox hold so often, though database and broker answer, that it must wait apart."""
        if len(self._held) > MOST_REMEMBERED:
            self._held.clear()
        self._held[envelope.message_id] = times = self._held.get(envelope.message_id, 0) + 1
        return times >= MOST_HOLDS and not dead_letters.holds_secret(envelope) and await self._database.probe()

    async def _begin(self, envelope: Envelope) -> Outcome | None:
        """Count that it is begun, before it is; the last outcome of one that was begun too often and never ended."""
        if envelope.message_id in self._still_counted:
            self._still_counted.discard(envelope.message_id)
            return None
        async with self._database.connection() as connection:
            starts = await parking.count_start(connection, self.actor, envelope.message_id)
        if starts <= MOST_STARTS:
            return None
        return await self.bury(envelope, "kills_process", f"begun {starts - 1} times and never ended")

    async def _uncount(self, envelope: Envelope) -> None:
        try:
            async with self._database.connection() as connection:
                await parking.uncount_start(connection, self.actor, envelope.message_id)
        except Exception as error:
            if not is_surroundings(error):
                raise
            self._still_counted.add(envelope.message_id)

    async def _try_in_place(self, envelope: Envelope, *, begun: bool) -> Outcome | None:
        for delay in (*self._policy.in_place_seconds, None):
            try:
                return await self._once(envelope, begun=begun)
            except NewerVersion as newer:
                if dead_letters.holds_secret(envelope):
                    return Outcome("busy", ASK_AGAIN)
                await self._let_wait(envelope, timedelta(seconds=NEWER_VERSION_SECONDS), f"newer_version: {newer}")
                return None
            except Unreadable as unreadable:
                return await self.bury(envelope, unreadable.reason, unreadable.detail)
            except Exception as error:
                if is_surroundings(error):
                    raise
                await self._count_failure(envelope, error)
                if delay is None:
                    return await self._park(envelope, error)
            begun = True
            telemetry.retried.labels(self.actor, telemetry.type_label(envelope.type)).inc()
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    async def _once(self, envelope: Envelope, *, begun: bool) -> Outcome | None:
        try:
            return await self._performer.one(envelope, begun=begun)
        except Parked:
            if dead_letters.holds_secret(envelope):
                return Outcome("busy", ASK_AGAIN)
            async with self._database.transaction() as connection:
                behind = await parking.queue_behind(connection, self.actor, envelope)
            return None if behind else await self._once(envelope, begun=begun)

    async def _count_failure(self, envelope: Envelope, error: Exception) -> None:
        telemetry.failed.labels(self.actor, telemetry.type_label(envelope.type)).inc()
        log.warning(
            "turn failed",
            extra={"actor": self.actor, "type": envelope.type, "message_id": str(envelope.message_id)},
            exc_info=error,
        )
        async with self._database.connection() as connection:
            await parking.count_failure(connection, self.actor, envelope.message_id, repr(error))

    async def _park(self, envelope: Envelope, error: Exception) -> Outcome | None:
        if dead_letters.holds_secret(envelope):
            return await self.bury(envelope, "exhausted", repr(error))
        await self._let_wait(envelope, self._policy.parked_delay(0), f"failed: {error!r}")
        return None

    async def _let_wait(self, envelope: Envelope, delay: timedelta, reason: str) -> None:
        async with self._database.transaction() as connection:
            await parking.park(connection, self.actor, envelope, delay=delay, reason=reason)
        self._held.pop(envelope.message_id, None)
        log.warning("key parked", extra={"actor": self.actor, "key": parking.key_of(envelope), "reason": reason})

    async def bury(self, envelope: Envelope, reason: str, error: str) -> Outcome:
        """Make it a dead letter; by policy its key is held until an operator has decided."""
        async with self._database.transaction() as connection:
            await dead_letters.keep(connection, self.actor, envelope, reason=reason, error=error)
            await parking.remove(connection, self.actor, envelope.message_id)
            if self._policy.hold_key_when_dead and envelope.key is not None and reason in TRIED_AND_FAILED:
                await parking.hold(connection, self.actor, envelope.key, envelope.message_id)
        log.error("dead letter", extra={"actor": self.actor, "type": envelope.type, "reason": reason})
        return Outcome("fault", problem(reason, "This message could not be handled; it was put aside for an operator."))

    async def replay_due(self, answer: Callable[[Envelope, Outcome], None]) -> int:
        """Try the heads of keys whose time has come, and `answer` whoever may still wait; how many keys there were."""
        async with self._database.connection() as connection:
            due = await parking.take_due(connection, self.actor, KEYS_AT_A_TIME)
        ends = await asyncio.gather(*(self._replay_key(parked, answer) for parked in due), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return len(due)

    async def _replay_key(self, parked: parking.ParkedKey, answer: Callable[[Envelope, Outcome], None]) -> None:
        tries = parked.tries
        lease_ends = stopwatch_seconds() + parking.LEASE.total_seconds() / 2
        try:
            while stopwatch_seconds() < lease_ends:
                async with self._database.transaction() as connection:
                    found = await parking.head(connection, self.actor, parked.key)
                    if found is None and await parking.unpark(connection, self.actor, parked.key):
                        return
                if found is None:
                    continue
                envelope, begun = found
                outcome = await self._replay_one(envelope, parked.key, tries, begun=begun)
                if outcome is None:
                    return
                answer(envelope, outcome)
                tries = 0
            await self._put_off(parked.key, timedelta(), tries, "goes on")
        except Exception as error:
            if is_surroundings(error):
                with contextlib.suppress(Exception):
                    await self._put_off(parked.key, WHILE_AWAY, tries, f"waits: {error!r}")
            raise

    async def _put_off(self, key: str, delay: timedelta, tries: int, reason: str) -> None:
        async with self._database.connection() as connection:
            await parking.put_off(connection, self.actor, key, delay=delay, tries=tries, reason=reason)

    async def _replay_one(self, envelope: Envelope, key: str, tries: int, *, begun: bool) -> Outcome | None:
        with telemetry.conversation(envelope.correlation_id, envelope.traceparent):
            try:
                outcome = await self._counted(envelope, begun=begun)
            except NewerVersion as newer:
                await self._put_off(key, timedelta(seconds=NEWER_VERSION_SECONDS), tries, f"newer_version: {newer}")
                return None
            except Unreadable as unreadable:
                return await self.bury(envelope, unreadable.reason, unreadable.detail)
            except Exception as error:
                if is_surroundings(error):
                    raise
                await self._count_failure(envelope, error)
                if tries + 1 < self._policy.parked_tries:
                    await self._put_off(key, self._policy.parked_delay(tries + 1), tries + 1, f"failed: {error!r}")
                    return None
                return await self.bury(envelope, "exhausted", repr(error))
            async with self._database.connection() as connection:
                await parking.remove(connection, self.actor, envelope.message_id)
            return outcome

    async def _counted(self, envelope: Envelope, *, begun: bool) -> Outcome:
        """A turn that is known to have been begun, as each of a parked message is."""
        if (killer := await self._begin(envelope)) is not None:
            return killer
        try:
            return await self._performer.one(envelope, begun=begun, from_parked=True)
        finally:
            await self._uncount(envelope)
