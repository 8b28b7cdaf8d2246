"""The identity actor's pure rules: passwords, seals, refresh tokens."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.identity.rules import passwords
from actors.identity.rules.refreshing import (
    Presented,
    Verdict,
    as_text,
    hash_of,
    judge,
    successor_of,
    token_in,
)
from actors.identity.rules.sealing import SealBroken, seal, succession_key, unseal

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
CHEAP_SALT = bcrypt.gensalt(4)
THIS, OTHER = UUID(int=1), UUID(int=2)
GRACE = timedelta(seconds=10)
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("password", "twin"),
    [
        ("a" * 72 + "x", "a" * 72 + "y"),
        ("a" * 255 + "x", "a" * 255 + "y"),
        ("secret\0one", "secret\0two"),
        ("trailing space ", "trailing space"),
        ("ünïcödé" * 20, "ünïcödé" * 19 + "ünïcöde"),
    ],
)
def test_no_part_of_a_password_is_ignored(password: str, twin: str) -> None:
    kept = passwords.hashed(password, CHEAP_SALT)
    assert passwords.matches(password, kept)
    assert not passwords.matches(twin, kept)


def test_nobodys_hash_costs_what_a_real_one_costs_and_matches_nothing() -> None:
    for cost in (4, 12):
        assert passwords.nobodys_hash(cost)[:7] == bcrypt.gensalt(cost).decode()[:7] == f"$2b${cost:02}$"
        assert len(passwords.nobodys_hash(cost)) == len(passwords.hashed("x", CHEAP_SALT))
    assert not passwords.matches("", passwords.nobodys_hash(4))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12), st.integers(0, 59))
def test_a_sealed_key_opens_under_its_secret_and_id_only_and_shows_every_change(
    private_key: bytes, nonce: bytes, at: int
) -> None:
    sealed = seal(private_key, "kid", "a secret", nonce)
    assert private_key not in sealed
    assert unseal(sealed, "kid", "a secret") == private_key
    changed = bytes(byte ^ (index == at) for index, byte in enumerate(sealed))
    others = [(changed, "kid", "a secret"), (sealed, "other", "a secret"), (sealed, "kid", "another"), (b"", "kid", "a secret")]
    for wrong in others:
        with pytest.raises(SealBroken):
            unseal(*wrong)


@given(st.binary(min_size=32, max_size=32))
def test_a_refresh_token_has_one_spelling(token: bytes) -> None:
    text = as_text(token)
    assert token_in(text) == token
    for wrong in (
        text + "=",
        text[:-1],
        text + "A",
        " " + text,
        "é" + text[1:],
        b64encode(b"\xff" * 32).decode()[:43].replace("/", "?"),
    ):
        assert token_in(wrong) is None


def test_the_successor_follows_from_token_salt_and_secret_together() -> None:
    key, token, salt = succession_key("secret"), b"t" * 32, b"s" * 32
    successor = successor_of(token, salt, key)
    assert successor == successor_of(token, salt, key)
    others = {
        successor_of(b"u" * 32, salt, key),
        successor_of(token, b"u" * 32, key),
        successor_of(token, salt, succession_key("other")),
        token,
        hash_of(token),
    }
    assert successor not in others


def presented(**known: Any) -> Presented:
    return Presented(
        **{
            "expires_at": LATER,
            "used_at": None,
            "used_by": None,
            "successor_used": True,
            "session_ends_at": LATER,
            "session_over": False,
            **known,
        }
    )


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({}, Verdict.TRADE),
        ({"expires_at": NOW}, Verdict.REFUSE),
        ({"session_ends_at": NOW}, Verdict.REFUSE),
        ({"session_over": True}, Verdict.REFUSE),
        ({"used_at": NOW, "used_by": THIS, "successor_used": False}, Verdict.REPEAT),
        ({"used_at": NOW - timedelta(hours=1), "used_by": THIS, "successor_used": False}, Verdict.REPEAT),
        ({"used_at": NOW - timedelta(hours=1), "used_by": THIS}, Verdict.REFUSE),
        ({"used_at": NOW - GRACE / 2, "used_by": OTHER, "successor_used": False}, Verdict.REPEAT),
        ({"used_at": NOW - GRACE / 2, "used_by": OTHER}, Verdict.REVOKE),
        ({"used_at": NOW - GRACE, "used_by": OTHER, "successor_used": False}, Verdict.REVOKE),
        ({"used_at": NOW - GRACE, "used_by": OTHER, "session_over": True}, Verdict.REFUSE),
    ],
)
def test_what_using_a_refresh_token_means(known: dict[str, Any], verdict: Verdict) -> None:
    assert judge(presented(**known), THIS, NOW, GRACE) is verdict


moments = st.none() | st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda away: NOW + away)


@given(
    st.builds(
        presented,
        used_at=moments,
        used_by=st.sampled_from([THIS, OTHER]),
        successor_used=st.booleans(),
        expires_at=moments.filter(bool),
        session_ends_at=moments.filter(bool),
        session_over=st.booleans(),
    )
)
def test_tokens_are_given_for_a_living_session_only_and_never_beside_one_in_use(token: Presented) -> None:
    verdict = judge(token, THIS, NOW, GRACE)
    if verdict in {Verdict.TRADE, Verdict.REPEAT}:
        assert not token.session_over
        assert token.session_ends_at > NOW
        assert token.used_at is None or not token.successor_used
    if verdict is Verdict.TRADE:
        assert token.used_at is None
        assert token.expires_at > NOW
    if verdict is Verdict.REVOKE:
        assert token.used_by != THIS
