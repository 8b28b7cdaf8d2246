"""The documentation that the server serves itself: the OpenAPI document, Swagger UI from vendored files, and the list of rules.

Nothing is fetched from elsewhere: the page works on a machine without a network, and its policy lets it load from here alone.
Swagger UI 5.35.0 (Apache-2.0) lies in swagger/, unchanged; its licence beside it.
"""

from functools import cache, cached_property
from pathlib import Path

import orjson
from aiohttp import web

from http_edge.openapi import openapi_document
from http_edge.problems import EDGE_RULES, Problem, title_of, type_of
from http_edge.response import Response
from http_edge.route import PREFIX, Route
from http_edge.router import Router
from messages.base import all_refusals
from runtime.clock import Clock

PAGE = "/api/docs"
FILES = Path(__file__).parent / "swagger"
_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_SERVED = ("swagger-ui-bundle.js", "swagger-ui.css", "start.js")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""Swagger UI writes style attributes; scripts come from files only."""


class Documentation:
    """What is read before the first request."""

    def __init__(self, routes: tuple[Route, ...], clock: Clock) -> None:
        self._routes = routes
        self._clock = clock

    def add_to(self, router: Router) -> None:
        """Put its paths into the router."""
        router.add("GET", f"{PREFIX}/openapi.json", self._openapi)
        router.add("GET", f"{PAGE}.json", self._openapi)
        router.add("GET", PAGE, self._page)
        router.add("GET", f"{PAGE}/{{file}}", self._file)
        router.add("GET", "/docs", self._elsewhere)
        router.add("GET", "/problems", self._problems)
        router.add("GET", "/problems/{rule}", self._problem)

    @cached_property
    def _document(self) -> bytes:
        return orjson.dumps(openapi_document(self._routes))

    async def _openapi(self, _request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        return self._open(Response(200, self._document, now=self._now()))

    async def _page(self, _request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        return self._served("index.html")

    async def _elsewhere(self, _request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        """Where the page used to be."""
        return Response(308, now=self._now(), headers={"Location": PAGE}, content_type=None)

    async def _file(self, _request: web.BaseRequest, values: tuple[str, ...]) -> Response:
        if values[0] not in _SERVED:
            raise Problem("no_such_path")
        return self._served(values[0])

    async def _problems(self, _request: web.BaseRequest, _values: tuple[str, ...]) -> Response:
        return Response(200, orjson.dumps({"items": list(known_rules().values())}), now=self._now())

    async def _problem(self, _request: web.BaseRequest, values: tuple[str, ...]) -> Response:
        rule = known_rules().get(values[0])
        if rule is None:
            raise Problem("no_such_path")
        return Response(200, orjson.dumps(rule), now=self._now())

    def _served(self, name: str) -> Response:
        return self._open(Response(200, _file(name), now=self._now(), content_type=_TYPES[Path(name).suffix], policy=_POLICY))

    @staticmethod
    def _open(response: Response) -> Response:
        """What everybody may read holds no secrets."""
        response.may_compress = response.is_lasting = True
        return response

    def _now(self) -> float:
        return self._clock.now().timestamp()


@cache
def _file(name: str) -> bytes:
    return (FILES / name).read_bytes()


def known_rules() -> dict[str, dict[str, object]]:
    """Every rule that a problem can name, with status and meaning: the edge's and those of all vocabularies."""
    rules = dict(EDGE_RULES)
    rules |= {kind.rule: (kind.status, " ".join((kind.__doc__ or "").split())) for kind in all_refusals() if kind.rule}
    return {
        rule: {"type": type_of(rule), "title": title_of(rule), "rule": rule, "status": status, "detail": detail}
        for rule, (status, detail) in sorted(rules.items())
    }
