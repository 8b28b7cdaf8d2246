"""The documentation: valid by somebody else's judgement, complete, and readable on a machine without a network."""

import re
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from http_edge.documentation import FILES, known_rules
from http_edge.openapi import openapi_document
from http_edge.route import Idempotency, Route
from http_edge.routes import ROUTES
from tests.edge.stub import Edge

DOCUMENT = openapi_document(ROUTES)


def operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def names_of(parameters: list[dict[str, Any]], place: str) -> set[str]:
    whole = [DOCUMENT["components"]["parameters"][p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in parameters]
    return {parameter["name"] for parameter in whole if parameter["in"] == place}


def test_the_document_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_it_survives_json() -> None:
    assert orjson.loads(orjson.dumps(DOCUMENT)) == DOCUMENT


def test_operations_have_names_of_their_own_and_say_what_they_do() -> None:
    operations = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
    names = [each["operationId"] for each in operations]
    assert len(names) == len(set(names))
    assert all(each["summary"] for each in operations)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_is_told_as_it_is(route: Route) -> None:
    told = operation(route.method.lower(), route.full_path)
    parameters = told["parameters"]
    assert names_of(parameters, "path") == set(route.path_fields)
    assert names_of(parameters, "query") == set(route.query_fields)
    assert ("Idempotency-Key" in names_of(parameters, "header")) == (route.key_rule is not Idempotency.NONE)
    assert ("If-Match" in names_of(parameters, "header")) == route.takes_if_match
    assert (told.get("security") == []) == route.public
    assert told.get("x-permission") == route.message.permission
    assert str(route.reply_status) in told["responses"]
    if route.body_fields:
        reference = told["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
        assert set(schema["properties"]) == set(route.body_fields)


def test_money_is_never_a_number() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name.startswith("Money"):
            assert schema["properties"]["amount"]["type"] == "string"
    assert b'"type":"number"' not in orjson.dumps(DOCUMENT["components"]["schemas"])


def test_passwords_are_told_as_passwords() -> None:
    assert DOCUMENT["components"]["schemas"]["Login"]["properties"]["password"]["format"] == "password"


def reached(part: Any, seen: set[str]) -> None:
    """The schemas that a part of the document leads to."""
    text = orjson.dumps(part).decode()
    for name in set(re.findall(r"#/components/schemas/([\w.-]+)", text)) - seen:
        seen.add(name)
        reached(DOCUMENT["components"]["schemas"][name], seen)


def test_a_secret_that_is_told_can_be_read() -> None:
    told, asked = set[str](), set[str]()
    for methods in DOCUMENT["paths"].values():
        for each in methods.values():
            reached(each["responses"], told)
            reached(each.get("requestBody", {}), asked)
    schemas = DOCUMENT["components"]["schemas"]
    assert {"LoginAnswer", "MfaEnrolment", "MadeApiKey", "RecoveryCodes"} <= told
    assert [name for name in told if "writeOnly" in orjson.dumps(schemas[name]).decode()] == []
    assert schemas["Login"]["properties"]["password"]["writeOnly"] is True
    assert "Login" in asked - told


async def test_the_document_is_served(edge: Edge) -> None:
    for path in ("/api/v1/openapi.json", "/api/docs.json"):
        async with edge.http.get(path) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert await answer.json() == DOCUMENT
    async with edge.http.get("/docs", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "/api/docs")


async def test_the_page_loads_from_here_alone(edge: Edge) -> None:
    async with edge.http.get("/api/docs") as answer:
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "<script>" not in page
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 3
    for file in files:
        if file.startswith("data:"):
            continue
        assert file.startswith("/api/docs/")
        async with edge.http.get(file) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].split(";")[0] in {"text/css", "text/javascript"}


def test_the_licence_lies_beside_what_is_vendored() -> None:
    names = {path.name for path in FILES.iterdir()}
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= names


async def test_every_rule_can_be_looked_up(edge: Edge) -> None:
    async with edge.http.get("/problems") as answer:
        listed = {each["rule"] for each in (await answer.json())["items"]}
    assert {"insufficient_funds", "idempotency_key_missing", "member_not_found"} <= listed
    assert listed == set(known_rules())
    async with edge.http.get("/problems/insufficient_funds") as answer:
        assert (await answer.json())["status"] == 422


def test_what_may_be_missing_or_in_the_wrong_state_is_told() -> None:
    for method, path, status in (
        ("post", "/api/v1/loans", "404"),
        ("post", "/api/v1/transfers", "404"),
        ("post", "/api/v1/entries", "404"),
        ("get", "/api/v1/loans/{loan_id}/payoff", "409"),
    ):
        assert status in operation(method, path)["responses"], path
    assert "404" not in operation("post", "/api/v1/loan-calculator/quote")["responses"]
