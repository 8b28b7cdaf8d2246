"""Whatever is sent to whatever route: a message of that route, or a problem; never anything else."""

import json
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from http_edge.binding import Binding
from http_edge.idempotency import message_id_for
from http_edge.problems import Problem
from http_edge.route import Idempotency, Route
from http_edge.routes import ROUTES
from messages.base import Message
from runtime.principal import Principal

BINDINGS = [(route, Binding(route)) for route in ROUTES]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["KES", "12.50", "2026-01-31"])
NAMES = st.sampled_from(sorted({name for route in ROUTES for name in route.message.model_fields})) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
BODIES = st.binary(max_size=300) | st.dictionaries(NAMES, VALUES, max_size=6).map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(st.sampled_from(["If-Match"]), st.text(max_size=20))
T = TypeVar("T")
SOMEBODY = Principal("user", "somebody")


def headers_of(headers: dict[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(headers))


def or_problem(call: Callable[[], T]) -> T | Problem:
    try:
        return call()
    except Problem as problem:
        return problem


def assert_said_or_refused(route: Route, call: Callable[[], Message]) -> None:
    found = or_problem(call)
    if isinstance(found, Problem):
        assert 400 <= found.status < 500
        assert found.body("")
    else:
        assert type(found) is route.message
        assert found.model_dump_json()


@given(st.sampled_from([each for each in BINDINGS if each[0].has_body]), BODIES, HEADERS, st.data())
def test_a_body(binding: tuple[Route, Binding], body: bytes, headers: dict[str, str], data: st.DataObject) -> None:
    route, binds = binding
    values = tuple(data.draw(st.text(max_size=40)) for _ in route.path_fields)
    assert_said_or_refused(route, lambda: binds.from_body(body, MultiDictProxy(MultiDict()), values, headers_of(headers)))


@given(
    st.sampled_from([each for each in BINDINGS if not each[0].has_body]),
    st.lists(st.tuples(NAMES, st.text(max_size=40)), max_size=5),
    HEADERS,
    st.uuids(),
)
def test_a_query(binding: tuple[Route, Binding], query: list[tuple[str, str]], headers: dict[str, str], some: UUID) -> None:
    route, binds = binding
    values = tuple(str(some) for _ in route.path_fields)
    assert_said_or_refused(route, lambda: binds.from_query(MultiDictProxy(MultiDict(query)), values, headers_of(headers)))


@given(st.text(max_size=600))
def test_a_key(key: str) -> None:
    headers = headers_of({"Idempotency-Key": key})
    found = or_problem(lambda: message_id_for(Idempotency.REQUIRED, headers, SOMEBODY))
    if isinstance(found, Problem):
        assert found.rule == "idempotency_key_malformed"
    else:
        assert found == message_id_for(Idempotency.OPTIONAL, headers, SOMEBODY)
        assert found[0].version == 5


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9))
    )
)
def test_different_keys_and_people_are_different_messages(said: list[tuple[str, str]]) -> None:
    def unquoted(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"')

    ids = {
        (who, key): message_id_for(
            Idempotency.REQUIRED, headers_of({"Idempotency-Key": f'"{unquoted(key)}"'}), Principal("user", who)
        )[0]
        for who, key in said
    }
    assert len(set(ids.values())) == len(ids)
