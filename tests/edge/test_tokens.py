"""Access tokens at the door: what is ours gets in, and what is bent in any way does not."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from http_edge.tokens import LEEWAY_SECONDS, LONGEST_TOKEN, AccessClaims, signing_key_id, verify_access_token
from messages.base import Unauthenticated
from messages.identity import SigningKey

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SECOND = int(NOW.timestamp())
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": "ours"}
CLAIMS: dict[str, Any] = {
    "iss": "coffer",
    "aud": "coffer-api",
    "sub": str(UUID(int=1)),
    "sid": str(UUID(int=2)),
    "jti": str(UUID(int=3)),
    "roles": ["teller"],
    "iat": SECOND,
    "exp": SECOND + 900,
}
OURS, THEIRS = Ed25519PrivateKey.from_private_bytes(b"o" * 32), Ed25519PrivateKey.from_private_bytes(b"t" * 32)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


X = part(OURS.public_key().public_bytes_raw())
KEYS = {"ours": SigningKey(kid="ours", x=X)}


def token(header: Any = HEADER, claims: Any = CLAIMS, key: Ed25519PrivateKey = OURS) -> str:
    head = f"{part(header)}.{part(claims)}"
    return f"{head}.{part(key.sign(head.encode()))}"


def verified(text: str, now: datetime = NOW) -> AccessClaims:
    return verify_access_token(text, KEYS, issuer="coffer", audience="coffer-api", now=now)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name not in names}


def hs256(header: dict[str, Any], secret: bytes) -> str:
    head = f"{part(header)}.{part(CLAIMS)}"
    return f"{head}.{part(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def test_a_token_of_ours_says_who_it_is_about() -> None:
    claims = verified(token(claims={**CLAIMS, "member": str(UUID(int=9))}))
    assert (claims.sub, claims.sid, claims.roles, claims.member) == (UUID(int=1), UUID(int=2), ("teller",), UUID(int=9))
    assert verified(token()).member is None


def test_a_token_lives_from_its_making_to_its_end_and_is_checked_every_time() -> None:
    text = token()
    last = NOW + timedelta(seconds=899)
    assert verified(text) == verified(text, last) == verified(text, NOW - timedelta(seconds=LEEWAY_SECONDS))
    for now in (NOW + timedelta(seconds=900), NOW + timedelta(days=400), NOW - timedelta(seconds=LEEWAY_SECONDS + 1)):
        with pytest.raises(Unauthenticated):
            verified(text, now)


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "None"},
        {**HEADER, "alg": "HS256"},
        {**HEADER, "alg": "ES256"},
        {**HEADER, "typ": "JWT"},
        {**HEADER, "typ": "rt+jwt"},
        {**HEADER, "kid": "theirs"},
        {**HEADER, "kid": "../../dev/null"},
        {**HEADER, "kid": "' OR 1=1 --"},
        {**HEADER, "kid": ["ours"]},
        {**HEADER, "kid": None},
        {**HEADER, "jku": "https://evil.example/keys"},
        {**HEADER, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": part(THEIRS.public_key().public_bytes_raw())}},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "zip": "DEF"},
        {"alg": "EdDSA", "typ": "at+jwt"},
        {},
        [],
        "EdDSA",
    ],
)
def test_a_header_that_is_not_exactly_ours_is_refused(header: Any) -> None:
    with pytest.raises(Unauthenticated):
        verified(token(header=header))


@pytest.mark.parametrize(
    "claims",
    [
        {**CLAIMS, "iss": "other"},
        {**CLAIMS, "aud": "other"},
        {**CLAIMS, "aud": ["coffer-api", "other"]},
        {**CLAIMS, "aud": ["coffer-api"]},
        {**CLAIMS, "sub": "admin"},
        {**CLAIMS, "roles": "admin"},
        {**CLAIMS, "roles": ["admin"] * 11},
        {**CLAIMS, "roles": [["admin"]]},
        {**CLAIMS, "exp": str(SECOND + 900)},
        {**CLAIMS, "exp": SECOND + 900.5},
        {**CLAIMS, "exp": 1e308},
        {**CLAIMS, "exp": float("nan")},
        {**CLAIMS, "exp": None},
        {**CLAIMS, "exp": True},
        {**CLAIMS, "iat": -1},
        {**CLAIMS, "is_admin": True},
        *(without(name) for name in CLAIMS),
        [],
        "x",
    ],
)
def test_claims_that_are_not_exactly_ours_are_refused(claims: Any) -> None:
    with pytest.raises(Unauthenticated):
        verified(token(claims=claims))


def test_another_algorithm_keyed_with_our_public_key_is_refused() -> None:
    for secret in (X.encode(), OURS.public_key().public_bytes_raw(), b""):
        for header in (HEADER, {**HEADER, "alg": "HS256"}):
            with pytest.raises(Unauthenticated):
                verified(hs256(header, secret))


def test_another_key_or_no_signature_is_refused() -> None:
    head, body, signature = token().split(".")
    for text in (
        token(key=THEIRS),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}..{signature}",
        f"{head}.{body}.{signature}.x",
    ):
        with pytest.raises(Unauthenticated):
            verified(text)


@pytest.mark.parametrize("text", ["", ".", "..", "...", "x", "é.é.é", "a.b.c", "{}.{}.{}", "\0.\0.\0", "=.=.="])
def test_what_is_no_token_is_refused(text: str) -> None:
    for judge in (verified, signing_key_id):
        with pytest.raises(Unauthenticated):
            judge(text)


def test_deep_or_endless_tokens_are_refused() -> None:
    deep = b"[" * 1500
    for text in (
        f"{part(deep)}.{part(CLAIMS)}.x",
        "x" * 1_000_000,
        f"{'a.' * 600_000}",
        token(claims={**CLAIMS, "x": "y" * LONGEST_TOKEN}),
    ):
        with pytest.raises(Unauthenticated):
            verified(text)
    head = f"{part(HEADER)}.{part(deep)}"
    with pytest.raises(Unauthenticated):
        verified(f"{head}.{part(OURS.sign(head.encode()))}")


@given(st.data())
def test_no_changed_character_is_overlooked(data: st.DataObject) -> None:
    text = token()
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from("ABCDwxyz0189-_."))
    changed = text[:at] + put + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(Unauthenticated):
        verified(changed)


@given(st.data())
def test_no_added_character_is_overlooked(data: st.DataObject) -> None:
    text = token()
    at = data.draw(st.integers(0, len(text)))
    more = data.draw(st.text(st.characters(max_codepoint=127), min_size=1, max_size=3))
    with pytest.raises(Unauthenticated):
        verified(text[:at] + more + text[at:])


@pytest.mark.parametrize("name", [*HEADER, *CLAIMS])
def test_what_is_said_twice_is_refused_though_it_is_said_the_same(name: str) -> None:
    said = HEADER if name in HEADER else CLAIMS
    twice = f"{{{json.dumps(name)}:{json.dumps(said[name])},{json.dumps(said)[1:]}".encode()
    assert json.loads(twice) == said
    with pytest.raises(Unauthenticated):
        verified(token(header=twice) if name in HEADER else token(claims=twice))


@given(st.text(max_size=300))
def test_whatever_a_stranger_sends_is_answered_by_the_one_refusal(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verified(text)
