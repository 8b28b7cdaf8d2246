"""One request of the route table from its head to its answer, in one straight line: who asks, under which id, what, the answer.

No middleware: every transfer pays for what stands here. What is rarer lives in the rooms that are called.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from http_edge.answers import RETRY_AFTER, Answers
from http_edge.attempts import count_attempt
from http_edge.binding import Binding
from http_edge.body import read_json_body
from http_edge.conversation import CORRELATION_HEADER, correlation_id_of
from http_edge.idempotency import message_id_for
from http_edge.metrics import RouteMetrics
from http_edge.needs import Client, Limiter
from http_edge.problems import CONTENT_TYPE, Problem
from http_edge.response import Response
from http_edge.route import Route
from http_edge.security import Gatekeeper
from messages.base import Message
from messages.ids import new_id
from runtime.clock import Clock, stopwatch_seconds
from runtime.envelope import NOBODY
from runtime.errors import Unavailable
from runtime.principal import Principal

log = logging.getLogger("coffer.edge")


@dataclass
class Shared:
    """What the endpoints share."""

    client: Client
    limiter: Limiter
    gatekeeper: Gatekeeper
    clock: Clock
    most_in_flight: int
    body_bytes: int
    deadline_seconds: float
    retry_after_seconds: int

    def refuse_overload(self) -> None:
        """Problem where as many requests wait for an actor as may."""
        if self.client.in_flight >= self.most_in_flight:
            raise Problem("overloaded", headers={RETRY_AFTER: str(self.retry_after_seconds)})


class MessageEndpoint:
    """Answers one route."""

    def __init__(self, route: Route, shared: Shared) -> None:
        self._route = route
        self._shared = shared
        self._binding = Binding(route)
        self._answers = Answers(route)
        self._metrics = RouteMetrics(route.method, route.full_path)
        self._permission = route.message.permission
        self._key_rule = route.key_rule
        self._has_body = route.has_body
        self._query_fields = frozenset(route.query_fields)

    async def __call__(self, request: web.BaseRequest, values: tuple[str, ...]) -> Response:
        """The answer; never an exception."""
        started = stopwatch_seconds()
        shared, headers = self._shared, request.headers
        now = shared.clock.now().timestamp()
        correlation_id = correlation_id_of(headers)
        try:
            shared.refuse_overload()
            principal = await self._principal(request, now)
            message_id, keyed = message_id_for(self._key_rule, headers, principal)
            correlation_id = correlation_id or message_id
            message = await self._message(request, values)
            answer = await shared.client.call(
                message,
                principal=principal,
                message_id=message_id,
                correlation_id=str(correlation_id),
                traceparent=headers.get("traceparent", ""),
                deadline_seconds=shared.deadline_seconds,
            )
            response = self._answers.response(answer, keyed=keyed, correlation_id=str(correlation_id), now=now)
        except Problem as problem:
            response = problem_response(problem, request, correlation_id or new_id(), now)
        except Unavailable as away:
            log.warning("unavailable", extra={"reason": away.reason, "path": self._route.full_path})
            later = Problem("unavailable", headers={RETRY_AFTER: str(away.retry_after_seconds)})
            response = problem_response(later, request, correlation_id or new_id(), now)
        except Exception:
            correlation_id = correlation_id or new_id()
            log.exception("unexpected", extra={"correlation_id": str(correlation_id), "path": self._route.full_path})
            response = problem_response(Problem("unexpected_error"), request, correlation_id, now)
        self._metrics.observe(response.status, stopwatch_seconds() - started)
        return response

    async def _principal(self, request: web.BaseRequest, now: float) -> Principal:
        shared, route = self._shared, self._route
        if route.attempts_per_minute is not None:
            await count_attempt(shared.limiter, route.full_path, route.attempts_per_minute, request)
        if route.public:
            return NOBODY
        authorization = request.headers.get("Authorization", "")
        caller = shared.gatekeeper.known(authorization, now) or await shared.gatekeeper.admit(authorization)
        if self._permission is not None and self._permission not in caller.permissions:
            raise Problem("forbidden", f"This takes the permission {self._permission}.")
        return caller.principal

    async def _message(self, request: web.BaseRequest, values: tuple[str, ...]) -> Message:
        if self._has_body:
            query = request.rel_url.query
            if not self._query_fields.issuperset(query):
                raise Problem("unexpected_query")
            body = await read_json_body(request, self._shared.body_bytes)
            return self._binding.from_body(body, query, values, request.headers)
        if not request.content.at_eof():
            raise Problem("unexpected_body")
        return self._binding.from_query(request.rel_url.query, values, request.headers)


def problem_response(problem: Problem, request: web.BaseRequest, correlation_id: UUID, now: float) -> Response:
    """A problem as the client gets it. A connection with an unread body is not used again."""
    if problem.status == 500:
        log.error(problem.rule, extra={"correlation_id": str(correlation_id), "path": request.rel_url.raw_path})
    headers = {CORRELATION_HEADER: str(correlation_id), **problem.headers}
    body = problem.body(str(correlation_id))
    return Response(
        problem.status, body, now=now, headers=headers, content_type=CONTENT_TYPE, close=not request.content.is_eof()
    )
