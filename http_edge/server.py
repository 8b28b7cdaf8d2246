"""The edge on a socket: aiohttp's server, with limits on what a connection may cost, and problems in place of plain text.

A head must be whole within `head_seconds` of its first byte and `head_bytes`; a body comes in time and not too slowly (body.py); an
answer is taken in `answer_seconds`. Between requests a connection may be idle for `idle_seconds`.
"""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from config.sections import HttpLimits
from http_edge.app import App
from http_edge.problems import CONTENT_TYPE, Problem
from http_edge.response import Response
from messages.ids import new_id
from runtime.clock import Clock

log = logging.getLogger("coffer.edge")

LINGERING_SECONDS = 2.0
"""For reading on what nobody wanted (a body that is too large), so that the client sees the answer before the end."""
LARGEST_HEADER = 8_190
"""Bytes of a header, name and value."""
SECONDS_TO_TAKE_THE_REST = 10.0
"""After a connection is closed, for what still lies in its buffer; then it is cut."""
BACKLOG = 1_024


class _Connection(web.RequestHandler):
    """One connection; what it answers to malformed HTTP is a problem like any other."""

    __slots__ = ("_app", "_clock", "_head_bytes", "_head_timer", "_limits", "bytes_in", "has_large_head")

    def __init__(self, server: "_Server", clock: Clock, limits: HttpLimits) -> None:
        self._app = server.app
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp documents None
            auto_decompress=False,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=LINGERING_SECONDS,
            max_line_size=limits.target_bytes,
            max_field_size=LARGEST_HEADER,
            max_headers=limits.headers,
        )
        self._clock = clock
        self._limits = limits
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self.bytes_in = 0
        """What has come since the connection last waited for a request."""
        self.has_large_head = False
        """Whether a head may have come that is too large."""

    def data_received(self, data: bytes) -> None:
        """Read on; a head that began must end in time."""
        size = len(data)
        self.bytes_in = size if self._waits_for_a_head else self.bytes_in + size
        if size > self._limits.head_bytes:
            self.has_large_head = True
        super().data_received(data)
        if self._waits_for_a_head:
            self._head_bytes += size
            if self._head_timer is None:
                self._head_timer = self._loop.call_later(self._limits.head_seconds, self._end_head, "request_too_slow")
            if self._head_bytes > self._limits.head_bytes:
                self._end_head("head_too_large")
        elif self._head_timer is not None:
            self._forget_head()

    @property
    def _waits_for_a_head(self) -> bool:
        """Whether what came last is the beginning of a request, or nothing at all."""
        return not self._messages and not self._request_in_progress and (self._waiter is not None or self._request_count == 0)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer, self._head_bytes = None, 0

    def _end_head(self, rule: str) -> None:
        """Answer what is not even a request yet, and close."""
        if self._waits_for_a_head and self.transport is not None and not self._force_close:
            self.transport.write(self._answer(Problem(rule)).encoded(keep_alive=False))
            self.force_close()
        self._forget_head()

    def _answer(self, problem: Problem) -> Response:
        request_id = str(new_id())
        headers = {"X-Request-Id": request_id, **problem.headers}
        now = self._clock.now().timestamp()
        if self._app.access_log is not None:
            peer = (self.peername or ("",))[0]
            self._app.access_log.note_malformed(str(peer), problem.status, request_id, now)
        return Response(
            problem.status, problem.body(request_id), now=now, headers=headers, content_type=CONTENT_TYPE, close=True
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Response:
        """The answer to what never became a request. Details stay in the log; there they are escaped."""
        del message, request
        if status >= 500:
            log.error("unexpected", exc_info=exc)
        else:
            log.debug("malformed_request", extra={"wrong": repr(exc)})
        return self._answer(Problem("unexpected_error" if status >= 500 else self._wrong_with(exc)))

    def _wrong_with(self, exc: BaseException | None) -> str:
        if isinstance(exc, LineTooLong):
            return "target_too_long" if self._limits.target_bytes in exc.args else "head_too_large"
        return "head_too_large" if "Too many headers" in str(exc) else "malformed_request"

    async def _drain_helper(self) -> None:
        """Wait until the client has taken what was written; not for ever."""
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                await super()._drain_helper()
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            raise ConnectionResetError("the client reads too slowly") from None

    def force_close(self) -> None:
        """Close, and cut what does not end by itself."""
        transport = self.transport
        super().force_close()
        self._cut_later(transport)

    async def start(self) -> None:
        """Answer the requests of the connection."""
        transport = self.transport
        await super().start()
        self._cut_later(transport)

    def _cut_later(self, transport: asyncio.Transport | None) -> None:
        if transport is not None and transport.get_write_buffer_size():
            self._loop.call_later(SECONDS_TO_TAKE_THE_REST, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        self._forget_head()
        super().connection_lost(exc)


class _Server(web.Server):
    def __init__(self, app: App, clock: Clock, limits: HttpLimits) -> None:
        super().__init__(app)
        self.app = app
        self._clock = clock
        self._limits = limits

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._clock, self._limits)


async def serve(app: App, host: str, port: int, *, limits: HttpLimits, drain_seconds: float = 20) -> web.ServerRunner:
    """Listen. `runner.addresses` says where; `runner.cleanup()` stops accepting, lets requests in flight finish, and closes."""
    runner = web.ServerRunner(_Server(app, app.clock, limits), shutdown_timeout=drain_seconds)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    return runner
