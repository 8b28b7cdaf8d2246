"""Whoever guesses is made to wait, whoever has a known device is not, and nobody learns which names there are."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.identity.rules import passwords
from actors.identity.rules.lockout import Failures, Policy, device_in, device_token, one_more, target_of, waits_until
from messages.base import Refusal
from messages.identity import DisableUser, Login, Tokens, User
from messages.ids import new_id
from tests.actors.identity.test_logging_in import PASSWORD, created
from tests.actors.time_passing import time_passes
from tests.bank import Bank

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
POLICY = Policy(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=1))
KEY = b"k" * 32


WRONG = "not this one"


async def tries(bank: Bank, username: str, password: str = WRONG, **details: Any) -> str:
    """What a login is answered: `in`, or the rule of the refusal."""
    try:
        await bank.says(Login.model_validate({"username": username, "password": password, **details}))
    except Refusal as no:
        return no.rule
    return "in"


async def locks_out(bank: Bank, username: str, **details: Any) -> None:
    assert [await tries(bank, username, **details) for _ in range(5)] == ["wrong_credentials"] * 5
    assert await tries(bank, username, **details) == "too_many_attempts"


async def known_device(bank: Bank, user: User) -> str:
    tokens: Tokens = await bank.says(Login(username=user.username, password=PASSWORD))
    assert tokens.device_token is not None
    return tokens.device_token.get_secret_value()


def an_address() -> str:
    return ".".join(str(byte) for byte in new_id().bytes[-4:])


@contextlib.contextmanager
def counted_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often which cost was paid."""
    paid, really = Counter[str](), passwords.matches

    def matches(password: str, password_hash: str) -> bool:
        paid[password_hash[:7]] += 1
        return really(password, password_hash)

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "matches", matches)
        yield paid


async def test_five_wrong_passwords_make_the_next_one_wait_and_the_wait_doubles(bank: Bank) -> None:
    user = await created(bank)
    await locks_out(bank, user.username)
    assert await tries(bank, user.username, PASSWORD) == "too_many_attempts"
    with contextlib.ExitStack() as time:
        for seconds in (31, 61, 121):
            time.enter_context(time_passes(bank, seconds=seconds))
            assert await tries(bank, user.username) == "wrong_credentials"
            assert await tries(bank, user.username, PASSWORD) == "too_many_attempts"
        time.enter_context(time_passes(bank, seconds=241))
        assert await tries(bank, user.username, PASSWORD) == "in"
        assert [await tries(bank, user.username) for _ in range(4)] == ["wrong_credentials"] * 4
        assert await tries(bank, user.username, PASSWORD) == "in"


async def test_the_refusal_says_when_to_come_again(bank: Bank) -> None:
    user = await created(bank)
    await locks_out(bank, user.username)
    with pytest.raises(Refusal) as no:
        await bank.says(Login(username=user.username, password=PASSWORD))
    assert no.value.status == 429
    assert 25 <= no.value.facts["retry_after_seconds"] <= 30


