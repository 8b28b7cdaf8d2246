"""Takes messages from one queue and hands them to turns. Callbacks only enqueue; turns run in our own tasks.

A mailbox lives through lost connections: what was delivered on a closed lane and not begun is dropped here, for it comes again
in order; what was begun finishes, and its redelivery is answered from the inbox. On a fault of the surroundings it holds:
it closes its lane, so that its messages return to their places, waits until broker and database answer, and goes on.
"""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from messages.ids import new_id
from runtime import telemetry
from runtime.admission import Door, problem
from runtime.bus import Bus
from runtime.clock import stopwatch_seconds
from runtime.database import Database
from runtime.envelope import NOBODY, Envelope
from runtime.errors import Unavailable, Unreadable
from runtime.inbox import Outcome
from runtime.lane import Lane
from runtime.wire import Delivery

log = logging.getLogger("coffer.mailbox")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
LEVEL_UP_SECONDS = 5.0
"""A message that waited so long counts as one level higher, so that urgent traffic starves nobody."""
LEVEL_STEP = 3


@dataclass(slots=True, eq=False)
class Letter:
    """A delivered message until it is acknowledged."""

    lane: Lane
    tag: int
    redelivered: bool
    envelope: Envelope
    delivery: Delivery
    unreadable: Unreadable | None = None
    """Why it did not pass the door."""
    taken_by: str | None = None
    """The handler that takes it together with others; None where it must be taken alone."""
    arrived: float = field(default_factory=stopwatch_seconds)

    def urgency(self, now: float) -> int:
        """Its level, raised by how long it has waited; the higher goes first."""
        return self.envelope.priority + LEVEL_STEP * int((now - self.arrived) / LEVEL_UP_SECONDS)


class Acknowledger:
    """Acknowledges on one lane, each tag once; what is done without gaps leaves as one frame.

    A cumulative frame always names a tag that was not acknowledged before: the broker closes the channel for any other.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._next = 1
        self._beyond: set[int] = set()
        """Acknowledged one by one, beyond a gap."""

    @property
    def count(self) -> int:
        """How many were handled."""
        return self._next - 1 + len(self._beyond)

    def done(self, tags: list[int]) -> None:
        """These were handled and committed."""
        fresh = set(tags)
        last = 0
        while True:
            if self._next in fresh:
                fresh.remove(self._next)
                last = self._next
            elif self._next in self._beyond:
                self._beyond.remove(self._next)
            else:
                break
            self._next += 1
        if last:
            self._lane.ack(last, multiple=True)
        for tag in sorted(fresh):
            self._lane.ack(tag)
        self._beyond |= fresh


class Desk(ABC):
    """Where letters wait and turns are run, of one mailbox or of several; it outlives the lanes."""

    def __init__(self, answer: "Answers") -> None:
        self.answers = answer
        self.on_surroundings: list[Callable[[BaseException], None]] = []
        """The mailboxes': called on a fault of the surroundings."""

    def hold(self, error: BaseException) -> None:
        """Let the mailboxes give their messages back and wait until the surroundings answer."""
        for each in self.on_surroundings:
            each(error)

    @abstractmethod
    def arrived(self, letter: Letter) -> None:
        """Take a letter; never waits."""

    @abstractmethod
    def forget(self, lane: Lane) -> None:
        """Drop the letters of a lane that closes, if they were not begun: they come again, in order."""

    @property
    @abstractmethod
    def depth(self) -> int:
        """Letters waiting or in hand."""

    @abstractmethod
    async def idle(self) -> None:
        """Wait until nothing is in hand."""


class Answers:
    """Gives the outcome to whoever asked, then acknowledges."""

    def __init__(self, actor: str, bus: Bus, put_aside: Callable[[Delivery, Unreadable], Any]) -> None:
        self.actor = actor
        self._bus = bus
        self._put_aside = put_aside
        self._lanes: dict[Lane, Acknowledger] = {}

    def opened(self, lane: Lane) -> None:
        """A new lane to acknowledge on."""
        self._lanes[lane] = Acknowledger(lane)

    def closed(self, lane: Lane) -> None:
        """Its messages went back."""
        self._lanes.pop(lane, None)

    def acknowledged(self, lane: Lane) -> int:
        """How many of a lane's messages are done with."""
        return self._lanes[lane].count if lane in self._lanes else 0

    def send(self, envelope: Envelope, outcome: Outcome) -> None:
        """Reply; whoever does not wait gets nothing."""
        telemetry.handled.labels(self.actor, telemetry.type_label(envelope.type), outcome.kind).inc()
        if envelope.reply_to:
            self._bus.reply(envelope, outcome.kind, outcome.body, replayed=outcome.replayed)
        elif outcome.kind == "expired":
            who = {"type": envelope.type, "message_id": str(envelope.message_id)}
            log.warning("expired, and nobody waits for the answer", extra=who)

    def settle(self, letters: list[Letter], outcomes: list[Outcome | None]) -> None:
        """Reply to each that has an outcome, then acknowledge them all."""
        for letter, outcome in zip(letters, outcomes, strict=True):
            if outcome is not None:
                self.send(letter.envelope, outcome)
        self.acknowledge(letters)

    def acknowledge(self, letters: list[Letter]) -> None:
        """They are done with."""
        by_lane: dict[Lane, list[int]] = {}
        for letter in letters:
            by_lane.setdefault(letter.lane, []).append(letter.tag)
        for lane, tags in by_lane.items():
            if (acknowledger := self._lanes.get(lane)) is not None:
                acknowledger.done(tags)

    async def put_aside(self, letter: Letter) -> None:
        """Keep an unreadable message as a dead letter, tell its sender, acknowledge."""
        assert letter.unreadable is not None
        await self._put_aside(letter.delivery, letter.unreadable)
        self.send(letter.envelope, Outcome("fault", problem(letter.unreadable.reason, letter.unreadable.detail)))
        self.acknowledge([letter])


