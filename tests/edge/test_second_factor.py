"""A second factor over HTTP, on a real bank: enrolled with the password, asked for at each login, each code good for one use."""

import asyncio
from typing import Any

import jwt
import pytest

from actors.identity.handlers.hashing import Hashing
from actors.identity.rules.challenges import LIVES
from messages.identity import DisableUser
from messages.ids import new_id
from runtime.envelope import unpack
from tests.bank import Bank, until
from tests.edge.people import PASSWORD, Person


@pytest.fixture
async def amina(bank: Bank) -> Person:
    """Somebody with an authenticator."""
    person = await Person.new(bank)
    await person.enrols()
    return person


async def events(bank: Bank, person: Person, wire: str) -> int:
    """How many of these were told of a user."""
    rows = await bank.database.fetch("SELECT envelopes FROM runtime.outbox WHERE actor = 'identity'")
    told = [envelope for row in rows for envelope in unpack(row["envelopes"])]
    return sum(envelope.type == wire and envelope.key == str(person.user.user_id) for envelope in told)


async def test_a_login_asks_for_a_code_and_gives_tokens_for_it(bank: Bank, amina: Person) -> None:
    login = {"username": amina.user.username, "password": PASSWORD}
    status, told = await amina.asks("POST", "/auth/login", login, token="")
    assert (status, told["mfa_required"], told["access_token"]) == (200, True, None)
    body = {"challenge": told["challenge"], "code": amina.next_code()}
    status, told = await amina.asks("POST", "/auth/mfa/verify", body, token="")
    assert status == 200, told
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert claims["amr"] == ["pwd", "otp"]
    assert claims["auth_time"] == int(bank.clock.now().timestamp())
    assert (await amina.asks("GET", "/auth/me", token=told["access_token"]))[0] == 200
    _, refreshed = await amina.asks("POST", "/auth/refresh", {"refresh_token": told["refresh_token"]}, token="")
    again = jwt.decode(refreshed["access_token"], options={"verify_signature": False})
    assert (again["amr"], again["auth_time"]) == (claims["amr"], claims["auth_time"])


async def test_a_code_can_come_with_the_login(amina: Person) -> None:
    status, told = await amina.logs_in(code=amina.next_code())
    assert (status, told["mfa_required"]) == (200, False)
    assert (await amina.asks("GET", "/auth/mfa"))[1]["enabled"]


async def test_a_password_alone_is_worth_nothing(amina: Person) -> None:
    await amina.challenge()
    status, problem = await amina.logs_in(code="000000")
    assert (status, problem["rule"]) == (422, "mfa_code_wrong")


async def test_a_code_counts_once_in_two_sessions_and_within_its_window(amina: Person) -> None:
    first, second = await amina.challenge(), await amina.challenge()
    code = amina.next_code()
    answers = await asyncio.gather(*(amina.verifies(challenge, code) for challenge in (first, second) * 5))
    assert sorted(status for status, _ in answers) == [200] + [422] * 9
    for challenge in (first, second):
        assert (await amina.verifies(challenge, code))[1]["rule"] == "mfa_code_wrong"
        assert (await amina.verifies(challenge, amina.code(-1)))[1]["rule"] == "mfa_code_wrong"
    assert (await amina.verifies(first, amina.next_code()))[0] == 200


