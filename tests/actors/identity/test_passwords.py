"""Passwords: chosen well, changed, not chosen again, hashed anew when it should cost more, and never holding up the others."""

import asyncio
import os
import threading
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from actors.identity.actor import Identity
from actors.identity.handlers.hashing import HASHING_THREADS, NICENESS
from actors.identity.rules import passwords
from actors.identity.rules.strength import weakness
from messages.base import Refusal
from messages.identity import (
    ChangePassword,
    CheckSession,
    CreateUser,
    GetUser,
    Login,
    RefreshTokens,
    RequirePasswordChange,
    SetRoles,
    User,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.identity.test_logging_in import PASSWORD, claims, created, logged_in, refreshed
from tests.actors.time_passing import time_passes
from tests.bank import Bank

NEW = "seven green kettles sing at noon"


def themself(user: User) -> Principal:
    return Principal("user", str(user.user_id), user.roles)


async def changes(bank: Bank, user: User, old: str, new: str, **details: Any) -> None:
    command = ChangePassword.model_validate({"current_password": old, "new_password": new, **details})
    await bank.says(command, as_=themself(user))


def identity_of(bank: Bank) -> Identity:
    actor = bank.house.actors.pools["identity"].actor
    assert isinstance(actor, Identity)
    return actor


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("password1", "common"),
        ("Baseball", "common"),
        ("aaaaaaaaaaaa", "Repeats"),
        ("qwertyuiop[]", "Add another word"),
        ("amina.wanjiru", "easy to guess"),
        ("wanjiru1991", "easy to guess"),
    ],
)
def test_a_weak_password_is_refused_in_words_that_help_and_do_not_repeat_it(password: str, told: str) -> None:
    why = weakness(password, 3, known=["amina.wanjiru@example.org"])
    assert why is not None
    assert told.lower() in why.lower()
    assert password not in why


@pytest.mark.parametrize("password", [PASSWORD, NEW, "x7#Lq!2vRw", "пароль-2024", "a1b2" * 64 + "horse battery"])
def test_a_strong_password_is_strong_whatever_it_is_made_of(password: str) -> None:
    assert weakness(password, 3) is None or len(set(password)) < 20


def test_an_endless_password_is_judged_in_no_time() -> None:
    seen = [weakness(text * 256, 3) for text in ("a", "l33t", "pA5sw0rd", "qwerty", "1234567890")]
    assert all(seen)


async def test_a_weak_password_names_its_field(bank: Bank) -> None:
    with bank.refuses("password_too_weak", field="password"):
        await created(bank, password="password1")
    user = await created(bank)
    with bank.refuses("password_too_weak", field="new_password"):
        await changes(bank, user, PASSWORD, user.username[2:] + "1")


async def test_who_changes_the_password_stays_logged_in_and_everybody_else_is_out(bank: Bank) -> None:
    user = await created(bank)
    here, elsewhere = await logged_in(bank, user), await logged_in(bank, user)
    sid = (await claims(bank, here)).sid
    await changes(bank, user, PASSWORD, NEW, current=sid)
    await refreshed(bank, here)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, elsewhere)
    with bank.refuses("wrong_credentials"):
        await logged_in(bank, user)
    await bank.says(Login(username=user.username, password=NEW))


async def test_whoever_found_a_session_open_must_know_the_password_and_does_not_guess_for_long(bank: Bank) -> None:
    user = await created(bank)
    for _ in range(5):
        with bank.refuses("current_password_wrong", field="current_password"):
            await changes(bank, user, "not this one", NEW)
    with bank.refuses("too_many_attempts"):
        await changes(bank, user, PASSWORD, NEW)
    await logged_in(bank, user)
    with time_passes(bank, seconds=31):
        await changes(bank, user, PASSWORD, NEW)


async def test_a_former_password_does_not_come_back_until_five_others_were(bank: Bank) -> None:
    user = await created(bank)
    chosen = [PASSWORD, *(f"kettle number {n} sings at noon" for n in range(6))]
    with bank.refuses("password_used_before", field="new_password"):
        await changes(bank, user, PASSWORD, PASSWORD)
    for old, new in pairwise(chosen):
        await changes(bank, user, old, new)
    for known in chosen[1:]:
        with bank.refuses("password_used_before"):
            await changes(bank, user, chosen[-1], known)
    kept = "SELECT count(*) FROM identity.former_password WHERE user_id = $1"
    assert await bank.database.fetchval(kept, user.user_id) == 5
    await changes(bank, user, chosen[-1], PASSWORD)


