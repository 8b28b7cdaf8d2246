"""The frames that are written and read here are those of the specification: another implementation reads and writes the same."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import pamqp.commands
import pamqp.exceptions
import pamqp.frame
import pamqp.header
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import wire
from runtime.wire import Delivery, Incoming, Properties

SHORT = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)
EXCHANGES = st.from_regex(r"[a-zA-Z0-9_.:-]{0,60}", fullmatch=True)
NAMES = st.text(min_size=1, max_size=20).filter(lambda text: len(text.encode()) <= 128)
SCALARS = st.text(max_size=50) | st.integers(-(2**63), 2**63 - 1)
HEADERS = st.dictionaries(NAMES, SCALARS | st.booleans() | st.none() | st.lists(SCALARS, max_size=3), max_size=6)
PROPERTIES = st.builds(
    Properties,
    message_id=SHORT,
    type=SHORT,
    correlation_id=SHORT,
    reply_to=SHORT,
    user_id=SHORT,
    content_type=SHORT,
    app_id=SHORT,
    expiration=SHORT,
    priority=st.integers(0, 255),
    delivery_mode=st.sampled_from([wire.PERSISTENT, wire.TRANSIENT]),
    timestamp=st.integers(0, 2**31),
    headers=HEADERS,
)
LARGEST_FRAME = 128


def frames_of(raw: bytes) -> list[tuple[int, int, Any]]:
    """Kind, channel and content of each frame, as pamqp reads them."""
    found = []
    while raw:
        read, channel, frame = pamqp.frame.unmarshal(raw)
        found.append((raw[0], channel, frame))
        raw = raw[read:]
    return found


@given(exchange=SHORT, key=SHORT, mandatory=st.booleans(), channel=st.integers(1, 65535))
def test_a_publish_is_read_as_it_was_meant(exchange: str, key: str, mandatory: bool, channel: int) -> None:
    ((_, on, frame),) = frames_of(wire.encode_publish(channel, exchange, key, mandatory=mandatory))
    assert on == channel
    assert isinstance(frame, pamqp.commands.Basic.Publish)
    assert (frame.exchange, frame.routing_key, frame.mandatory, frame.immediate) == (exchange, key, mandatory, False)


@given(properties=PROPERTIES, body=st.binary(max_size=600))
def test_content_is_read_as_it_was_meant(properties: Properties, body: bytes) -> None:
    head, *bodies = frames_of(wire.encode_content(3, wire.encode_properties(properties), body, LARGEST_FRAME))
    assert isinstance(head[2], pamqp.header.ContentHeader)
    assert head[2].body_size == len(body)
    read = head[2].properties
    for name in ("message_id", "correlation_id", "reply_to", "user_id", "content_type", "app_id", "expiration"):
        assert (getattr(read, name) or "") == getattr(properties, name)
    assert (read.message_type or "") == properties.type
    assert (read.priority or 0) == properties.priority
    assert read.delivery_mode == properties.delivery_mode
    assert (read.headers or {}) == properties.headers
    assert read.timestamp == (datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None)
    assert b"".join(frame.value for _, _, frame in bodies) == body
    assert all(len(frame.value) + wire.FRAME_OVERHEAD <= LARGEST_FRAME for _, _, frame in bodies)


@given(properties=PROPERTIES)
def test_properties_are_read_back_as_they_were_written(properties: Properties) -> None:
    assert wire.decode_properties(wire.encode_properties(properties)) == properties


@given(properties=PROPERTIES, encoding=SHORT)
def test_properties_of_another_implementation_are_read(properties: Properties, encoding: str) -> None:
    written = pamqp.commands.Basic.Properties(
        content_type=properties.content_type or None,
        content_encoding=encoding or None,
        headers=properties.headers or None,
        delivery_mode=properties.delivery_mode,
        priority=properties.priority or None,
        correlation_id=properties.correlation_id or None,
        reply_to=properties.reply_to or None,
        expiration=properties.expiration or None,
        message_id=properties.message_id or None,
        timestamp=datetime.fromtimestamp(properties.timestamp, UTC) if properties.timestamp else None,
        message_type=properties.type or None,
        user_id=properties.user_id or None,
        app_id=properties.app_id or None,
    )
    properties.content_encoding = encoding
    assert wire.decode_properties(written.marshal()) == properties


@given(raw=st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_properties_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        wire.decode_properties(raw)


@given(properties=PROPERTIES, cut=st.integers(0, 400))
def test_properties_that_are_cut_off_are_malformed_or_fewer(properties: Properties, cut: int) -> None:
    raw = wire.encode_properties(properties)[:cut]
    with contextlib.suppress(ValueError):
        wire.decode_properties(raw)


def test_tables_in_tables_without_end_are_malformed() -> None:
    table = b""
    for _ in range(20_000):
        table = b"\x01tF" + len(table).to_bytes(4, "big") + table
    flags = (1 << 13).to_bytes(2, "big")
    with pytest.raises(ValueError, match="malformed"):
        wire.decode_properties(flags + len(table).to_bytes(4, "big") + table)


def test_a_text_too_long_for_a_short_string_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="255"):
        wire.encode_properties(Properties(correlation_id="x" * 256))


@given(channel=st.integers(1, 65535), tag=st.integers(1, 2**63 - 1), multiple=st.booleans())
def test_acknowledgements_are_read_as_they_were_meant(channel: int, tag: int, multiple: bool) -> None:
    ((_, on, ack),) = frames_of(wire.encode_ack(channel, tag, multiple=multiple))
    assert isinstance(ack, pamqp.commands.Basic.Ack)
    assert (on, ack.delivery_tag, ack.multiple) == (channel, tag, multiple)
    ((_, on, nack),) = frames_of(wire.encode_requeue(channel, tag, multiple=multiple))
    assert isinstance(nack, pamqp.commands.Basic.Nack)
    assert (on, nack.delivery_tag, nack.multiple, nack.requeue) == (channel, tag, multiple, True)


@given(
    tag=st.integers(1, 2**63 - 1),
    again=st.booleans(),
    exchange=EXCHANGES,
    key=SHORT,
    properties=PROPERTIES,
    body=st.binary(max_size=300),
)
def test_a_delivery_of_another_implementation_is_read(
    tag: int, again: bool, exchange: str, key: str, properties: Properties, body: bytes
) -> None:
    method = pamqp.commands.Basic.Deliver("consumer", tag, again, exchange, key).marshal()
    incoming = Incoming.of_method(wire.BASIC_DELIVER, method)
    header = b"\x00\x3c\x00\x00" + len(body).to_bytes(8, "big") + wire.encode_properties(properties)
    complete = incoming.add_header(header)
    for start in range(0, len(body), 50):
        assert not complete
        complete = incoming.add_body(body[start : start + 50])
    assert complete
    assert incoming.delivery() == Delivery(tag, again, exchange, key, properties, body)


@given(exchange=EXCHANGES, key=SHORT)
def test_a_return_of_another_implementation_is_read(exchange: str, key: str) -> None:
    method = pamqp.commands.Basic.Return(312, "NO_ROUTE", exchange, key).marshal()
    incoming = Incoming.of_method(wire.BASIC_RETURN, method)
    assert (incoming.returned, incoming.exchange, incoming.routing_key) == (True, exchange, key)
