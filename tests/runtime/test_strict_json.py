"""JSON from outside: what has one meaning is read as it is, everything else is refused, and nothing takes long."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import stopwatch_seconds
from runtime.strict_json import DEEPEST, LARGEST_INTEGER, MalformedJson, read_object

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_INTEGER - 1, LARGEST_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6), max_leaves=60
)
LARGEST_BODY = 262_144
SECONDS_AT_MOST = 1.0


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.booleans())
def test_what_was_written_is_read(value: dict[str, Any], ascii_only: bool) -> None:
    assert read_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_object(body)
    except MalformedJson:
        return
    assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} x",
        b"[]",
        b"null",
        b'"text"',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1,"a":1}',
        b'{"outer":{"a":1,"a":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":9223372036854775808}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":0.' + b"1" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b'{"a":"\xff"}',
        b'{"a":"line\nbreak"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":01}',
        b'{"a":+1}',
    ],
)
def test_what_could_mean_two_things_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        read_object(body)


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_depth_is_counted_to_the_level() -> None:
    read_object(nested(DEEPEST))
    with pytest.raises(MalformedJson, match="nested"):
        read_object(nested(DEEPEST + 1))


def test_brackets_in_texts_are_no_depth() -> None:
    text = '[{"\\' * 100
    assert read_object(json.dumps({"a": text, "b": [[], {}] * 50}).encode())["a"] == text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * LARGEST_BODY,
        b'{"a":' * (LARGEST_BODY // 5),
        b"[" + b"[]," * 40 + b"1" * (LARGEST_BODY - 200),
        b"[" + b"[]," * 40 + b" " * (LARGEST_BODY - 200),
        b"[" + b"[]," * 40 + b'"' * (LARGEST_BODY - 200),
        b"[" + b"[]," * 40 + b'"' + b'\\"' * (LARGEST_BODY // 2 - 100),
        b"[" + b"[]," * 40 + b"a" * (LARGEST_BODY - 200),
        b"\\u" * (LARGEST_BODY // 2),
    ],
    ids=["open", "objects", "digits", "spaces", "quotes", "escapes", "letters", "unicode"],
)
def test_nobody_buys_seconds_with_one_body(body: bytes) -> None:
    started = stopwatch_seconds()
    with pytest.raises(MalformedJson):
        read_object(body)
    assert stopwatch_seconds() - started < SECONDS_AT_MOST
