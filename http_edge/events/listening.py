"""GET /api/v1/events: server-sent events (WHATWG HTML, 9.2) about what the caller may read, as they happen.

    event: ledger.entry_posted.v1
    id: 5f0e9c1a22b4-1764300000000-0
    data: {"event_id": "...", "type": "ledger.entry_posted.v1", "at_seconds": 1764300000, "ids": {"account_id": ["..."], ...}}

A member hears of their own; `?topics=entries,loans` chooses, and who reaches all hears all of it. `Last-Event-ID` goes on from there,
or gets `event: reset`: something is missing, read anew. The stream ends when the token expires or its session is over, when the
edge goes down, and when its reader is too slow; a client comes again with the last id that it has.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from http_edge.api_keys import CREDENTIAL_HEADERS, authorization_of
from http_edge.binding import unexpected_query
from http_edge.conversation import CORRELATION_HEADER, correlation_id_of
from http_edge.cors import Cors
from http_edge.endpoint import Shared, problem_response
from http_edge.events.hub import Held, Hub
from http_edge.events.topics import TOPICS, Listened, Own
from http_edge.needs import Client
from http_edge.problems import Problem
from http_edge.response import NOTHING_MAY_LOAD, SECURITY_HEADERS
from http_edge.route import PREFIX
from http_edge.router import Router
from http_edge.security import Caller
from messages.base import Refusal
from messages.ids import new_id
from messages.ledger import ListAccounts
from messages.loan import ListLoans
from runtime.client import reply_of
from runtime.clock import stopwatch_seconds
from runtime.errors import Unavailable
from runtime.feed import Place
from runtime.principal import Principal, widest

BEAT_SECONDS = 15.0
"""Between two signs of life, so that nothing in between takes the connection for dead."""
LOOK_SECONDS = 1.0
"""How long a stream may outlive its session."""
SLOW_SECONDS = 10.0
"""How long one write may take; whoever reads slower is cut off."""
COME_AGAIN_MILLISECONDS = 2_000
MOST_STREAMS, MOST_OF_ONE = 500, 5
"""On this edge; of one user."""
MOST_PAGES = 5
"""Of 200, of a member's own accounts and loans."""

