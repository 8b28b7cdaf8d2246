"""A complete answer, written to the socket in one piece, and the headers that every answer carries.

aiohttp's own response builds its head from a dictionary each time, which is a third of what a request costs here. This one
joins prepared bytes. Nothing streams; whatever should, uses aiohttp's StreamResponse with `SECURITY_HEADERS`.
"""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

JSON = "application/json"
NOTHING_MAY_LOAD = "default-src 'none'; frame-ancestors 'none'"

CACHING, KEPT_NOWHERE = "Cache-Control", "no-store"

SECURITY_HEADERS: dict[str, str] = {
    "Server": "coffer",
    CACHING: KEPT_NOWHERE,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
"""On every response. Browsers heed the last only over TLS, which a proxy before us ends."""


@lru_cache(maxsize=256)
def _head(status: int, content_type: str | None, policy: str, caching: str) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    headers = {**SECURITY_HEADERS, CACHING: caching, "Content-Security-Policy": policy}
    if content_type is not None:
        headers["Content-Type"] = content_type
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("ascii")


_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class _Today:
    """The Date header, formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self, unix_seconds: float) -> bytes:
        second = int(unix_seconds)
        if second != self._second:
            self._second = second
            self._line = f"\r\nDate: {formatdate(second, usegmt=True)}".encode()
        return self._line


_today = _Today()


class Response(web.StreamResponse):
    """Status, body and headers, all known before the first byte goes out. Header values are ours or checked: no line breaks."""

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        *,
        now: float,
        content_type: str | None = JSON,
        headers: Mapping[str, str] | None = None,
        policy: str = NOTHING_MAY_LOAD,
        close: bool = False,
    ) -> None:
        super().__init__(status=status)
        self.payload = body
        self._now = now
        self._type = content_type
        self._extra = dict(headers or {})
        self._caching = self._extra.pop(CACHING, KEPT_NOWHERE)
        self._policy = policy
        if close:
            self.force_close()

    def carry(self, headers: Mapping[str, str]) -> None:
        """Let these go out with it as well."""
        self._extra = {**self._extra, **headers}

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything. ConnectionError where the client is gone."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        keep_alive = self._keep_alive is not False and request.keep_alive and request.version >= HttpVersion11
        self._keep_alive = keep_alive
        parts = [_head(self.status, self._type, self._policy, self._caching), _today.line(self._now)]
        for name, value in self._extra.items():
            line = f"\r\n{name}: {value}"
            assert value.isprintable(), name
            parts.append(line.encode("latin-1"))
        if not keep_alive:
            parts.append(b"\r\nConnection: close")
        if self.status not in _WITHOUT_BODY:
            parts.append(b"\r\nContent-Length: %d" % len(self.payload))
        parts.append(b"\r\n\r\n")
        if request.method != "HEAD":
            parts.append(self.payload)
        transport.write(b"".join(parts))
        self._eof_sent = True
        if request.protocol.writing_paused:
            # A client that asks much and reads slowly waits here, not in our memory.
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""
        assert not data
