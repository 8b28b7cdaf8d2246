"""The pure rules of second factors and API keys: codes that count once, guesses that cost time, tokens that are good for one thing."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.identity.rules import recovery_codes, totp
from actors.identity.rules.access_tokens import Proof, SigningPair, Subject, signed
from actors.identity.rules.api_keys import given_on, new_key
from actors.identity.rules.challenges import LIVES, Challenged, challenge, challenged, mark_of
from actors.identity.rules.guessing import FREE_GUESSES, LONGEST_LOCK, locked_for
from actors.identity.rules.sealing import challenge_key
from actors.identity.rules.totp import STEP_SECONDS, Verdict, judge
from messages.identity import PermissionNotYours

SEED = b"12345678901234567890"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
USER, KEY = UUID(int=7), challenge_key("a secret")


@pytest.mark.parametrize(
    ("unix_seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_that_rfc_6238_publishes(unix_seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(unix_seconds, UTC)
    assert totp.code_of(SEED, totp.step_at(now), digits=8) == code
    assert totp.code_of(SEED, totp.step_at(now)) == code[2:]
    assert judge(SEED, code[2:], now, None).verdict is Verdict.RIGHT


def at(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)


@given(st.binary(min_size=20, max_size=20), st.integers(50_000_000, 60_000_000), st.integers(-5, 5))
def test_a_code_is_good_in_its_step_and_one_to_either_side(secret: bytes, step: int, off: int) -> None:
    judged = judge(secret, totp.code_of(secret, step), at(step + off), None)
    near = [totp.code_of(secret, step + off + side) for side in (-1, 0, 1)]
    assert (judged.verdict is Verdict.RIGHT) == (totp.code_of(secret, step) in near)
    if abs(off) <= 1:
        assert judged.verdict is Verdict.RIGHT


@given(st.binary(min_size=20, max_size=20), st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), max_size=30))
def test_whatever_the_order_no_step_counts_twice_and_none_before_one_that_counted(
    secret: bytes, tries: list[tuple[int, int]]
) -> None:
    step, last, counted = 55_000_000, None, list[int]()
    for moved, off in tries:
        step += moved
        judged = judge(secret, totp.code_of(secret, step + off), at(step), last)
        if judged.verdict is Verdict.RIGHT:
            assert judged.step is not None
            assert abs(judged.step - step) <= 1
            last = judged.step
            counted.append(last)
    assert counted == sorted(set(counted))


@given(st.text(max_size=8))
def test_what_is_no_code_is_wrong(text: str) -> None:
    if text not in {totp.code_of(SEED, totp.step_at(NOW) + side) for side in (-1, 0, 1)}:
        assert judge(SEED, text, NOW, None).verdict is Verdict.WRONG


def test_an_authenticator_reads_the_address() -> None:
    address = totp.provisioning_uri(SEED, "amina@example.org", "coffer")
    assert address.startswith("otpauth://totp/coffer:amina%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    assert base64.b32decode(totp.as_text(SEED)) == SEED


def test_guesses_are_free_at_first_and_then_cost_twice_as_long_each() -> None:
    assert [locked_for(failures) for failures in range(FREE_GUESSES + 1)] == [None] * (FREE_GUESSES + 1)
    seconds = [locked_for(FREE_GUESSES + more) for more in range(1, 6)]
    assert seconds == [timedelta(seconds=30 * 2**n) for n in range(5)]
    assert locked_for(1_000_000) == LONGEST_LOCK


@given(st.binary(min_size=10, max_size=10))
def test_a_recovery_code_is_read_however_it_is_typed_and_is_never_an_authenticators(code: bytes) -> None:
    text = recovery_codes.as_text(code)
    kept = recovery_codes.hash_of(text, USER)
    assert kept == recovery_codes.hash_of(text.lower().replace("-", ""), USER)
    assert kept != recovery_codes.hash_of(text, UUID(int=8))
    assert recovery_codes.is_recovery_code(text.replace("-", ""))
    assert not recovery_codes.is_recovery_code("123456")


def test_a_challenge_says_who_gave_the_right_password_until_it_is_over() -> None:
    who = Challenged(USER, mark_of("$2b$04$x", KEY))
    text = challenge(who, KEY, issuer="coffer", now=NOW)
    assert challenged(text, KEY, issuer="coffer", now=NOW + LIVES - timedelta(seconds=1)) == who
    for key, issuer, now in (
        (KEY, "coffer", NOW + LIVES),
        (challenge_key("another"), "coffer", NOW),
        (KEY, "other", NOW),
    ):
        assert challenged(text, key, issuer=issuer, now=now) is None
    assert mark_of("$2b$04$y", KEY) != who.password_mark


def test_an_access_token_and_tokens_of_other_types_are_no_challenges() -> None:
    subject = Subject("coffer", "coffer-second-factor", USER, UUID(int=1), ["admin"], None, Proof(NOW, ("pwd",)))
    access = signed(subject, SigningPair("kid", b"k" * 32), token_id=UUID(int=2), now=NOW, lives=LIVES)
    claims = {"iss": "coffer", "aud": "coffer-second-factor", "sub": str(USER), "pwd": "x", "exp": NOW.timestamp() + 60}
    bent = [
        jwt.encode(claims, "", "none", headers={"typ": "mfa+jwt"}),
        jwt.encode(claims, KEY, "HS256"),
        jwt.encode(claims, KEY * 2, "HS512", headers={"typ": "mfa+jwt"}),
        jwt.encode(claims, KEY, "HS256", headers={"typ": "mfa+jwt", "kid": "x"}),
        jwt.encode({**claims, "aud": "coffer-api"}, KEY, "HS256", headers={"typ": "mfa+jwt"}),
        jwt.encode({**claims, "sub": "nobody"}, KEY, "HS256", headers={"typ": "mfa+jwt"}),
        jwt.encode({**claims, "exp": "soon"}, KEY, "HS256", headers={"typ": "mfa+jwt"}),
    ]
    for text in (access, *bent, "", "a.b.c", "x" * 5000):
        assert challenged(text, KEY, issuer="coffer", now=NOW) is None


@given(st.text(max_size=200))
def test_whatever_a_stranger_sends_is_no_challenge(text: str) -> None:
    assert challenged(text, KEY, issuer="coffer", now=NOW) is None


@given(st.binary(min_size=5, max_size=5), st.binary(min_size=32, max_size=32))
def test_of_a_key_its_prefix_shows_and_its_hash_is_kept(prefix: bytes, secret: bytes) -> None:
    key = new_key(prefix, secret, NOW)
    assert key.text.startswith(f"{key.prefix}_")
    assert key.key_hash == hashlib.sha256(key.text.encode()).digest()
    assert key.text not in repr(key)


def test_a_key_may_do_nothing_that_its_maker_may_not() -> None:
    assert given_on(("b:y", "a:x", "b:y"), {"a:x", "b:y", "c:z"}) == ["a:x", "b:y"]
    with pytest.raises(PermissionNotYours) as no:
        given_on(("a:x", "users:write"), {"a:x"})
    assert no.value.field == "permissions.1"
