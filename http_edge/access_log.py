"""The access log: one JSON line for each request that was answered, like the other log lines, but written many at a time.

What it says of a path and a query are names, and values of kinds that give nobody away: ids, dates, numbers, words of a fixed list.
Free text, tokens and codes are masked; headers and bodies are not looked at. `telemetry.access_log` turns it off.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from http_edge.addresses import address_of
from http_edge.response import Response
from http_edge.route import Route

WRITE_SECONDS = 0.1
"""A line waits so long for others, so that a busy edge writes seldom."""
MOST_WAITING = 1_000
"""Lines; then they are written at once."""
MASK = "***"
MOST_PARAMETERS = 30
LONGEST_NAME = 60

_SENSITIVE = re.compile(r"token|secret|passw|key|code|otp|pin\b|phone|mail|name", re.IGNORECASE)
_PLAIN_FORMATS = frozenset({"uuid", "date", "date-time"})
_PLAIN_TYPES = frozenset({"integer", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class LoggedRoute:
    """What of a route's requests may be shown."""

    template: str
    path_fields: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()

    @staticmethod
    def of(route: Route) -> "LoggedRoute":
        """By the types of the fields."""
        schemas = route.message.model_json_schema().get("properties", {})
        shown = frozenset(name for name, schema in schemas.items() if not _SENSITIVE.search(name) and _is_plain(schema))
        return LoggedRoute(route.full_path, route.path_fields, shown)


def _is_plain(schema: dict[str, Any]) -> bool:
    if "anyOf" in schema:
        return all(map(_is_plain, schema["anyOf"]))
    if schema.get("type") == "array":
        return _is_plain(schema.get("items", {}))
    return "enum" in schema or "const" in schema or schema.get("format") in _PLAIN_FORMATS or schema.get("type") in _PLAIN_TYPES


class AccessLog:
    """Writes the lines."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or _to_standard_error
        self._lines: list[bytes] = []
        self._due: asyncio.TimerHandle | None = None

    def note(self, request: web.BaseRequest, response: Response, now: float, seconds: float) -> None:
        """A request and its answer."""
        logged = response.logged
        line = self._line(now, response.status, address_of(request), response.request_id)
        line |= {
            "method": request.method,
            "route": None if logged is None else logged.template,
            "ms": round(seconds * 1000, 2),
            "bytes": len(response.payload),
            "user": response.user_id,
        }
        if logged is not None and response.path_values:
            pairs = zip(logged.path_fields, response.path_values, strict=True)
            line["path"] = {name: value if name in logged.shown else MASK for name, value in pairs}
        if request.rel_url.raw_query_string:
            line["query"] = self._query(request, frozenset() if logged is None else logged.shown)
        self._add(line)

    def note_malformed(self, address: str, status: int, request_id: str, now: float) -> None:
        """Something that never became a request."""
        self._add(self._line(now, status, address, request_id))

    @staticmethod
    def _line(now: float, status: int, address: str, request_id: str) -> dict[str, Any]:
        return {
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "level": "info",
            "logger": "coffer.access",
            "event": "request",
            "process": "edge",
            "correlation_id": request_id,
            "address": address,
            "status": status,
        }

    @staticmethod
    def _query(request: web.BaseRequest, shown: frozenset[str]) -> dict[str, list[str]]:
        query = request.rel_url.query
        names = list(dict.fromkeys(query))[:MOST_PARAMETERS]
        return {
            name[:LONGEST_NAME]: query.getall(name)[:MOST_PARAMETERS] if name in shown else [MASK] for name in names
        }  # fmt: skip

    def _add(self, line: dict[str, Any]) -> None:
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= MOST_WAITING:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(WRITE_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._lines:
            text = b"".join(self._lines).decode()
            self._lines.clear()
            self._write(text)


def _to_standard_error(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
