"""The OpenAPI 3.1 document: built from the route table and the messages, so that it cannot say anything else than the code.

    openapi_document(ROUTES)  ->  a JSON-ready dictionary

Names, sentences and schemas are the messages' own (docstrings of classes and fields); what every request has in common is in
openapi_parts.py, examples in examples.py.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from http_edge.examples import EXAMPLES, answers_of
from http_edge.openapi_parts import (
    ACCESS_TOKEN,
    API_KEY,
    BESIDE_THE_TABLE,
    INFO,
    PARAMETERS,
    PROBLEM_RESPONSES,
    PROBLEM_SCHEMA,
    RESPONSE_HEADERS,
    SECURITY,
)
from http_edge.route import Idempotency, Route
from http_edge.routes import TAGS
from runtime.described import DescribedSchema

_REF = "#/components/schemas/{model}"
Json = dict[str, Any]


def openapi_document(routes: Iterable[Route]) -> Json:
    """The whole document."""
    routes = tuple(routes)
    schemas = _Schemas(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.full_path, {})[route.method.lower()] = _operation(route, schemas)
    used = {route.tag for route in routes}
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [{"name": name, "description": sentence} for name, sentence in TAGS.items() if name in used]
        + [{"name": "events", "description": "What happens, as it happens."}]
        + [{"name": "health", "description": "For those who run the server."}],
        "paths": paths | BESIDE_THE_TABLE,
        "components": {
            "schemas": schemas.published(paths) | {"Problem": PROBLEM_SCHEMA},
            "parameters": PARAMETERS,
            "headers": RESPONSE_HEADERS,
            "responses": PROBLEM_RESPONSES,
            "securitySchemes": SECURITY,
        },
        "security": [ACCESS_TOKEN, API_KEY],
    }


class _Schemas:
    """JSON Schema of everything that the table says and answers."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(route.message, "validation") for route in routes]
        answered: list[tuple[type[BaseModel], JsonSchemaMode]] = [(route.reply, "serialization") for route in routes]
        self._refs, document = models_json_schema(
            list(dict.fromkeys(asked + answered)), ref_template=_REF, schema_generator=DescribedSchema
        )
        self._all: Json = document["$defs"]
        self._fields: dict[type[BaseModel], Json] = {}
        for route in routes:
            schema = self._all[self.request_ref(route)["$ref"].rpartition("/")[2]]
            self._fields.setdefault(route.message, dict(schema.get("properties", {})))
            if route.has_body:
                self._leave_out(schema, set(route.message.model_fields) - set(route.body_fields))

    def fields_of(self, route: Route) -> Json:
        """The schema of each field of what the route says."""
        return self._fields[route.message]

    def request_ref(self, route: Route) -> Json:
        """A reference to the schema of what comes in the body."""
        return self._refs[route.message, "validation"]

    def reply_ref(self, route: Route) -> Json:
        """A reference to the schema of the reply."""
        return self._refs[route.reply, "serialization"]

    def names_things(self, route: Route) -> bool:
        """Whether the body names something that may not be there, at whatever depth."""
        found = {self.request_ref(route)["$ref"].rpartition("/")[2]}
        seen: set[str] = set()
        while found - seen:
            name = (found - seen).pop()
            seen.add(name)
            if any(field.endswith("_id") for field in self._all[name].get("properties", {})):
                return True
            found |= _names_in(self._all[name])
        return False

    def published(self, paths: Json) -> Json:
        """The schemas that the paths lead to."""
        wanted: set[str] = set()
        found = _names_in(paths)
        while found:
            wanted |= found
            found = {name for known in found for name in _names_in(self._all[known])} - wanted
        return {name: self._all[name] for name in sorted(wanted)}

    @staticmethod
    def _leave_out(schema: Json, names: set[str]) -> None:
        """Fields that come elsewhere than in the body."""
        for name in names:
            schema["properties"].pop(name, None)
        if "required" in schema:
            schema["required"] = [name for name in schema["required"] if name not in names]
            if not schema["required"]:
                del schema["required"]


