"""Logging in, refreshing, logging out."""

import asyncio
import time
from datetime import timedelta

import pytest

from actors.identity.rules.refreshing import GRACE
from http_edge.tokens import verify_access_token
from messages.base import Refusal
from messages.identity import (
    CreateUser,
    DisableUser,
    EnableUser,
    GetSigningKeys,
    Login,
    Logout,
    RefreshTokenInvalid,
    RefreshTokens,
    SetRoles,
    WhoAmI,
)
from messages.ids import new_id
from runtime.principal import Principal

PASSWORD = "correct horse battery staple"
AFTER_GRACE = GRACE.total_seconds() + 1


async def created(bank, **details):
    """A new user; nobody else has the name."""
    return await bank.says(CreateUser(**{"username": f"u-{new_id().hex}", "password": PASSWORD, "roles": ("teller",), **details}))


async def logged_in(bank, user):
    return await bank.says(Login(username=user.username, password=PASSWORD))


async def refreshed(bank, tokens, **how):
    return await bank.says(RefreshTokens(refresh_token=tokens.refresh_token), **how)


async def claims(bank, tokens):
    keys = {key.kid: key for key in (await bank.says(GetSigningKeys())).keys}
    token = tokens.access_token.get_secret_value()
    return verify_access_token(token, keys, issuer="coffer", audience="coffer-api", now=bank.clock.now())


async def test_who_logs_in_gets_an_access_token_that_says_who_they_are(bank):
    user = await created(bank, username=f"Amina+{new_id().hex}@Example.org", roles=("teller", "auditor"))
    tokens = await bank.says(Login(username=user.username.upper(), password=PASSWORD))
    said = await claims(bank, tokens)
    assert (said.sub, said.roles, said.member) == (user.user_id, ("teller", "auditor"), None)
    assert said.exp - said.iat == tokens.expires_in_seconds == 900
    me = Principal("user", str(said.sub), said.roles)
    assert await bank.says(WhoAmI(), as_=me) == user


async def test_wrong_name_wrong_password_and_disabled_are_answered_alike(bank):
    user, disabled = await created(bank), await created(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    answers = []
    for username, password in (
        (user.username, PASSWORD + "!"),
        (user.username, PASSWORD.upper()),
        ("nobody@example.org", PASSWORD),
        ("'; drop table users --", PASSWORD),
        ("ａｄｍｉｎ", PASSWORD),
        (disabled.username, PASSWORD),
        (disabled.username, "x"),
    ):
        with pytest.raises(Refusal) as no:
            await bank.says(Login(username=username, password=password))
        answers.append(no.value.to_wire())
    assert answers == [answers[0]] * len(answers)
    assert (answers[0]["rule"], answers[0]["status"]) == ("wrong_credentials", 401)


async def test_a_password_is_the_same_on_every_keyboard(bank):
    user = await created(bank, password="Grüße an alle")
    await bank.says(Login(username=user.username, password="Gru\u0308ße an alle"))


async def test_checking_passwords_does_not_hold_up_other_work(bank):
    user = await created(bank)
    logins = [asyncio.ensure_future(logged_in(bank, user)) for _ in range(20)]
    longest = 0.0
    while not all(login.done() for login in logins):
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)
    assert longest < 0.25
    assert len({login.result().refresh_token.get_secret_value() for login in logins}) == 20


async def test_refresh_tokens_rotate_and_roles_are_read_anew(bank):
    user = await created(bank)
    first = await logged_in(bank, user)
    second = await refreshed(bank, first)
    await bank.says(SetRoles(user_id=user.user_id, roles=("auditor",)))
    third = await refreshed(bank, second)
    assert len({each.refresh_token.get_secret_value() for each in (first, second, third)}) == 3
    assert (await claims(bank, third)).roles == ("auditor",)
    assert (await claims(bank, third)).sid == (await claims(bank, first)).sid


