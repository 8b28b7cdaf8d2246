"""Access tokens: JWTs for access (RFC 9068), signed with Ed25519."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from messages.identity import TOKEN_ALGORITHM, TOKEN_TYPE

PRIVATE_KEY_BYTES = 32
PASSWORD, ONE_TIME_CODE = "pwd", "otp"


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A key to sign with, and the id that its public half is found by."""

    kid: str
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """When and how a user last proved who they are."""

    at: datetime
    by: tuple[str, ...]
    """Authentication methods (RFC 8176)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a token is about, and for whom it is."""

    issuer: str
    audience: str
    user_id: UUID
    session_id: UUID
    roles: Sequence[str]
    member_id: UUID | None
    proof: Proof


def signed(subject: Subject, key: SigningPair, *, token_id: UUID, now: datetime, lives: timedelta) -> str:
    """The token. Times are whole seconds, as the standard has them."""
    issued_at = int(now.timestamp())
    claims = {
        "iss": subject.issuer,
        "aud": subject.audience,
        "sub": str(subject.user_id),
        "sid": str(subject.session_id),
        "jti": str(token_id),
        "roles": list(subject.roles),
        "auth_time": int(subject.proof.at.timestamp()),
        "amr": list(subject.proof.by),
        "iat": issued_at,
        "exp": issued_at + int(lives.total_seconds()),
    }
    if subject.member_id is not None:
        claims["member"] = str(subject.member_id)
    private_key = Ed25519PrivateKey.from_private_bytes(key.private_key)
    return jwt.encode(claims, private_key, TOKEN_ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key.kid})


def public_x(private_key: bytes) -> str:
    """The public key of a private one, as a JWK's `x`."""
    return _base64url(Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw())


def key_id(x: str) -> str:
    """The thumbprint of a public key (RFC 7638): whoever has the key knows its id."""
    canonical = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
