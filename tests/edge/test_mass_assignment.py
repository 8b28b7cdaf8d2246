"""Nobody sets what is not asked for: an unknown field is refused by its name, at every place of every body and in every query.

What the places are is read from the document that the edge publishes, so that a new route, or a new field of an old one, is tried too.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from http_edge.binding import MOST_ERRORS, Binding
from http_edge.examples import EXAMPLES
from http_edge.problems import Problem
from http_edge.route import EXPECTED_VERSION_FIELD, Route
from http_edge.routes import ROUTES
from messages.ids import new_id
from tests.bank import Bank
from tests.edge import belongings
from tests.edge.asking import BODIES, filled
from tests.edge.stub import Edge

UNKNOWN = "no_such_field"
STRANGE = ("__proto__", "constructor", "$where", "", " ", "id", "ID", "is_admin", "a.b", "a[b]", "\u0456d")
PRIVILEGES = {
    *re.findall(
        r"[a-z_]+",
        "id role roles admin is_admin is_superuser permissions scope grants status state active disabled approved approved_by verified "
        "created_at created_by updated_at version owner owner_id user user_id member member_id institution institution_id tenant_id branch "
        "password password_hash hash salt secret token balance available held limit credit_limit kind principal key message_id by",
    )
}
"""What rows of a bank are made of, here or elsewhere; beside all columns that are here."""
MAP_KEYS = {"^[a-z-]{1,40}:[a-z-]{1,40}$": "members:read"}
"""A key for each pattern that keys of a map must have."""
TYPED = {
    "refresh_token": "A" * 43,
    "token": "A" * 43,
    "challenge": "a.b.c",
    "code": "123456",
    "password": "correct horse battery staple",
    "new_password": "seven green kettles sing at noon",
}
"""What only its user knows, of which the documentation has no example."""
Json = dict[str, Any]
Place = tuple[str | int, ...]
WITH_BODY = [route for route in ROUTES if route.has_body]
NO_QUERY: MultiDictProxy[str] = MultiDictProxy(MultiDict())
NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


class Told(NamedTuple):
    """What came back."""

    status: int
    rule: str
    fields: list[str]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def right_body(route: Route) -> Json:
    """What the route takes; about things that nobody has."""
    required = {
        name: TYPED[name] for name in route.body_fields if name in TYPED and route.message.model_fields[name].is_required()
    }
    body = BODIES.get(name_of(route), EXAMPLES.get(route.message, required))
    found: Json = filled(body, belongings.missing({*re.findall(r"\{(\w+)\}", json.dumps(body))}))
    return found


def right_value(name: str) -> str:
    """What may stand in a path."""
    return "word" if name in {"name", "pool"} else str(new_id())


def right_path(route: Route) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: right_value(found[1]), route.full_path)


async def asks(edge: Edge, route: Route, body: Any, query: str = "") -> Told:
    """What an administrator is told, who may everything."""
    sent = {**edge.as_("admin"), "Idempotency-Key": str(new_id())}
    async with edge.http.request(route.method, right_path(route) + query, json=body, headers=sent) as answer:
        raw = await answer.read()
        told = json.loads(raw) if raw else {}
        return Told(answer.status, told.get("rule", ""), [error["field"] for error in told.get("errors", [])])


def places(schema: Json, schemas: Json, place: Place = ()) -> Iterator[Place]:
    """Where an object stands in what a schema describes: the names, list places and map keys on the way to it."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for other in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from places(other, schemas, place)
    if schema.get("type") == "object":
        if "patternProperties" not in schema and not isinstance(schema.get("additionalProperties"), dict):
            yield place
        for name, each in schema.get("properties", {}).items():
            yield from places(each, schemas, (*place, name))
        for pattern, each in schema.get("patternProperties", {}).items():
            yield from places(each, schemas, (*place, MAP_KEYS[pattern]))
    if "items" in schema:
        yield from places(schema["items"], schemas, (*place, 0))


def placed(place: Iterable[str | int], value: Any) -> Any:
    """An otherwise empty body with this in its place."""
    for step in reversed(tuple(place)):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def objects(value: Any, place: Place = ()) -> Iterator[tuple[Place, Json]]:
    """Every object in a body, and where it is."""
    if isinstance(value, dict):
        yield place, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in steps:
        yield from objects(each, (*place, step))


def dotted(*place: str | int) -> str:
    return ".".join(map(str, place))


