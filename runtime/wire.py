"""AMQP 0-9-1 frames as bytes: what is published, delivered, confirmed and acknowledged on the busy path.

Pure functions and two small classes, no sockets. Everything rarer (connecting, declaring, closing) stays with aiormq;
`link.py` puts the two together. Layout: AMQP 0-9-1 specification, sections 2.3.5 and 4.2.
"""

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pamqp.decode
import pamqp.encode

FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT = 1, 2, 3, 8
FRAME_END = b"\xce"
HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"
FRAME_OVERHEAD = 8
"""Seven bytes of frame head and the end mark."""

BASIC_RETURN, BASIC_DELIVER, BASIC_ACK, BASIC_NACK = 0x3C0032, 0x3C003C, 0x3C0050, 0x3C0078
CONNECTION_BLOCKED, CONNECTION_UNBLOCKED = 0x0A003C, 0x0A003D

PERSISTENT, TRANSIENT = 2, 1
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _DELIVERY_MODE = 1 << 15, 1 << 14, 1 << 13, 1 << 12
_PRIORITY, _CORRELATION_ID, _REPLY_TO, _EXPIRATION = 1 << 11, 1 << 10, 1 << 9, 1 << 8
_MESSAGE_ID, _TIMESTAMP, _TYPE, _USER_ID = 1 << 7, 1 << 6, 1 << 5, 1 << 4
_APP_ID, _CLUSTER_ID = 1 << 3, 1 << 2

_head = struct.Struct(">BHI")
_header_start = struct.Struct(">HHQH")
_ack = struct.Struct(">BHIHHQB")
_short, _long, _longlong = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")


@dataclass(slots=True)
class Properties:
    """The basic properties that this house uses; see design.md for what each carries."""

    message_id: str = ""
    type: str = ""
    correlation_id: str = ""
    reply_to: str = ""
    user_id: str = ""
    content_type: str = "application/json"
    content_encoding: str = ""
    app_id: str = ""
    expiration: str = ""
    """Milliseconds, as text."""
    priority: int = 0
    delivery_mode: int = PERSISTENT
    timestamp: int = 0
    """Seconds since 1970."""
    headers: dict[str, Any] = field(default_factory=dict)


