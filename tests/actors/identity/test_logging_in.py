"""Logging in, refreshing, logging out."""

import asyncio
import contextlib
import threading
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest

from actors.identity.handlers import logging_in
from actors.identity.handlers.hashing import HASHING_THREADS
from actors.identity.rules import passwords
from config.sections import IdentitySettings
from http_edge.tokens import AccessClaims, signing_key_id, verify_access_token
from messages.base import Refusal
from messages.identity import (
    CheckSession,
    CreateUser,
    DisableUser,
    EnableUser,
    GetSigningKeys,
    ListSessions,
    Login,
    Logout,
    RefreshTokens,
    SetRoles,
    Tokens,
    User,
    WhoAmI,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.time_passing import time_passes
from tests.bank import Bank, until

PASSWORD = "correct horse battery staple"
AFTER_GRACE = IdentitySettings().refresh_grace_seconds + 1


async def created(bank: Bank, *, as_: Principal | None = None, **details: Any) -> User:
    """A new user; nobody else has the name."""
    usual = {"username": f"u-{new_id().hex}", "password": PASSWORD, "roles": ("teller",), "must_change_password": False}
    return await bank.says(CreateUser.model_validate({**usual, **details}), as_=as_)


async def logged_in(bank: Bank, user: User) -> Tokens:
    return await bank.says(Login(username=user.username, password=PASSWORD))


async def refreshed(bank: Bank, tokens: Tokens, **how: Any) -> Tokens:
    return await bank.says(RefreshTokens(refresh_token=tokens.refresh_token), **how)


async def claims(bank: Bank, tokens: Tokens) -> AccessClaims:
    keys = {key.kid: key for key in (await bank.says(GetSigningKeys())).keys}
    token = tokens.access_token.get_secret_value()
    return verify_access_token(token, keys, issuer="coffer", audience="coffer-api", now=bank.clock.now())


async def test_who_logs_in_gets_an_access_token_that_says_who_they_are(bank: Bank) -> None:
    user = await created(bank, username=f"Amina+{new_id().hex}@Example.org", roles=("teller", "auditor"))
    tokens = await bank.says(Login(username=user.username.upper(), password=PASSWORD))
    said = await claims(bank, tokens)
    assert (said.sub, said.roles, said.member) == (user.user_id, ("teller", "auditor"), None)
    assert said.exp - said.iat == tokens.expires_in_seconds == 900
    me = Principal("user", str(said.sub), said.roles)
    assert await bank.says(WhoAmI(), as_=me) == user


async def test_wrong_name_wrong_password_and_disabled_are_answered_alike(bank: Bank) -> None:
    user, disabled = await created(bank), await created(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    answers = []
    for username, password in (
        (user.username, PASSWORD + "!"),
        (user.username, PASSWORD.upper()),
        ("nobody@example.org", PASSWORD),
        ("'; drop table users --", PASSWORD),
        ("\uff41dmin", PASSWORD),
        (disabled.username, PASSWORD),
        (disabled.username, "x"),
    ):
        with pytest.raises(Refusal) as no:
            await bank.says(Login(username=username, password=password))
        answers.append(no.value.to_wire())
    assert answers == [answers[0]] * len(answers)
    assert (answers[0]["rule"], answers[0]["status"]) == ("wrong_credentials", 401)


async def test_a_password_is_the_same_on_every_keyboard(bank: Bank) -> None:
    user = await created(bank, password="Grüße an alle")
    await bank.says(Login(username=user.username, password="Gru\u0308ße an alle"))


async def test_who_has_no_user_waits_as_long_as_who_has(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    user, tried, really = await created(bank), [], passwords.matches

    def matches(password: str, password_hash: str) -> bool:
        tried.append(password_hash[:7])
        return really(password, password_hash)

    monkeypatch.setattr(passwords, "matches", matches)
    for username in (user.username, "nobody@example.org", "not even a name"):
        with bank.refuses("wrong_credentials"):
            await bank.says(Login(username=username, password="wrong"))
    assert len(tried) == 3
    assert len(set(tried)) == 1


async def test_checking_passwords_holds_up_nothing_else_and_takes_two_threads_at_most(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, really = await created(bank), passwords.matches
    may_go, at_work = threading.Event(), set()

    def matches(password: str, password_hash: str) -> bool:
        at_work.add(threading.get_ident())
        assert may_go.wait(20)
        return really(password, password_hash)

    monkeypatch.setattr(passwords, "matches", matches)
    logins = [asyncio.ensure_future(logged_in(bank, user)) for _ in range(4)]
    try:
        await until(lambda: len(at_work) == HASHING_THREADS)
        assert (await bank.says(GetSigningKeys())).keys
        assert len(at_work) == HASHING_THREADS
        held = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%identity%'"
        assert await bank.database.fetchval(held) == 0
        assert not any(login.done() for login in logins)
    finally:
        may_go.set()
    assert len({(await login).refresh_token.get_secret_value() for login in logins}) == 4


async def test_refresh_tokens_rotate_and_roles_are_read_anew(bank: Bank) -> None:
    user = await created(bank)
    first = await logged_in(bank, user)
    second = await refreshed(bank, first)
    await bank.says(SetRoles(user_id=user.user_id, roles=("auditor",)))
    third = await refreshed(bank, second)
    assert len({each.refresh_token.get_secret_value() for each in (first, second, third)}) == 3
    assert (await claims(bank, third)).roles == ("auditor",)
    assert (await claims(bank, third)).sid == (await claims(bank, first)).sid


async def test_a_refresh_token_used_again_ends_the_whole_session_and_no_other(bank: Bank) -> None:
    user = await created(bank)
    other_device = await logged_in(bank, user)
    stolen = await logged_in(bank, user)
    newest = await refreshed(bank, await refreshed(bank, stolen))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, stolen)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, newest)
    await refreshed(bank, other_device)


async def test_an_unused_successor_does_not_make_late_reuse_harmless(bank: Bank) -> None:
    stolen = await logged_in(bank, await created(bank))
    newest = await refreshed(bank, stolen)
    with time_passes(bank, seconds=AFTER_GRACE):
        for tokens in (stolen, newest):
            with bank.refuses("refresh_token_invalid"):
                await refreshed(bank, tokens)


async def test_a_refresh_whose_answer_was_lost_is_repeated_and_gets_the_same_successor(bank: Bank) -> None:
    tokens = await logged_in(bank, await created(bank))
    answers = [await refreshed(bank, tokens) for _ in range(3)]
    assert len({answer.refresh_token.get_secret_value() for answer in answers}) == 1
    await refreshed(bank, answers[-1])


async def test_a_refresh_message_handled_twice_is_no_theft(bank: Bank) -> None:
    tokens, message_id = await logged_in(bank, await created(bank)), new_id()
    first = await refreshed(bank, tokens, message_id=message_id)
    with time_passes(bank, seconds=AFTER_GRACE):
        again = await refreshed(bank, tokens, message_id=message_id)
        assert again.refresh_token == first.refresh_token
        latest = await refreshed(bank, again)
        with bank.refuses("refresh_token_invalid"):
            await refreshed(bank, tokens, message_id=message_id)
        await refreshed(bank, latest)


async def test_a_login_message_handled_twice_is_one_session(bank: Bank) -> None:
    user, message_id = await created(bank), new_id()
    command = Login(username=user.username, password=PASSWORD)
    first, second = [await bank.says(command, message_id=message_id) for _ in range(2)]
    assert (await claims(bank, first)).sid == (await claims(bank, second)).sid
    await refreshed(bank, first)
    await refreshed(bank, second)


async def test_a_login_under_anothers_message_id_joins_nobodys_session(bank: Bank) -> None:
    victim, thief, message_id = await created(bank), await created(bank), new_id()
    theirs = await bank.says(Login(username=victim.username, password=PASSWORD), message_id=message_id)
    mine = await bank.says(Login(username=thief.username, password=PASSWORD), message_id=message_id)
    assert (await claims(bank, theirs)).sid != (await claims(bank, mine)).sid
    assert (await claims(bank, await refreshed(bank, mine))).sub == thief.user_id


async def test_of_fifty_refreshes_at_once_one_session_survives_with_one_successor(bank: Bank) -> None:
    tokens = await logged_in(bank, await created(bank))
    answers = await asyncio.gather(*(refreshed(bank, tokens) for _ in range(50)))
    assert len({answer.refresh_token.get_secret_value() for answer in answers}) == 1
    await refreshed(bank, answers[0])


async def test_a_session_ends_when_idle_and_in_any_case_after_its_time(bank: Bank) -> None:
    idle, busy = await logged_in(bank, await created(bank)), await logged_in(bank, await created(bank))
    with contextlib.ExitStack() as days:
        for _ in range(5):
            days.enter_context(time_passes(bank, days=5))
            busy = await refreshed(bank, busy)
            assert busy.refresh_expires_at > bank.clock.now()
        with bank.refuses("refresh_token_invalid"):
            await refreshed(bank, idle)
        days.enter_context(time_passes(bank, days=5))
        with bank.refuses("refresh_token_invalid"):
            await refreshed(bank, busy)


async def test_after_a_logout_no_token_of_the_session_is_good(bank: Bank) -> None:
    first = await logged_in(bank, await created(bank))
    second = await refreshed(bank, first)
    await bank.says(Logout(refresh_token=first.refresh_token))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, second)
    for token in (second.refresh_token, "unknown", "A" * 43):
        await bank.says(Logout(refresh_token=token))


async def test_a_disabled_user_is_out_at_once_and_old_sessions_do_not_come_back(bank: Bank) -> None:
    user = await created(bank)
    tokens = await logged_in(bank, user)
    await bank.says(DisableUser(user_id=user.user_id, reason="left"))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens)
    await bank.says(EnableUser(user_id=user.user_id))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens)
    await logged_in(bank, user)


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 42 + "B", "é" * 43, "A" * 200, "..", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_token_of_another_making_is_refused(bank: Bank, token: str) -> None:
    with bank.refuses("refresh_token_invalid"):
        await bank.says(RefreshTokens(refresh_token=token))