async def test_no_object_of_any_body_takes_a_field_that_is_not_described(edge: Edge) -> None:
    async with edge.http.get("/api/v1/openapi.json") as answer:
        document = await answer.json()
    schemas, tried, found = document["components"]["schemas"], 0, []
    for route in WITH_BODY:
        operation = document["paths"][route.full_path][route.method.lower()]
        whole = (
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {"type": "object"})
        )
        for place in dict.fromkeys(places(whole, schemas)):
            told = await asks(edge, route, placed(place, {UNKNOWN: "x"}))
            tried += 1
            if (told.status, told.rule) != (422, "invalid") or dotted(*place, UNKNOWN) not in told.fields:
                found.append(f"{name_of(route)} at {place}: {told}")
    assert not found, "\n" + "\n".join(found)
    assert tried > 2 * len(WITH_BODY)
    assert not edge.client.said


def refused(route: Route, body: Json) -> list[str]:
    """The fields that a body is refused for; none where it is right."""
    values = tuple(right_value(name) for name in route.path_fields)
    try:
        Binding(route).from_body(json.dumps(body).encode(), NO_QUERY, values, NO_HEADERS)
    except Problem as problem:
        return [error["field"] for error in problem.errors or ()] or [problem.rule]
    return []


def test_where_all_else_is_right_nothing_but_the_unknown_field_is_wrong() -> None:
    found = []
    for route in WITH_BODY:
        right = right_body(route)
        if wrong := refused(route, right):
            found.append(f"{name_of(route)} is not right: {wrong}")
        for place, each in [*objects(right)]:
            if place[-1:] == ("grants",):
                continue  # a map: its keys are what is said
            each[UNKNOWN] = "x"
            wrong, unknown = refused(route, right), dotted(*place, UNKNOWN)
            del each[UNKNOWN]
            if unknown not in wrong or not all(unknown.startswith(field) for field in wrong):
                found.append(f"{name_of(route)} at {place}: {wrong}")
        strange = [name for name in STRANGE if name not in right]
        if (wrong := refused(route, right | dict.fromkeys(strange, "x"))) != strange:
            found.append(f"{name_of(route)}: {wrong}")
    assert not found, "\n" + "\n".join(found)


async def test_no_column_of_any_row_is_set_by_naming_it(bank: Bank) -> None:
    rows = await bank.database.fetch("SELECT table_schema AS actor, column_name AS name FROM information_schema.columns")
    columns: dict[str, set[str]] = {}
    for row in rows:
        columns.setdefault(row["actor"], set()).add(row["name"])
    assert len(columns["identity"]) > 20
    found = []
    for route in WITH_BODY:
        told = {name for each in ROUTES if each.tag == route.tag for name in each.reply.model_fields}
        elsewhere = set(route.message.model_fields) - set(route.body_fields)
        wanted = sorted((columns.get(route.message.actor, set()) | PRIVILEGES | told) - set(route.message.model_fields))
        chunks = [wanted[start : start + MOST_ERRORS] for start in range(0, len(wanted), MOST_ERRORS)]
        for names in [*chunks, sorted(elsewhere)]:
            wrong = refused(route, right_body(route) | dict.fromkeys(names, "x"))
            if sorted(wrong) != names:
                found.append(f"{name_of(route)}: {wrong} for {names}")
    assert not found, "\n" + "\n".join(found)


async def test_no_query_takes_a_parameter_that_is_not_described(edge: Edge) -> None:
    found = []
    for route in ROUTES:
        expected: Told | tuple[int, str, list[str]]
        names = [UNKNOWN, "is_admin", "user_id", "roles", *route.path_fields, *route.filled_fields, EXPECTED_VERSION_FIELD]
        names += route.body_fields
        for name in dict.fromkeys(each for each in names if each not in route.query_fields):
            expected = (400, "unexpected_query", [name]) if route.has_body else (422, "invalid", [name])
            told = await asks(edge, route, right_body(route) if route.has_body else None, f"?{name}=x")
            missing = (
                [] if route.has_body or told.status != 422 else [each for each in told.fields if each in route.query_fields]
            )
            if told._replace(fields=[each for each in told.fields if each not in missing]) != expected:
                found.append(f"{name_of(route)}?{name}: {told}")
    assert not found, "\n" + "\n".join(found)
    assert not edge.client.said


async def test_what_takes_no_body_takes_none(edge: Edge) -> None:
    without = [route for route in ROUTES if not route.has_body]
    for route in without:
        told = await asks(edge, route, {UNKNOWN: "x"})
        assert (told.status, told.rule) == (400, "unexpected_body"), name_of(route)
    assert not edge.client.said


async def test_no_other_spelling_of_a_parameter_is_taken(edge: Edge) -> None:
    route = next(each for each in ROUTES if name_of(each) == "GET /members")
    for name in ("limit[]", "limit[0]", "limit.x", "LIMIT", "limit ", "a" * 300):
        told = await asks(edge, route, None, f"?limit=1&{name}=1")
        assert told == (422, "invalid", [name[:100]]), name
    assert not edge.client.said
