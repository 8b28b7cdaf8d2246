"""Entity tags: whoever has an answer already gets 304, and nobody is told 304 of what looks different."""

from uuid import uuid4

import pytest

from http_edge.validators import has_it, tag_of, version_in
from tests.edge.stub import Edge

ACCOUNT = f"/api/v1/accounts/{uuid4()}"
PRODUCT = f"/api/v1/loan-products/{uuid4()}"


def test_a_tag_names_version_and_body() -> None:
    tag = tag_of(b"one", 7)
    assert version_in(tag) == 7
    assert tag != tag_of(b"two", 7)
    assert tag == tag_of(b"one", 7)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ('"7"', 7),
        ('"7-0123456789abcdef"', 7),
        ('"0123456789abcdef"', None),
        ('"1234567890123456"', 1234567890123456),
        ('W/"7"', None),
        ('"07"', None),
        ('"7-x"', None),
        ('""', None),
        ("7", None),
    ],
)
def test_the_version_in_a_tag(tag: str, version: int | None) -> None:
    assert version_in(tag) == version


@pytest.mark.parametrize(
    ("held", "has"),
    [
        (None, False),
        ("*", True),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b",W/"a"', True),
        ('"b"', False),
        ("a", False),
        ('"a', False),
        ("", False),
        ('"b"' + ', "b"' * 5_000 + ', "a"', False),
    ],
)
def test_whether_a_client_has_it(held: str | None, has: bool) -> None:
    assert has_it(held, '"a"') is has


async def test_what_the_client_has_is_not_sent_again(edge: Edge) -> None:
    reply = {"account_id": str(uuid4()), "version": 3}
    edge.client.will_reply(reply)
    async with edge.http.get(ACCOUNT, headers=edge.as_()) as answer:
        tag = answer.headers["ETag"]
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["Vary"] == "Authorization, X-API-Key"
    for method in ("GET", "HEAD"):
        edge.client.will_reply(reply)
        async with edge.http.request(method, ACCOUNT, headers=edge.as_() | {"If-None-Match": f'"other", {tag}'}) as answer:
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag)
            assert "Content-Length" not in answer.headers
            assert "Content-Type" not in answer.headers
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_same_version_that_looks_different_is_sent(edge: Edge) -> None:
    edge.client.will_reply({"product_id": "x", "version": 1, "status": "active"})
    async with edge.http.get(PRODUCT, headers=edge.as_()) as answer:
        tag = answer.headers["ETag"]
    edge.client.will_reply({"product_id": "x", "version": 1, "status": "retired"})
    async with edge.http.get(PRODUCT, headers=edge.as_() | {"If-None-Match": tag}) as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "retired")


async def test_a_refusal_is_never_304(edge: Edge) -> None:
    async with edge.http.get(ACCOUNT, headers={"If-None-Match": "*"}) as answer:
        assert answer.status == 401


async def test_reference_data_may_be_kept_if_it_is_asked_for_each_time(edge: Edge) -> None:
    async with edge.http.get(PRODUCT, headers=edge.as_()) as answer:
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers.getall("Cache-Control") == ["private, no-cache"]


async def test_a_change_does_not_look_at_if_none_match(edge: Edge) -> None:
    path = f"{ACCOUNT}/close"
    async with edge.http.post(path, json={"reason": "moved"}, headers=edge.as_() | {"If-None-Match": "*"}) as answer:
        assert answer.status == 200
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Cache-Control"] == "no-store"