def _shortstr(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > 255:
        raise ValueError("an AMQP short string holds at most 255 bytes")
    return bytes((len(raw),)) + raw


@lru_cache(maxsize=4096)
def _cached_shortstr(text: str) -> bytes:
    return _shortstr(text)


@lru_cache(maxsize=64)
def _header_name(name: str) -> bytes:
    return _shortstr(name)


def _encode_table(table: dict[str, Any]) -> bytes:
    parts: list[bytes] = []
    for name, value in table.items():
        if type(value) is str:
            raw = value.encode()
            parts.append(_header_name(name) + b"S" + _long.pack(len(raw)) + raw)
        elif type(value) is int:
            parts.append(_header_name(name) + b"l" + value.to_bytes(8, "big", signed=True))
        else:
            parts.append(pamqp.encode.field_table({name: value})[4:])
    body = b"".join(parts)
    return _long.pack(len(body)) + body


def encode_properties(properties: Properties) -> bytes:
    """Flags and values, in the order of the specification."""
    flags = _DELIVERY_MODE
    parts: list[bytes] = []
    if properties.content_type:
        flags |= _CONTENT_TYPE
        parts.append(_cached_shortstr(properties.content_type))
    if properties.headers:
        flags |= _HEADERS
        parts.append(_encode_table(properties.headers))
    parts.append(b"\x02" if properties.delivery_mode == PERSISTENT else b"\x01")
    if properties.priority:
        flags |= _PRIORITY
        parts.append(bytes((properties.priority,)))
    if properties.correlation_id:
        flags |= _CORRELATION_ID
        parts.append(_shortstr(properties.correlation_id))
    if properties.reply_to:
        flags |= _REPLY_TO
        parts.append(_cached_shortstr(properties.reply_to))
    if properties.expiration:
        flags |= _EXPIRATION
        parts.append(_shortstr(properties.expiration))
    if properties.message_id:
        flags |= _MESSAGE_ID
        parts.append(_shortstr(properties.message_id))
    if properties.timestamp:
        flags |= _TIMESTAMP
        parts.append(_longlong.pack(properties.timestamp))
    if properties.type:
        flags |= _TYPE
        parts.append(_cached_shortstr(properties.type))
    if properties.user_id:
        flags |= _USER_ID
        parts.append(_cached_shortstr(properties.user_id))
    if properties.app_id:
        flags |= _APP_ID
        parts.append(_cached_shortstr(properties.app_id))
    return _short.pack(flags) + b"".join(parts)


def _decode_table(raw: bytes, start: int, end: int) -> dict[str, Any]:
    table: dict[str, Any] = {}
    at = start
    while at < end:
        size = raw[at]
        name = raw[at + 1 : at + 1 + size].decode()
        at += 1 + size
        kind = raw[at]
        if kind == 0x53:  # S, a long string
            size = _long.unpack_from(raw, at + 1)[0]
            table[name] = raw[at + 5 : at + 5 + size].decode()
            at += 5 + size
        elif kind == 0x6C:  # l, 64 bits signed
            table[name] = int.from_bytes(raw[at + 1 : at + 9], "big", signed=True)
            at += 9
        else:
            consumed, value = pamqp.decode.embedded_value(raw[at:end])
            table[name] = value
            at += consumed
    return table


def decode_properties(raw: bytes) -> Properties:
    """The properties of a content header's payload from its flags on. ValueError where they are malformed."""
    try:
        return _decode_properties(raw)
    except Exception as malformed:
        # A table holds what its sender likes (a date that no calendar has, ten thousand tables in each other); nothing of it may
        # end the connection.
        raise ValueError(f"malformed properties: {malformed!r}") from malformed


_TEXTS = (
    (_CORRELATION_ID, "correlation_id"),
    (_REPLY_TO, "reply_to"),
    (_EXPIRATION, "expiration"),
    (_MESSAGE_ID, "message_id"),
)


def _decode_properties(raw: bytes) -> Properties:
    flags = _short.unpack_from(raw, 0)[0]
    at = 2
    found = Properties(content_type="", delivery_mode=TRANSIENT)

    def text() -> str:
        nonlocal at
        size = raw[at]
        value = raw[at + 1 : at + 1 + size].decode()
        at += 1 + size
        return value

    if flags & _CONTENT_TYPE:
        found.content_type = text()
    if flags & _CONTENT_ENCODING:
        found.content_encoding = text()
    if flags & _HEADERS:
        size = _long.unpack_from(raw, at)[0]
        found.headers = _decode_table(raw, at + 4, at + 4 + size)
        at += 4 + size
    if flags & _DELIVERY_MODE:
        found.delivery_mode = raw[at]
        at += 1
    if flags & _PRIORITY:
        found.priority = raw[at]
        at += 1
    for flag, name in _TEXTS:
        if flags & flag:
            setattr(found, name, text())
    if flags & _TIMESTAMP:
        found.timestamp = _longlong.unpack_from(raw, at)[0]
        at += 8
    if flags & _TYPE:
        found.type = text()
    if flags & _USER_ID:
        found.user_id = text()
    if flags & _APP_ID:
        found.app_id = text()
    return found


def encode_publish(channel: int, exchange: str, routing_key: str, *, mandatory: bool) -> bytes:
    """The whole Basic.Publish method frame."""
    payload = b"\x00\x3c\x00\x28\x00\x00" + _shortstr(exchange) + _shortstr(routing_key) + (b"\x01" if mandatory else b"\x00")
    return _head.pack(FRAME_METHOD, channel, len(payload)) + payload + FRAME_END


def encode_content(channel: int, properties: bytes, body: bytes, largest_frame: int) -> bytes:
    """Content header and body frames; `properties` as from `encode_properties`."""
    header = b"\x00\x3c\x00\x00" + _longlong.pack(len(body)) + properties
    frames = [_head.pack(FRAME_HEADER, channel, len(header)), header, FRAME_END]
    room = largest_frame - FRAME_OVERHEAD
    for start in range(0, len(body), room):
        piece = body[start : start + room]
        frames += [_head.pack(FRAME_BODY, channel, len(piece)), piece, FRAME_END]
    return b"".join(frames)


def encode_ack(channel: int, delivery_tag: int, *, multiple: bool) -> bytes:
    """The whole Basic.Ack method frame."""
    return _ack.pack(FRAME_METHOD, channel, 13, 60, 80, delivery_tag, multiple) + FRAME_END


def encode_requeue(channel: int, delivery_tag: int, *, multiple: bool) -> bytes:
    """The whole Basic.Nack method frame that puts messages back into their places."""
    return _ack.pack(FRAME_METHOD, channel, 13, 60, 120, delivery_tag, 2 | multiple) + FRAME_END


@dataclass(slots=True)
class Delivery:
    """A message as the broker handed it over."""

    delivery_tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes
    malformed: str = ""
    """Why the properties could not be read; they are empty then."""


@dataclass(slots=True)
class Incoming:
    """A delivered or returned message while its frames arrive."""

    delivery_tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    returned: bool
    size: int = -1
    properties: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    received: int = 0

    @classmethod
    def of_method(cls, method: int, raw: bytes) -> "Incoming":
        """From the arguments of Basic.Deliver or Basic.Return."""
        if method == BASIC_DELIVER:
            at = 1 + raw[0]
            tag, redelivered = _longlong.unpack_from(raw, at)[0], bool(raw[at + 8])
            at += 9
        else:
            at = 3 + raw[2]
            tag, redelivered = 0, False
        size = raw[at]
        exchange = raw[at + 1 : at + 1 + size].decode(errors="replace")
        at += 1 + size
        size = raw[at]
        routing_key = raw[at + 1 : at + 1 + size].decode(errors="replace")
        return cls(tag, redelivered, exchange, routing_key, method == BASIC_RETURN)

    def add_header(self, raw: bytes) -> bool:
        """Take the content header's payload; True when the message is complete."""
        _class, _weight, self.size, _flags = _header_start.unpack_from(raw, 0)
        self.properties = raw[12:]
        return self.size == 0

    def add_body(self, raw: bytes) -> bool:
        """Take one body frame's payload; True when the message is complete."""
        self.pieces.append(raw)
        self.received += len(raw)
        return self.received >= self.size

    def delivery(self) -> Delivery:
        """The complete message; one with malformed properties says so, so that it can be put aside."""
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        malformed = ""
        try:
            properties = decode_properties(self.properties)
        except ValueError as wrong:
            properties, malformed = Properties(), str(wrong)
        return Delivery(self.delivery_tag, self.redelivered, self.exchange, self.routing_key, properties, body, malformed)