async def test_of_two_changes_at_once_one_counts(bank: Bank) -> None:
    user = await created(bank)
    both = [f"kettle number {n} sings at noon" for n in range(2)]
    answers = await asyncio.gather(*(changes(bank, user, PASSWORD, new) for new in both), return_exceptions=True)
    assert [answer.rule for answer in answers if isinstance(answer, Refusal)] == ["current_password_wrong"]
    winner = both[[answer is None for answer in answers].index(True)]
    await bank.says(Login(username=user.username, password=winner))


async def test_a_user_whom_an_administrator_made_must_change_the_password(bank: Bank) -> None:
    user = await bank.says(CreateUser(username=f"u-{new_id().hex}", password=PASSWORD, roles=("teller",)))
    tokens = await logged_in(bank, user)
    sid = (await claims(bank, tokens)).sid
    assert user.must_change_password and tokens.must_change_password
    assert (await bank.says(CheckSession(session_id=sid))).must_change_password
    await changes(bank, user, PASSWORD, NEW, current=sid)
    assert not (await bank.says(CheckSession(session_id=sid))).must_change_password
    assert not (await bank.says(GetUser(user_id=user.user_id))).must_change_password


async def test_an_administrator_can_ask_for_another_password(bank: Bank) -> None:
    user = await created(bank)
    asked = await bank.says(RequirePasswordChange(user_id=user.user_id, expected_version=user.version))
    assert asked == await bank.says(GetUser(user_id=user.user_id))
    assert (await logged_in(bank, user)).must_change_password
    with bank.refuses("version_conflict"):
        await bank.says(SetRoles(user_id=user.user_id, roles=("auditor",), expected_version=user.version))
    with bank.refuses("forbidden"):
        await bank.says(RequirePasswordChange(user_id=user.user_id), as_=themself(user))


async def test_a_hash_grows_with_the_setting_at_the_next_login(bank: Bank) -> None:
    user = await created(bank)
    of_user = "SELECT password_hash FROM identity.login WHERE user_id = $1"
    before = await bank.database.fetchval(of_user, user.user_id)
    identity = identity_of(bank)
    usual = identity.settings
    identity.settings = usual.model_copy(update={"bcrypt_cost": usual.bcrypt_cost + 1})
    try:
        with bank.refuses("wrong_credentials"):
            await bank.says(Login(username=user.username, password="not this one"))
        assert await bank.database.fetchval(of_user, user.user_id) == before
        await logged_in(bank, user)
        after = await bank.database.fetchval(of_user, user.user_id)
        assert (passwords.cost_of(before), passwords.cost_of(after)) == (usual.bcrypt_cost, usual.bcrypt_cost + 1)
        await logged_in(bank, user)
        assert await bank.database.fetchval(of_user, user.user_id) == after
    finally:
        identity.settings = usual
    await logged_in(bank, user)
    assert await bank.database.fetchval(of_user, user.user_id) == after


async def test_too_many_logins_at_once_are_told_to_come_again_and_no_others(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [await created(bank) for _ in range(3)]
    waiting_too = await logged_in(bank, users[0])
    identity, may_go, really = identity_of(bank), threading.Event(), passwords.matches
    usual, nice = identity.settings, set[int]()

    def matches(password: str, password_hash: str) -> bool:
        nice.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert may_go.wait(20)
        return really(password, password_hash)

    monkeypatch.setattr(passwords, "matches", matches)
    identity.settings = usual.model_copy(update={"password_checks_waiting": 3})
    try:
        logins = [asyncio.ensure_future(logged_in(bank, users[n % 3])) for n in range(HASHING_THREADS + 3 + 4)]
        done, _ = await asyncio.wait(logins, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 4:
            more, _ = await asyncio.wait([each for each in logins if not each.done()], return_when=asyncio.FIRST_COMPLETED)
            done |= more
        for login in done:
            with pytest.raises(Refusal) as no:
                login.result()
            assert (no.value.rule, no.value.status) == ("passwords_busy", 503)
            assert no.value.facts["retry_after_seconds"] >= 1
        await bank.says(RefreshTokens(refresh_token=waiting_too.refresh_token))
    finally:
        may_go.set()
        identity.settings = usual
    assert [bool(each.access_token) for each in await asyncio.gather(*(each for each in logins if each not in done))] == [
        True
    ] * 5
    assert nice == {NICENESS}


def test_a_secret_that_is_too_long_or_short_is_refused_before_it_is_hashed() -> None:
    for new in ("a" * 7, "a" * 257):
        with pytest.raises(ValidationError):
            ChangePassword.model_validate({"current_password": PASSWORD, "new_password": new})
