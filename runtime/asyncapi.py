"""The AsyncAPI 3.0 document: what other systems may say and hear over AMQP, built from the messages, so that it says what they say.

    asyncapi_document(settings, environment)  ->  a JSON-ready dictionary

It is written from the bank's side: the bank receives on `ingress`, replies, and sends events. Every command and query is in it;
`x-said-by` and `x-heard-by` name the systems of systems.yaml that may. What all of it has in common is in asyncapi_parts.py.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from yarl import URL

from config.pools import load_pools
from config.sections import Settings
from config.systems import SystemSettings
from messages.base import Event, Message, Reply, all_message_types
from runtime.asyncapi_parts import (
    ANSWER_HEADERS,
    BINDING_VERSION,
    CORRELATION_ID,
    EVENT_HEADERS,
    INFO,
    NO_REPLIES,
    SAID_HEADERS,
    SECURITY_SCHEMES,
    Json,
    amqp_exchange,
    amqp_message,
    amqp_queue,
    refusal_schema,
)
from runtime.described import DescribedSchema
from runtime.systems import external_systems
from runtime.topology import INGRESS, matches

_SCHEMA = "#/components/schemas/{model}"
REPLY_QUEUE, EVENT_QUEUE = "reply.{system}", "events.{system}"


def asyncapi_document(settings: Settings, environment: Mapping[str, str]) -> Json:
    """The whole document."""
    systems = external_systems(settings, environment, load_pools(settings.config_dir, environment))
    kinds = all_message_types()
    asked = [kind for kind in kinds if not issubclass(kind, Event)]
    events = [kind for kind in kinds if issubclass(kind, Event)]
    replies = list(dict.fromkeys(_reply_of(kind) for kind in asked))
    schemas = _Schemas(asked, [*replies, *events])
    messages = {kind.wire: _message(kind, schemas.asked(kind), "said") for kind in asked}
    messages |= {kind.wire: _message(kind, schemas.told(kind), "event") for kind in events}
    messages |= {_reply_name(kind): _reply(kind, schemas.told(kind)) for kind in replies}
    messages |= {name: _no_reply(name) for name in NO_REPLIES}
    return {
        "asyncapi": "3.0.0",
        "info": {**INFO, "tags": [{"name": actor} for actor in sorted({kind.actor for kind in kinds})]},
        "defaultContentType": "application/json",
        "servers": {"broker": _server(settings)},
        "channels": {
            "ingress": {
                "address": INGRESS,
                "title": "What other systems say",
                "description": "The exchange that they all write to, and the only one that they may.",
                "messages": _refs("components/messages", [kind.wire for kind in asked]),
                "bindings": amqp_exchange(),
            },
            "replies": _queue(REPLY_QUEUE, "Answers to one system", [*map(_reply_name, replies), *NO_REPLIES], list(systems)),
            "events": _queue(
                EVENT_QUEUE,
                "What one system hears",
                [kind.wire for kind in events],
                [name for name, system in systems.items() if system.hears],
            ),
        },
        "operations": {kind.wire: _asking(kind, systems) for kind in asked}
        | {kind.wire: _telling(kind, systems) for kind in events},
        "components": {
            "messages": messages,
            "messageTraits": {
                name: {"contentType": "application/json", "headers": headers, "correlationId": CORRELATION_ID}
                for name, headers in (("said", SAID_HEADERS), ("answer", ANSWER_HEADERS), ("event", EVENT_HEADERS))
            },
            "schemas": schemas.all | {"Refused": refusal_schema()},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


class _Schemas:
    """JSON Schema of everything that is said and answered."""

    def __init__(self, asked: list[type[Message]], told: list[type[BaseModel]]) -> None:
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(kind, "validation") for kind in asked]
        wanted += [(kind, "serialization") for kind in told]
        self._refs, document = models_json_schema(wanted, ref_template=_SCHEMA, schema_generator=DescribedSchema)
        self.all: Json = document["$defs"]

    def asked(self, kind: type[BaseModel]) -> Json:
        """A reference to the schema of what comes in."""
        return self._refs[kind, "validation"]

    def told(self, kind: type[BaseModel]) -> Json:
        """A reference to the schema of what goes out."""
        return self._refs[kind, "serialization"]


def _reply_of(kind: type[Message]) -> type[Reply]:
    found: type[Reply] = kind.reply_type  # type: ignore[attr-defined]  # whatever is no event promises one
    return found


def _reply_name(reply: type[Reply]) -> str:
    return f"reply.{reply.__name__}"


def _sentences(kind: type[Any]) -> Json:
    text = " ".join((kind.__doc__ or "").split())
    first, _, more = text.partition(". ")
    return {"summary": first.rstrip(".") + "."} | ({"description": more} if more else {})


def _message(kind: type[Message], payload: Json, trait: str) -> Json:
    return {
        "name": kind.wire,
        "title": kind.__name__,
        **_sentences(kind),
        "tags": [{"name": kind.actor}],
        "traits": [{"$ref": f"#/components/messageTraits/{trait}"}],
        "payload": payload,
        "bindings": amqp_message(kind.wire),
    }


def _reply(kind: type[Reply], payload: Json) -> Json:
    return {
        "name": _reply_name(kind),
        "title": kind.__name__,
        **_sentences(kind),
        "traits": [{"$ref": "#/components/messageTraits/answer"}],
        "payload": payload,
        "bindings": amqp_message("reply"),
    }


def _no_reply(name: str) -> Json:
    title, meaning, payload = NO_REPLIES[name]
    return {
        "name": name,
        "title": title,
        "summary": meaning,
        "traits": [{"$ref": "#/components/messageTraits/answer"}],
        "payload": payload or {"$ref": "#/components/schemas/Refused"},
        "bindings": amqp_message(name),
    }


def _server(settings: Settings) -> Json:
    url = URL(settings.broker.url or "amqp://localhost:5672/coffer")
    return {
        "host": "{host}",
        "pathname": "/{vhost}",
        "protocol": "amqps" if url.scheme == "amqps" else "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ.",
        "variables": {
            "host": {"default": f"{url.host}:{url.port or 5672}", "description": "Host and port."},
            "vhost": {"default": url.path.strip("/") or "coffer", "description": "The virtual host."},
        },
        "security": [{"$ref": "#/components/securitySchemes/brokerUser"}],
    }


def _queue(name: str, title: str, messages: list[str], systems: list[str]) -> Json:
    system: Json = {"description": "The system's name in systems.yaml."}
    if systems:
        system["enum"] = systems
    return {
        "address": name,
        "title": title,
        "description": "The system's own queue; it exists, and nobody else may read it.",
        "parameters": {"system": system},
        "messages": _refs("components/messages", messages),
        "bindings": amqp_queue(name),
    }


def _asking(kind: type[Message], systems: Mapping[str, SystemSettings]) -> Json:
    answers = [_reply_name(_reply_of(kind)), *NO_REPLIES]
    operation: Json = {
        "action": "receive",
        "channel": {"$ref": "#/channels/ingress"},
        "title": kind.__name__,
        **_sentences(kind),
        "tags": [{"name": kind.actor}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "ack": True, "bindingVersion": BINDING_VERSION}},
        "messages": [{"$ref": f"#/channels/ingress/messages/{kind.wire}"}],
        "reply": {
            "channel": {"$ref": "#/channels/replies"},
            "messages": [{"$ref": f"#/channels/replies/messages/{name}"} for name in answers],
        },
        "x-said-by": [name for name, system in systems.items() if kind.wire in system.says],
    }
    if kind.permission is not None:
        operation["x-permission"] = kind.permission
    return operation


def _telling(kind: type[Message], systems: Mapping[str, SystemSettings]) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/events"},
        "title": kind.__name__,
        **_sentences(kind),
        "tags": [{"name": kind.actor}],
        "bindings": {"amqp": {"deliveryMode": 2, "bindingVersion": BINDING_VERSION}},
        "messages": [{"$ref": f"#/channels/events/messages/{kind.wire}"}],
        "x-heard-by": [
            name for name, system in systems.items() if any(matches(pattern, kind.wire) for pattern in system.hears)
        ],
    }


def _refs(place: str, names: list[str]) -> Json:
    return {name: {"$ref": f"#/{place}/{name}"} for name in names}