async def test_a_refresh_token_used_again_ends_the_whole_session_and_no_other(bank):
    user = await created(bank)
    other_device = await logged_in(bank, user)
    stolen = await logged_in(bank, user)
    newest = await refreshed(bank, await refreshed(bank, stolen))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, stolen)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, newest)
    await refreshed(bank, other_device)


async def test_an_unused_successor_does_not_make_late_reuse_harmless(bank):
    stolen = await logged_in(bank, await created(bank))
    newest = await refreshed(bank, stolen)
    bank.clock.advance(seconds=AFTER_GRACE)
    for tokens in (stolen, newest):
        with bank.refuses("refresh_token_invalid"):
            await refreshed(bank, tokens)


async def test_a_refresh_whose_answer_was_lost_is_repeated_and_gets_the_same_successor(bank):
    tokens = await logged_in(bank, await created(bank))
    answers = [await refreshed(bank, tokens) for _ in range(3)]
    assert len({answer.refresh_token.get_secret_value() for answer in answers}) == 1
    await refreshed(bank, answers[-1])


async def test_a_refresh_message_handled_twice_is_no_theft(bank):
    tokens, message_id = await logged_in(bank, await created(bank)), new_id()
    first = await refreshed(bank, tokens, message_id=message_id)
    bank.clock.advance(seconds=AFTER_GRACE)
    again = await refreshed(bank, tokens, message_id=message_id)
    assert again.refresh_token == first.refresh_token
    latest = await refreshed(bank, again)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens, message_id=message_id)
    await refreshed(bank, latest)


async def test_a_login_message_handled_twice_is_one_session(bank):
    user, message_id = await created(bank), new_id()
    command = Login(username=user.username, password=PASSWORD)
    first, second = [await bank.says(command, message_id=message_id) for _ in range(2)]
    assert (await claims(bank, first)).sid == (await claims(bank, second)).sid
    await refreshed(bank, first)
    await refreshed(bank, second)


async def test_of_fifty_refreshes_at_once_one_session_survives_with_one_successor(bank):
    tokens = await logged_in(bank, await created(bank))
    answers = await asyncio.gather(*(refreshed(bank, tokens) for _ in range(50)))
    assert len({answer.refresh_token.get_secret_value() for answer in answers}) == 1
    await refreshed(bank, answers[0])


async def test_a_session_ends_when_idle_and_in_any_case_after_its_time(bank):
    idle, busy = await logged_in(bank, await created(bank)), await logged_in(bank, await created(bank))
    for _ in range(6):
        bank.clock.advance(seconds=timedelta(days=5).total_seconds())
        with pytest.raises(RefreshTokenInvalid) if _ == 5 else _nothing():
            busy = await refreshed(bank, busy)
        assert busy.refresh_expires_at > bank.clock.now() or _ == 5
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, idle)


async def test_after_a_logout_no_token_of_the_session_is_good(bank):
    first = await logged_in(bank, await created(bank))
    second = await refreshed(bank, first)
    await bank.says(Logout(refresh_token=first.refresh_token))
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, second)
    for token in (second.refresh_token, "unknown", "A" * 43):
        await bank.says(Logout(refresh_token=token))


async def test_a_disabled_user_is_out_at_once_and_old_sessions_do_not_come_back(bank):
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
async def test_a_token_of_another_making_is_refused(bank, token):
    with bank.refuses("refresh_token_invalid"):
        await bank.says(RefreshTokens(refresh_token=token))


async def test_an_access_token_is_no_refresh_token(bank):
    tokens = await logged_in(bank, await created(bank))
    with pytest.raises((Refusal, ValueError)):
        await bank.says(RefreshTokens(refresh_token=tokens.access_token.get_secret_value()[:200]))


async def test_only_a_user_is_somebody(bank):
    with bank.refuses("unauthenticated"):
        await bank.says(WhoAmI())


def _nothing():
    import contextlib

    return contextlib.nullcontext()
