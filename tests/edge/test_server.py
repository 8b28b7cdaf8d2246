"""The server on its socket: bytes that no polite client sends."""

from uuid import uuid4

import orjson
import pytest

from tests.edge.stub import Edge, exchange

TRANSFER = orjson.dumps(
    {"from_account_id": str(uuid4()), "to_account_id": str(uuid4()), "amount": {"amount": "250.00", "currency": "KES"}}
)


def request(edge: Edge, body: bytes = TRANSFER, *, more: str = "", length: int | None = None, version: str = "1.1") -> bytes:
    head = (
        f"POST /api/v1/transfers HTTP/{version}\r\nHost: bank\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {uuid4()}\r\nAuthorization: {edge.as_()['Authorization']}\r\n{more}"
    )
    if length is not None or "Transfer-Encoding" not in more:
        head += f"Content-Length: {len(body) if length is None else length}\r\n"
    return f"{head}\r\n".encode() + body


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nBroken\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_malformed_http_is_a_problem_and_ends_the_connection(edge: Edge, garbage: bytes) -> None:
    received = await exchange(edge, garbage)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert orjson.loads(body)["rule"] == "malformed_request"
    assert b"Connection: close" in head
    assert b"aiohttp" not in received
    assert b"Python" not in received


async def test_two_requests_on_one_connection_are_answered_in_order(edge: Edge) -> None:
    received = await exchange(
        edge, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + request(edge) + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert received.count(b"HTTP/1.1 ") == 3
    assert received.index(b"201 Created") < received.index(b"404 Not Found")
    assert received.endswith(b"<still open>")


async def test_who_asks_for_the_end_gets_it(edge: Edge) -> None:
    received = await exchange(edge, request(edge, more="Connection: close\r\n"))
    assert b"201 Created" in received
    assert b"Connection: close" in received
    assert not received.endswith(b"<still open>")
    received = await exchange(edge, request(edge, version="1.0"))
    assert b"201 Created" in received
    assert not received.endswith(b"<still open>")


async def test_a_body_may_come_in_pieces(edge: Edge) -> None:
    whole = request(edge)
    for cut in (len(whole) - len(TRANSFER), len(whole) - 20):
        assert b"201 Created" in await exchange(edge, whole[:cut], whole[cut:])


async def test_a_body_may_come_in_chunks(edge: Edge) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (TRANSFER[:30], TRANSFER[30:])) + b"0\r\n\r\n"
    assert b"201 Created" in await exchange(edge, request(edge, chunks, more="Transfer-Encoding: chunked\r\n"))


async def test_chunks_that_are_none_are_a_problem(edge: Edge) -> None:
    received = await exchange(edge, request(edge, b"zz\r\n{}\r\n", more="Transfer-Encoding: chunked\r\n"))
    assert received.startswith(b"HTTP/1.1 400 ")
    assert not edge.client.said


async def test_who_waits_to_be_asked_is_asked_for_the_body(edge: Edge) -> None:
    whole = request(edge, more="Expect: 100-continue\r\n")
    head, body = whole[: -len(TRANSFER)], whole[-len(TRANSFER) :]
    received = await exchange(edge, head, body)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created")


async def test_a_body_that_is_announced_too_large_is_not_waited_for(edge: Edge) -> None:
    received = await exchange(edge, request(edge, b"", length=10_000_000_000, more="Expect: 100-continue\r\n"))
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in received


async def test_who_goes_away_half_way_does_no_harm(edge: Edge) -> None:
    whole = request(edge)
    await exchange(edge, whole[:-10], end=True)
    assert not edge.client.said
    assert b"201 Created" in await exchange(edge, whole)


async def test_a_path_is_not_tidied_up(edge: Edge) -> None:
    for path in (
        b"/api/v1/../../health",
        b"/%2e%2e/health",
        b"//health",
        b"/health/",
        b"/health%00",
        b"/api/docs/..%2fapp.py",
        b"*",
    ):
        received = await exchange(edge, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert received.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), path


async def test_a_whole_address_is_understood(edge: Edge) -> None:
    assert (await exchange(edge, b"GET http://bank/health HTTP/1.1\r\nHost: bank\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
