"""What travels around a message: identity, conversation, principal, deadline, trace. And how it becomes AMQP properties and comes back.

An envelope is also what outbox, parked keys, timers and dead letters keep, so that a message is replayed exactly as it was said.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson

from messages.base import Message
from runtime.errors import Unreadable
from runtime.principal import Principal
from runtime.wire import PERSISTENT, TRANSIENT, Delivery, Properties

CONTENT_TYPE = "application/json"
SECRET = "secret"  # noqa: S105 - the name of a header
"""A header of messages that are declared `remember=False`."""


@dataclass(slots=True)
class Envelope:
    """One message with everything that it carries."""

    message_id: UUID
    """The idempotency id: the same id is the same message."""
    type: str
    """Its wire name."""
    body: bytes = field(repr=False)
    principal: Principal
    correlation_id: str = ""
    """The conversation."""
    causation_id: str = ""
    """The message that caused this one."""
    key: str | None = None
    priority: int = 4
    deadline_milliseconds: int = 0
    """Unix time after which nobody waits for the answer; 0 for never."""
    traceparent: str = ""
    reply_to: str = ""
    sender: str = ""
    """The broker user who published it, validated by the broker."""
    sent_seconds: int = 0
    exchange: str = ""
    routing_key: str = ""
    is_secret: bool = False
    """To be written down nowhere. Said by the sender, for an older process does not know the type."""

    @classmethod
    def around(cls, message: Message, *, message_id: UUID, principal: Principal, **rest: Any) -> "Envelope":
        """An envelope for a message that is about to be said."""
        return cls(
            message_id=message_id,
            type=message.wire,
            body=message.model_dump_json(exclude_defaults=True).encode(),
            principal=principal,
            key=message.key,
            priority=message.priority,
            is_secret=not message.remembered,
            **rest,
        )

    @classmethod
    def of_delivery(cls, delivery: Delivery, *, believed: bool = True) -> "Envelope":
        """What was delivered. Unreadable where it is no message of this house.

        Of a sender who is not `believed`, nothing counts that it says of itself or of others: principal, key and cause.
        """
        properties = delivery.properties
        if delivery.malformed:
            raise Unreadable("malformed", delivery.malformed)
        if not properties.user_id:
            raise Unreadable("missing_sender", "publish with user_id set; the broker validates it")
        if properties.content_type != CONTENT_TYPE or properties.content_encoding:
            raise Unreadable("content_type", f"publish {CONTENT_TYPE}, not encoded")
        try:
            message_id = UUID(properties.message_id)
        except ValueError:
            raise Unreadable("message_id", "publish with a UUID as message_id") from None
        headers = properties.headers
        if believed and not isinstance(headers.get("key", ""), str):
            raise Unreadable("malformed", "the header key is no text")
        try:
            principal = Principal.from_header(headers["principal"]) if believed and "principal" in headers else NOBODY
            deadline = int(headers.get("deadline", 0))
            if deadline.bit_length() > 63:
                raise ValueError("no time of this world")
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise Unreadable("malformed", "the headers principal or deadline do not hold what they must") from None
        return cls(
            message_id=message_id,
            type=properties.type,
            body=delivery.body,
            principal=principal,
            correlation_id=properties.correlation_id,
            causation_id=str(headers.get("causation", "")) if believed else "",
            key=headers.get("key") if believed else None,
            priority=properties.priority,
            deadline_milliseconds=deadline,
            traceparent=str(headers.get("traceparent", "")),
            reply_to=properties.reply_to,
            sender=properties.user_id,
            sent_seconds=properties.timestamp,
            exchange=delivery.exchange,
            routing_key=delivery.routing_key,
            is_secret=SECRET in headers,
        )

    def to_properties(self, *, sender: str, persistent: bool = True) -> Properties:
        """As the broker carries it, said by the broker user `sender`."""
        headers: dict[str, Any] = {"principal": self.principal.to_header()}
        if self.causation_id:
            headers["causation"] = self.causation_id
        if self.key is not None:
            headers["key"] = self.key
        if self.deadline_milliseconds:
            headers["deadline"] = self.deadline_milliseconds
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        if self.is_secret:
            headers[SECRET] = 1
        return Properties(
            message_id=str(self.message_id),
            type=self.type,
            correlation_id=self.correlation_id,
            reply_to=self.reply_to,
            user_id=sender,
            content_type=CONTENT_TYPE,
            priority=self.priority,
            delivery_mode=PERSISTENT if persistent else TRANSIENT,
            timestamp=self.sent_seconds,
            headers=headers,
        )

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that differ when what is asked differs, however often and by whatever route it is sent."""
        return hashlib.blake2b(self.body, digest_size=16, key=self.type.encode()[:64]).digest()

    def at_level(self, priority: int) -> "Envelope":
        """The same message at another priority."""
        return replace(self, priority=priority)

    def to_json(self) -> dict[str, Any]:
        """For keeping; the body stays readable where it is text."""
        kept: dict[str, Any] = {
            "message_id": str(self.message_id),
            "type": self.type,
            "body": _kept(self.body.decode("utf-8", "backslashreplace")),
            "principal": self.principal.to_header(),
            "priority": self.priority,
            "exchange": self.exchange,
            "routing_key": self.routing_key,
        }
        for name in _OPTIONAL:
            if value := getattr(self, name):
                kept[name] = _kept(value) if isinstance(value, str) else value
        if self.key is not None:
            kept["key"] = _kept(self.key)
        return kept

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Envelope":
        """From what `to_json` kept."""
        return cls(
            message_id=UUID(kept["message_id"]),
            type=kept["type"],
            body=kept["body"].encode(),
            principal=Principal.from_header(kept["principal"]),
            priority=kept["priority"],
            exchange=kept["exchange"],
            routing_key=kept["routing_key"],
            **{name: kept[name] for name in (*_OPTIONAL, "key") if name in kept},
        )


_OPTIONAL = (
    "correlation_id",
    "causation_id",
    "deadline_milliseconds",
    "traceparent",
    "reply_to",
    "sender",
    "sent_seconds",
    "is_secret",
)


def _kept(text: str) -> str:
    """PostgreSQL's jsonb takes no NUL, and no JSON has one outside of an escape."""
    return text.replace("\x00", "\\0")


NOBODY = Principal("system", "nobody")
"""Who speaks where nobody is named: may do nothing."""


def pack(envelopes: list[Envelope]) -> bytes:
    """Several envelopes as one value, as one turn's outbox row keeps them."""
    return orjson.dumps([envelope.to_json() for envelope in envelopes])


def unpack(kept: bytes) -> list[Envelope]:
    """What `pack` packed."""
    return [Envelope.from_json(each) for each in orjson.loads(kept)]
