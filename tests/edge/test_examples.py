"""The examples of the documentation: each body and each answer has one, of the shape that is documented, that the code itself takes."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import pytest
from jsonschema import Draft202012Validator

from config.sections import DemoSettings
from http_edge.binding import Binding
from http_edge.demo import TELLER
from http_edge.documentation import known_rules
from http_edge.examples import EXAMPLES, all_answers, answers_of
from http_edge.openapi import openapi_document
from http_edge.problems import CONTENT_TYPE
from http_edge.route import Route
from http_edge.routes import ROUTES
from messages.identity import Login

DOCUMENT = openapi_document(ROUTES)
WORDS = {"name": "cashier", "pool": "member"}
"""Path fields that are no ids."""
BARE = frozenset({"text/html", "image/svg+xml", "image/png", "application/pdf"})
"""What is looked at rather than read."""
DOCUMENTS = frozenset({"/api/v1/openapi.json", "/api/docs.json"})
"""An example of the document is the document."""


class Told(NamedTuple):
    """One answer of one operation."""

    name: str
    status: str
    answer: dict[str, Any]


def whole(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference is to."""
    if "$ref" not in part:
        return part
    found: dict[str, Any] = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def answers() -> Iterator[Told]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                yield Told(f"{method} {path}", status, whole(answer))


def examples_in(content: dict[str, Any]) -> list[Any]:
    named = [each["value"] for each in content.get("examples", {}).values()]
    return [*named, *([content["example"]] if "example" in content else [])]


def faults(example: Any, schema: dict[str, Any]) -> list[str]:
    checked = Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [error.message for error in checked.iter_errors(example)]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body_fields], ids=named)
def test_what_is_sent_has_an_example_that_is_taken(route: Route) -> None:
    example = EXAMPLES[route.message]
    content = DOCUMENT["paths"][route.full_path][route.method.lower()]["requestBody"]["content"]["application/json"]
    assert content["example"] == example
    assert faults(example, content["schema"]) == []
    values = tuple(WORDS.get(name) or str(uuid4()) for name in route.path_fields)
    Binding(route).from_body(orjson.dumps(example), {}, values, {})  # type: ignore[arg-type]  # no query, no headers


@pytest.mark.parametrize("route", [each for each in ROUTES if each.serves is None and each.reply_status != 204], ids=named)
def test_what_is_answered_has_an_example_as_it_is_written(route: Route) -> None:
    told = answers_of(route.reply)
    assert told
    for when, example in told.items():
        assert route.reply.model_validate(example).model_dump(mode="json") == example, when


def test_no_example_is_left_of_what_is_not_said_any_more() -> None:
    assert set(EXAMPLES) <= {route.message for route in ROUTES}
    assert {when.partition(",")[0] for when in all_answers()} <= {route.reply.__name__ for route in ROUTES}


def test_each_answer_has_an_example_of_its_shape() -> None:
    without, wrong = [], []
    for name, status, answer in answers():
        for media_type, content in answer.get("content", {}).items():
            found = examples_in(content)
            if not found and media_type not in BARE and name.partition(" ")[2] not in DOCUMENTS:
                without.append(f"{name} {status} {media_type}")
            wrong += [(name, status, faults(each, content.get("schema", {}))) for each in found]
    assert without == []
    assert [each for each in wrong if each[2]] == []


def test_each_error_has_examples_that_are_its_problems() -> None:
    rules = known_rules()
    seen = set()
    for name, status, answer in answers():
        if CONTENT_TYPE not in answer.get("content", {}):
            assert status < "400" or name == "get /ready", (name, status)
            continue
        for problem in examples_in(answer["content"][CONTENT_TYPE]):
            assert str(problem["status"]) == status
            assert problem == {name: rules[problem["rule"]][name] for name in problem}
            seen.add(status)
    assert seen == set(DOCUMENT["components"]["responses"])


def test_each_operation_is_under_a_heading_that_says_what_it_is() -> None:
    described = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert all(described.values())
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert set(operation["tags"]) <= set(described)


def test_how_to_be_let_in_is_said() -> None:
    ways = DOCUMENT["components"]["securitySchemes"]
    assert "POST /api/v1/auth/login" in ways["access_token"]["description"]
    assert "POST /api/v1/api-keys" in ways["api_key"]["description"]
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert {way for each in operation.get("security", []) for way in each} <= set(ways)


def test_the_login_that_is_shown_is_one_of_the_demo() -> None:
    assert EXAMPLES[Login] == {"username": TELLER, "password": DemoSettings().password.get_secret_value()}
