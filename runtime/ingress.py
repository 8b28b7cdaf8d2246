"""Takes in what other systems say, has it looked at, and passes it on; what may pass is decided in `customs.py`.

All of it arrives in one queue with one active consumer, and goes on in the order in which it came: a message is acknowledged
when the broker holds it again, confirmed, in its partition. What does not pass gets a named refusal in the sender's own queue,
or is kept as a dead letter where nobody waits or nobody knows who sent it. What the broker took out as expired comes by a
queue of its own.
"""

import asyncio
import logging
from collections import deque

import orjson

from messages.base import Query, Refusal, message_type
from runtime import telemetry
from runtime.admission import is_expired, problem
from runtime.bus import Bus
from runtime.clock import Clock, unix_milliseconds
from runtime.customs import REASONS, Customs
from runtime.envelope import Envelope
from runtime.errors import Unreadable, is_surroundings
from runtime.inbox import Outcome
from runtime.lane import Lane
from runtime.levels import may_starve
from runtime.mailbox import Answers, Desk, Letter
from runtime.outbox import Relay
from runtime.performer import refused
from runtime.topology import EXPIRED_QUEUE, Topology

log = logging.getLogger("coffer.ingress")


class IngressDesk(Desk):
    """Passes on what arrived, in order, a window at a time."""

    def __init__(
        self, customs: Customs, bus: Bus, relay: Relay, topology: Topology, clock: Clock, answers: Answers, *, batch: int
    ) -> None:
        super().__init__(answers)
        self._relay = relay
        self._topology = topology
        self._customs = customs
        self._bus = bus
        self._clock = clock
        self.batch = batch
        self._waiting: deque[Letter] = deque()
        self._some = asyncio.Event()
        self._in_hand = 0
        self._nothing = asyncio.Event()
        self._nothing.set()

    @property
    def depth(self) -> int:
        return len(self._waiting) + self._in_hand

    def arrived(self, letter: Letter) -> None:
        expiration = letter.delivery.properties.expiration
        if letter.unreadable is None and expiration.isdigit():
            ends = unix_milliseconds(self._clock.now()) + int(expiration)
            letter.envelope.deadline_milliseconds = min(letter.envelope.deadline_milliseconds or ends, ends)
        self._waiting.append(letter)
        self._some.set()

    def forget(self, lane: Lane) -> None:
        self._waiting = deque(letter for letter in self._waiting if letter.lane is not lane)

    async def idle(self) -> None:
        await self._nothing.wait()

    async def run(self) -> None:
        """Pass on for as long as the process lives."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                letters = [self._waiting.popleft() for _ in range(min(self.batch, len(self._waiting)))]
                self._in_hand = len(letters)
                self._nothing.clear()
                try:
                    await self._pass_on(letters)
                except Exception as error:
                    if not is_surroundings(error):
                        log.exception("ingress failed")
                    self.hold(error)
                finally:
                    self._in_hand = 0
                    self._nothing.set()

    async def _pass_on(self, letters: list[Letter]) -> None:
        passed: list[tuple[Letter, Envelope]] = []
        for letter in letters:
            try:
                passed.append((letter, self._let_in(letter)))
            except (Unreadable, Refusal) as wrong:
                await self._refuse(letter, wrong)
        if not passed:
            return
        commands, may_wait_long = [], []
        for _, envelope in passed:
            if _asks(envelope):
                self._bus.say(envelope, persistent=False)
            elif may_starve(envelope, envelope.routing_key.partition(".")[0], self._topology):
                may_wait_long.append(envelope)
            else:
                commands.append(envelope)
        if commands:
            await self._bus.say_confirmed(commands, mandatory=True)
        if may_wait_long:
            # By way of the outbox, so that the reconciler sees whether they arrive, and lifts them.
            await self._relay.keep_and_say("ingress", may_wait_long, self._topology)
        self.answers.acknowledge([letter for letter, _ in passed])

    def _let_in(self, letter: Letter) -> Envelope:
        """The envelope that goes on. Unreadable or Refusal where it does not; a fault of ours must not stop those behind it."""
        if letter.unreadable is not None:
            raise letter.unreadable
        if letter.delivery.routing_key == EXPIRED_QUEUE or is_expired(letter.envelope, self._clock.now()):
            telemetry.expired.labels("ingress", telemetry.type_label(letter.envelope.type)).inc()
            raise Unreadable("expired", REASONS["expired"][1])
        try:
            return self._customs.let_in(letter.envelope)
        except (Unreadable, Refusal):
            raise
        except Exception as error:
            log.exception("a message of another system could not be looked at")
            raise Unreadable("fault", REASONS["fault"][1]) from error

    async def _refuse(self, letter: Letter, wrong: Unreadable | Refusal) -> None:
        """A named refusal to whoever waits for an answer; a dead letter where nobody does, or where the fault is ours."""
        envelope = letter.envelope
        envelope.reply_to = self._customs.reply_queue(envelope.sender, envelope.reply_to)
        reason, outcome = (wrong.reason, _told(wrong)) if isinstance(wrong, Unreadable) else (wrong.rule, refused(wrong))
        telemetry.failed.labels("ingress", reason).inc()
        if envelope.reply_to and reason != "fault":
            self.answers.settle([letter], [outcome])
            return
        letter.unreadable = wrong if isinstance(wrong, Unreadable) else Unreadable(reason, f"{wrong.field}: {wrong.detail}")
        await self.answers.put_aside(letter)


def _told(wrong: Unreadable) -> Outcome:
    if wrong.reason == "expired":
        return Outcome("expired", problem(wrong.reason, wrong.detail))
    status = REASONS[wrong.reason][0]
    return Outcome("refusal", orjson.dumps({"rule": wrong.reason, "status": status, "detail": wrong.detail}))


def _asks(envelope: Envelope) -> bool:
    kind = message_type(envelope.type)
    return kind is not None and issubclass(kind, Query)
