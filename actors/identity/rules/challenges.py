"""Challenges: what somebody has who gave the right password and still owes a code. Good for nothing but giving it, for five minutes.

A JWT of its own type, for its own audience, signed by another algorithm with a secret of this actor; so neither can be taken for an
access token, nor an access token for one of these.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

CHALLENGE_TYPE = "mfa+jwt"
LIVES = timedelta(minutes=5)
"""To find the telephone and wait for the next code."""
LONGEST = 1_000
_ALGORITHM = "HS256"
_AUDIENCE = "coffer-second-factor"
_CLAIMS = ("aud", "iss", "sub", "exp", "pwd")


@dataclass(frozen=True, slots=True)
class Challenged:
    """Who gave the right password."""

    user_id: UUID
    password_mark: str
    """Of the password that was given, so that a challenge ends with it."""


def challenge(who: Challenged, key: bytes, *, issuer: str, now: datetime) -> str:
    """The challenge as the client gets it."""
    claims = {
        "iss": issuer,
        "aud": _AUDIENCE,
        "sub": str(who.user_id),
        "pwd": who.password_mark,
        "exp": int((now + LIVES).timestamp()),
    }
    return jwt.encode(claims, key, _ALGORITHM, headers={"typ": CHALLENGE_TYPE})


def challenged(text: str, key: bytes, *, issuer: str, now: datetime) -> Challenged | None:
    """Who a challenge was given to; None where it is none of ours, or over."""
    if len(text) > LONGEST or not text.isascii():
        return None
    options = {"verify_exp": False, "require": list(_CLAIMS), "strict_aud": True}
    try:
        if jwt.get_unverified_header(text) != {"alg": _ALGORITHM, "typ": CHALLENGE_TYPE}:
            return None
        claims = jwt.decode(text, key, [_ALGORITHM], options=options, audience=_AUDIENCE, issuer=issuer)  # type: ignore[arg-type]  # a typed dictionary
        user_id, mark, ends = UUID(claims["sub"]), claims["pwd"], claims["exp"]
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    alive = isinstance(ends, int) and isinstance(mark, str) and now.timestamp() < ends
    return Challenged(user_id, mark) if alive else None


def mark_of(password_hash: str, key: bytes) -> str:
    """What a challenge says of the password: enough to see that it was changed, and nothing to guess it by."""
    return hmac.digest(key, password_hash.encode(), hashlib.sha256).hex()[:32]
