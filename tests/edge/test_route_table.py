"""The route table: a wrong row does not start, and what is served, documented and permitted is one and the same."""

import pytest

from config.roles import load_roles
from http_edge.openapi import openapi_document
from http_edge.route import Idempotency, Method, Route, check_routes
from http_edge.router import Router
from http_edge.routes import ROUTES, TAGS
from messages.base import Command, Done, Query, Reply
from messages.ids import MemberId
from tests.edge.stub import Edge

MOVES_MONEY = ("/entries", "/transfers", "/deposits", "/withdrawals", "/holds")


class Shelf(Reply):
    """A shelf."""

    shelf_id: MemberId
    version: int


class BuildShelf(Command[Shelf], wire="edge_test.build_shelf.v1", permission="shelves:build"):
    """Build a shelf."""

    shelf_id: MemberId
    expected_version: int | None = None


class SeeShelf(Query[Shelf], wire="edge_test.see_shelf.v1", permission="shelves:see"):
    """See a shelf."""

    shelf_id: MemberId


class Whisper(Command[Done], wire="edge_test.whisper.v1", remember=False):
    """Say something that nobody writes down."""


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (Route("POST", "/Shelves", BuildShelf), "kebab-case"),
        (Route("POST", "/my_shelves", BuildShelf), "kebab-case"),
        (Route("POST", "/shelves/", BuildShelf), "kebab-case"),
        (Route("POST", "/shelves/{shelf}", BuildShelf), "no field of the message"),
        (Route("POST", "/shelves", BuildShelf, makes="/shelves/{id}"), "no field of the reply"),
        (Route("POST", "/shelves", BuildShelf, permission="shelves:see"), "permission"),
        (Route("GET", "/shelves", BuildShelf), "GET changes"),
        (Route("GET", "/shelves/{shelf_id}", SeeShelf, idempotency=Idempotency.REQUIRED), "idempotency key"),
        (Route("POST", "/shelves", BuildShelf, public=True), "no token"),
        (Route("POST", "/whispers", Whisper, idempotency=Idempotency.OPTIONAL), "kept nowhere"),
    ],
)
def test_a_wrong_row_does_not_start(row: Route, fault: str) -> None:
    with pytest.raises(TypeError, match=fault):
        check_routes([row])


def test_a_path_is_in_the_table_once() -> None:
    one = Route("POST", "/shelves/{shelf_id}/build", BuildShelf)
    check_routes([one, Route("GET", "/shelves/{shelf_id}/build", SeeShelf)])
    with pytest.raises(TypeError, match="more than once"):
        check_routes([one, one])


def test_the_table_is_right() -> None:
    check_routes(ROUTES)


def test_each_permission_is_given_to_somebody() -> None:
    given = {permission for permissions in load_roles().values() for permission in permissions}
    asked = {route.message.permission for route in ROUTES if route.message.permission}
    assert asked <= given, asked - given


def test_only_getting_in_and_a_forgotten_password_are_for_strangers() -> None:
    public = [route for route in ROUTES if route.public]
    assert {route.path for route in public} == {
        *("/auth/login", "/auth/refresh", "/auth/logout", "/auth/mfa/verify", "/auth/accept-invitation"),
        *("/password/reset-request", "/password/verify-token", "/password/reset"),
    }


def test_whatever_moves_money_needs_a_key() -> None:
    for route in ROUTES:
        if route.method == "POST" and any(noun in route.path for noun in MOVES_MONEY):
            assert route.key_rule is Idempotency.REQUIRED, route.path


def test_each_resource_is_described() -> None:
    assert {route.tag for route in ROUTES} == set(TAGS)


BESIDE = {"/api/docs/{file}", "/docs", "/problems/{rule}"}
"""The page's own files, where it used to be, and the address of each problem."""


def test_what_is_served_is_documented_and_the_other_way_round(edge: Edge) -> None:
    served = {(method, path) for method, path in edge.app.router.paths if path not in BESIDE}
    documented = {
        (method.upper(), path) for path, operations in openapi_document(ROUTES)["paths"].items() for method in operations
    }
    assert served == documented


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/api/v1/members/",
        "/api/v1//members",
        "/api/v1/Members",
        "/api/v1/members;x=1",
        "/api/v1/%6dembers",
        "/api/v1/./members",
    ],
)
async def test_a_path_is_matched_as_it_is_written(edge: Edge, path: str) -> None:
    with pytest.raises(Exception, match="no_such_path"):
        edge.app.router.find("GET", path)


def test_written_out_segments_go_before_parameters() -> None:
    router = Router()

    def endpoint(name: str) -> object:
        async def answer(*_: object) -> None:
            """Nothing."""

        answer.__name__ = name
        return answer

    rows: list[tuple[Method, str]] = [
        ("GET", "/a/{x}"),
        ("GET", "/a/b"),
        ("GET", "/a/b/c"),
        ("GET", "/a/{x}/d"),
        ("POST", "/a/{y}"),
    ]
    for method, path in rows:
        router.add(method, path, endpoint(path))  # type: ignore[arg-type]  # never called
    found = {
        path: (endpoint.__name__, values)
        for path in ("/a/z", "/a/b", "/a/b/c", "/a/b/d")
        for endpoint, values in [router.find("GET", path)]
    }
    assert found == {
        "/a/z": ("/a/{x}", ("z",)),
        "/a/b": ("/a/b", ()),
        "/a/b/c": ("/a/b/c", ()),
        "/a/b/d": ("/a/{x}/d", ("b",)),
    }
