"""Clients that send or read as slowly as they can: each bound in time, and none in the way of others."""

import asyncio
import contextlib
import socket
from uuid import uuid4

import orjson
import pytest

import http_edge.body
from config.sections import HttpLimits, HttpSettings
from runtime.clock import stopwatch_seconds
from tests.edge.stub import STILL_OPEN, Edge, exchange, opened_edge

LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def with_limits(**limits: float) -> HttpSettings:
    return HttpSettings(limits=HttpLimits.model_validate(limits))


async def trickle(edge: Edge, start: bytes, drip: bytes, *, seconds: float) -> bytes:
    """Send a drip every 20 ms until the server ends it; what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(start)
    reading = asyncio.create_task(reader.read(65_536))
    ends = stopwatch_seconds() + seconds
    while not reading.done() and stopwatch_seconds() < ends:
        writer.write(drip)
        await asyncio.sleep(0.02)
    assert reading.done(), "the server waited"
    writer.close()
    return await reading


@pytest.mark.parametrize("start", [b"GET /health HTTP/1.1\r\n", b"\r\n"])
async def test_a_head_that_drips_is_answered_408(start: bytes) -> None:
    async with opened_edge(with_limits(head_seconds=0.3)) as edge:
        received = await trickle(edge, start, b"X-a: b\r\n" if start.startswith(b"GET") else b"\r\n", seconds=3)
        assert received.startswith(b"HTTP/1.1 408 ")
        assert b'"rule":"request_too_slow"' in received
        assert b"Connection: close" in received


async def test_the_time_for_a_head_begins_anew_with_each_request() -> None:
    async with opened_edge(with_limits(head_seconds=0.2)) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        for _ in range(4):
            writer.write(b"GET /health HT")
            await asyncio.sleep(0.1)
            writer.write(b"TP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.4)
        writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with opened_edge(with_limits(idle_seconds=0.2)) as edge:
        assert await exchange(edge, quiet_seconds=3) == b""


async def test_a_body_that_does_not_come_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_edge.body, "GRACE_SECONDS", 0.2)
    async with opened_edge() as edge:
        received = await exchange(edge, LOGIN + b'Content-Length: 100\r\n\r\n{"a":', quiet_seconds=3)
        assert received.startswith(b"HTTP/1.1 408 ")
        assert not received.endswith(STILL_OPEN)
        assert not edge.client.said


@pytest.mark.parametrize("drip", [b" ", b"1;" + b"x" * 50 + b"\r\n \r\n"])
async def test_a_body_that_drips_is_answered_408(monkeypatch: pytest.MonkeyPatch, drip: bytes) -> None:
    monkeypatch.setattr(http_edge.body, "GRACE_SECONDS", 0.2)
    async with opened_edge() as edge:
        rest = b"Content-Length: 5000\r\n\r\n" if drip == b" " else b"Transfer-Encoding: chunked\r\n\r\n"
        assert (await trickle(edge, LOGIN + rest, drip, seconds=3)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_comes_steadily_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_edge.body, "GRACE_SECONDS", 0.2)
    body = orjson.dumps({"username": "amina", "password": "pass"}) + b" " * 6_000
    pieces = [body[start : start + 200] for start in range(0, len(body), 200)]
    async with opened_edge(with_limits(body_bytes_per_second=2_000)) as edge:
        received = await exchange(edge, LOGIN + b"Content-Length: %d\r\n\r\n" % len(body), *pieces)
        assert received.startswith(b"HTTP/1.1 200 ")
    async with opened_edge(with_limits(body_bytes_per_second=2_000, body_seconds=0.3)) as edge:
        received = await exchange(edge, LOGIN + b"Content-Length: %d\r\n\r\n" % len(body), *pieces)
        assert received.startswith(b"HTTP/1.1 408 ")


def small_window(port: int) -> socket.socket:
    """A connection that takes little before it must read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.setblocking(False)
    made.connect_ex(("127.0.0.1", port))
    return made


async def test_who_asks_much_and_reads_nothing_is_cut() -> None:
    async with opened_edge(with_limits(answer_seconds=0.3)) as edge:
        async with edge.http.get("/api/docs.json") as answer:  # made at the first request
            size = len(await answer.read())
        loop = asyncio.get_running_loop()
        connection = small_window(edge.port)
        request = b"GET /api/docs.json HTTP/1.1\r\nHost: a\r\n\r\n"
        await loop.sock_sendall(connection, request * 30)
        await asyncio.sleep(0.5)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(5):
                while got := await loop.sock_recv(connection, 65_536):
                    received += len(got)
        connection.close()
        assert received < 30 * size
        async with edge.http.get("/health") as answer:
            assert answer.status == 200


async def test_slow_clients_are_in_nobodys_way(edge: Edge) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write(LOGIN + b"Content-Length: 100\r\n\r\n{" if number % 2 else b"GET /health HTTP/1.1\r\n")
    headers = edge.as_() | {"X-Request-Id": str(uuid4())}
    async with asyncio.timeout(5):
        for _ in range(20):
            async with edge.http.get("/api/v1/auth/me", headers=headers) as answer:
                assert answer.status == 200
    for _, writer in slow:
        writer.close()
