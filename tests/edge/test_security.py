"""Who gets in, as whom, and what every answer carries."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from multidict import CIMultiDict

from http_edge.routes import ROUTES
from messages.base import Unauthenticated
from messages.identity import Login, WrongCredentials
from runtime.errors import Unavailable
from tests.bank import until
from tests.edge.stub import Edge, Key

ME = "/api/v1/auth/me"


async def ask(edge: Edge, authorization: str | None, path: str = ME) -> tuple[int, dict[str, Any], CIMultiDict[str]]:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with edge.http.get(path, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers.copy()


async def test_a_valid_token_speaks_for_its_user(edge: Edge) -> None:
    user, member = str(uuid4()), uuid4()
    status, _, _ = await ask(edge, f"Bearer {edge.token(sub=user, roles=['member'], member=str(member))}")
    assert status == 200
    principal = edge.last.principal
    assert (principal.kind, principal.id, principal.roles, principal.member_id) == ("user", user, ("member",), member)


async def test_the_scheme_may_be_written_small(edge: Edge) -> None:
    status, _, _ = await ask(edge, f"bearer {edge.token()}")
    assert status == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic cm9vdDpyb290", "Token x"])
async def test_who_brings_no_token_is_asked_for_one(edge: Edge, authorization: str | None) -> None:
    status, problem, headers = await ask(edge, authorization)
    assert (status, problem["rule"]) == (401, "unauthenticated")
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert not edge.client.said


def bad_tokens(edge: Edge) -> dict[str, str]:
    good, now = edge.token(), int(time.time())
    head, claims, signature = good.split(".")
    public = edge.client.keys[0].public["x"]
    return {
        "nonsense": "nonsense",
        "no_signature": f"{head}.{claims}.",
        "other_signature": f"{head}.{claims}.{signature[::-1]}",
        "none": jwt.encode(edge.claims(), "", "none", headers={"kid": "first", "typ": "at+jwt"}),
        "symmetric": jwt.encode(edge.claims(), public.ljust(64, "x"), "HS256", headers={"kid": "first", "typ": "at+jwt"}),
        "other_key": edge.token(key=Key("first")),
        "unknown_key": edge.token(key=Key("second")),
        "no_access_token": edge.token(header={"typ": "JWT"}),
        "names_a_key_elsewhere": edge.token(header={"jku": "https://evil.example/keys"}),
        "expired": edge.token(exp=now - 1),
        "from_the_future": edge.token(iat=now + 600),
        "never_ends": edge.token(exp=None),
        "ends_as_text": edge.token(exp=str(now + 600)),
        "other_issuer": edge.token(iss="somebody"),
        "other_audience": edge.token(aud="somebody"),
        "too_long": good + "x" * 5000,
    }


async def test_a_token_with_a_fault_is_refused(edge: Edge) -> None:
    for fault, token in bad_tokens(edge).items():
        status, problem, headers = await ask(edge, f"Bearer {token}")
        assert (status, problem["rule"]) == (401, "unauthenticated"), fault
        assert 'error="invalid_token"' in headers["WWW-Authenticate"], fault
        assert not edge.client.said, fault


async def test_a_known_token_ends_when_it_ends(edge: Edge) -> None:
    token = f"Bearer {edge.token()}"
    assert (await ask(edge, token))[0] == 200
    edge.clock.advance(seconds=899)
    assert (await ask(edge, token))[0] == 200
    edge.clock.advance(seconds=2)
    assert (await ask(edge, token))[0] == 401


async def test_keys_are_asked_for_once_and_strangers_cause_no_more(edge: Edge) -> None:
    for _ in range(5):
        assert (await ask(edge, f"Bearer {edge.token()}"))[0] == 200
    for n in range(5):
        assert (await ask(edge, f"Bearer {edge.token(key=Key(f'invented-{n}'))}"))[0] == 401
    assert edge.client.key_questions == 1


async def test_without_identity_a_new_token_has_to_wait(edge: Edge) -> None:
    edge.client.identity_is_away = Unavailable("nobody answers", retry_after_seconds=3)
    status, problem, headers = await ask(edge, f"Bearer {edge.token()}")
    assert (status, problem["rule"], headers["Retry-After"]) == (503, "unavailable", "3")
    edge.client.identity_is_away = None
    assert (await ask(edge, f"Bearer {edge.token()}"))[0] == 200


@pytest.mark.parametrize(("role", "status"), [("teller", 200), ("auditor", 403), ("own_role", 200)])
async def test_built_in_roles_decide_before_anybody_is_asked_and_of_others_the_actor(
    edge: Edge, role: str, status: int
) -> None:
    body = {"person": {"given_name": "Amina", "born_on": "1990-01-01"}}
    async with edge.http.post("/api/v1/members/persons", json=body, headers=edge.as_(role)) as answer:
        assert answer.status in {status, 201}
        if status == 403:
            assert (await answer.json(content_type=None))["rule"] == "forbidden"
    assert len(edge.client.said) == (status == 200)


async def test_a_login_speaks_for_nobody(edge: Edge) -> None:
    edge.client.will_reply({"access_token": "x"})
    async with edge.http.post("/api/v1/auth/login", json={"username": "amina", "password": "pass"}) as answer:
        assert answer.status == 200
    assert isinstance(edge.last.message, Login)
    assert edge.last.principal.roles == ()


async def test_wrong_credentials_are_401_with_a_challenge(edge: Edge) -> None:
    edge.client.will_refuse(WrongCredentials())
    async with edge.http.post("/api/v1/auth/login", json={"username": "amina", "password": "pass"}) as answer:
        assert answer.status == 401
        assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ME), ("GET", "/nowhere"), ("DELETE", ME), ("POST", "/api/v1/transfers"), ("GET", "/health"), ("GET", "/api/docs"),
     ("GET", "/api/v1/openapi.json"), ("TRACE", ME), ("OPTIONS", ME)],
)  # fmt: skip
async def test_every_answer_carries_the_same_protection(edge: Edge, method: str, path: str) -> None:
    async with edge.http.request(method, path, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] == "coffer"
        assert "Date" in answer.headers
        assert not any(name.startswith("Access-Control") for name in answer.headers)


async def test_the_conversation_has_the_clients_id(edge: Edge) -> None:
    given = str(uuid4())
    async with edge.http.get(ME, headers=edge.as_() | {"X-Request-Id": given}) as answer:
        assert answer.headers["X-Request-Id"] == given
    assert edge.last.correlation_id == given


@pytest.mark.parametrize("given", ["", "abc", "{" + str(uuid4()) + "}", "x" * 5000, "' OR 1=1"])
async def test_an_id_that_is_none_is_replaced(edge: Edge, given: str) -> None:
    async with edge.http.get(ME, headers=edge.as_() | {"X-Request-Id": given}) as answer:
        assert answer.headers["X-Request-Id"] == str(edge.last.message_id) == edge.last.correlation_id


async def test_the_clients_trace_goes_on(edge: Edge) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with edge.http.get(ME, headers=edge.as_() | {"traceparent": trace}):
        pass
    assert edge.last.traceparent == trace


async def test_an_actor_may_still_say_no(edge: Edge) -> None:
    edge.client.will_refuse(Unauthenticated())
    status, problem, _ = await ask(edge, f"Bearer {edge.token()}")
    assert (status, problem["rule"]) == (401, "unauthenticated")


async def test_of_many_first_requests_of_a_token_one_asks_what_it_may_do(edge: Edge) -> None:
    token = f"Bearer {edge.token()}"
    answers = await asyncio.gather(*(ask(edge, token) for _ in range(20)))
    assert {status for status, _, _ in answers} == {200}
    assert (await ask(edge, token))[0] == 200
    assert edge.client.session_questions == 1


async def test_what_identity_says_counts_and_not_what_the_token_says(edge: Edge) -> None:
    session = str(uuid4())
    token = f"Bearer {edge.token(sid=session, roles=['admin'])}"
    edge.client.sessions[session]["roles"] = ["auditor"]
    assert (await ask(edge, token))[0] == 200
    assert edge.last.principal.roles == ("auditor",)


async def test_a_session_that_is_over_is_refused_though_its_token_is_good(edge: Edge) -> None:
    session = str(uuid4())
    token = f"Bearer {edge.token(sid=session)}"
    del edge.client.sessions[session]
    status, problem, headers = await ask(edge, token)
    assert (status, problem["rule"]) == (401, "unauthenticated")
    assert 'error="invalid_token"' in headers["WWW-Authenticate"]
    assert not edge.client.said


async def test_anothers_session_is_no_help(edge: Edge) -> None:
    session = str(uuid4())
    token = f"Bearer {edge.token(sid=session)}"
    edge.client.sessions[session]["user_id"] = str(uuid4())
    assert (await ask(edge, token))[0] == 401


async def test_who_comes_after_a_change_asks_anew_and_does_not_wait_for_an_older_answer(edge: Edge) -> None:
    session, user = str(uuid4()), str(uuid4())
    token = f"Bearer {edge.token(sid=session, sub=user)}"
    edge.client.session_answers_after = asyncio.Event()
    first = asyncio.ensure_future(ask(edge, token))
    await until(lambda: edge.client.session_questions == 1)
    edge.app.gatekeeper.forget(user)
    second = asyncio.ensure_future(ask(edge, token))
    await until(lambda: edge.client.session_questions == 2)
    edge.client.session_answers_after.set()
    assert [(await first)[0], (await second)[0]] == [200, 200]


async def test_what_was_asked_before_a_change_is_not_remembered_after_it(edge: Edge) -> None:
    session, user = str(uuid4()), str(uuid4())
    token = f"Bearer {edge.token(sid=session, sub=user)}"
    edge.client.session_answers_after = asyncio.Event()
    first = asyncio.ensure_future(ask(edge, token))
    await until(lambda: edge.client.session_questions == 1)
    edge.app.gatekeeper.forget(user)
    edge.client.session_answers_after.set()
    assert (await first)[0] == 200
    del edge.client.sessions[session]
    assert (await ask(edge, token))[0] == 401


async def test_only_the_user_who_changed_is_forgotten(edge: Edge) -> None:
    mine, other = str(uuid4()), str(uuid4())
    tokens = [f"Bearer {edge.token(sub=user)}" for user in (mine, mine, other)]
    for token in tokens:
        assert (await ask(edge, token))[0] == 200
    edge.app.gatekeeper.forget(mine)
    now = edge.clock.now().timestamp()
    assert [edge.app.gatekeeper.known(token, now) is not None for token in tokens] == [False, False, True]


async def test_who_must_change_the_password_may_look_at_themself_and_leave(edge: Edge) -> None:
    session = str(uuid4())
    token = f"Bearer {edge.token(sid=session)}"
    edge.client.sessions[session]["must_change_password"] = True
    assert (await ask(edge, token))[0] == 200
    status, problem, _ = await ask(edge, token, "/api/v1/members")
    assert (status, problem["rule"]) == (403, "password_change_required")
    allowed = {(route.method, route.path) for route in ROUTES if route.for_restricted}
    assert allowed == {
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("POST", "/auth/logout-all"),
        ("POST", "/password/change"),
        ("GET", "/auth/mfa"),
        ("POST", "/auth/mfa/enrol"),
        ("POST", "/auth/mfa/confirm"),
    }
