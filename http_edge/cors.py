"""Web pages of other origins: those that `http.cors.allowed_origins` names may read answers, in full and by name; no others.

There is no wildcard, and no `Access-Control-Allow-Credentials`: the interface knows no cookies, so a page has what it was given, a
token. With no origins named nothing of this is said at all.
"""

from collections.abc import Iterable

from aiohttp import web

from config.sections import CorsSettings

_ASKABLE = (
    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-Id, "
    "traceparent"
)
_READABLE = (
    "Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Sunset, WWW-Authenticate, "
    "X-Request-Id"
)


class Cors:
    """What browsers are told about other origins."""

    def __init__(self, settings: CorsSettings) -> None:
        self._allowed = frozenset(settings.allowed_origins)
        self._max_age = str(settings.max_age_seconds)
        self.is_on = bool(self._allowed)

    def headers(self, request: web.BaseRequest) -> dict[str, str]:
        """For an answer: whether a page may read it."""
        origin = request.headers.get("Origin")
        if origin not in self._allowed:
            return {"Vary": "Origin"}
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _READABLE}

    def preflight(self, request: web.BaseRequest, methods: Iterable[str]) -> dict[str, str]:
        """For an answer to OPTIONS: what a page may ask of a path that takes these methods."""
        if "Access-Control-Request-Method" not in request.headers or request.headers.get("Origin") not in self._allowed:
            return {}
        return {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": _ASKABLE,
            "Access-Control-Max-Age": self._max_age,
        }
