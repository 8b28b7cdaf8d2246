"""Passwords over HTTP: a first login that must change it, a forgotten one, and what a client is told when it has to wait."""

import asyncio
from typing import Any
from uuid import UUID

import jwt

from messages.identity import (
    CreateUser,
    GetMail,
    Login,
    LogoutEverywhere,
    MakeApiKey,
    PasswordsBusy,
    RequestPasswordReset,
    Tokens,
    User,
)
from messages.ids import new_id
from runtime.envelope import unpack
from runtime.principal import Principal
from tests.actors.identity.test_lockout import locks_out
from tests.bank import Bank, until
from tests.edge.stub import Edge

FIRST, CHOSEN = "correct horse battery staple", "seven green kettles sing at noon"


async def made(bank: Bank, **details: Any) -> User:
    """A user whom an administrator made."""
    usual = {"username": f"u-{new_id().hex}@example.org", "password": FIRST, "roles": ("auditor",)}
    return await bank.says(CreateUser.model_validate({**usual, **details}))


async def logged_in(bank: Bank, user: User, password: str = FIRST) -> Tokens:
    return await bank.says(Login(username=user.username, password=password))


async def ask(bank: Bank, method: str, path: str, body: Any = None, *, tokens: Tokens | None = None) -> tuple[int, Any, Any]:
    headers = {} if tokens is None else {"Authorization": f"Bearer {tokens.access_token.get_secret_value()}"}
    async with bank.http.request(method, f"/api/v1{path}", json=body, headers=headers) as answer:
        raw = await answer.read()
        return answer.status, await answer.json(content_type=None) if raw else None, answer.headers


async def mailed_token(bank: Bank, user: User) -> str:
    """What is mailed to who forgot the password, once it is."""
    found: list[UUID] = []

    async def arrived() -> bool:
        wanted = "SELECT reset_id FROM identity.password_reset WHERE user_id = $1"
        found[:] = [row[0] for row in await bank.database.fetch(wanted, user.user_id)]
        return bool(found)

    await until(arrived)
    return (await bank.says(GetMail(mail_id=found[0]), as_=Principal("actor", "notification"))).token.get_secret_value()


async def reset_token(bank: Bank, user: User) -> str:
    """The same, asked for by message."""
    await bank.says(RequestPasswordReset(username=user.username))
    return await mailed_token(bank, user)


async def test_a_new_user_chooses_a_password_before_anything_else(bank: Bank) -> None:
    user = await made(bank)
    tokens = await logged_in(bank, user)
    status, problem, _ = await ask(bank, "GET", "/trial-balance", tokens=tokens)
    assert (status, problem["rule"]) == (403, "password_change_required")
    status, me, _ = await ask(bank, "GET", "/auth/me", tokens=tokens)
    assert (status, me["must_change_password"]) == (200, True)
    weak = {"current_password": FIRST, "new_password": "password1"}
    status, problem, _ = await ask(bank, "POST", "/password/change", weak, tokens=tokens)
    assert (status, problem["rule"], problem["errors"][0]["field"]) == (422, "password_too_weak", "new_password")
    assert "another word" in problem["detail"]
    good = {"current_password": FIRST, "new_password": CHOSEN}
    assert (await ask(bank, "POST", "/password/change", good, tokens=tokens))[0] == 204
    assert (await ask(bank, "GET", "/trial-balance", tokens=tokens))[0] == 200


async def test_who_changes_the_password_puts_out_the_other_devices_at_once(bank: Bank) -> None:
    user = await made(bank, must_change_password=False)
    here, elsewhere = await logged_in(bank, user), await logged_in(bank, user)
    for tokens in (here, elsewhere):
        assert (await ask(bank, "GET", "/auth/me", tokens=tokens))[0] == 200
    body = {"current_password": FIRST, "new_password": CHOSEN}
    assert (await ask(bank, "POST", "/password/change", body, tokens=here))[0] == 204
    assert (await ask(bank, "GET", "/auth/me", tokens=elsewhere))[0] == 401
    assert (await ask(bank, "GET", "/auth/me", tokens=here))[0] == 200


async def test_an_administrator_asks_for_another_password_and_the_next_request_knows(bank: Bank) -> None:
    user = await made(bank, must_change_password=False)
    tokens = await logged_in(bank, user)
    assert (await ask(bank, "GET", "/trial-balance", tokens=tokens))[0] == 200
    path = f"/api/v1/users/{user.user_id}/require-password-change"
    async with bank.http.post(path, headers=bank.root) as answer:
        assert answer.status == 200
    assert (await ask(bank, "GET", "/trial-balance", tokens=tokens))[1]["rule"] == "password_change_required"


async def test_a_forgotten_password_is_reset_and_all_sessions_are_over_at_once(bank: Bank) -> None:
    user = await made(bank, must_change_password=False)
    tokens = await logged_in(bank, user)
    assert (await ask(bank, "GET", "/auth/me", tokens=tokens))[0] == 200
    answers = [
        await ask(bank, "POST", "/password/reset-request", {"username": name})
        for name in (user.username, f"nobody-{new_id().hex}@example.org")
    ]
    assert [(status, body) for status, body, _ in answers] == [(202, {}), (202, {})]
    token = {"token": await mailed_token(bank, user)}
    assert (await ask(bank, "POST", "/password/verify-token", token))[0] == 200
    assert (await ask(bank, "POST", "/password/reset", {**token, "new_password": CHOSEN}))[0] == 204
    assert (await ask(bank, "GET", "/auth/me", tokens=tokens))[0] == 401
    status, problem, _ = await ask(bank, "POST", "/password/reset", {**token, "new_password": FIRST})
    assert (status, problem["rule"]) == (422, "reset_token_invalid")
    await logged_in(bank, user, CHOSEN)


