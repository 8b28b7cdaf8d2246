"""Passwords over HTTP: a first login that must change it, a forgotten one, and what a client is told when it has to wait."""

from typing import Any
from uuid import UUID

from messages.identity import CreateUser, GetMail, Login, PasswordsBusy, RequestPasswordReset, Tokens, User
from messages.ids import new_id
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
    found: list[UUID] = []

    async def arrived() -> bool:
        wanted = "SELECT reset_id FROM identity.password_reset WHERE user_id = $1"
        found[:] = [row[0] for row in await bank.database.fetch(wanted, user.user_id)]
        return bool(found)

    await until(arrived)
    mail = await bank.says(GetMail(mail_id=found[0]), as_=Principal("actor", "notification"))
    token = {"token": mail.token.get_secret_value()}
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
