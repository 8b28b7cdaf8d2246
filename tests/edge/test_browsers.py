"""What browsers are told: the headers on every answer, whose pages may call, and smaller bodies where nothing secret is in them."""

import gzip
import re
from typing import Any
from uuid import uuid4

import aiohttp
import brotli
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from config.sections import CorsSettings, HttpSettings
from http_edge.compression import LARGE_BYTES, LEAST_BYTES, chosen
from http_edge.response import SECURITY_HEADERS
from http_edge.routes import ROUTES
from messages.ids import new_id
from runtime.client import Answer
from tests.edge.stub import Edge, exchange, opened_edge

ME, LIST = "/api/v1/auth/me", "/api/v1/members"
APP, EVIL = "https://app.example.org", "https://evil.example"
CORS = HttpSettings(cors=CorsSettings(allowed_origins=(APP, "http://localhost:3000")))
LARGE = orjson.dumps({"items": [{"member_id": str(uuid4()), "name": "Amina"} for _ in range(100)], "next_cursor": None})
DECODERS: dict[str, Any] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}

EVERYWHERE = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ME), ("GET", "/nowhere"), ("POST", "/api/v1/transfers"), ("GET", "/health"), ("GET", "/api/docs"), ("OPTIONS", ME),
     ("GET", "/api/docs/start.js"), ("GET", "/api/docs.json"), ("GET", "/problems/invalid"), ("TRACE", ME), ("GET", "/ready")],
)  # fmt: skip
async def test_every_answer_carries_the_same_protection(edge: Edge, method: str, path: str) -> None:
    async with edge.http.request(method, path) as answer:
        assert {name: answer.headers[name] for name in EVERYWHERE} == EVERYWHERE
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "geolocation=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["X-Request-Id"]
        assert len(answer.headers.getall("Server")) == 1


async def test_malformed_http_is_answered_with_the_same_protection(edge: Edge) -> None:
    received = await exchange(edge, b"hello\r\n\r\n")
    for name in SECURITY_HEADERS:
        assert f"\r\n{name}: ".encode() in received


async def preflight(edge: Edge, origin: str, path: str = LIST, method: str = "POST") -> aiohttp.ClientResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    async with edge.http.options(path, headers=headers) as answer:
        return answer