async def test_an_access_token_is_no_refresh_token(bank: Bank) -> None:
    tokens = await logged_in(bank, await created(bank))
    with pytest.raises((Refusal, ValueError)):
        await bank.says(RefreshTokens(refresh_token=tokens.access_token.get_secret_value()[:200]))


async def test_only_a_user_is_somebody(bank: Bank) -> None:
    with bank.refuses("unauthenticated"):
        await bank.says(WhoAmI())


async def test_a_key_that_does_not_open_any_more_is_replaced_and_nobody_is_logged_out(bank: Bank) -> None:
    user = await created(bank)
    before = await logged_in(bank, user)
    await bank.database.execute("UPDATE identity.signing_key SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")
    after = await logged_in(bank, user)
    assert {signing_key_id(tokens.access_token.get_secret_value()) for tokens in (before, after)} <= {
        key.kid for key in (await bank.says(GetSigningKeys())).keys
    }
    assert signing_key_id(before.access_token.get_secret_value()) != signing_key_id(after.access_token.get_secret_value())
    for tokens in (before, after):
        assert (await claims(bank, tokens)).sub == user.user_id
    await refreshed(bank, before)


async def test_a_key_that_is_old_is_followed_by_one_that_was_published_before_it_signs(bank: Bank) -> None:
    def kid(tokens: Tokens) -> str:
        return signing_key_id(tokens.access_token.get_secret_value())

    async def published() -> set[str]:
        return {key.kid for key in (await bank.says(GetSigningKeys())).keys}

    user = await created(bank)
    known = await published()
    await bank.database.execute(
        "UPDATE identity.signing_key SET made_at = made_at - interval '91 days' WHERE retired_at IS NULL"
    )
    before = await logged_in(bank, user)
    assert kid(before) in known
    [following] = await published() - known
    assert kid(await logged_in(bank, user)) == kid(before)
    with time_passes(bank, minutes=11):
        first, *others = await asyncio.gather(*(logged_in(bank, user) for _ in range(3)))
        assert {kid(tokens) for tokens in (first, *others)} == {following}
        assert await published() >= {kid(before), following}
        for tokens in (before, first):
            assert (await claims(bank, tokens)).sub == user.user_id
        assert kid(await refreshed(bank, before)) == following
    with time_passes(bank, minutes=30):
        assert kid(before) not in await published()


