"""Bodies that are small to send and dear to read: each is refused, quickly, and takes nobody else's time or memory."""

import asyncio
import gzip
import json
import resource
import zlib
from collections.abc import AsyncIterator
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from http_edge.binding import Binding
from http_edge.most_values import SPARE, most_values
from http_edge.problems import Problem
from http_edge.routes import ROUTES
from runtime.clock import stopwatch_seconds
from runtime.strict_json import MalformedJson, read_object
from tests.edge.stub import Edge

PATH = "/api/v1/transfers"
MOST_SECONDS = 4.0
"""For one of them; on a quiet machine the dearest takes a fiftieth of it."""
MOST_PROCESSOR_SECONDS = 0.5
"""For reading one of them and no more; looking at each value takes one and a half."""
NO_QUERY: MultiDictProxy[str] = MultiDictProxy(MultiDict())
NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


def processor_seconds() -> float:
    """What this process has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


async def send(edge: Edge, body: bytes, **headers: str) -> tuple[int, str]:
    """Status and rule."""
    sent = {**edge.as_(), "Idempotency-Key": "k", "Content-Type": "application/json", **headers}
    async with edge.http.post(PATH, data=body, headers=sent) as answer:
        return answer.status, (await answer.json(content_type=None))["rule"]


def packed(size: int = 100_000_000) -> dict[str, bytes]:
    """A hundred megabytes of nothing, small."""
    blank = bytes(size)
    once = gzip.compress(blank)
    return {
        "gzip": once,
        "x-gzip": once,
        "GZIP": once,
        "deflate": zlib.compress(blank),
        "br": brotli.compress(blank, quality=1),
        "gzip, gzip": gzip.compress(once),
        "identity, gzip": once,
        "gzip, identity": once,
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(100),
        "": once,
        "nonsense": once,
    }


async def test_what_is_packed_is_not_unpacked(edge: Edge) -> None:
    bombs = packed()
    assert all(len(bomb) < edge.settings.http.limits.body_bytes for bomb in bombs.values())
    began = processor_seconds()
    for coding, bomb in bombs.items():
        assert await send(edge, bomb, **{"Content-Encoding": coding}) == (415, "unsupported_media_type"), coding
    # Without a word about it, it is a body like any other, and no JSON.
    assert await send(edge, bombs["gzip"]) == (400, "malformed_json")
    assert await send(edge, bombs["gzip"], **{"Content-Encoding": "identity"}) == (400, "malformed_json")
    assert processor_seconds() - began < MOST_PROCESSOR_SECONDS * len(bombs)
    assert not edge.client.said


def bombs(most: int) -> dict[str, tuple[bytes, tuple[int, str]]]:
    """JSON of the largest size that is read, made to be dear; and what it is answered."""
    malformed, invalid = (400, "malformed_json"), (422, "invalid")
    key = b'{"a":'
    many = b",".join(b'"%x":1' % n for n in range(most // 12))
    same = b",".join(b'"a":1' for _ in range(most // 8))
    collide = b",".join(b'"%d":1' % (n * (2**61 - 1)) for n in range(most // 28))
    return {
        "deep lists": (key + b"[" * (most // 2 - 8) + b"]" * (most // 2 - 8) + b"}", malformed),
        "deep lists without end": (key + b"[" * (most - 8), malformed),
        "deep objects": (key * (most // 6) + b"1" + b"}" * (most // 6), malformed),
        "thirty-three levels": (key * 33 + b"1" + b"}" * 33, malformed),
        "brackets in a string": (b'{"description":"' + b"[{" * (most // 2 - 20) + b'"}', invalid),
        "a quote without end": (b'{"description":"' + b'\\"' * (most // 2 - 20), malformed),
        "many keys": (b"{" + many + b"}", malformed),
        "as many keys as are read": (b"{" + b",".join(b'"%x":1' % n for n in range(SPARE)) + b"}", invalid),
        "one key many times": (b"{" + same + b"}", malformed),
        "keys of one remainder": (b"{" + collide + b"}", malformed),
        "many small objects": (b'{"description":[' + b"{}," * (most // 3 - 20) + b"{}]}", malformed),
        "many small lists": (b'{"description":[' + b"[]," * (most // 3 - 20) + b"[]]}", malformed),
        "a long list": (b'{"description":[' + b"1," * (most // 2 - 20) + b"1]}", malformed),
        "many commas in a text": (b'{"description":"' + b"," * (most - 20) + b'"}', invalid),
        "a long integer": (key + b"9" * (most - 8) + b"}", malformed),
        "a long fraction": (key + b"0." + b"1" * (most - 10) + b"}", malformed),
        "a large exponent": (key + b"1e999999999}", malformed),
        "a small exponent": (key + b"1e-999999999}", invalid),
        "an integer of more than 64 bits": (key + b"9223372036854775808}", malformed),
        "a long amount": (b'{"amount":{"currency":"KES","amount":"' + b"9" * (most - 50) + b'"}}', invalid),
        "a long name": (b'{"' + b"a" * (most - 10) + b'":1}', invalid),
        "escapes": (b'{"description":"' + b"\\u0061" * (most // 6 - 20) + b'"}', invalid),
        "surrogates": (b'{"description":"' + b"\\ud83d\\ude00" * (most // 12 - 20) + b'"}', invalid),
        "white space": (b" " * (most - 2) + b"{}", invalid),
        "white space behind": (b"{}" + b" " * (most - 2), invalid),
        "combining characters": (b'{"description":"' + "a\u0300\u0301".encode() * (most // 5 - 20) + b'"}', invalid),
    }


async def test_json_that_is_dear_to_read_is_answered_quickly_and_holds_nobody_up(edge: Edge) -> None:
    most, found = edge.settings.http.limits.body_bytes, []
    for name, (bomb, expected) in bombs(most).items():
        assert len(bomb) <= most, name
        began = stopwatch_seconds()
        told = await send(edge, bomb)
        seconds = stopwatch_seconds() - began
        if told != expected or seconds > MOST_SECONDS:
            found.append(f"{name}: {told} in {seconds:.2f} s")
    assert not found, "\n".join(found)
    assert not edge.client.said


def test_no_route_looks_at_many_more_values_than_it_can_use() -> None:
    """Each wrong value becomes an error: a quarter of a megabyte of them would take a processor for seconds."""
    most = {f"{route.method} {route.path}": most_values(route.message) for route in ROUTES if route.has_body}
    assert most["POST /auth/login"] < SPARE + 20
    assert [name for name, values in most.items() if values > 5_000] == ["POST /loan-calculator/annual-rate"]


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [("/entries", "postings", "{}"), ("/entries", "postings", "1"), ("/api-keys", "permissions", "1"), ("/roles", "grants", "{}"),
     ("/auth/login", "no_such_field", "{}"), ("/loan-calculator/annual-rate", "cash_flows", "1")],
)  # fmt: skip
def test_wrong_values_without_number_are_not_looked_at_one_by_one(path: str, field: str, value: str) -> None:
    route = next(each for each in ROUTES if (each.method, each.path) == ("POST", path))
    body = f'{{"{field}":[{",".join([value] * 80_000)}]}}'.encode()
    binding, began = Binding(route), processor_seconds()
    with pytest.raises(Problem) as refused:
        binding.from_body(body, NO_QUERY, (), NO_HEADERS)
    assert processor_seconds() - began < MOST_PROCESSOR_SECONDS
    assert refused.value.rule == "malformed_json"
    assert "values" in refused.value.detail


@settings(max_examples=50)
@given(st.recursive(st.integers(0, 9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30))
def test_values_are_counted_as_they_are(value: Any) -> None:
    def count(each: Any) -> int:
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        return 1 + sum(map(count, inner))

    body, values = json.dumps({"x": value}).encode(), count({"x": value})
    assert read_object(body, values) == {"x": value}
    with pytest.raises(MalformedJson):
        read_object(body, values - 1)


async def test_many_bombs_at_once_do_not_keep_others_out(edge: Edge) -> None:
    bomb = bombs(edge.settings.http.limits.body_bytes)["many keys"][0]
    sending = [asyncio.ensure_future(send(edge, bomb)) for _ in range(20)]
    async with asyncio.timeout(10):
        async with edge.http.get("/health") as answer:
            assert answer.status == 200
        assert set(await asyncio.gather(*sending)) == {(400, "malformed_json")}


async def test_a_body_that_unfolds_without_end_is_cut(edge: Edge) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b'{"a":' * 3_000

    headers = {**edge.as_(), "Idempotency-Key": "k", "Content-Type": "application/json"}
    async with asyncio.timeout(10):
        async with edge.http.post(PATH, data=endless(), headers=headers) as answer:
            assert (answer.status, json.loads(await answer.read())["rule"]) == (413, "body_too_large")


async def test_a_stranger_has_no_larger_body_than_others(edge: Edge) -> None:
    body = b'{"username":"' + b"a" * edge.settings.http.limits.body_bytes + b'"}'
    for path in ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/password/reset"):
        async with edge.http.post(path, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 413
