"""A request's path, query, body and If-Match -> the message that the route names, or a problem that names the field at fault.

The body is read once by the strict reader for what JSON leaves open, and once by the model, straight from the bytes.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import orjson
from multidict import CIMultiDictProxy, MultiDictProxy
from pydantic import ValidationError

from http_edge.compression import without_coding
from http_edge.most_values import most_values
from http_edge.problems import Problem
from http_edge.route import EXPECTED_VERSION_FIELD, Route
from http_edge.validators import version_in
from messages.base import Message
from runtime.strict_json import MalformedJson, read_object

IF_MATCH = "If-Match"
NOTHING: Mapping[str, str] = MappingProxyType({})
MOST_ERRORS = 20
"""Errors of one answer; who made more will come again."""
LONGEST_NAME = 100
"""Of a field in an answer: a client's own unknown field may have a name of any length."""

_ETAG = re.compile(r'"[^"]{0,100}"')
_NUMBER = re.compile(r"[+-]?[0-9.]+", re.ASCII)


class Binding:
    """How the requests of one route become messages."""

    def __init__(self, route: Route) -> None:
        self._message: type[Message] = route.message
        self._path_fields = route.path_fields
        self._filled_fields = frozenset(route.filled_fields)
        self._reserved = frozenset(route.path_fields) | self._filled_fields | {EXPECTED_VERSION_FIELD}
        self._query_fields = frozenset(route.query_fields)
        self._not_in_body = self._reserved | self._query_fields
        self._empty_is_object = not route.needs_body
        self._most_values = most_values(route.message) if route.has_body else 0
        self._takes_if_match = route.takes_if_match
        schemas = {} if route.has_body else route.message.model_json_schema().get("properties", {})
        self._lists = frozenset(name for name, schema in schemas.items() if _says(schema, "type", {"array"}))
        self._times = frozenset(name for name, schema in schemas.items() if _says(schema, "format", {"date", "date-time"}))

    def check_query(self, query: "MultiDictProxy[str]") -> None:
        """Problem that names what a request with a body has in its query and should not."""
        unknown = [name for name in dict.fromkeys(query) if name not in self._query_fields]
        if unknown:
            raise unexpected_query(unknown)

    def from_body(
        self,
        body: bytes,
        query: "MultiDictProxy[str]",
        values: tuple[str, ...],
        headers: "CIMultiDictProxy[str]",
        filled: Mapping[str, str] = NOTHING,
    ) -> Message:
        """The message of a request with a body; its query has known fields only. `filled`: what the edge itself says of it."""
        if not body and self._empty_is_object:
            body = b"{}"
        try:
            fields = read_object(body, self._most_values)
        except MalformedJson as wrong:
            raise Problem("malformed_json", str(wrong)) from None
        given = self._given(values, headers, filled)
        if not self._not_in_body.isdisjoint(fields):
            self._refuse(name for name in fields if name in self._not_in_body)
        if query:
            given |= {name: self._sent_once(query, name) for name in query}
        if given:
            body = orjson.dumps(fields | given)
        try:
            return self._message.model_validate_json(body)
        except ValidationError as wrong:
            raise self._problem(wrong) from None

    def from_query(
        self,
        query: "MultiDictProxy[str]",
        values: tuple[str, ...],
        headers: "CIMultiDictProxy[str]",
        filled: Mapping[str, str] = NOTHING,
    ) -> Message:
        """The message of a request without a body."""
        fields: dict[str, Any] = {}
        for name in query:
            if name in self._reserved:
                self._refuse([name])
            if name in self._lists:
                fields[name] = query.getall(name)
            else:
                fields[name] = sent = self._sent_once(query, name)
                if name in self._times and _NUMBER.fullmatch(sent):
                    # A model would take digits for seconds since 1970, and 20240101 for a day in that August.
                    raise _invalid([{"field": name, "detail": "Write dates and times as in ISO 8601, such as 2026-01-31"}])
        fields |= self._given(values, headers, filled)
        try:
            return self._message.model_validate(fields)
        except ValidationError as wrong:
            raise self._problem(wrong) from None

    def _given(self, values: tuple[str, ...], headers: "CIMultiDictProxy[str]", filled: Mapping[str, str]) -> dict[str, Any]:
        """What path and headers say, and what the edge says itself."""
        given: dict[str, Any] = dict(zip(self._path_fields, values, strict=True)) if values else {}
        given |= filled
        tag = headers.get(IF_MATCH)
        if tag is not None and (version := self._expected_version(without_coding(tag.strip()))) is not None:
            given[EXPECTED_VERSION_FIELD] = version
        return given

    def _expected_version(self, tag: str) -> int | None:
        if tag == "*":
            return None
        if not self._takes_if_match:
            raise Problem("if_match_not_supported")
        if _ETAG.fullmatch(tag.removeprefix("W/")) is None:
            raise Problem("if_match_malformed")
        if (version := version_in(tag)) is None:
            raise Problem("version_conflict")  # no tag of ours, so it is not the current one
        return version

    @staticmethod
    def _sent_once(query: "MultiDictProxy[str]", name: str) -> str:
        sent = query.getall(name)
        if len(sent) > 1:
            raise Problem("repeated_parameter", f"The query parameter {name[:LONGEST_NAME]} was given more than once.")
        return str(sent[0])

    def _refuse(self, names: Iterable[str]) -> None:
        raise _invalid([{"field": name, "detail": f"This comes from {self._whence(name)}, not from here"} for name in names])

    def _whence(self, name: str) -> str:
        if name == EXPECTED_VERSION_FIELD:
            return "the If-Match header"
        if name in self._filled_fields:
            return "the request itself"
        return "the path" if name in self._path_fields else "the query"

    def _problem(self, wrong: ValidationError) -> Problem:
        found = wrong.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            return Problem("malformed_json")
        errors = [{"field": _dotted(error["loc"]), "detail": error["msg"].removeprefix("Value error, ")} for error in found]
        if any(error["loc"] and error["loc"][0] in self._path_fields for error in found):
            # What cannot be an id is the id of nothing.
            return Problem("not_found", errors=errors[:MOST_ERRORS])
        return _invalid(errors)


def unexpected_query(names: Iterable[str]) -> Problem:
    """A query has what it should not."""
    errors = [{"field": name[:LONGEST_NAME], "detail": "There is no such query parameter"} for name in names]
    return Problem("unexpected_query", errors=errors[:MOST_ERRORS])


def _invalid(errors: list[dict[str, str]]) -> Problem:
    return Problem("invalid", errors=errors[:MOST_ERRORS])


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:LONGEST_NAME] for part in place)


def _says(schema: dict[str, Any], word: str, values: set[str]) -> bool:
    """Whether a field's JSON Schema, or one of its alternatives, says so."""
    return schema.get(word) in values or any(_says(other, word, values) for other in schema.get("anyOf", ()))