async def test_of_many_guesses_at_once_no_more_are_tried_than_one_after_the_other(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await created(bank)
    with counted_hashing(monkeypatch) as paid:
        answers = Counter(await asyncio.gather(*(tries(bank, user.username) for _ in range(30))))
    assert answers == {"wrong_credentials": 5, "too_many_attempts": 25}
    assert paid.total() == 5


async def test_a_stranger_does_not_lock_out_a_device_that_is_known(bank: Bank) -> None:
    user = await created(bank)
    device = await known_device(bank, user)
    await locks_out(bank, user.username)
    assert await tries(bank, user.username, PASSWORD) == "too_many_attempts"
    assert await tries(bank, user.username, PASSWORD, device_token=device) == "in"
    again = await bank.says(Login(username=user.username, password=PASSWORD, device_token=device))
    assert again.device_token is not None
    assert again.device_token.get_secret_value() == device
    assert await tries(bank, user.username, PASSWORD) == "too_many_attempts"


async def test_a_stolen_device_token_is_good_for_five_guesses_and_harms_nobody_else(bank: Bank) -> None:
    user = await created(bank)
    stolen, other = await known_device(bank, user), await known_device(bank, user)
    await locks_out(bank, user.username, device_token=stolen)
    assert await tries(bank, user.username, PASSWORD, device_token=other) == "in"
    assert await tries(bank, user.username, PASSWORD) == "in"


async def test_a_device_is_known_for_its_user_only_and_cannot_be_made_up(bank: Bank) -> None:
    user, other = await created(bank), await created(bank)
    theirs = await known_device(bank, other)
    await locks_out(bank, user.username)
    for token in (theirs, theirs[::-1], "", "x", "A" * 64, "é"):
        assert await tries(bank, user.username, PASSWORD, device_token=token) == "too_many_attempts"


async def test_an_address_that_tries_many_names_waits_and_known_devices_behind_it_do_not(bank: Bank) -> None:
    address, user = an_address(), await created(bank)
    device = await known_device(bank, user)
    answers = Counter([await tries(bank, f"nobody-{new_id().hex}", address=address) for _ in range(52)])
    assert answers == {"wrong_credentials": 50, "too_many_attempts": 2}
    assert await tries(bank, user.username, PASSWORD, address=address) == "too_many_attempts"
    assert await tries(bank, user.username, PASSWORD, address=address, device_token=device) == "in"
    assert await tries(bank, user.username, PASSWORD, address=an_address()) == "in"


async def test_names_that_nobody_has_are_answered_counted_and_paid_for_like_others(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, disabled = await created(bank), await created(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    seen = {}
    for name in (user.username, f"nobody-{new_id().hex}", disabled.username):
        with counted_hashing(monkeypatch) as paid:
            answers = []
            for _ in range(7):
                with pytest.raises(Refusal) as no:
                    await bank.says(Login(username=name, password="not this one"))
                wire = no.value.to_wire()
                wire.get("facts", {}).pop("retry_after_seconds", None)
                answers.append(wire)
        seen[name] = (answers, paid)
    first, *others = seen.values()
    assert all(each == first for each in others)
    assert first[1].total() == 5


async def test_what_failed_is_counted_though_each_was_refused_and_is_forgotten_in_time(bank: Bank) -> None:
    user = await created(bank)
    assert [await tries(bank, user.username) for _ in range(4)] == ["wrong_credentials"] * 4
    with time_passes(bank, minutes=61):
        assert [await tries(bank, user.username) for _ in range(4)] == ["wrong_credentials"] * 4
        assert await tries(bank, user.username, PASSWORD) == "in"


async def test_logins_failures_and_locks_are_told(bank: Bank) -> None:
    user, address = await created(bank), an_address()
    await locks_out(bank, user.username, address=address)
    nobody = f"nobody-{new_id().hex}"
    await tries(bank, nobody, address=address)
    with time_passes(bank, seconds=31):
        assert await tries(bank, user.username, PASSWORD, address=address) == "in"
    told = [convert(row) for row in await bank.database.fetch("SELECT envelopes FROM runtime.outbox WHERE actor = 'identity'")]
    mine = [text for text in told if str(user.user_id) in text or address in text]
    count = {name: sum(f'"identity.{name}.v1"' in text for text in mine) for name in ("login_failed", "account_locked")}
    assert count == {"login_failed": 6, "account_locked": 1}
    assert any('"identity.login_succeeded.v1"' in text and address in text for text in mine)
    assert not any(nobody in text or PASSWORD in text for text in told)


def convert(row: Any) -> str:
    return bytes(row["envelopes"]).decode()


@given(st.integers(0, 200), st.integers(0, 7200))
def test_a_wait_grows_with_each_failure_and_ends(count: int, seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    before = Failures(count, NOW, None)
    after = one_more(before, now, POLICY)
    if seconds >= 3600:
        assert (after.count, after.locked_until) == (1, None)
        return
    assert after.count == count + 1
    if after.count < POLICY.after:
        assert after.locked_until is None
    else:
        assert after.locked_until is not None
        assert POLICY.first <= after.locked_until - now <= POLICY.longest
        assert waits_until(after, now) is not None
        assert waits_until(after, after.locked_until) is None


@given(st.text(max_size=120))
def test_no_text_is_a_device_token_by_chance(text: str) -> None:
    assert device_in(text, UUID(int=1), KEY) is None


def test_a_device_token_names_its_device_to_whom_it_belongs() -> None:
    nonce = b"n" * 16
    token = device_token(nonce, UUID(int=1), KEY)
    assert device_in(token, UUID(int=1), KEY) == nonce
    assert device_in(token, UUID(int=2), KEY) is None
    assert device_in(token, UUID(int=1), b"x" * 32) is None


def test_however_many_names_are_tried_there_are_only_so_many_rows() -> None:
    buckets = {target_of("account", f"name {n}", KEY).bucket for n in range(5000)}
    assert len(buckets) > 4900
    assert max(buckets) < 2**20
