"""The published OpenAPI document binds: whoever wrote a client by it is not broken by the next one."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from http_edge.compatibility import breaking_changes
from http_edge.openapi import openapi_document
from http_edge.publishing import compact, publish
from http_edge.routes import ROUTES

PUBLISHED = Path(__file__).parent / "published" / "openapi.json"
Json = dict[str, Any]


def test_no_client_of_the_published_document_breaks() -> None:
    broken = breaking_changes(json.loads(PUBLISHED.read_text()), openapi_document(ROUTES))
    assert not broken, "raise the version of the interface, or take back:\n" + "\n".join(broken)


def test_what_is_published_says_all_that_binds() -> None:
    document = openapi_document(ROUTES)
    bare = json.loads(compact(document))
    assert breaking_changes(bare, document) == breaking_changes(document, bare) == []
    assert "description" not in bare["components"]["schemas"]["Account"]


def test_publishing_refuses_to_break_clients_unless_the_version_is_raised(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    document = openapi_document(ROUTES)
    publish(document, file)
    fewer = openapi_document([route for route in ROUTES if route.path != "/transfers"])
    with pytest.raises(ConfigError, match="POST /api/v1/transfers: is gone"):
        publish(fewer, file)
    publish({**fewer, "info": {**fewer["info"], "version": "2"}}, file)
    publish(document, tmp_path / "another.json")


def around(sent: Json, read: Json) -> Json:
    """A document of one operation."""
    content, answer = ({"application/json": {"schema": {"$ref": f"#/components/schemas/{each}"}}} for each in ("Sent", "Read"))
    return {
        "info": {"version": "1"},
        "security": [{"access_token": []}],
        "paths": {
            "/things": {
                "post": {
                    "parameters": [
                        {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer", "maximum": 9}}
                    ],
                    "requestBody": {"required": False, "content": content},
                    "responses": {
                        "200": {"headers": {"ETag": {}}, "content": answer},
                        "404": {"content": {}},
                    },
                }
            }
        },
        "components": {"schemas": {"Sent": sent, "Read": read}},
    }


def operation(document: Json) -> Json:
    found: Json = document["paths"]["/things"]["post"]
    return found


OPERATION_CHANGES: list[tuple[Callable[[Json], Any], str]] = [
    (lambda d: d["paths"].pop("/things"), "is gone"),
    (lambda d: d["paths"]["/things"].pop("post"), "is gone"),
    (lambda d: operation(d)["responses"].pop("404"), "404: is gone"),
    (lambda d: operation(d)["responses"].update({"202": {}}), "202: is an answer that clients do not know"),
    (lambda d: operation(d)["responses"]["200"]["headers"].pop("ETag"), "header ETag: is gone"),
    (lambda d: operation(d)["parameters"].clear(), "query parameter limit: is gone"),
    (lambda d: operation(d)["parameters"][0].update(required=True), "query parameter limit: is required now"),
    (lambda d: operation(d)["parameters"][0]["schema"].update(maximum=8), "query parameter limit: takes less"),
    (lambda d: operation(d)["parameters"].append({"name": "x", "in": "header", "required": True}), "is new and required"),
    (lambda d: operation(d)["requestBody"].update(required=True), "body: is required now"),
    (lambda d: operation(d)["requestBody"]["content"].clear(), "application/json: is gone"),
    (
        lambda d: operation(d)["responses"]["200"]["content"].update({"text/plain": {}}),
        "is a media type that clients do not know",
    ),
    (lambda d: operation(d).update(security=[]), "is secured otherwise"),
]


@pytest.mark.parametrize(("change", "said"), OPERATION_CHANGES)
def test_a_breaking_change_of_an_operation_is_found(change: Callable[[Json], Any], said: str) -> None:
    old = around({"type": "object"}, {"type": "object"})
    new = copy.deepcopy(old)
    change(new)
    assert any(said in line for line in breaking_changes(old, new))


def test_what_is_added_breaks_nobody() -> None:
    old = around({"type": "object"}, {"type": "object", "properties": {}})
    new = copy.deepcopy(old)
    operation(new)["parameters"].append({"name": "x", "in": "query", "required": False, "schema": {}})
    operation(new)["responses"]["409"] = {}
    new["paths"]["/others"] = {"get": {"responses": {}}}
    new["components"]["schemas"]["Read"]["properties"]["more"] = {"type": "string"}
    assert breaking_changes(old, new) == []


def test_a_field_that_cannot_be_read_any_more_breaks_who_reads_it_and_the_reverse_nobody() -> None:
    open_, hidden = (
        {"type": "object", "properties": {"key": {"type": "string", "writeOnly": is_so}}} for is_so in (False, True)
    )
    plain: Json = {"type": "object"}
    assert breaking_changes(around(plain, open_), around(plain, hidden)) == [
        "POST /things: 200.key: is not to be read any more"
    ]
    assert breaking_changes(around(plain, hidden), around(plain, open_)) == []
    assert breaking_changes(around(open_, plain), around(hidden, plain)) == []


TEXT = {"minLength": st.just(1), "maxLength": st.just(20), "pattern": st.just("^a")}
scalars = st.one_of(
    st.fixed_dictionaries({"type": st.just("string")}, optional=TEXT),
    st.fixed_dictionaries({"type": st.just("string"), "enum": st.just(["a", "b", "c"])}),
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.just(0), "maximum": st.just(9)}),
    st.fixed_dictionaries({"type": st.just("boolean")}),
)


def grown(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    fields = st.dictionaries(st.sampled_from(["one", "two", "three"]), inner, min_size=1)
    objects = st.tuples(fields, st.sets(st.sampled_from(["one", "two", "three"]))).map(
        lambda each: {"type": "object", "properties": each[0], "required": sorted(set(each[0]) & each[1])}
    )
    arrays = st.builds(lambda items: {"type": "array", "items": items, "maxItems": 5, "minItems": 1}, inner)
    return st.one_of(objects, arrays, st.builds(lambda one: {"anyOf": [one, {"type": "null"}]}, st.one_of(objects, arrays)))


schemas = st.recursive(scalars, grown, max_leaves=8)


def nodes(schema: Json) -> Iterator[Json]:
    yield schema
    for inner in [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]:
        yield from nodes(inner)


def drop(key: str) -> Callable[[Json], Any]:
    return lambda node: node.pop(key)


NARROWER: dict[str, tuple[Callable[[Json], bool], Callable[[Json], Any]]] = {
    "a new required field": (
        lambda n: n.get("type") == "object",
        lambda n: (n["properties"].update(new={}), n["required"].append("new")),
    ),
    "a field is required now": (
        lambda n: n.get("type") == "object" and len(n["required"]) < len(n["properties"]),
        lambda n: n.update(required=list(n["properties"])),
    ),
    "no other fields": (lambda n: n.get("type") == "object", lambda n: n.update(additionalProperties=False)),
    "a pattern": (lambda n: n.get("type") == "string" and "pattern" not in n, lambda n: n.update(pattern="^b")),
    "a lower end": (lambda n: "maxLength" in n, lambda n: n.update(maxLength=19)),
    "an end": (lambda n: n.get("type") == "string" and "maxLength" not in n, lambda n: n.update(maxLength=19)),
    "a higher beginning": (lambda n: n.get("type") == "integer", lambda n: n.update(minimum=1)),
    "a lower maximum": (lambda n: n.get("type") == "integer", lambda n: n.update(maximum=8)),
    "fewer items": (lambda n: n.get("type") == "array", lambda n: n.update(maxItems=4)),
    "fewer words": (lambda n: "enum" in n, lambda n: n.update(enum=["a", "b"])),
    "not null": (lambda n: "anyOf" in n, lambda n: n["anyOf"].pop()),
}
WIDER: dict[str, tuple[Callable[[Json], bool], Callable[[Json], Any]]] = {
    "a field may be missing": (lambda n: bool(n.get("required")), lambda n: n["required"].pop()),
    "no pattern": (lambda n: "pattern" in n, drop("pattern")),
    "no end": (lambda n: "maxLength" in n, drop("maxLength")),
    "a later end": (lambda n: "maxLength" in n, lambda n: n.update(maxLength=21)),
    "no minimum": (lambda n: "minimum" in n, drop("minimum")),
    "a higher maximum": (lambda n: "maximum" in n, lambda n: n.update(maximum=10)),
    "more items": (lambda n: "maxItems" in n, lambda n: n.update(maxItems=6)),
    "no least": (lambda n: "minItems" in n, drop("minItems")),
    "more words": (lambda n: "enum" in n, lambda n: n["enum"].append("d")),
    "any word": (lambda n: "enum" in n, drop("enum")),
    "a number": (lambda n: n.get("type") == "integer", lambda n: n.update(type="number")),
    "another alternative": (lambda n: "anyOf" in n, lambda n: n["anyOf"].append({"type": "boolean"})),
}
OTHER: dict[str, tuple[Callable[[Json], bool], Callable[[Json], Any]]] = {
    "another type": (
        lambda n: n.get("type") in {"string", "integer", "boolean"},
        lambda n: (n.clear(), n.update(type="object")),
    ),
    "a field is gone": (lambda n: n.get("type") == "object", lambda n: n["properties"].pop(next(iter(n["properties"])))),
    "another pattern": (lambda n: "pattern" in n, lambda n: n.update(pattern="^b")),
    "another format": (lambda n: n.get("type") == "boolean", lambda n: n.update({"not": {"const": True}})),
}


@settings(max_examples=400)
@given(st.data(), schemas, st.booleans())
def test_each_change_of_a_schema_breaks_or_does_not_as_it_must(data: st.DataObject, schema: Json, sent: bool) -> None:
    plain: Json = {"type": "object"}
    old = around(schema, plain) if sent else around(plain, schema)
    assert breaking_changes(old, copy.deepcopy(old)) == []
    new = copy.deepcopy(old)
    changes = NARROWER | WIDER | OTHER
    possible = [
        (place, name)
        for place in nodes(new["components"]["schemas"]["Sent" if sent else "Read"])
        for name, (fits, _) in changes.items()
        if fits(place)
    ]
    place, name = data.draw(st.sampled_from(possible))
    changes[name][1](place)
    assume(new != old)
    # What is read may have more fields, also such as are always there, and may tell fewer kinds of them.
    breaks = name in OTHER or (name in NARROWER) == sent
    assert bool(breaking_changes(old, new)) == breaks, (name, old, new)