async def test_reuse_is_told_and_what_the_session_was_allowed_is_forgotten(bank: Bank) -> None:
    user = await created(bank)
    stolen = await logged_in(bank, user)
    sid = (await claims(bank, stolen)).sid
    await refreshed(bank, await refreshed(bank, stolen))
    assert (await bank.says(CheckSession(session_id=sid))).user_id == user.user_id
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, stolen)
    with bank.refuses("session_over"):
        await bank.says(CheckSession(session_id=sid))
    rows = await bank.database.fetch("SELECT envelopes FROM runtime.outbox WHERE actor = 'identity'")
    told = [bytes(row["envelopes"]).decode() for row in rows]
    for name in ("refresh_token_reused", "access_changed"):
        assert any(f'"identity.{name}.v1"' in text and str(sid) in text for text in told), name


async def test_a_session_was_last_used_when_it_was_refreshed(bank: Bank) -> None:
    user = await created(bank)
    me = Principal("user", str(user.user_id), user.roles)
    tokens = await logged_in(bank, user)
    with time_passes(bank, hours=3):
        tokens = await refreshed(bank, tokens)
        [session] = (await bank.says(ListSessions(), as_=me)).items
        assert session.last_used_at - session.began_at >= timedelta(hours=3)
    with time_passes(bank, days=8):
        assert (await bank.says(ListSessions(), as_=me)).items == ()


async def test_nobody_has_endless_sessions(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_in, "MOST_SESSIONS", 3)
    user = await created(bank)
    tokens = [await logged_in(bank, user) for _ in range(3)]
    tokens[0] = await refreshed(bank, tokens[0])
    tokens.append(await logged_in(bank, user))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens[1])
    for each in (tokens[0], tokens[2], tokens[3]):
        await refreshed(bank, each)


async def test_a_thief_of_tables_finds_no_password_and_no_token(bank: Bank) -> None:
    password = f"canary-{new_id().hex}"
    user = await created(bank, password=password)
    first = await bank.says(Login(username=user.username, password=password))
    second = await refreshed(bank, first)
    with bank.refuses("wrong_credentials"):
        await bank.says(Login(username=user.username, password=password + "x"))
    ours = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('identity', 'runtime')"
    rows: list[str] = []
    for (table,) in await bank.database.fetch(ours):
        found = await bank.database.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t")
        rows += [row[0] for row in found]
    assert any(user.username in row for row in rows)
    secrets = [password]
    for tokens in (first, second):
        text = tokens.refresh_token.get_secret_value()
        secrets += [text, urlsafe_b64decode(text + "=").hex(), tokens.access_token.get_secret_value()]
    for secret in secrets:
        assert not [row for row in rows if secret in row or secret.encode().hex() in row]