async def first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them is over; the others are given up."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class Mailbox:
    """One queue's consumer, for as long as the process runs it."""

    def __init__(
        self, queue: str, bus: Bus, database: Database, door: Door, desk: Desk, *, prefetch: int, priority: int = 0
    ) -> None:
        self.queue = queue
        self._bus = bus
        self._database = database
        self._door = door
        self.desk = desk
        desk.on_surroundings.append(self._on_surroundings)
        self.prefetch = prefetch
        self._priority = priority
        self._held = asyncio.Event()
        self._stopping = asyncio.Event()
        self._lane: Lane | None = None
        self._delivered = 0
        self.consuming = False
        """Whether it is registered with the broker."""

    @property
    def depth(self) -> int:
        """Messages that were delivered and are not acknowledged."""
        return 0 if self._lane is None else self._delivered - self.desk.answers.acknowledged(self._lane)

    async def run(self) -> None:
        """Consume until stopped, through whatever the surroundings do."""
        telemetry.mailbox_depth.labels(self.queue).set_function(lambda: self.depth)
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = stopwatch_seconds()
            try:
                await first_of(self._bus.ready(), self._stopping.wait())
                if self._stopping.is_set():
                    return
                if not await self._database.probe():
                    raise Unavailable("the database is away")
                await self._consume_until_lost()
            except Unavailable as away:
                log.warning("mailbox waits", extra={"queue": self.queue, "reason": away.reason})
            if stopwatch_seconds() - began > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if not self._stopping.is_set():
                await asyncio.sleep(random.uniform(pause / 2, pause))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _consume_until_lost(self) -> None:
        self._held.clear()
        lane = await self._bus.consuming.lane()
        self._lane, self._delivered = lane, 0
        self.desk.answers.opened(lane)
        lane.on_cancelled_by_broker(lambda: self._on_surroundings(Unavailable("the queue was deleted")))
        arguments = {"x-priority": self._priority} if self._priority else None
        try:
            await lane.consume(
                self.queue, lambda each: self._on_delivery(lane, each), prefetch=self.prefetch, arguments=arguments
            )
            self.consuming = True
            await first_of(lane.closed.wait(), self._held.wait(), self._stopping.wait())
            if self._stopping.is_set() and not lane.closed.is_set():
                self.desk.forget(lane)
                await self.desk.idle()
        finally:
            self.consuming = False
            self._lane = None
            self.desk.forget(lane)
            await lane.close()
            self.desk.answers.closed(lane)

    def _on_delivery(self, lane: Lane, delivery: Delivery) -> None:
        self._delivered = delivery.delivery_tag
        if self._held.is_set() or self._stopping.is_set():
            return  # the lane is about to be closed; it comes again
        try:
            envelope = self._door.open_for(delivery)
            letter = Letter(lane, delivery.delivery_tag, delivery.redelivered, envelope, delivery)
        except Exception as error:
            # Whatever it is: an exception from here would end the connection, and again with each redelivery.
            if not isinstance(error, Unreadable):
                log.exception("a message broke the door", extra={"queue": self.queue})
            wrong = error if isinstance(error, Unreadable) else Unreadable("malformed", repr(error))
            letter = Letter(lane, delivery.delivery_tag, delivery.redelivered, _sender_of(delivery), delivery, wrong)
        self.desk.arrived(letter)

    def _on_surroundings(self, error: BaseException) -> None:
        if not self._held.is_set():
            log.warning("mailbox holds", extra={"queue": self.queue, "reason": repr(error)})
        self._held.set()
        if self._lane is not None:
            self.desk.forget(self._lane)  # what failed goes back to its place; nothing that waits here may overtake it

    def stop(self) -> None:
        """Take nothing more; what is in hand finishes, the rest goes back in order."""
        self._stopping.set()


def _sender_of(delivery: Delivery) -> Envelope:
    """As much of an envelope as it takes to answer a message that cannot be read."""
    properties = delivery.properties
    return Envelope(
        new_id(),
        properties.type,
        b"",
        NOBODY,
        correlation_id=properties.correlation_id or properties.message_id,
        reply_to=properties.reply_to,
        sender=properties.user_id,
    )
