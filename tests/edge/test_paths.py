"""Paths written otherwise than they are: none leads anywhere, so that no proxy's rule before us and no limit here can be walked around."""

import json
from uuid import uuid4

from tests.edge.stub import STILL_OPEN, Edge, exchange

ONE = str(uuid4())
OTHERWISE = (
    "/api/v1/users/",
    "/api/v1//users",
    "//api/v1/users",
    "/api//v1/users",
    "/api/v1/users//",
    "/API/v1/users",
    "/api/V1/users",
    "/api/v1/Users",
    "/api/v1/USERS",
    "/api/v1/./users",
    "/./api/v1/users",
    "/api/v1/users/.",
    "/api/v1/users/..",
    "/api/v1/members/../users",
    "/api/v1/auth/login/../../users",
    "/api/docs/../v1/users",
    "/health/../api/v1/users",
    "/api/v1/%2e/users",
    "/api/v1/members/%2e%2e/users",
    "/api/v1/members/%2E%2E%2Fusers",
    "/api/v1/members/..%2fusers",
    "/api/v1/members/..%5cusers",
    "/api/v1/members/..\\users",
    "/api/v1\\users",
    "/api/v1/..;/users",
    "/api/v1/members/..;/users",
    "/api/v1%2fusers",
    "/api%2Fv1%2Fusers",
    "/%61pi/v1/users",
    "/api/v1/%75sers",
    "/api/v1/%2575sers",
    "/api/v1/users%20",
    "/api/v1/users%00",
    "/api/v1/users%0a",
    "/api/v1/users%0d%0aX-Injected:%20yes",
    "/api/v1/users%23",
    "/api/v1/users%3f",
    "/api/v1/users.json",
    "/api/v1/users.",
    "/api/v1/users;x=1",
    "/api/v1/users;jsessionid=1",
    "/api/v1/users,1",
    "/api/v1/users*",
    "/api/v1/%c0%ae%c0%ae/users",
    "/api/v1/%c0%afusers",
    "/api/v1/%ef%bc%8fusers",
    "/api/v1/%u0075sers",
    "/api/v1/use%",
    "/api/v1/users%2f" + ONE,
    f"/api/v1/users/{ONE}%2froles",
    f"/api/v1/users/{ONE}/",
    f"/api/v1/users/{ONE}//",
    f"/api/v1/users/{ONE}%00",
    f"/api/v1/users/{ONE}%20",
    f"/api/v1/users/{ONE}.json",
    f"/api/v1/users/{ONE};x",
    f"/api/v1/users/..%2f{ONE}",
    f"/api/v1/users/%2e%2e/users/{ONE}",
    f"/api/v1/users/{{{ONE}",
    f"/api/v1/users/*{ONE}",
    "/api/v1/users/me",
    "/api/v1/users/*",
    "/api/v1/users/null",
    "/api/v1/users/%",
    "/api/v1/users/-1",
    "/api/v1/users/' OR 1=1".replace(" ", "%20"),
    "/api/v1/roles/..%2fusers",
    "/api/v1/roles/%2e%2e",
    "/api/v1/roles/teller%00admin",
    "/api/v1/roles/teller%0aadmin",
    "/api/v1/roles/Teller",
    "/api/v1/roles/",
    "/api/v1",
    "/api/v1/",
    "/api/v2/users",
    "/api/v1.0/users",
    "/v1/users",
    "/users",
)
"""Users, or a user or role, as programs before and behind others understand them; here only /api/v1/users is."""


async def test_a_path_means_what_it_says_and_nothing_else(edge: Edge) -> None:
    """On the wire: a client of ours would tidy them first."""
    found, authorization = [], edge.as_("admin")["Authorization"].encode()
    good = b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nConnection: close\r\n\r\n" % authorization
    assert (await exchange(edge, good, quiet_seconds=5)).startswith(b"HTTP/1.1 200 ")
    said = len(edge.client.said)
    for path in OTHERWISE:
        received = await exchange(edge, good.replace(b"/api/v1/users", path.encode(), 1), quiet_seconds=5)
        head, _, body = received.partition(b"\r\n\r\n")
        rule = json.loads(body)["rule"] if body.startswith(b"{") else body
        if (head[9:12], rule) not in {(b"404", "no_such_path"), (b"404", "not_found"), (b"404", "unknown_version")}:
            found.append(f"{path}: {head[:12]!r} {rule!r}")
        if len(edge.client.said) != said:
            found.append(f"{path} was said: {edge.last.message!r}")
            said = len(edge.client.said)
        assert b"X-Injected" not in received
        assert STILL_OPEN not in received
    assert not found, "\n" + "\n".join(found)


async def test_no_header_leads_elsewhere_than_the_path(edge: Edge) -> None:
    """Some servers, and proxies before them, let a header rewrite what was asked for."""
    elsewhere = "/api/v1/users"
    headers = {
        "X-Original-URL": elsewhere,
        "X-Rewrite-URL": elsewhere,
        "X-Forwarded-Path": elsewhere,
        "X-Forwarded-Prefix": "/api/v1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-HTTP-Method-Override": "GET",
        "X-HTTP-Method": "GET",
        "X-Method-Override": "GET",
        "X-Forwarded-User": "root",
        "X-Remote-User": "root",
        "X-User-Id": str(uuid4()),
        "X-Roles": "admin",
        "Cookie": "access_token=x; session=x",
    }
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        async with edge.http.request(method, "/nowhere", headers={**edge.as_("admin"), **headers}) as answer:
            assert answer.status == 404
            assert "evil" not in str(answer.headers)
        async with edge.http.request(method, "/api/v1/auth/me?_method=GET&access_token=x", headers=headers) as answer:
            assert answer.status == (401 if method in {"GET", "HEAD"} else 405)
    assert not edge.client.said
