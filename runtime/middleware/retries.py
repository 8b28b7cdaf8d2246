"""What follows when a turn fails.

A message's own fault is tried again in place, three times in about a second, while its key waits and other keys go on; then its key
is parked and a timer tries again, with growing distance; at last it is a dead letter and its key goes on, or is held, by policy.
A fault of the surroundings is passed on: the mailbox holds, and no attempt is burnt.

    in_place_seconds   (0.05, 0.2, 0.8), each +-50 %
    parked_tries       5, then it is dead
    parked_seconds     2, doubled at each try up to 300, with full jitter
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta

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
NEWER_VERSION_SECONDS = 30.0


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

    async def perform(self, envelope: Envelope, *, redelivered: bool) -> Outcome | None:
        """The outcome; None where the message waits or was put aside, so that there is nothing to answer yet."""
        if redelivered and not await self._may_begin(envelope):
            return Outcome("fault", problem("kills_process", "This message ended its process each time; it was put aside."))
        try:
            return await self._try_in_place(envelope)
        finally:
            if redelivered:
                await self._uncount(envelope)

    async def _uncount(self, envelope: Envelope) -> None:
        try:
            async with self._database.connection() as connection:
                await parking.uncount_start(connection, self.actor, envelope.message_id)
        except Exception as error:
            if not is_surroundings(error):
                raise

    async def _may_begin(self, envelope: Envelope) -> bool:
        async with self._database.transaction() as connection:
            starts = await parking.count_start(connection, self.actor, envelope.message_id)
            if starts <= MOST_STARTS:
                return True
            error = f"begun {starts - 1} times and never ended"
            await dead_letters.keep(connection, self.actor, envelope, reason="kills_process", error=error)
        log.error("dead letter", extra={"actor": self.actor, "type": envelope.type, "reason": "kills_process"})
        return False

    async def _try_in_place(self, envelope: Envelope) -> Outcome | None:
        for delay in (*self._policy.in_place_seconds, None):
            try:
                return await self._once(envelope)
            except NewerVersion as newer:
                async with self._database.transaction() as connection:
                    wait = timedelta(seconds=NEWER_VERSION_SECONDS)
                    await parking.park(connection, self.actor, envelope, delay=wait, reason=f"newer_version: {newer}")
                return None
            except Unreadable as unreadable:
                return await self.bury(envelope, unreadable.reason, unreadable.detail)
            except Exception as error:
                if is_surroundings(error):
                    raise
                await self._count_failure(envelope, error)
                if delay is None and dead_letters.holds_secret(envelope):
                    return await self.bury(envelope, "exhausted", repr(error))
                if delay is None:
                    await self._park(envelope, error)
                    return None
            telemetry.retried.labels(self.actor, envelope.type).inc()
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    async def _once(self, envelope: Envelope) -> Outcome | None:
        try:
            return await self._performer.one(envelope)
        except Parked:
            async with self._database.transaction() as connection:
                behind = await parking.queue_behind(connection, self.actor, envelope)
            return None if behind else await self._once(envelope)

    async def _count_failure(self, envelope: Envelope, error: Exception) -> None:
        telemetry.failed.labels(self.actor, envelope.type).inc()
        log.warning(
            "turn failed",
            extra={"actor": self.actor, "type": envelope.type, "message_id": str(envelope.message_id)},
            exc_info=error,
        )
        async with self._database.connection() as connection:
            await parking.count_failure(connection, self.actor, envelope.message_id, repr(error))

    async def _park(self, envelope: Envelope, error: Exception) -> None:
        async with self._database.transaction() as connection:
            await parking.park(
                connection, self.actor, envelope, delay=self._policy.parked_delay(0), reason=f"failed: {error!r}"
            )
        log.warning("key parked", extra={"actor": self.actor, "key": parking.key_of(envelope)})

    async def bury(self, envelope: Envelope, reason: str, error: str) -> Outcome:
        """Make it a dead letter."""
        async with self._database.transaction() as connection:
            await dead_letters.keep(connection, self.actor, envelope, reason=reason, error=error)
            await parking.remove(connection, self.actor, envelope.message_id)
        log.error("dead letter", extra={"actor": self.actor, "type": envelope.type, "reason": reason})
        return Outcome("fault", problem(reason, "This message could not be handled; it was put aside for an operator."))

    async def replay_due(self, most: int = 20) -> list[tuple[Envelope, Outcome]]:
        """Try the heads of keys whose time has come; each answer found, to be given to whoever may still wait."""
        async with self._database.transaction() as connection:
            due = await parking.take_due(connection, self.actor, most)
        answers: list[tuple[Envelope, Outcome]] = []
        for parked in due:
            answers += await self._replay_key(parked)
        return answers

    async def _replay_key(self, parked: parking.ParkedKey) -> list[tuple[Envelope, Outcome]]:
        answers: list[tuple[Envelope, Outcome]] = []
        tries = parked.tries
        lease_ends = stopwatch_seconds() + parking.LEASE.total_seconds() / 2
        while True:
            async with self._database.transaction() as connection:
                envelope = await parking.head(connection, self.actor, parked.key)
                if envelope is None and await parking.unpark(connection, self.actor, parked.key):
                    return answers
            if envelope is None:
                continue
            outcome = await self._replay_one(envelope, parked.key, tries)
            if outcome is None:
                return answers
            answers.append((envelope, outcome))
            tries = 0
            if stopwatch_seconds() > lease_ends:
                async with self._database.connection() as connection:
                    await parking.put_off(connection, self.actor, parked.key, delay=timedelta(), tries=0, reason="goes on")
                return answers

    async def _replay_one(self, envelope: Envelope, key: str, tries: int) -> Outcome | None:
        try:
            outcome = await self._performer.one(envelope, from_parked=True)
        except NewerVersion as newer:
            wait = timedelta(seconds=NEWER_VERSION_SECONDS)
            async with self._database.connection() as connection:
                await parking.put_off(connection, self.actor, key, delay=wait, tries=tries, reason=f"newer_version: {newer}")
            return None
        except Exception as error:
            if is_surroundings(error):
                raise
            await self._count_failure(envelope, error)
            if tries + 1 < self._policy.parked_tries:
                async with self._database.connection() as connection:
                    await parking.put_off(
                        connection,
                        self.actor,
                        key,
                        delay=self._policy.parked_delay(tries + 1),
                        tries=tries + 1,
                        reason=f"failed: {error!r}",
                    )
                return None
            return await self._exhausted(envelope, key, error)
        async with self._database.connection() as connection:
            await parking.remove(connection, self.actor, envelope.message_id)
        return outcome

    async def _exhausted(self, envelope: Envelope, key: str, error: Exception) -> Outcome | None:
        outcome = await self.bury(envelope, "exhausted", repr(error))
        if not self._policy.hold_key_when_dead:
            return outcome
        async with self._database.connection() as connection:
            await connection.execute("UPDATE runtime.parked_key SET held = true WHERE actor = $1 AND key = $2", self.actor, key)
        return None
