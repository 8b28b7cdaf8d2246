"""The door of a mailbox: what is let in, and as what. Pure; a message is checked before anything is done for it.

Order: size, sender, content type, type and version, deadline, body. Whoever may speak for somebody else is named in config.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson
from pydantic import ValidationError

from messages.base import Event, Invalid, Message, Query, known_version, latest, message_type
from runtime.clock import unix_milliseconds
from runtime.envelope import Envelope
from runtime.errors import NewerVersion, Unreadable
from runtime.wire import Delivery

LARGEST_BODY = 256 * 1024
"""Bytes. Larger things are documents, kept elsewhere and named by id."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may put messages into this process's mailboxes."""

    trusted_senders: frozenset[str]
    """Broker users who may write here; the broker has checked that a sender is who it says."""
    believed: bool = True
    """Whether they may speak for somebody else: the principal of a message is who its headers name."""

    def open_for(self, delivery: Delivery) -> Envelope:
        """The envelope of what was delivered. Unreadable where it does not pass."""
        if len(delivery.body) > LARGEST_BODY:
            raise Unreadable("oversized", f"{len(delivery.body)} bytes; at most {LARGEST_BODY} are taken")
        envelope = Envelope.of_delivery(delivery, believed=self.believed)
        if envelope.sender not in self.trusted_senders:
            raise Unreadable("sender_not_allowed", f"{envelope.sender} may not write to this mailbox")
        return envelope


def class_of(wire: str) -> type[Message]:
    """The class of a wire name. NewerVersion for a newer one of a message known here, Unreadable for an unknown one."""
    kind = message_type(wire)
    if kind is not None:
        return kind
    actor, _, rest = wire.partition(".")
    verb, _, version = rest.rpartition(".v")
    known = known_version(actor, verb)
    if known and version.isascii() and version.isdigit() and int(version) > known:
        raise NewerVersion(f"{wire} is newer than version {known}, the newest known here")
    raise Unreadable("unknown_version" if known else "unknown_type", f"nobody here knows {wire[:120]!r}")


def read(envelope: Envelope) -> Message:
    """The message, brought up to the newest version. Refused (`invalid`, with the field) where a field is wrong."""
    kind = class_of(envelope.type)
    try:
        message = kind.model_validate_json(envelope.body)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid" or issubclass(kind, Event):
            raise Unreadable("unparsable", first["msg"]) from None
        raise Invalid(first["msg"], field=".".join(map(str, first["loc"]))) from None
    return latest(message)


def is_expired(envelope: Envelope, now: datetime) -> bool:
    """Whether nobody waits for the answer any more."""
    return bool(envelope.deadline_milliseconds) and unix_milliseconds(now) > envelope.deadline_milliseconds


def is_query(envelope: Envelope) -> bool:
    """Whether it asks without changing anything."""
    kind = message_type(envelope.type)
    return kind is not None and issubclass(kind, Query)


def problem(reason: str, detail: str) -> bytes:
    """The body of an answer that is neither reply nor refusal."""
    return orjson.dumps({"reason": reason, "detail": detail})
