"""What of other systems is let in, and as what. Pure but for the clock and the count of messages per system.

    Customs(systems, topology, clock).let_in(envelope)  ->  the envelope that goes on
                                                            or Unreadable with one of REASONS, or Invalid with the field

The broker has validated who published (`user_id`). What a system claims beside that counts for nothing: it speaks as its own
principal with the roles of its entry in systems.yaml, at the priority of the message's type, under ids that are its own
(derived from system and message id, so that two systems cannot collide), and is answered in its own queue alone. Its body is
read strictly and goes on as this house writes it: nobody reads it in a second way, and the same content twice is the same
message, however it was spelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import ValidationError

from config.systems import SystemSettings
from messages.base import Event, Invalid, Message, Query
from runtime.admission import class_of
from runtime.clock import Clock, stopwatch_seconds, unix_milliseconds
from runtime.envelope import Envelope
from runtime.errors import NewerVersion, Unreadable
from runtime.outbox import address_command
from runtime.principal import Principal
from runtime.strict_json import MalformedJson, read_object
from runtime.telemetry import child_traceparent
from runtime.topology import QUERIES, Topology

LONGEST_DEADLINE_SECONDS = 3600
"""Further ahead nobody waits; a later deadline is brought down to this."""

REASONS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The AMQP properties or headers cannot be read."),
    "missing_sender": (401, "Published without `user_id`. Kept as a dead letter: nobody knows whom to answer."),
    "sender_not_allowed": (403, "The broker user has no entry in systems.yaml. Kept as a dead letter, as above."),
    "message_id": (400, "`message_id` is not a UUID."),
    "content_type": (415, "Not `application/json`, or with a content encoding."),
    "oversized": (413, "The body is larger than the system may send."),
    "rate_limited": (429, "More messages than the system's rate and burst allow. Nothing was done; send it again later."),
    "type_not_allowed": (403, "The system's entry does not name this type, or it is an event."),
    "unknown_type": (404, "There is no message of this type."),
    "unknown_version": (404, "There is no such version of this message."),
    "unparsable": (400, "The body is no JSON object with one meaning: broken, nested too deep, or with a key twice."),
    "invalid": (422, "A field does not hold what it must."),
    "expired": (408, "The deadline passed before the work began; nothing was done."),
    "fault": (500, "The bank could not take the message in; operators see it among the dead letters."),
}
"""Why a message of another system is not let in: the stable name, the status in the refusal, and what it means."""


@dataclass(slots=True)
class _Bucket:
    """Tokens of one system (token bucket): refilled at its rate, up to its burst."""

    tokens: float
    at: float

    def take(self, system: SystemSettings, now: float) -> bool:
        """Take one, if there is one."""
        self.tokens = min(float(system.burst), self.tokens + (now - self.at) * system.rate_per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Customs:
    """Decides what of other systems is let in, and as what."""

    def __init__(self, systems: Mapping[str, SystemSettings], topology: Topology, clock: Clock) -> None:
        self._by_user = {system.user: (name, system) for name, system in systems.items()}
        self._topology = topology
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def reply_queue(self, sender: str, wanted: str) -> str:
        """Where the sender may be answered: in its own queue, if it asks for that; else nowhere (an empty text)."""
        known = self._by_user.get(sender)
        return wanted if known is not None and wanted == f"reply.{known[0]}" else ""

    def let_in(self, said: Envelope) -> Envelope:
        """The envelope that goes on. Unreadable with one of REASONS, or Invalid with the field, where it does not."""
        known = self._by_user.get(said.sender)
        if known is None:
            raise Unreadable("sender_not_allowed", f"{said.sender} has no entry in systems.yaml")
        name, system = known
        if not self._buckets.setdefault(name, _Bucket(float(system.burst), stopwatch_seconds())).take(
            system, stopwatch_seconds()
        ):
            raise Unreadable("rate_limited", f"{name} sends more than {system.rate_per_second:g} messages a second")
        if said.type not in system.says:
            _class_of(said.type)
            raise Unreadable("type_not_allowed", f"{name} may not say {said.type}")
        if len(said.body) > system.largest_bytes:
            raise Unreadable("oversized", f"{len(said.body)} bytes; {name} may send {system.largest_bytes}")
        return self._passed_on(said, _read(said), name, system)

    def _passed_on(self, said: Envelope, message: Message, name: str, system: SystemSettings) -> Envelope:
        now = unix_milliseconds(self._clock.now())
        latest = now + LONGEST_DEADLINE_SECONDS * 1000
        passed = replace(
            said,
            message_id=system_message_id(name, said.message_id),
            body=message.model_dump_json(exclude_defaults=True).encode(),
            principal=Principal("system", name, tuple(system.roles)),
            correlation_id=said.correlation_id or str(said.message_id),
            causation_id="",
            key=message.key,
            priority=int(message.priority),
            deadline_milliseconds=min(said.deadline_milliseconds, latest) if said.deadline_milliseconds else 0,
            traceparent=child_traceparent(said.traceparent),
            sent_seconds=now // 1000,
            reply_to=self.reply_queue(said.sender, said.reply_to),
            is_secret=not message.remembered,
        )
        if isinstance(message, Query):
            passed.exchange, passed.routing_key = QUERIES, f"{message.actor}.{message.wire}"
            return passed
        return address_command(passed, self._topology)


def _class_of(wire: str) -> type[Message]:
    try:
        return class_of(wire)
    except NewerVersion as newer:
        raise Unreadable("unknown_version", str(newer)) from None


def _read(said: Envelope) -> Message:
    kind = _class_of(said.type)
    if issubclass(kind, Event):
        raise Unreadable("type_not_allowed", "events are told by the actors alone")
    try:
        read_object(said.body)
        return kind.model_validate_json(said.body)
    except MalformedJson as wrong:
        raise Unreadable("unparsable", str(wrong)) from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        raise Invalid(first["msg"], field=".".join(map(str, first["loc"]))) from None


def system_message_id(system: str, message_id: UUID) -> UUID:
    """The id under which a system's message goes on."""
    return uuid5(NAMESPACE_OID, f"coffer system {system} message {message_id}")
