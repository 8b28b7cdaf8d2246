"""What other systems say: checked against that system's entry in config, given principal and priority, and passed on.

Everything arrives in one queue, `ingress`. The broker has validated who published; a system acts as its own principal, never as
somebody it claims to be, and its message ids are its own: the id that goes on is derived from system and id, so that nobody can
collide with, or read the answer to, another's. A message is acknowledged when the broker holds it again, confirmed, in its partition.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
from pydantic import ValidationError

from config.systems import SystemSettings
from messages.base import Event, Message, Query, message_type
from runtime import telemetry
from runtime.admission import class_of, is_expired
from runtime.bus import Bus
from runtime.clock import Clock, stopwatch_seconds, unix_milliseconds
from runtime.envelope import Envelope
from runtime.errors import NewerVersion, Unreadable, is_surroundings
from runtime.inbox import Outcome
from runtime.link import Lane
from runtime.mailbox import Answers, Desk, Letter
from runtime.outbox import address_command
from runtime.performer import EXPIRED
from runtime.principal import Principal
from runtime.strict_json import MalformedJson, read_object
from runtime.telemetry import child_traceparent
from runtime.topology import QUERIES, Topology

log = logging.getLogger("coffer.ingress")

LONGEST_DEADLINE_SECONDS = 3600


@dataclass(slots=True)
class _Bucket:
    """Tokens of one system (token bucket): refilled at its rate, up to its burst."""

    tokens: float
    at: float

    def take(self, system: SystemSettings, now: float) -> float:
        """Take one; 0, or the seconds until there is one."""
        self.tokens = min(float(system.burst), self.tokens + (now - self.at) * system.rate_per_second)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / system.rate_per_second
        self.tokens -= 1
        return 0.0


class Customs:
    """Decides what of other systems is let in, and as what."""

    def __init__(self, systems: Mapping[str, SystemSettings], topology: Topology, clock: Clock) -> None:
        self._by_user = {system.user: (name, system) for name, system in systems.items()}
        self._topology = topology
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def let_in(self, said: Envelope) -> Envelope:
        """The envelope that goes on. Unreadable, with a stable reason, where it does not."""
        known = self._by_user.get(said.sender)
        if known is None:
            raise Unreadable("sender_not_allowed", f"{said.sender} has no entry in systems.yaml")
        name, system = known
        if said.type not in system.says:
            class_of(said.type)
            raise Unreadable("type_not_allowed", f"{name} may not say {said.type}")
        if len(said.body) > system.largest_bytes:
            raise Unreadable("oversized", f"{len(said.body)} bytes; {name} may send {system.largest_bytes}")
        wait = self._buckets.setdefault(name, _Bucket(float(system.burst), stopwatch_seconds())).take(
            system, stopwatch_seconds()
        )
        if wait:
            raise Unreadable("rate_limited", f"{name} sends more than {system.rate_per_second:g} messages a second")
        message = self._read(said)
        return self._passed_on(said, message, name, system)

    def _read(self, said: Envelope) -> Message:
        kind = class_of(said.type)
        if issubclass(kind, Event):
            raise Unreadable("type_not_allowed", "events are told by the actors alone")
        try:
            read_object(said.body)
            return kind.model_validate_json(said.body)
        except MalformedJson as wrong:
            raise Unreadable("unparsable", str(wrong)) from None
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            raise Unreadable("invalid", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def _passed_on(self, said: Envelope, message: Message, name: str, system: SystemSettings) -> Envelope:
        now = unix_milliseconds(self._clock.now())
        latest = now + LONGEST_DEADLINE_SECONDS * 1000
        passed = replace(
            said,
            message_id=system_message_id(name, said.message_id),
            principal=Principal("system", name, tuple(system.roles)),
            causation_id="",
            key=message.key,
            priority=int(message.priority),
            deadline_milliseconds=min(said.deadline_milliseconds, latest) if said.deadline_milliseconds else 0,
            traceparent=child_traceparent(said.traceparent),
            sent_seconds=now // 1000,
            reply_to=said.reply_to if said.reply_to == f"reply.{name}" else "",
        )
        if isinstance(message, Query):
            passed.exchange, passed.routing_key = QUERIES, f"{message.actor}.{message.wire}"
            return passed
        return address_command(passed, self._topology)


def system_message_id(system: str, message_id: UUID) -> UUID:
    """The id under which a system's message goes on."""
    return uuid5(NAMESPACE_OID, f"coffer system {system} message {message_id}")


class IngressDesk(Desk):
    """Passes on what arrived, in order, a window at a time."""

    def __init__(self, customs: Customs, bus: Bus, clock: Clock, answers: Answers, *, batch: int) -> None:
        super().__init__(answers)
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
                if letter.unreadable is not None:
                    raise letter.unreadable
                if is_expired(letter.envelope, self._clock.now()):
                    telemetry.expired.labels("ingress", letter.envelope.type).inc()
                    self.answers.settle([letter], [EXPIRED])
                    continue
                passed.append((letter, self._customs.let_in(letter.envelope)))
            except Unreadable as wrong:
                await self._refuse(letter, wrong)
            except NewerVersion as newer:
                await self._refuse(letter, Unreadable("unknown_version", str(newer)))
        if not passed:
            return
        commands = [each for each in passed if not _asks(each[1])]
        for _, envelope in passed:
            if _asks(envelope):
                self._bus.say(envelope, persistent=False)
        if commands:
            await self._bus.say_confirmed([envelope for _, envelope in commands], mandatory=True)
        self.answers.acknowledge([letter for letter, _ in passed])

    async def _refuse(self, letter: Letter, wrong: Unreadable) -> None:
        """A named refusal to whoever waits for an answer; a dead letter where nobody does."""
        telemetry.failed.labels("ingress", wrong.reason).inc()
        if letter.envelope.reply_to:
            body = {"rule": wrong.reason, "status": _STATUS.get(wrong.reason, 400), "detail": wrong.detail}
            self.answers.settle([letter], [Outcome("refusal", orjson.dumps(body))])
            return
        letter.unreadable = wrong
        await self.answers.put_aside(letter)


_STATUS = {"rate_limited": 429, "oversized": 413, "type_not_allowed": 403, "sender_not_allowed": 403, "invalid": 422}


def _asks(envelope: Envelope) -> bool:
    kind = message_type(envelope.type)
    return kind is not None and issubclass(kind, Query)
