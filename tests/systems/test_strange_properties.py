"""AMQP properties and headers of any shape: read, or called malformed; never an exception that nobody expects."""

import contextlib
import struct
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runtime.envelope import Envelope
from runtime.errors import Unreadable
from runtime.wire import Delivery, Properties, decode_properties

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.binary() | some.datetimes(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)
HEADERS = some.dictionaries(some.sampled_from(["principal", "deadline", "key", "causation", "traceparent", "x"]), VALUES)


@given(some.binary(max_size=200))
def test_any_bytes_are_properties_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_properties(raw)


@pytest.mark.parametrize("seconds", [2**62, 2**64 - 1])
def test_a_header_with_a_moment_that_no_calendar_holds_is_malformed(seconds: int) -> None:
    table = b"\x01tT" + struct.pack(">Q", seconds)
    with pytest.raises(ValueError, match="malformed"):
        decode_properties(struct.pack(">HI", 1 << 13, len(table)) + table)


@pytest.mark.parametrize("believed", [True, False])
@given(headers=HEADERS)
def test_any_headers_are_read_or_refused(believed: bool, headers: dict[str, object]) -> None:
    properties = Properties(message_id=str(uuid4()), type="x", user_id="somebody", headers=headers)
    with contextlib.suppress(Unreadable):
        Envelope.of_delivery(Delivery(1, False, "", "", properties, b"{}"), believed=believed)
