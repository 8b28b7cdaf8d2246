"""Requests that two programs in a row could understand in two ways: refused, and nothing more is read from that connection.

Behind each shape another request is sent, which must not be answered: it is what a smuggler wants to get in.
"""

import orjson
import pytest

from config.sections import HttpLimits, HttpSettings
from tests.edge.stub import STILL_OPEN, Edge, exchange, opened_edge

BODY = b'{"username":"amina","password":"pass"}'
SMUGGLED = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"


def get(target: bytes = b"/health", *headers: bytes, version: bytes = b"1.1", host: bytes | None = b"a") -> bytes:
    lines = [b"GET " + target + b" HTTP/" + version, *([] if host is None else [b"Host: " + host]), *headers]
    return b"\r\n".join([*lines, b"", b""])


def post(*headers: bytes, body: bytes = BODY, length: bool = True, version: bytes = b"1.1") -> bytes:
    lines = [b"POST /api/v1/auth/login HTTP/" + version, b"Host: a", b"Content-Type: application/json", *headers]
    lines += [b"Content-Length: %d" % len(body)] if length else []
    return b"\r\n".join([*lines, b"", body])


def chunked(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    return post(*(headers or (b"Transfer-Encoding: chunked",)), body=body, length=False, version=version)


GOOD = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
TRAILER = b"".join(b"X-%d: b\r\n" % n for n in range(80))
SIZE = b"%x" % len(BODY)

AMBIGUOUS: dict[str, bytes] = {
    "length and chunks": post(b"Transfer-Encoding: chunked", body=GOOD),
    "chunks and length": b"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths that agree": post(b"Content-Length: %d" % len(BODY)),
    "two lengths in one line": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
    "a length with a plus": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
    "a length in sixteens": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na",
    "a length and a space": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\na",
    "a length that overflows": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\na",
    "two lengths that differ": post(b"Content-Length: 5"),
    "a length below zero": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na",
    "a length with an underscore": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n0123456789",
    "a length in other digits": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa1\r\n\r\na",
    "a length with a fraction": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1.0\r\n\r\na",
    "two numbers for a length": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\na",
    "a folded length": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 1\r\n\r\na",
    "a length and a bare line feed": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\nX: y\r\n\r\na",
    "no length in a length": b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n",
    "identity, chunked": chunked(GOOD, b"Transfer-Encoding: identity, chunked"),
    "gzip, chunked": chunked(GOOD, b"Transfer-Encoding: gzip, chunked"),
    "chunked, identity": chunked(GOOD, b"Transfer-Encoding: chunked, identity"),
    "chunked twice": chunked(GOOD, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunked after a vertical tab": chunked(GOOD, b"Transfer-Encoding: \x0bchunked"),
    "chunked after a comma": chunked(GOOD, b"Transfer-Encoding: , chunked"),
    "chunked before a comma": chunked(GOOD, b"Transfer-Encoding: chunked,"),
    "chunked with a parameter": chunked(GOOD, b"Transfer-Encoding: chunked;q=1"),
    "chunked and NUL": chunked(GOOD, b"Transfer-Encoding: chunked\x00"),
    "folded chunked": chunked(GOOD, b"Transfer-Encoding:\r\n chunked"),
    "chunked and a space before its colon": chunked(GOOD, b"Transfer-Encoding : chunked"),
    "chunked after a bare line feed": chunked(GOOD, b"X: y\nTransfer-Encoding: chunked"),
    "chunked after a bare carriage return": chunked(GOOD, b"X: y\rTransfer-Encoding: chunked"),
    "chunked twice in one line": chunked(GOOD, b"Transfer-Encoding: chunked, chunked"),
    "identity": chunked(GOOD, b"Transfer-Encoding: identity"),
    "an empty coding": chunked(GOOD, b"Transfer-Encoding: "),
    "another coding and a length": post(b"Transfer-Encoding: identity"),
    "chunked in quotes": chunked(GOOD, b'Transfer-Encoding: "chunked"'),
    "something like chunked": chunked(GOOD, b"Transfer-Encoding: xchunked"),
    "chunks in HTTP/1.0": chunked(GOOD, version=b"1.0"),
    "chunk size with 0x": chunked(b"0x" + GOOD),
    "chunk size below zero": chunked(b"-1\r\n" + GOOD),
    "chunk size and a space": chunked(GOOD.replace(SIZE, SIZE + b" ", 1)),
    "chunk size with a plus": chunked(b"+" + GOOD),
    "chunk size with an underscore": chunked(GOOD.replace(SIZE, SIZE[:1] + b"_" + SIZE[1:], 1)),
    "no chunk size": chunked(b"\r\n" + GOOD),
    "a space before a chunk size": chunked(b" " + GOOD),
    "a bare line feed after a chunk size": chunked(GOOD.replace(SIZE + b"\r\n", SIZE + b"\n", 1)),
    "a bare line feed after a chunk": chunked(GOOD.replace(b"\r\n0\r\n", b"\n0\r\n")),
    "something after a chunk": chunked(GOOD.replace(b"\r\n0\r\n", b"xx\r\n0\r\n")),
    "a bare line feed after the last chunk": chunked(GOOD.replace(b"0\r\n\r\n", b"0\n\r\n")),
    "a carriage return in a chunk extension": chunked(GOOD.replace(SIZE, SIZE + b";a\r", 1)),
    "chunk size that overflows": chunked(b"fffffffffffffffff\r\n" + GOOD),
    "a chunk longer than its size": chunked(GOOD.replace(SIZE, b"5", 1)),
    "chunks with bare line feeds": chunked(GOOD.replace(b"\r\n", b"\n")),
    "a line feed in a chunk extension": chunked(GOOD.replace(SIZE, SIZE + b";a\n", 1)),
    "an extension without end": chunked(GOOD.replace(SIZE, SIZE + b";" + b"x" * 300_000, 1)),
    "a length in a trailer": chunked(GOOD.replace(b"0\r\n\r\n", b"0\r\nContent-Length: 3\r\nHost: b\r\n\r\n")),
    "bare line feeds": b"GET /health HTTP/1.1\nHost: a\n\n",
    "a bare line feed after a header": b"GET /health HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare carriage return": b"GET /health HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a folded line": get(b"/health", b"X: a\r\n b"),
    "a folded first line": b"GET /health HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
    "NUL in a header": get(b"/health", b"X: a\x00b"),
    "NUL in the target": get(b"/health\x00"),
    "a space before a colon": get(b"/health", b"X : a"),
    "a header without a name": get(b"/health", b": a"),
    "no host": get(host=None),
    "two hosts": get(b"/health", b"Host: a"),
    "an empty host": get(host=b""),
    "a host with a user": get(host=b"user@evil"),
    "a host with a path": get(host=b"a/b"),
    "two hosts in one line": get(host=b"a,b"),
    "a host with a space": get(host=b"a b"),
    "a whole address of another host": get(b"http://evil/health"),
    "a whole address with a user": get(b"http://u:p@a/health"),
    "a whole address of another kind": get(b"ftp://a/health"),
    "an authority": get(b"a:443"),
    "a star": get(b"*"),
    "a fragment": get(b"/health#x"),
    "a space in the target": get(b"/health x"),
    "a tab for a space": b"GET\t/health\tHTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "HTTP/0.9": get(version=b"0.9"),
    "HTTP/1.2": get(version=b"1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a small method": b"get /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "an invented method": b"FOO /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "two tokens": get(b"/api/v1/auth/me", b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "two API keys": get(b"/api/v1/auth/me", b"X-API-Key: coffer_a", b"X-API-Key: coffer_b"),
    "two types": post(b"Content-Type: text/plain"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


async def test_what_could_be_understood_in_two_ways_is_not_understood(edge: Edge) -> None:
    for shape, sent in AMBIGUOUS.items():
        received = await exchange(edge, sent + SMUGGLED)
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 "), shape
        assert orjson.loads(body)["rule"] == "malformed_request", shape
        assert b"Connection: close" in head, shape
        assert b"X-Content-Type-Options: nosniff" in head, shape
        assert b"X-Frame-Options: DENY" in head, shape
        assert not edge.client.said, shape


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT"])
@pytest.mark.parametrize("target", [b"/health", b"a:443", b"/nowhere"])
async def test_we_are_no_proxy(edge: Edge, method: bytes, target: bytes) -> None:
    received = await exchange(edge, get(target, b"Cookie: canary-3c1").replace(b"GET", method) + SMUGGLED)
    assert received.startswith((b"HTTP/1.1 405 ", b"HTTP/1.1 400 "))
    assert received.count(b"HTTP/1.1 ") == 1
    assert not received.endswith(STILL_OPEN)
    assert b"canary" not in received


@pytest.mark.parametrize(
    "plain",
    [
        get(),
        get(host=b"bank.example.org:8443"),
        get(host=b"[2001:db8::1]:8443"),
        get(b"http://a/health"),
        get(b"HTTP://A/health"),
        get(version=b"1.0", host=None),
        b"\r\n" + get(),
        get(b"/health", b"Upgrade: websocket", b"Connection: upgrade", b"Sec-WebSocket-Version: 13"),
        get(b"/health", b"Upgrade: h2c", b"Connection: Upgrade"),
    ],
)
async def test_what_has_one_meaning_is_answered(edge: Edge, plain: bytes) -> None:
    assert (await exchange(edge, plain)).startswith(b"HTTP/1.1 200 ")


async def test_chunks_may_have_extensions_and_a_trailer_that_nobody_reads(edge: Edge) -> None:
    said = GOOD.replace(SIZE, SIZE + b";a=b", 1).replace(b"0\r\n\r\n", b"0\r\nX-Checked: yes\r\n\r\n")
    assert (await exchange(edge, chunked(said))).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("large", "status", "rule"),
    [
        (get(b"/health?" + b"a" * 5_000), b"414", "target_too_long"),
        (get(b"/health", b"X: " + b"a" * 9_000), b"431", "head_too_large"),
        (get(b"/health", b"X" * 9_000 + b": a"), b"431", "head_too_large"),
        (get(b"/health", *[b"X-%d: a" % n for n in range(80)]), b"431", "head_too_large"),
        (get(b"/health", *[b"X-%d: %s" % (n, b"a" * 8_000) for n in range(5)]), b"431", "head_too_large"),
        (chunked(GOOD.replace(b"0\r\n\r\n", b"0\r\n" + TRAILER + b"\r\n")), b"431", "head_too_large"),
    ],
)  # fmt: skip
async def test_a_head_may_be_so_large_and_no_larger(edge: Edge, large: bytes, status: bytes, rule: str) -> None:
    received = await exchange(edge, large + SMUGGLED)
    assert received.startswith(b"HTTP/1.1 " + status)
    assert orjson.loads(received.partition(b"\r\n\r\n")[2])["rule"] == rule
    assert not edge.client.said


async def test_a_large_head_is_none_the_better_for_coming_in_pieces() -> None:
    async with opened_edge(HttpSettings(limits=HttpLimits(head_bytes=8_192))) as edge:
        head = get(b"/health", *[b"X-%d: %s" % (n, b"a" * 400) for n in range(30)])
        received = await exchange(edge, *[head[start : start + 2_050] for start in range(0, 8_200, 2_050)])
    assert received.startswith(b"HTTP/1.1 431 ")


async def test_who_sends_many_requests_at_once_gets_the_answers_in_order(edge: Edge) -> None:
    received = await exchange(edge, get() * 200 + get(b"/nowhere"))
    assert received.count(b"HTTP/1.1 200 ") == 200
    assert received.index(b"HTTP/1.1 404 ") > received.rindex(b"HTTP/1.1 200 ")


async def test_a_header_that_names_another_method_is_not_read(edge: Edge) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        async with edge.http.get("/api/v1/users", headers=edge.as_() | {name: "DELETE"}) as answer:
            assert answer.status == 200
        async with edge.http.post("/api/v1/auth/me", headers=edge.as_() | {name: "GET"}) as answer:
            assert answer.status == 405
