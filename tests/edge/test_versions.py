"""Versions of the interface: one that there is not is said to be unknown, and what will go says when, and what comes instead."""

from datetime import date

import pytest

from http_edge.endpoint import MessageEndpoint, Shared
from http_edge.openapi import openapi_document
from http_edge.route import Deprecated, Route, check_routes
from messages.identity import WhoAmI
from tests.edge.stub import Edge

OLD = Route("GET", "/auth/me", WhoAmI, deprecated=Deprecated(date(2027, 1, 1), date(2027, 7, 1), "/api/v1/me"))


@pytest.mark.parametrize("path", ["/api/v2/members", "/api/v2", "/api/v0/members?x=1", "/api/v11/members"])
async def test_an_unknown_version_is_named_with_those_there_are(edge: Edge, path: str) -> None:
    async with edge.http.get(path) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["rule"], problem["versions"]) == (404, "unknown_version", ["v1"])
    assert path.split("/")[2].partition("?")[0] in problem["detail"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/members", "/api/vienna/members", "/v2/members", "/api/v1"])
async def test_what_names_no_version_is_just_not_there(edge: Edge, path: str) -> None:
    async with edge.http.get(path) as answer:
        assert (await answer.json(content_type=None))["rule"] == "no_such_path"


async def test_what_will_go_says_when_and_what_comes_instead(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: Shared = edge.app.router.find("GET", "/api/v1/auth/me")[0]._shared  # type: ignore[attr-defined]  # the edge's own
    monkeypatch.setitem(edge.app.router._fixed["/api/v1/auth/me"], "GET", MessageEndpoint(OLD, shared))
    for headers, status in ((edge.as_(), 200), ({}, 401)):
        async with edge.http.get("/api/v1/auth/me", headers=headers) as answer:
            assert answer.status == status
            assert answer.headers["Deprecation"] == "@1798761600"
            assert answer.headers["Sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
            assert answer.headers["Link"] == '</api/v1/me>; rel="successor-version"'


def test_what_will_go_is_told_in_the_document() -> None:
    told = openapi_document([OLD])["paths"]["/api/v1/auth/me"]["get"]
    assert told["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= told["responses"]["200"]["headers"].keys()


def test_nothing_is_gone_before_it_is_deprecated() -> None:
    with pytest.raises(TypeError, match="gone before"):
        check_routes([Route("GET", "/auth/me", WhoAmI, deprecated=Deprecated(date(2027, 1, 1), date(2027, 1, 1), "/x"))])
