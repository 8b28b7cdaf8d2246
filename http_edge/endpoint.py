"""One request of the route table from its head to its answer, in one straight line: who asks, under which id, what, the answer.

No middleware: every transfer pays for what stands here. What is rarer lives in the rooms that are called.
"""

import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web

from config.limits import Limits
from config.sections import HttpLimits
from http_edge.access_log import LoggedRoute
from http_edge.answers import RETRY_AFTER, Answers
from http_edge.api_keys import authorization_of
from http_edge.binding import NOTHING, Binding
from http_edge.body import read_json_body
from http_edge.cached_reads import CachedReads
from http_edge.compression import without_coding
from http_edge.conversation import CORRELATION_HEADER, correlation_id_of
from http_edge.filling import filled
from http_edge.idempotency import message_id_for
from http_edge.limits import Passage, limits_of
from http_edge.metrics import RouteMetrics
from http_edge.needs import Client, Limiter, Shelf
from http_edge.problems import CONTENT_TYPE, Problem
from http_edge.response import Response
from http_edge.route import USER_FIELD, Fresh, Route
from http_edge.security import STRANGER, Caller, Gatekeeper
from http_edge.step_up import StepUp
from http_edge.uses import Uses
from messages.base import Message
from messages.ids import new_id
from runtime.client import Answer
from runtime.clock import Clock, stopwatch_seconds
from runtime.errors import Unavailable
from runtime.principal import Authority

log = logging.getLogger("coffer.edge")


@dataclass
class Shared:
    """What the endpoints share."""

    client: Client
    limiter: Limiter
    limits: Limits
    gatekeeper: Gatekeeper
    uses: Uses
    authority: Authority
    shelf: Shelf | None
    step_up: StepUp
    clock: Clock
    most_in_flight: int
    most: HttpLimits
    deadline_seconds: float
    retry_after_seconds: int

    def refuse_overload(self) -> None:
        """Problem where as many requests wait for an actor as may."""
        if self.client.in_flight >= self.most_in_flight:
            raise Problem("overloaded", headers={RETRY_AFTER: str(self.retry_after_seconds)})


HAS_CHANGED_FIELD = "access_changed"
"""Says no in a reply where nothing has changed yet, because somebody else has to approve it."""