async def test_who_guessed_too_often_is_told_how_long_to_wait(bank: Bank) -> None:
    user = await made(bank)
    await locks_out(bank, user.username)
    status, problem, headers = await ask(bank, "POST", "/auth/login", {"username": user.username, "password": FIRST})
    assert (status, problem["rule"]) == (429, "too_many_attempts")
    assert 20 <= int(headers["Retry-After"]) <= 30


async def test_who_comes_when_too_many_log_in_is_told_when_to_come_again(edge: Edge) -> None:
    edge.client.will_refuse(PasswordsBusy(retry_after_seconds=5))
    async with edge.http.post("/api/v1/auth/login", json={"username": "amina", "password": FIRST}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await answer.json(content_type=None))["rule"] == "passwords_busy"


async def test_a_request_for_a_reset_says_no_more_than_a_name(edge: Edge) -> None:
    async with edge.http.post("/api/v1/password/reset-request", json={"username": "amina", "address": "10.0.0.1"}) as answer:
        assert answer.status == 422
    assert not any(isinstance(said.message, RequestPasswordReset) for said in edge.client.said)


async def key_of(bank: Bank, tokens: Tokens) -> dict[str, Any]:
    status, made, _ = await ask(bank, "POST", "/api-keys", {"name": "x", "permissions": ["members:read"]}, tokens=tokens)
    assert status == 201, made
    return dict(made)


async def with_key(bank: Bank, key: str) -> int:
    async with bank.http.get("/api/v1/members", headers={"X-API-Key": key}) as answer:
        return answer.status


async def test_a_reset_ends_the_keys_that_whoever_had_the_account_may_have_made(bank: Bank) -> None:
    user, other = await made(bank, must_change_password=False), await made(bank, must_change_password=False)
    thief = await logged_in(bank, user)
    keys, spared = [await key_of(bank, thief) for _ in range(2)], await key_of(bank, await logged_in(bank, other))
    assert [await with_key(bank, each["key"]) for each in (*keys, spared)] == [200, 200, 200]
    revoked_before = keys.pop()
    assert (await ask(bank, "DELETE", f"/api-keys/{revoked_before['api_key_id']}", tokens=thief))[0] == 204
    body = {"token": await reset_token(bank, user), "new_password": CHOSEN}
    assert (await ask(bank, "POST", "/password/reset", body))[0] == 204
    assert [await with_key(bank, each["key"]) for each in (*keys, spared)] == [401, 200]
    _, page, _ = await ask(bank, "GET", "/api-keys", tokens=await logged_in(bank, user, CHOSEN))
    assert {each["api_key_id"]: each["revoked_because"] for each in page["items"]} == {
        keys[0]["api_key_id"]: "the password was reset",
        revoked_before["api_key_id"]: "by its user",
    }
    assert all(each["revoked_at"] for each in page["items"])
    rows = await bank.database.fetch("SELECT envelopes FROM runtime.outbox WHERE actor = 'identity'")
    told = [envelope for row in rows for envelope in unpack(row["envelopes"]) if envelope.key == str(user.user_id)]
    assert sum(envelope.type == "identity.api_key_revoked.v1" for envelope in told) == 2


async def test_a_key_that_is_being_made_while_the_password_is_reset_is_over_too(bank: Bank) -> None:
    """A thief who makes keys without pause has none that outlives the reset."""
    user = await made(bank, must_change_password=False)
    thief, token = await logged_in(bank, user), await reset_token(bank, user)
    assert (await ask(bank, "GET", "/auth/me", tokens=thief))[0] == 200
    wanted = {"name": "x", "permissions": ["members:read"]}
    reset = asyncio.ensure_future(ask(bank, "POST", "/password/reset", {"token": token, "new_password": CHOSEN}))
    making = []
    while not reset.done():
        making.append(asyncio.ensure_future(ask(bank, "POST", "/api-keys", wanted, tokens=thief)))
        await asyncio.wait([reset], timeout=0.01)
    assert (await reset)[0] == 204
    keys = [told["key"] for status, told, _ in await asyncio.gather(*making) if status == 201]
    assert keys
    assert {await with_key(bank, key) for key in keys} == {401}


async def test_a_key_is_not_made_in_a_session_that_is_over(bank: Bank) -> None:
    """However long ago the edge let it through."""
    user = await made(bank, must_change_password=False)
    tokens = await logged_in(bank, user)
    session_id = jwt.decode(tokens.access_token.get_secret_value(), options={"verify_signature": False})["sid"]
    as_ = Principal("user", str(user.user_id), user.roles)
    making = MakeApiKey(name="x", permissions=("members:read",), current=session_id)
    await bank.says(making, as_=as_)
    await bank.says(LogoutEverywhere(), as_=as_)
    with bank.refuses("session_over"):
        await bank.says(making, as_=as_)


async def test_whoever_changes_the_password_keeps_the_keys_that_they_know_of(bank: Bank) -> None:
    user = await made(bank, must_change_password=False)
    tokens = await logged_in(bank, user)
    key = await key_of(bank, tokens)
    body = {"current_password": FIRST, "new_password": CHOSEN}
    assert (await ask(bank, "POST", "/password/change", body, tokens=tokens))[0] == 204
    assert await with_key(bank, key["key"]) == 200
    [kept] = (await ask(bank, "GET", "/api-keys", tokens=tokens))[1]["items"]
    assert (kept["revoked_at"], kept["revoked_because"]) == (None, None)
