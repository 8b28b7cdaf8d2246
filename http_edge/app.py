"""The edge, put together: the route table and the few paths beside it, as one handler for aiohttp's server.

    app = create_app(client, readiness=..., limiter=..., limits=load_limits(), settings=settings, roles=load_roles(), clock=SystemClock())
    runner = await serve(app, "127.0.0.1", 8080, limits=settings.http.limits)        # server.py

`App` is aiohttp's low-level handler and has its own small router: the one of web.Application costs a fifth of what a request
costs here, and answers 404 and 405 in another language.
"""

import logging
import re
from uuid import UUID

from aiohttp import web

from config.limits import Limits
from config.sections import Settings
from http_edge.access_log import AccessLog
from http_edge.access_tokens import AccessTokens
from http_edge.addresses import Addresses
from http_edge.compression import Compressor
from http_edge.conversation import CORRELATION_HEADER, correlation_id_of
from http_edge.cors import Cors
from http_edge.documentation import Documentation
from http_edge.endpoint import MessageEndpoint, Shared, problem_response
from http_edge.events.hub import Hub
from http_edge.events.listening import Listening
from http_edge.head import check_head, check_size
from http_edge.health import Health
from http_edge.needs import Client, Limiter, Readiness, Shelf
from http_edge.problems import Problem
from http_edge.response import Response
from http_edge.route import PREFIX, Route, check_routes
from http_edge.router import Router
from http_edge.routes import ROUTES
from http_edge.security import Gatekeeper
from http_edge.step_up import StepUp
from http_edge.uses import Uses
from http_edge.wrong_keys import WrongKeys
from messages.ids import new_id
from runtime.cache.line import Line
from runtime.clock import Clock, stopwatch_seconds
from runtime.feed import FeedReader
from runtime.principal import Authority, Roles

log = logging.getLogger("coffer.edge")


EVERY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class App:
    """Answers every request."""

    def __init__(
        self,
        shared: Shared,
        health: Health,
        routes: tuple[Route, ...],
        settings: Settings,
        access_log: AccessLog | None,
        feed: FeedReader | None,
    ) -> None:
        self.clock = shared.clock
        self.gatekeeper = shared.gatekeeper
        self.uses = shared.uses
        self.access_log = access_log
        self._most = settings.http.limits
        self._addresses = Addresses(settings.http.trusted_proxies, settings.http.forwarded_header)
        self._cors = Cors(settings.http.cors)
        self._compressor = Compressor()
        self._health = health
        self.router = Router()
        for route in routes:
            self.router.add(route.method, route.full_path, MessageEndpoint(route, shared))
        health.add_to(self.router)
        Documentation(routes, shared.clock).add_to(self.router)
        self._listening = Listening(shared, Hub(feed or FeedReader(Line(None))), self._cors)
        self._listening.add_to(self.router)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer; never an exception."""
        started = stopwatch_seconds()
        self._addresses.note(request)
        response = await self._answer(request)
        if not isinstance(response, Response):
            return response  # a stream, which has ended; it wrote its own head
        if not response.request_id:
            response.carry({CORRELATION_HEADER: str(correlation_id_of(request.headers) or new_id())})
        if response.may_compress:
            await self._compressor.compress(response, request.headers.get("Accept-Encoding", ""))
        if self._cors.is_on:
            response.carry(self._cors.headers(request))
        if self.access_log is not None:
            self.access_log.note(request, response, self.clock.now().timestamp(), stopwatch_seconds() - started)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            check_head(request)
            if getattr(request.protocol, "has_large_head", False):
                check_size(request, self._most.head_bytes)
            if request.method == "OPTIONS":
                return self._options(request)
            endpoint, values = self.router.find(request.method, request.rel_url.raw_path)
            return await endpoint(request, values)
        except Problem as problem:
            return self._problem(_unknown_version(request.raw_path) if problem.rule == "no_such_path" else problem, request)
        except Exception:
            log.exception("unexpected", extra={"path": request.rel_url.raw_path})
            return self._problem(Problem("unexpected_error"), request)

    def _options(self, request: web.BaseRequest) -> Response:
        """What a path takes, for whoever asks; also whether a page of another origin may ask for it."""
        methods = EVERY_METHOD if request.raw_path == "*" else self.router.methods(request.rel_url.raw_path)
        headers = {"Allow": ", ".join(methods), **self._cors.preflight(request, methods)}
        return Response(204, now=self.clock.now().timestamp(), headers=headers, content_type=None)

    def start_draining(self) -> None:
        """Say `not ready` from now on, so that no new clients come; go on answering those that do."""
        self._health.draining = True
        self._listening.drain()

    def close(self) -> None:
        """Write what is left to write."""
        self._compressor.close()
        if self.access_log is not None:
            self.access_log.flush()

    def _problem(self, problem: Problem, request: web.BaseRequest) -> Response:
        correlation_id: UUID = correlation_id_of(request.headers) or new_id()
        return problem_response(problem, request, correlation_id, self.clock.now().timestamp())


_VERSIONED = re.compile(r"/api/(v[0-9]{1,4})(?:[/?].*)?")


def _unknown_version(path: str) -> Problem:
    """What is said of a path where there is nothing: that its version is unknown, if that is the reason."""
    match = _VERSIONED.fullmatch(path)
    known = PREFIX.removeprefix("/api/")
    if match is None or match[1] == known:
        return Problem("no_such_path")
    return Problem(
        "unknown_version", f"There is no version {match[1]} of this interface, only {known}.", more={"versions": [known]}
    )


def create_app(
    client: Client,
    *,
    readiness: Readiness,
    limiter: Limiter,
    limits: Limits,
    settings: Settings,
    roles: Roles,
    clock: Clock,
    shelf: Shelf | None = None,
    feed: FeedReader | None = None,
    access_log: AccessLog | None = None,
    routes: tuple[Route, ...] = ROUTES,
) -> App:
    """The edge. TypeError where the route table is wrong."""
    check_routes(routes)
    identity, most = settings.identity, settings.http.limits
    tokens = AccessTokens(client, clock, issuer=identity.issuer, audience=identity.audience)
    gatekeeper = Gatekeeper(client, tokens, WrongKeys(limits, limiter), roles, clock)
    shared = Shared(
        client=client,
        limiter=limiter,
        limits=limits,
        gatekeeper=gatekeeper,
        uses=Uses(client),
        authority=Authority(roles),
        shelf=shelf,
        step_up=StepUp(identity),
        clock=clock,
        most_in_flight=most.max_in_flight,
        most=most,
        deadline_seconds=most.deadline_seconds,
        retry_after_seconds=most.retry_after_seconds,
    )
    log_of_requests = (access_log or AccessLog()) if settings.telemetry.access_log else None
    return App(shared, Health(readiness, gatekeeper, shared), routes, settings, log_of_requests, feed)
