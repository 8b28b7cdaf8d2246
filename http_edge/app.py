"""The edge, put together: the route table and the few paths beside it, as one handler for aiohttp's server.

    app = create_app(client, readiness=..., limiter=..., limits=load_limits(), settings=settings, roles=load_roles(), clock=SystemClock())
    runner = await serve(app, "127.0.0.1", 8080)        # server.py

`App` is aiohttp's low-level handler and has its own small router: the one of web.Application costs a fifth of what a request
costs here, and answers 404 and 405 in another language.
"""

import logging
from uuid import UUID

from aiohttp import web

from config.limits import Limits
from config.sections import Settings
from http_edge.access_tokens import AccessTokens
from http_edge.addresses import Addresses
from http_edge.conversation import correlation_id_of
from http_edge.documentation import Documentation
from http_edge.endpoint import MessageEndpoint, Shared, problem_response
from http_edge.events.hub import Hub
from http_edge.events.listening import Listening
from http_edge.health import Health
from http_edge.needs import Client, Limiter, Readiness, Shelf
from http_edge.problems import Problem
from http_edge.response import Response
from http_edge.route import Route, check_routes
from http_edge.router import Router
from http_edge.routes import ROUTES
from http_edge.security import Gatekeeper
from messages.ids import new_id
from runtime.cache.line import Line
from runtime.clock import Clock
from runtime.feed import FeedReader
from runtime.principal import Authority, Roles

log = logging.getLogger("coffer.edge")


class App:
    """Answers every request."""

    def __init__(self, shared: Shared, health: Health, routes: tuple[Route, ...], feed: FeedReader | None) -> None:
        self.clock = shared.clock
        self.gatekeeper = shared.gatekeeper
        self._health = health
        self.router = Router()
        for route in routes:
            self.router.add(route.method, route.full_path, MessageEndpoint(route, shared))
        health.add_to(self.router)
        Documentation(routes, shared.clock).add_to(self.router)
        self._listening = Listening(shared, Hub(feed or FeedReader(Line(None))))
        self._listening.add_to(self.router)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer; never an exception."""
        try:
            endpoint, values = self.router.find(request.method, request.rel_url.raw_path)
            return await endpoint(request, values)
        except Problem as problem:
            return self._problem(problem, request)
        except Exception:
            log.exception("unexpected", extra={"path": request.rel_url.raw_path})
            return self._problem(Problem("unexpected_error"), request)

    def start_draining(self) -> None:
        """Say `not ready` from now on, so that no new clients come; go on answering those that do."""
        self._health.draining = True
        self._listening.drain()

    def _problem(self, problem: Problem, request: web.BaseRequest) -> Response:
        correlation_id: UUID = correlation_id_of(request.headers) or new_id()
        return problem_response(problem, request, correlation_id, self.clock.now().timestamp())


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
    routes: tuple[Route, ...] = ROUTES,
) -> App:
    """The edge. TypeError where the route table is wrong."""
    check_routes(routes)
    identity, most = settings.identity, settings.http.limits
    tokens = AccessTokens(client, clock, issuer=identity.issuer, audience=identity.audience)
    gatekeeper = Gatekeeper(client, tokens, roles)
    shared = Shared(
        client=client,
        limiter=limiter,
        limits=limits,
        addresses=Addresses(settings.http.trusted_proxies, settings.http.forwarded_header),
        gatekeeper=gatekeeper,
        authority=Authority(roles),
        shelf=shelf,
        clock=clock,
        most_in_flight=most.max_in_flight,
        body_bytes=most.body_bytes,
        deadline_seconds=most.deadline_seconds,
        retry_after_seconds=most.retry_after_seconds,
    )
    return App(shared, Health(readiness, gatekeeper, shared), routes, feed)