async def test_a_named_origin_may_ask_and_read() -> None:
    async with opened_edge(CORS) as edge:
        asked = await preflight(edge, APP, f"/api/v1/members/{uuid4()}", "GET")
        assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, APP)
        assert asked.headers["Access-Control-Allow-Methods"] == asked.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
        assert asked.headers["Access-Control-Max-Age"] == "600"
        async with edge.http.get(ME, headers=edge.as_() | {"Origin": APP}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == APP
            assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
            assert "Origin" in answer.headers["Vary"]
        async with edge.http.get(ME, headers={"Origin": APP}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://app.example.org.evil.example", "http://app.example.org", f"{APP}:444", "*", ""]
)
async def test_no_other_origin_is_told_anything(origin: str) -> None:
    async with opened_edge(CORS) as edge:
        asked = await preflight(edge, origin)
        async with edge.http.get(ME, headers=edge.as_() | {"Origin": origin}) as answer:
            for headers in (asked.headers, answer.headers):
                assert not any(name.lower().startswith("access-control") for name in headers)
                assert "Origin" in headers["Vary"]


async def test_nobody_may_send_credentials_of_a_browsers_own() -> None:
    async with opened_edge(CORS) as edge:
        assert "Access-Control-Allow-Credentials" not in (await preflight(edge, APP)).headers


async def test_with_no_origins_named_none_is_spoken_of(edge: Edge) -> None:
    asked = await preflight(edge, EVIL)
    assert asked.status == 204
    assert "Vary" not in asked.headers
    assert not any(name.lower().startswith("access-control") for name in asked.headers)


@pytest.mark.parametrize("origin", ["*", "https://*.example.org", "https://app.example.org/", "app.example.org", "null"])
def test_an_origin_is_written_out(origin: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        CorsSettings(allowed_origins=(origin,))


async def test_options_names_the_methods_of_a_path(edge: Edge) -> None:
    for path, methods in (
        (ME, "GET, HEAD, OPTIONS"),
        ("/api/v1/transfers", "OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
    ):
        async with edge.http.options(path) as answer:
            assert (answer.status, answer.headers["Allow"], await answer.read()) == (204, methods, b"")
    async with edge.http.options("/api/v1/nothing") as answer:
        assert answer.status == 404
    assert (await exchange(edge, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.1 204 ")


async def read(edge: Edge, path: str, accepted: str | None, **headers: str) -> tuple[bytes, CIMultiDict[str]]:
    sent = edge.as_() | headers | ({} if accepted is None else {"Accept-Encoding": accepted})
    skip = ("Accept-Encoding",) if accepted is None else ()
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{edge.port}", auto_decompress=False) as session,
        session.get(path, headers=sent, skip_auto_headers=skip) as answer,
    ):
        return await answer.read(), answer.headers.copy()


@pytest.mark.parametrize("coding", DECODERS)
@pytest.mark.parametrize("body", [LARGE, b'{"items":"' + b"x" * LARGE_BYTES + b'"}'], ids=["large", "very large"])
async def test_a_large_answer_is_compressed_as_the_client_likes(edge: Edge, coding: str, body: bytes) -> None:
    edge.client.will(Answer("reply", body, new_id()))
    received, headers = await read(edge, LIST, f"{coding};q=1.0, *;q=0.1")
    assert headers["Content-Encoding"] == coding
    assert len(received) == int(headers["Content-Length"]) < len(body)
    assert DECODERS[coding](received) == body
    assert "Accept-Encoding" in headers["Vary"]


@pytest.mark.parametrize("accepted", [None, "", "identity", "deflate", "*;q=0", "gzip;q=0", "gzip;q=much", "gzip;q=2"])
async def test_who_does_not_ask_for_it_gets_the_body_as_it_is(edge: Edge, accepted: str | None) -> None:
    edge.client.will(Answer("reply", LARGE, new_id()))
    received, headers = await read(edge, LIST, accepted)
    assert (received, "Content-Encoding" in headers) == (LARGE, False)
    assert "Accept-Encoding" in headers["Vary"]


async def test_a_small_answer_stays_as_it_is(edge: Edge) -> None:
    small = b'{"items":"' + b"x" * (LEAST_BYTES - 13) + b'"}'
    assert len(small) == LEAST_BYTES - 1
    edge.client.will(Answer("reply", small, new_id()))
    received, headers = await read(edge, LIST, "gzip")
    assert (received, "Content-Encoding" in headers) == (small, False)


async def test_an_answer_with_secrets_is_never_compressed(edge: Edge) -> None:
    reply = {"access_token": "x" * 5_000, "refresh_token": "y"}
    edge.client.will_reply(reply)
    who = {"username": "amina", "password": "pass"}
    async with edge.http.post("/api/v1/auth/login", json=who, headers={"Accept-Encoding": "gzip, br, zstd"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert await answer.json() == reply
    secret = {route.path for route in ROUTES if route.tells_secrets}
    assert secret >= {route.path for route in ROUTES if route.tag in {"auth", "password", "api-keys"}}
    assert "/members" not in secret


async def test_a_compressed_answers_tag_is_good_for_if_match(edge: Edge) -> None:
    account = {"account_id": str(uuid4()), "version": 7, "note": "x" * 2_000}
    edge.client.will_reply(account)
    _, headers = await read(edge, f"/api/v1/accounts/{uuid4()}", "br")
    assert re.fullmatch(r'"7-[0-9a-f]{16}-br"', headers["ETag"])
    path = f"/api/v1/accounts/{uuid4()}/freeze"
    async with edge.http.post(
        path, json={"side": "debit", "reason": "lost"}, headers=edge.as_() | {"If-Match": headers["ETag"]}
    ) as answer:
        assert answer.status == 200
    assert edge.last.message.expected_version == 7  # type: ignore[attr-defined]  # of the message that the route names


async def test_the_documentation_is_compressed(edge: Edge) -> None:
    for path in ("/api/docs.json", "/api/docs/swagger-ui-bundle.js", "/api/docs/swagger-ui-bundle.js"):
        received, headers = await read(edge, path, "gzip, deflate, br")
        plain, _ = await read(edge, path, None)
        assert (headers["Content-Encoding"], brotli.decompress(received)) == ("br", plain)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0.9, br;q=0.8", "gzip"),
        ("gzip; q=0.5 , zstd;q=0", "gzip"),
        ("br;q=0.001", "br"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("*;q=0, br", "br"),
        ("", None),
        ("gzip;level=9", None),
    ],
)
def test_a_coding_is_chosen_by_weight(accepted: str, coding: str | None) -> None:
    assert chosen(accepted) == coding


@given(st.text(max_size=600))
def test_any_accept_encoding_is_understood_or_left(accepted: str) -> None:
    assert chosen(accepted) in {"zstd", "br", "gzip", None}