async def test_a_recovery_code_is_good_for_one_use_of_ten_at_once(bank: Bank, amina: Person) -> None:
    challenge = await amina.challenge()
    code = amina.recovery_codes[0]
    answers = await asyncio.gather(*(amina.verifies(challenge, code.lower()) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [200] + [422] * 9
    amina.token = next(told["access_token"] for status, told in answers if status == 200)
    _, state = await amina.asks("GET", "/auth/mfa")
    assert state["recovery_codes_left"] == 9
    assert (await amina.verifies(challenge, amina.recovery_codes[1]))[0] == 200


async def test_new_recovery_codes_replace_the_old(amina: Person) -> None:
    body = {"password": PASSWORD, "code": amina.next_code()}
    status, told = await amina.asks("POST", "/auth/mfa/recovery-codes", body)
    assert (status, len(set(told["recovery_codes"]))) == (200, 10)
    challenge = await amina.challenge()
    assert (await amina.verifies(challenge, amina.recovery_codes[0]))[1]["rule"] == "mfa_code_wrong"
    assert (await amina.verifies(challenge, told["recovery_codes"][0]))[0] == 200


async def test_a_challenge_is_no_access_token_and_an_access_token_is_no_challenge(amina: Person) -> None:
    challenge = await amina.challenge()
    assert (await amina.asks("GET", "/auth/me", token=challenge))[0] == 401
    assert (await amina.asks("POST", "/auth/refresh", {"refresh_token": challenge[:200]}, token=""))[0] == 401
    for other in (amina.token, amina.refresh_token or "x", "x"):
        status, problem = await amina.verifies(other, amina.next_code())
        assert (status, problem["rule"]) == (401, "mfa_challenge_invalid")


async def test_a_challenge_ends_with_its_time_its_password_and_its_user(bank: Bank, amina: Person) -> None:
    late = await amina.challenge()
    bank.clock.advance(seconds=LIVES.total_seconds())
    assert (await amina.verifies(late, amina.code()))[1]["rule"] == "mfa_challenge_invalid"
    before = await amina.challenge()
    await amina.logs_in(code=amina.next_code())
    body = {"current_password": PASSWORD, "new_password": "another horse battery staple"}
    assert (await amina.asks("POST", "/password/change", body))[0] == 204
    assert (await amina.verifies(before, amina.next_code()))[1]["rule"] == "mfa_challenge_invalid"
    other = await Person.new(bank)
    await other.enrols()
    challenge = await other.challenge()
    await bank.says(DisableUser(user_id=other.user.user_id, reason="left"))
    assert (await other.verifies(challenge, other.next_code()))[1]["rule"] == "mfa_challenge_invalid"


async def test_wrong_codes_lock_for_longer_and_longer_whichever_challenge_they_come_with(bank: Bank, amina: Person) -> None:
    wrong = "000000" if amina.code() != "000000" else "111111"
    for _ in range(5):
        assert (await amina.verifies(await amina.challenge(), wrong))[1]["rule"] == "mfa_code_wrong"
    challenge = await amina.challenge()
    status, problem = await amina.verifies(challenge, amina.recovery_codes[0])
    assert (status, problem["rule"]) == (429, "mfa_locked")
    assert 0 < problem["facts"]["retry_after_seconds"] <= 30
    bank.clock.advance(seconds=31)
    assert (await amina.verifies(challenge, wrong))[1]["rule"] == "mfa_code_wrong"
    bank.clock.advance(seconds=31)
    assert (await amina.verifies(challenge, amina.code()))[1]["rule"] == "mfa_locked"
    bank.clock.advance(seconds=30)
    assert (await amina.verifies(challenge, amina.code()))[0] == 200

    async def is_told() -> bool:
        return await events(bank, amina, "identity.mfa_locked.v1") > 0

    await until(is_told)


async def test_enrolling_takes_the_password_and_counts_when_it_is_confirmed(bank: Bank) -> None:
    person = await Person.new(bank)
    for body in ({}, {"password": "wrong"}, {"password": ""}):
        status, _ = await person.asks("POST", "/auth/mfa/enrol", body)
        assert status == 422
    assert (await person.asks("POST", "/auth/mfa/confirm", {"code": "123456"}))[1]["rule"] == "mfa_is_off"
    assert (await person.asks("POST", "/auth/mfa/enrol", {"password": PASSWORD}))[0] == 200
    assert (await person.asks("POST", "/auth/mfa/confirm", {"code": "000000"}))[1]["rule"] == "mfa_code_wrong"
    assert not (await person.logs_in())[1]["mfa_required"]
    await person.enrols()
    assert (await person.asks("POST", "/auth/mfa/enrol", {"password": PASSWORD}))[1]["rule"] == "mfa_is_on"


async def test_with_an_authenticator_the_sessions_without_one_end(bank: Bank) -> None:
    person = await Person.new(bank)
    elsewhere = person.token
    await person.logs_in()
    await person.enrols()
    assert (await person.asks("GET", "/auth/me", token=elsewhere))[0] == 401
    assert (await person.asks("GET", "/auth/me"))[0] == 200


async def test_removing_takes_password_and_code(amina: Person) -> None:
    for body, rule in (
        ({"password": "wrong", "code": amina.next_code()}, "current_password_wrong"),
        ({"password": PASSWORD, "code": "000000"}, "mfa_code_wrong"),
    ):
        assert (await amina.asks("POST", "/auth/mfa/remove", body))[1]["rule"] == rule
    status, state = await amina.asks("POST", "/auth/mfa/remove", {"password": PASSWORD, "code": amina.recovery_codes[3]})
    assert (status, state["enabled"], state["recovery_codes_left"]) == (200, False, 0)
    assert not (await amina.logs_in())[1]["mfa_required"]


async def test_who_lost_everything_is_helped_by_an_administrator_and_nobody_else(bank: Bank, amina: Person) -> None:
    path = f"/users/{amina.user.user_id}/reset-mfa"
    assert (await amina.asks("POST", path, {"reason": "lost"}))[0] == 403
    administrator = await Person.new(bank, "admin")
    assert (await administrator.asks("POST", path, {"reason": "lost telephone"}))[0] == 204
    assert (await amina.asks("GET", "/auth/me"))[0] == 401
    assert not (await amina.logs_in())[1]["mfa_required"]


async def test_a_role_that_asks_for_an_authenticator_lets_nothing_else_be_done_first(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def must_enrol(_self: Any, roles: tuple[str, ...], proved_by: tuple[str, ...]) -> bool:
        return "manager" in roles and "otp" not in proved_by

    monkeypatch.setattr(Hashing, "must_enrol", must_enrol)
    person = await Person.new(bank, "manager")
    assert (await person.logs_in())[1]["mfa_enrolment_required"]
    for method, path in (("GET", "/members"), ("POST", "/api-keys"), ("GET", "/portfolio"), ("POST", "/auth/step-up")):
        status, problem = await person.asks(method, path, {} if method == "POST" else None)
        assert (status, problem["rule"]) == (403, "mfa_enrolment_required")
    assert (await person.asks("GET", "/auth/mfa"))[1]["required"]
    before = person.token
    await person.enrols()
    for token in (person.token, before):
        assert (await person.asks("GET", "/members", token=token))[0] == 200
    body = {"password": PASSWORD, "code": person.next_code()}
    assert (await person.asks("POST", "/auth/mfa/remove", body))[0] == 200
    assert (await person.asks("GET", "/members"))[1]["rule"] == "mfa_enrolment_required"


async def test_a_thief_of_tables_finds_no_seed_no_code_and_no_key(
    bank: Bank, amina: Person, caplog: pytest.LogCaptureFixture
) -> None:
    made = await amina.asks("POST", "/api-keys", {"name": f"till {new_id()}", "permissions": ["members:read"]})
    key = made[1]["key"]
    assert (await amina.asks("GET", "/members", token=key))[0] == 200
    await amina.verifies(await amina.challenge(), amina.recovery_codes[5])
    ours = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('identity', 'runtime')"
    rows: list[str] = []
    for (table,) in await bank.database.fetch(ours):
        rows += [row[0] for row in await bank.database.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t")]
    assert any(str(amina.user.user_id) in row for row in rows)
    codes = [*amina.recovery_codes, *(code.replace("-", "") for code in amina.recovery_codes)]
    for secret in (amina.secret.decode("latin-1"), key, key.rpartition("_")[2], *codes):
        found = [row for row in rows if secret in row or secret.encode("latin-1").hex() in row]
        assert not found
        assert secret not in caplog.text