_ID = re.compile(r"([0-9a-f]{12})-([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


class Listening:
    """Streams of events."""

    def __init__(self, shared: Shared, hub: Hub, cors: Cors) -> None:
        self._shared = shared
        self._hub = hub
        self._cors = cors
        self._streams: Counter[str] = Counter()
        self._draining = False

    def add_to(self, router: Router) -> None:
        """Put its path into the router."""
        router.add("GET", f"{PREFIX}/events", self._listen)

    def drain(self) -> None:
        """End all streams."""
        self._draining = True
        self._hub.wake()

    async def _listen(self, request: web.BaseRequest, _values: tuple[str, ...]) -> web.StreamResponse:
        correlation_id: UUID = correlation_id_of(request.headers) or new_id()
        caller = await self._caller(request)
        listened = self._listened(request, caller)
        place = _place_in(request.headers.get("Last-Event-ID"))
        user = caller.principal.id
        if self._draining or self._streams.total() >= MOST_STREAMS:
            raise Problem("overloaded", headers={"Retry-After": "5"})
        if self._streams[user] >= MOST_OF_ONE:
            raise Problem("quota_exceeded", f"At most {MOST_OF_ONE} streams at a time.", headers={"Retry-After": "5"})
        self._streams[user] += 1
        try:
            await self._hub.join()
            try:
                start = self._hub.end
                if listened.own is not None:
                    await _learn(self._shared.client, caller.principal, listened)
                stream = _Stream(self._hub, listened, request, correlation_id, self._cors.headers(request))
                return await stream.run(self, place or start)
            finally:
                self._hub.leave()
        except Unavailable as away:
            later = Problem("unavailable", headers={"Retry-After": str(away.retry_after_seconds)})
            return problem_response(later, request, correlation_id, self._shared.clock.now().timestamp())
        finally:
            self._streams[user] -= 1
            if not self._streams[user]:
                del self._streams[user]

    async def _caller(self, request: web.BaseRequest) -> Caller:
        authorization = authorization_of(request.headers)
        gatekeeper, now = self._shared.gatekeeper, self._shared.clock.now().timestamp()
        caller = gatekeeper.known(authorization, now) or await gatekeeper.admit(authorization, request)
        self._shared.uses.note(caller, now)
        if caller.must_change_password:
            raise Problem("password_change_required")
        if caller.must_enrol_mfa:
            raise Problem("mfa_enrolment_required")
        return caller

    def _listened(self, request: web.BaseRequest, caller: Caller) -> Listened:
        query = request.rel_url.query
        if unknown := set(query) - {"topics"}:
            raise unexpected_query(unknown)
        asked = [name for each in query.getall("topics", []) for name in each.split(",")]
        if unknown := set(asked) - TOPICS.keys():
            detail = f"There is no topic {min(unknown)[:50]!r}; there are {', '.join(TOPICS)}."
            raise Problem("invalid", errors=[{"field": "topics", "detail": detail}])
        reach = {name: self._reach(caller, topic.permission) for name, topic in TOPICS.items()}
        for name in asked:
            if reach[name] is None:
                raise Problem("forbidden", f"This takes the permission {TOPICS[name].permission}.")
        names = asked or [name for name, found in reach.items() if found is not None]
        if not names:
            raise Problem("forbidden")
        everything = frozenset(name for name in names if reach[name] == "all")
        member = caller.principal.member_id
        own = None if everything.issuperset(names) or member is None else Own(str(member))
        return Listened(everything, frozenset(names) - everything, own)

    def _reach(self, caller: Caller, permission: str) -> str | None:
        if permission not in caller.permissions:
            return None
        grants = self._shared.authority.grants(caller.principal, permission)
        return "all" if grants and widest(grants) == "all" else "own"  # whose a thing is stands in no event: narrower is own

    async def goes_on(self, request: web.BaseRequest) -> bool:
        """Whether the caller may still listen."""
        if self._draining:
            return False
        try:
            await self._caller(request)
        except (Problem, Unavailable):
            return False
        return True


class _Stream:
    """One of them, from its first byte to its last."""

    def __init__(
        self, hub: Hub, listened: Listened, request: web.BaseRequest, correlation_id: UUID, cors: Mapping[str, str]
    ) -> None:
        self._hub = hub
        self._listened = listened
        self._request = request
        headers = {**SECURITY_HEADERS, "Content-Security-Policy": NOTHING_MAY_LOAD, **cors}
        headers["Vary"] = f"{CREDENTIAL_HEADERS}, Origin"
        headers |= {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", CORRELATION_HEADER: str(correlation_id)}
        self._response = web.StreamResponse(headers=headers)

    async def run(self, listening: Listening, start: tuple[str, Place]) -> web.StreamResponse:
        """Tell until it ends."""
        try:
            await self._response.prepare(self._request)
            await self._tell(listening, *start)
        except (TimeoutError, ConnectionError):
            if self._request.transport is not None:
                self._request.transport.abort()
        return self._response

    async def _tell(self, listening: Listening, generation: str, place: Place) -> None:
        await self._write(f"retry: {COME_AGAIN_MILLISECONDS}\n{_id(generation, place)}\n")
        beaten = looked = stopwatch_seconds()
        while True:
            onward = await self._hub.after(generation, place)
            text = self._told(onward.generation, onward.events)
            generation, place = onward.generation, onward.place
            if onward.lost:
                text = f"event: reset\n{_id(generation, place)}data: {{}}\n\n"
            now = stopwatch_seconds()
            if text or now - looked >= LOOK_SECONDS:
                looked = now
                if not await listening.goes_on(self._request):
                    # All at once is how clients of an edge that goes down would come to the next one.
                    await self._write(f"retry: {random.randint(COME_AGAIN_MILLISECONDS // 2, COME_AGAIN_MILLISECONDS * 2)}\n\n")
                    return
            if text or now - beaten >= BEAT_SECONDS:
                beaten = now
                await self._write(text or f": alive\n{_id(generation, place)}\n")
            if not onward.events and not onward.lost:
                await self._hub.changed(min(LOOK_SECONDS, BEAT_SECONDS))

    def _told(self, generation: str, events: list[Held]) -> str:
        told = [(held.told, self._listened.told(held.told, held.ids)) for held in events]
        return "".join(
            f"event: {each.type}\n{_id(generation, each.place)}data: {data.decode()}\n\n"
            for each, data in told
            if data is not None
        )

    async def _write(self, text: str) -> None:
        async with asyncio.timeout(SLOW_SECONDS):
            await self._response.write(text.encode())


async def _learn(client: Client, principal: Principal, listened: Listened) -> None:
    """What belongs to the member, asked in their own name."""
    own = listened.own
    assert own is not None
    questions: list[tuple[Any, set[str], str]] = [
        (ListAccounts(limit=200), own.account_ids, "account_id"),
        (ListLoans(limit=200), own.loan_ids, "loan_id"),
    ]
    for question, known, field in questions:
        asked = question
        for _ in range(MOST_PAGES):
            try:
                page: Any = reply_of(asked, await client.call(asked, principal=principal))
            except Refusal:
                break  # what they may not read they do not hear of
            known.update(str(getattr(item, field)) for item in page.items)
            if page.next_cursor is None:
                break
            asked = asked.model_copy(update={"cursor": page.next_cursor})


def _id(generation: str, place: Place) -> str:
    return f"id: {generation}-{place[0]}-{place[1]}\n"


def _place_in(last_event_id: str | None) -> tuple[str, Place] | None:
    """Where a client was; of a text that is no id of ours, nowhere, so that it is told to read anew."""
    if not last_event_id:
        return None
    match = _ID.fullmatch(last_event_id)
    return ("", (0, 0)) if match is None else (match[1], (int(match[2]), int(match[3])))
