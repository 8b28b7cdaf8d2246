"""What all of the AsyncAPI document has in common: how to publish, what the AMQP properties carry, how a refusal looks.

What differs from message to message is built in asyncapi.py.
"""

from typing import Any

from messages.base import all_refusals
from runtime.customs import REASONS
from runtime.topology import INGRESS

Json = dict[str, Any]
BINDING_VERSION = "0.3.0"
"""Of the AMQP bindings, https://github.com/asyncapi/bindings."""

INFO: Json = {
    "title": "Coffer",
    "version": "1",
    "description": (
        "Core banking for small lenders and savings cooperatives, as other programs speak to it over AMQP 0-9-1.\n\n"
        "**Say** a command or query: publish its JSON to the exchange `ingress` with the routing key `ingress`, persistent, with "
        "publisher confirms. The AMQP properties carry the rest: `type` is the message's name, `message_id` a UUID of yours, "
        "`user_id` your broker user (the broker refuses another's), `reply_to` your reply queue, `correlation_id` what you want "
        "to find in the answer. What you say on one channel is taken in its order.\n\n"
        "**Repeat** whatever got no answer, under the same `message_id`: it is done once, and answered the same. The same id for "
        "something else is refused.\n\n"
        "**Hear** the answer in the queue `reply.<system>`, and what happened in `events.<system>`; both exist, nothing is to be "
        "declared or bound. The answer's `type` is `reply`, `refusal`, `expired`, `busy` or `fault`. Events may come twice after a "
        "breakdown, with the same `message_id`.\n\n"
        "Each system has an entry in the bank's systems.yaml: its broker user, what it may say and hear, its roles, how much and "
        "how large. It acts as its own principal; who it claims to be in headers counts for nothing. What is not let in gets a "
        "refusal by name, or is kept among the bank's dead letters where nobody waits for an answer.\n\n"
        'Money is `{"amount": "1250.00", "currency": "KES"}`: a decimal string, never a number. Dates are ISO 8601, times UTC.'
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}

SECURITY_SCHEMES: Json = {
    "brokerUser": {"type": "userPassword", "description": "The system's own broker user, as the bank's operator made it."}
}


def _property(description: str, **schema: Any) -> Json:
    return {"type": "string", **schema, "description": description}


_UUID = {"format": "uuid"}
_CONVERSATION = _property("AMQP property: the conversation. Default: the message id.", maxLength=255)
_TRACE = _property("Header: W3C trace context; carried on.", pattern="^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")

SAID_HEADERS: Json = {
    "type": "object",
    "description": "AMQP properties and headers of what a system says. Other headers are ignored, as are priority and timestamp.",
    "required": ["type", "message_id", "user_id"],
    "properties": {
        "type": _property("AMQP property: the message's name."),
        "message_id": _property("AMQP property: the idempotency id; the same id is the same message.", **_UUID),
        "user_id": _property("AMQP property: the system's broker user; validated by the broker."),
        "correlation_id": _CONVERSATION,
        "reply_to": _property("AMQP property: the system's reply queue; another one gets nothing.", pattern="^reply\\..+$"),
        "expiration": _property(
            "AMQP property: milliseconds from its arrival in which it is still wanted.", pattern="^[0-9]+$"
        ),
        "deadline": {
            "type": "integer",
            "description": "Header: Unix milliseconds after which it is not wanted any more; at most an hour ahead.",
        },
        "traceparent": _TRACE,
    },
}
ANSWER_HEADERS: Json = {
    "type": "object",
    "description": "AMQP properties and headers of an answer.",
    "required": ["type", "correlation_id"],
    "properties": {
        "type": _property("AMQP property: what kind of answer.", enum=["reply", "refusal", "expired", "busy", "fault"]),
        "correlation_id": _CONVERSATION,
        "user_id": _property("AMQP property: the bank's broker user; validated by the broker."),
        "replayed": {"type": "integer", "const": 1, "description": "Header: this is what the message was answered before."},
    },
}
EVENT_HEADERS: Json = {
    "type": "object",
    "description": "AMQP properties and headers of an event.",
    "required": ["type", "message_id", "correlation_id"],
    "properties": {
        "type": _property("AMQP property: the event's name."),
        "message_id": _property("AMQP property: the event's own id; an event that comes twice has it twice.", **_UUID),
        "correlation_id": _property("AMQP property: the conversation that it came of.", maxLength=255),
        "user_id": _property("AMQP property: the bank's broker user; validated by the broker."),
        "timestamp": {"type": "integer", "description": "AMQP property: Unix seconds."},
        "causation": _property("Header: the id of the message that caused it."),
        "principal": _property("Header: on whose behalf, as JSON."),
        "traceparent": _TRACE,
    },
}
CORRELATION_ID: Json = {"description": "The conversation.", "location": "$message.header#/correlation_id"}

_PROBLEM: Json = {
    "type": "object",
    "required": ["reason", "detail"],
    "properties": {
        "reason": {"type": "string", "description": "For programs: a stable name."},
        "detail": {"type": "string", "description": "For people."},
    },
}


def refusal_schema() -> Json:
    """A refusal, and each rule that it can name."""
    rules = {each.rule: (each.status, " ".join((each.__doc__ or "").split())) for each in all_refusals() if each.rule}
    return {
        "type": "object",
        "description": "A definite no; nothing was done. `x-rules` lists what `rule` can be.",
        "required": ["rule", "status", "detail"],
        "properties": {
            "rule": {"type": "string", "description": "For programs: a stable name."},
            "status": {"type": "integer", "description": "The HTTP status that it would be."},
            "detail": {"type": "string", "description": "For people."},
            "field": {"type": "string", "description": "The field at fault, dotted."},
            "facts": {"type": "object", "description": "What the rule was applied to.", "additionalProperties": True},
        },
        "x-rules": {
            rule: {"status": status, "meaning": meaning} for rule, (status, meaning) in sorted((rules | REASONS).items())
        },
    }


NO_REPLIES: dict[str, tuple[str, str, Json | None]] = {
    "refusal": ("Refusal", "A rule of the bank says no, or the message was not let in.", None),
    "expired": ("Expired", "Its deadline passed before the work began; nothing was done.", _PROBLEM),
    "busy": ("Busy", "The same message is being worked on; say it again a little later.", _PROBLEM),
    "fault": ("Fault", "It could not be handled; operators see it among the dead letters.", _PROBLEM),
}
"""Answers that every message can get: title, meaning, and payload (the refusal's is `refusal_schema`)."""


def amqp_exchange() -> Json:
    """The binding of the channel that all systems write to."""
    exchange = {"name": INGRESS, "type": "direct", "durable": True, "autoDelete": False, "vhost": "coffer"}
    return {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": BINDING_VERSION}}


def amqp_queue(name: str) -> Json:
    """The binding of a queue that a system reads from."""
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "coffer"}
    return {"amqp": {"is": "queue", "queue": queue, "bindingVersion": BINDING_VERSION}}


def amqp_message(wire: str) -> Json:
    """The binding of a message: its `type`."""
    return {"amqp": {"messageType": wire, "bindingVersion": BINDING_VERSION}}
