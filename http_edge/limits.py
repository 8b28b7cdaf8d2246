"""The limits of a route, asked before anything else is done for a request, and told to the client.

    passage = await limits.ask(request, caller)      # Problem 429 where one of them says no
    passage.headers                                  # RateLimit, RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11)
    passage.end()                                    # frees the places of limits on how much at once

A route without limits has no `RouteLimits` and pays nothing. What is set in config/limits.yaml counts by verified words alone: the
peer's address or a trusted proxy's, the user of a valid token, the key of a program that was let in.
"""

import re
from collections.abc import Iterator, Mapping
from math import ceil

from aiohttp import web

from config.documents import Place
from config.layers import did_you_mean
from config.limits import EVERY_ROUTE, WRONG_KEY, Limits, LimitSettings, Part
from http_edge.addresses import address_of, counted_as
from http_edge.needs import Limiter
from http_edge.problems import Problem
from http_edge.route import Route
from runtime.limits import Meter, Verdict
from runtime.principal import Principal

_API_KEY = re.compile(r"bearer +(coffer_[a-z2-7]+)_", re.IGNORECASE)
"""The part of a program's key that may be shown."""


class Passage:
    """A request that its limits let through."""

    __slots__ = ("_limiter", "_verdict", "headers")

    def __init__(self, limiter: Limiter, verdict: Verdict, headers: Mapping[str, str]) -> None:
        self._limiter = limiter
        self._verdict = verdict
        self.headers = headers

    def end(self) -> None:
        """The request is answered."""
        if self._verdict.lease:
            self._limiter.give_back(self._verdict)


class RouteLimits:
    """What limits one route."""

    def __init__(self, route: str, meters: tuple[tuple[Meter, tuple[Part, ...]], ...], limiter: Limiter) -> None:
        self._route = route
        self._meters = meters
        self._limiter = limiter

    async def ask(self, request: web.BaseRequest, principal: Principal | None) -> Passage:
        """Ask all limits for this request of a caller who was let in, or of nobody. Problem where one of them says no."""
        questions = [(meter, key) for meter, parts in self._meters if (key := self._key(parts, request, principal)) is not None]
        verdict = await self._limiter.ask(questions)
        headers = _headers(verdict)
        if verdict.allowed:
            return Passage(self._limiter, verdict, headers)
        broken = [
            (meter, standing) for (meter, _), standing in zip(questions, verdict.standings, strict=True) if not standing.allowed
        ]
        wait = max(max(standing.retry_after_seconds, standing.reset_seconds) for _, standing in broken)
        headers["Retry-After"] = str(max(1, ceil(wait)))
        raise Problem("quota_exceeded", headers=headers, more={"violated-policies": [meter.name for meter, _ in broken]})

    def _key(self, parts: tuple[Part, ...], request: web.BaseRequest, principal: Principal | None) -> str | None:
        """What the request is counted as; None where this limit is not for it."""
        found = []
        for part in parts:
            if part is Part.USER and principal is not None:
                found.append(principal.id)
            elif part is Part.ADDRESS or part is Part.USER:
                found.append(counted_as(address_of(request)))
            elif part is Part.API_KEY:
                key = _API_KEY.match(request.headers.get("Authorization", "")) if principal is not None else None
                if key is None:
                    return None
                found.append(key[1])
            elif part is Part.ROUTE:
                found.append(self._route)
        return " ".join(found)


def limits_of(route: Route, limits: Limits, limiter: Limiter) -> RouteLimits | None:
    """What limits the route; None where nothing does."""
    name = name_of(route)
    meters = tuple(
        (Meter(limit, settings, cost), settings.per)
        for limit, settings in limits.limits.items()
        if (cost := settings.cost_of(name))
    )
    return RouteLimits(name, meters, limiter) if meters else None


def name_of(route: Route) -> str:
    """A route as limits.yaml names it."""
    return f"{route.method} {route.path}"


def check_limits(routes: tuple[Route, ...], settings: LimitSettings) -> Iterator[tuple[Place, str]]:
    """What is wrong with a limit as far as the route table knows: routes that it names and that are not there."""
    known = {WRONG_KEY, *map(name_of, routes)}
    for named in settings.routes:
        if named in known or any(each.startswith(named[:-1]) for each in known if named.endswith(EVERY_ROUTE)):
            continue
        yield ("routes", named), f"there is no such route{did_you_mean(named, known)}"


def _headers(verdict: Verdict) -> dict[str, str]:
    """How the limits stand, and what they are."""
    stands, policies = [], []
    for (meter, _), standing in zip(verdict.questions, verdict.standings, strict=True):
        if meter.is_concurrent:
            stands.append(f'"{meter.name}";r={standing.free}')
            policies.append(f'"{meter.name}";q={meter.quota};qu="concurrent-requests"')
        else:
            stands.append(f'"{meter.name}";r={standing.free};t={ceil(standing.reset_seconds)}')
            policies.append(f'"{meter.name}";q={meter.quota};w={meter.window_seconds}')
    return {"RateLimit": ", ".join(stands), "RateLimit-Policy": ", ".join(policies)} if stands else {}