class MessageEndpoint:
    """Answers one route."""

    def __init__(self, route: Route, shared: Shared) -> None:
        self._route = route
        self._shared = shared
        self._binding = Binding(route)
        self._answers = Answers(route)
        self._limits = limits_of(route, shared.limits, shared.limiter)
        self._logged = LoggedRoute.of(route)
        self._notices = {} if route.deprecated is None else route.deprecated.headers()
        self._may_compress = not route.tells_secrets
        self._metrics = RouteMetrics(route.method, route.full_path)
        self._permission = route.message.permission
        self._key_rule = route.key_rule
        self._has_body = route.has_body
        self._filled_fields = route.filled_fields
        self._changes_access = route.changes_access
        self._is_get = route.method == "GET"
        self._cached: CachedReads | None = None
        if route.message.cached and shared.shelf is not None:
            self._cached = CachedReads(route.message, shared.shelf, shared.authority)
        self._login_only = route.login_only
        self._fresh = shared.step_up.rule_of(route.fresh)

    async def __call__(self, request: web.BaseRequest, values: tuple[str, ...]) -> Response:
        """The answer; never an exception."""
        started = stopwatch_seconds()
        shared, headers = self._shared, request.headers
        now = shared.clock.now().timestamp()
        correlation_id = correlation_id_of(headers)
        passage: Passage | None = None
        user_id: str | None = None
        try:
            shared.refuse_overload()
            caller = await self._caller(request, now)
            user_id = None if caller is STRANGER else caller.principal.id
            if self._limits is not None:
                passage = await self._limits.ask(request, None if caller is STRANGER else caller.principal)
            self._check(caller, now)
            message_id, keyed = message_id_for(self._key_rule, headers, caller.principal)
            correlation_id = correlation_id or message_id
            message = await self._message(request, values, caller)
            if self._fresh is Fresh.ABOVE_LIMIT and shared.step_up.is_above_limit(message):
                shared.step_up.check(caller, now)
            answer = await self._answer(message, caller, message_id, str(correlation_id), headers.get("traceparent", ""))
            held = without_coding(headers.get("If-None-Match", "")) if self._is_get else None
            response = self._answers.response(
                answer, keyed=keyed, correlation_id=str(correlation_id), now=now, if_none_match=held
            )
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
        response.logged, response.path_values = self._logged, values
        response.may_compress, response.user_id = self._may_compress, user_id
        if self._notices:
            response.carry(self._notices)
        if passage is not None:
            response.carry(passage.headers)
            passage.end()
        self._metrics.observe(response.status, stopwatch_seconds() - started)
        return response

    async def _answer(
        self, message: Message, caller: Caller, message_id: UUID, correlation_id: str, traceparent: str
    ) -> Answer:
        def ask() -> Coroutine[Any, Any, Answer]:
            return self._ask(message, caller, message_id, correlation_id, traceparent)

        if self._changes_access:
            return await self._change(message, caller, message_id, correlation_id, traceparent)
        return await (ask() if self._cached is None else self._cached.answer(message, caller.principal, ask))

    async def _ask(self, message: Message, caller: Caller, message_id: UUID, correlation_id: str, traceparent: str) -> Answer:
        shared = self._shared
        return await shared.client.call(
            message,
            principal=caller.principal,
            message_id=message_id,
            correlation_id=correlation_id,
            traceparent=traceparent,
            deadline_seconds=shared.deadline_seconds,
        )

    async def _change(
        self, message: Message, caller: Caller, message_id: UUID, correlation_id: str, traceparent: str
    ) -> Answer:
        """The same, for what changes somebody's access: the change counts here before it is answered."""
        with self._shared.gatekeeper.expect_change(message_id) as expected:
            answer = await self._ask(message, caller, message_id, correlation_id, traceparent)
            reply = orjson.loads(answer.body) if answer.kind == "reply" else {}
            user_id = reply.get(USER_FIELD) if reply.get(HAS_CHANGED_FIELD, True) else None
            if user_id is not None:
                await expected.made(user_id, replayed=answer.replayed)
        return answer

    async def _caller(self, request: web.BaseRequest, now: float) -> Caller:
        """Whoever asks. Who is refused has counted as nobody, from that address."""
        if self._route.public:
            return STRANGER
        gatekeeper, authorization = self._shared.gatekeeper, authorization_of(request.headers)
        caller = gatekeeper.known(authorization, now)
        if caller is None:
            try:
                caller = await gatekeeper.admit(authorization, request)
            except Problem:
                if self._limits is not None:
                    (await self._limits.ask(request, None)).end()
                raise
        self._shared.uses.note(caller, now)
        return caller

    def _check(self, caller: Caller, now: float) -> None:
        """Whether this caller may say this message at all."""
        if caller is STRANGER:
            return
        if self._permission is not None and not caller.may(self._permission):
            raise Problem("forbidden", f"This takes the permission {self._permission}.")
        if caller.must_change_password and not self._route.for_restricted:
            raise Problem("password_change_required")
        if caller.must_enrol_mfa and not self._route.for_restricted:
            raise Problem("mfa_enrolment_required")
        if self._login_only and caller.api_key_id is not None:
            raise Problem("needs_a_login")
        if self._fresh is Fresh.ALWAYS:
            self._shared.step_up.check(caller, now)

    async def _message(self, request: web.BaseRequest, values: tuple[str, ...], caller: Caller) -> Message:
        given = filled(self._filled_fields, request, caller) if self._filled_fields else NOTHING
        if self._has_body:
            query = request.rel_url.query
            if query:
                self._binding.check_query(query)
            body = await read_json_body(request, self._shared.most)
            return self._binding.from_body(body, query, values, request.headers, given)
        if not request.content.at_eof():
            raise Problem("unexpected_body")
        return self._binding.from_query(request.rel_url.query, values, request.headers, given)


def problem_response(problem: Problem, request: web.BaseRequest, correlation_id: UUID, now: float) -> Response:
    """A problem as the client gets it. A connection with an unread body is not used again."""
    if problem.status == 500:
        log.error(problem.rule, extra={"correlation_id": str(correlation_id), "path": request.rel_url.raw_path})
    headers = {CORRELATION_HEADER: str(correlation_id), **problem.headers}
    body = problem.body(str(correlation_id))
    close = problem.ends_connection or not request.content.is_eof()
    return Response(problem.status, body, now=now, headers=headers, content_type=CONTENT_TYPE, close=close)
