"""A complete answer, written to the socket in one piece, and the headers that every answer carries.

aiohttp's own response builds its head from a dictionary each time, which is a third of what a request costs here. This one
joins prepared bytes. Nothing streams; whatever should, uses aiohttp's StreamResponse with `SECURITY_HEADERS`.
"""

from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

if TYPE_CHECKING:
    from http_edge.access_log import LoggedRoute

JSON = "application/json"
REQUEST_ID = "X-Request-Id"
NOTHING_MAY_LOAD = "default-src 'none'; frame-ancestors 'none'"

CACHING, KEPT_NOWHERE = "Cache-Control", "no-store"

SECURITY_HEADERS: dict[str, str] = {
    "Server": "coffer",
    CACHING: KEPT_NOWHERE,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
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
        self.may_compress = False
        """Whether the body holds no secrets; where nobody says so it may."""
        self.is_lasting = False
        """Whether the same bytes are answered again and again."""
        self.logged: LoggedRoute | None = None
        self.path_values: tuple[str, ...] = ()
        self.user_id: str | None = None
        self._now = now
        self._type = content_type
        self._extra = dict(headers or {})
        self._caching = self._extra.pop(CACHING, KEPT_NOWHERE)
        self._policy = policy
        if close:
            self.force_close()

    @property
    def request_id(self) -> str:
        """The id of the conversation; empty where none was given yet."""
        return self._extra.get(REQUEST_ID, "")

    @property
    def media_type(self) -> str:
        """The type of the body; empty without one."""
        return self._type or ""

    @property
    def tag(self) -> str | None:
        """The entity tag."""
        return self._extra.get("ETag")

    def carry(self, headers: Mapping[str, str]) -> None:
        """Let these go out with it as well; what it varies by adds up."""
        varies = [each["Vary"] for each in (self._extra, headers) if "Vary" in each]
        self._extra.update(headers)
        if len(varies) > 1:
            self._extra["Vary"] = ", ".join(varies)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything. ConnectionError where the client is gone."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        keep_alive = self._keep_alive is not False and request.keep_alive and request.version >= HttpVersion11
        self._keep_alive = keep_alive
        transport.write(self.encoded(keep_alive=keep_alive, with_body=request.method != "HEAD"))
        self._eof_sent = True
        if request.protocol.writing_paused:
            # A client that asks much and reads slowly waits here, not in our memory.
            await request.writer.drain()
        return None

    def encoded(self, *, keep_alive: bool, with_body: bool = True) -> bytes:
        """All of it, as it goes out."""
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
        if with_body:
            parts.append(self.payload)
        return b"".join(parts)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""
        assert not data
