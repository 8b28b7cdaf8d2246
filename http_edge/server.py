"""The edge on a socket: aiohttp's server, with limits on what a connection may cost, and problems in place of plain text."""

import asyncio
import logging

from aiohttp import web

from http_edge.app import App
from http_edge.endpoint import problem_response
from http_edge.problems import Problem
from http_edge.response import Response
from messages.ids import new_id
from runtime.clock import Clock

log = logging.getLogger("coffer.edge")

KEEP_ALIVE_SECONDS = 75.0
"""A connection without a whole request for so long is closed: an idle one, and one that sends its head a byte at a time.
Longer than the 60 s after which common proxies drop theirs, so that they never reuse one that we are closing."""
LINGERING_SECONDS = 2.0
"""For reading on what nobody wanted (a body that is too large), so that the client sees the answer before the end."""
LARGEST_HEAD_LINE = 8_190
"""Bytes of the request line, and of each header."""
BACKLOG = 1_024


class _Connection(web.RequestHandler):
    """One connection; what it answers to malformed HTTP is a problem like any other."""

    __slots__ = ("_clock",)

    def __init__(self, server: "_Server", clock: Clock) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp documents None
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGERING_SECONDS,
            max_line_size=LARGEST_HEAD_LINE,
            max_field_size=LARGEST_HEAD_LINE,
        )
        self._clock = clock

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Response:
        """The answer to what never became a request. Details stay in the log; there they are escaped."""
        del message
        if status >= 500:
            log.error("unexpected", exc_info=exc)
        else:
            log.debug("malformed_request", extra={"wrong": repr(exc)})
        problem = Problem("unexpected_error" if status >= 500 else "malformed_request")
        response = problem_response(problem, request, new_id(), self._clock.now().timestamp())
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, app: App, clock: Clock) -> None:
        super().__init__(app)
        self._clock = clock

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._clock)


async def serve(app: App, host: str, port: int, *, drain_seconds: float = 20) -> web.ServerRunner:
    """Listen. `runner.addresses` says where; `runner.cleanup()` stops accepting, lets requests in flight finish, and closes."""
    runner = web.ServerRunner(_Server(app, app.clock), shutdown_timeout=drain_seconds)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    return runner