def _operation(route: Route, schemas: _Schemas) -> Json:
    sentence, _, more = " ".join((route.message.__doc__ or "").split()).partition(". ")
    needs = f"Needs the permission `{route.message.permission}`." if route.message.permission else ""
    operation: Json = {
        "operationId": route.message.wire.split(".")[1],
        "tags": [route.tag],
        "summary": sentence.rstrip("."),
        "x-message": route.message.wire,
        "parameters": _parameters(route, schemas.fields_of(route)),
        "responses": _responses(route, schemas),
    }
    if description := " ".join(part for part in (more, needs) if part):
        operation["description"] = description
    if route.message.permission:
        operation["x-permission"] = route.message.permission
    if route.deprecated:
        operation["deprecated"] = True
    if route.public:
        operation["security"] = []
    elif route.login_only:
        operation["security"] = [ACCESS_TOKEN]
    if route.body_fields:
        media: Json = {"schema": schemas.request_ref(route)}
        if (example := EXAMPLES.get(route.message)) is not None:
            media["example"] = example
        operation["requestBody"] = {"required": route.needs_body, "content": {"application/json": media}}
    return operation


def _parameters(route: Route, schemas: Mapping[str, Json]) -> list[Json]:
    found = [_parameter(name, "path", schemas[name], required=True) for name in route.path_fields]
    fields = route.message.model_fields
    found += [_parameter(name, "query", schemas[name], required=fields[name].is_required()) for name in route.query_fields]
    if route.key_rule is Idempotency.REQUIRED:
        found.append({"$ref": "#/components/parameters/IdempotencyKeyRequired"})
    elif route.key_rule is Idempotency.OPTIONAL:
        found.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if route.takes_if_match:
        found.append({"$ref": "#/components/parameters/IfMatch"})
    if route.method == "GET":
        found.append({"$ref": "#/components/parameters/IfNoneMatch"})
    found.append({"$ref": "#/components/parameters/RequestId"})
    return found


def _parameter(name: str, place: str, schema: Json, *, required: bool) -> Json:
    schema = dict(schema)
    parameter: Json = {"name": name, "in": place, "required": required}
    if description := schema.pop("description", ""):
        parameter["description"] = description
    return parameter | {"schema": schema}


def _responses(route: Route, schemas: _Schemas) -> Json:
    description = " ".join((route.reply.__doc__ or "").split()) or HTTPStatus(route.reply_status).phrase
    headers = ["X-Request-Id"]
    headers += ["Location"] * (route.makes is not None) + ["ETag"] * (route.has_etag or route.method == "GET")
    headers += ["RateLimit", "RateLimit-Policy"]
    headers += ["Deprecation", "Sunset", "Link"] * (route.deprecated is not None)
    headers += ["Idempotency-Replayed"] * (route.key_rule is not Idempotency.NONE)
    good: Json = {"description": description, "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers}}
    if route.reply_status != HTTPStatus.NO_CONTENT:
        good["content"] = {media_type: _content(route, schemas) for media_type in route.media_types}
    possible = {
        "400": True,
        "401": True,
        "403": not route.public and (route.message.permission is not None or not route.for_restricted or route.login_only),
        "404": bool(route.path_fields) or (route.has_body and schemas.names_things(route)),
        "408": True,
        "409": route.method != "GET",
        "412": route.takes_if_match,
        "413": route.has_body,
        "414": True,
        "415": route.has_body,
        "422": True,
        "429": True,
        "431": True,
        "500": True,
        "503": True,
    }
    unchanged = {"304": {"description": "The client has it already.", "headers": {"ETag": good["headers"].get("ETag", {})}}}
    return (
        {str(route.reply_status): good}
        | (unchanged if route.method == "GET" else {})
        | {
            status: {"$ref": f"#/components/responses/{status}"}
            for status, is_so in possible.items()
            if is_so or int(status) in route.also
        }
    )


def _content(route: Route, schemas: _Schemas) -> Json:
    if route.serves is not None:
        return {"schema": {"type": "string", "format": "binary"}}
    content: Json = {"schema": schemas.reply_ref(route)}
    answers = answers_of(route.reply)
    if len(answers) == 1:
        content["example"] = next(iter(answers.values()))
    elif answers:
        content["examples"] = {when: {"value": answer} for when, answer in answers.items()}
    return content


def _names_in(part: Any) -> set[str]:
    if isinstance(part, dict):
        reference = part.get("$ref")
        own = {match[1]} if isinstance(reference, str) and (match := _SCHEMA.fullmatch(reference)) else set()
        return own.union(*(_names_in(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(_names_in(value) for value in part))
    return set()


_SCHEMA = re.compile(r"#/components/schemas/(.+)")
