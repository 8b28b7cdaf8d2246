"""Refresh tokens: what each becomes, and what using one means.

A token is good for one use. Its successor follows from it, a salt that is kept with it, and a secret of the settings: so a
refresh whose answer was lost can be repeated and gets the same successor, though only hashes are kept. A token that is used
again later, or whose successor is in use already, is in two hands: the whole session ends.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

TOKEN_BYTES = 32
SALT_BYTES = 32
TEXT_LENGTH = 43
"""Of a token as clients know it: base64url without padding."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A refresh token as a client gets it."""

    token: bytes
    session_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of a token that somebody presents."""

    expires_at: datetime
    used_at: datetime | None
    used_by: UUID | None
    """The message that traded it."""
    successor_used: bool
    session_ends_at: datetime
    session_over: bool
    """Revoked, or the user may not log in any more."""


class Verdict(Enum):
    """What to do about a presented token."""

    TRADE = auto()
    """Give the successor, and mark the token used."""
    REPEAT = auto()
    """Give the same successor again."""
    REFUSE = auto()
    """Say no."""
    REVOKE = auto()
    """Say no, and end the session: the token is in two hands."""


def judge(token: Presented, message_id: UUID, now: datetime, grace: timedelta) -> Verdict:
    """What to do about a token that is presented by this message now.

    `grace`: how long a refresh may be repeated by another message, because its answer was lost.
    """
    if token.session_over or now >= token.session_ends_at:
        return Verdict.REFUSE
    if token.used_at is None:
        return Verdict.TRADE if now < token.expires_at else Verdict.REFUSE
    if token.used_by == message_id:
        return Verdict.REFUSE if token.successor_used else Verdict.REPEAT
    if now < token.used_at + grace and not token.successor_used:
        return Verdict.REPEAT
    return Verdict.REVOKE


def token_in(text: str) -> bytes | None:
    """The token that a client wrote down; None where it is none of ours."""
    if len(text) != TEXT_LENGTH or not text.isascii():
        return None
    try:
        token = urlsafe_b64decode(f"{text}=")
    except ValueError:
        return None
    return token if as_text(token) == text else None


def as_text(token: bytes) -> str:
    """A token as clients know it."""
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def hash_of(token: bytes) -> bytes:
    """What is kept of a token. It has 256 bits of chance, so that a fast hash hides it."""
    return hashlib.sha256(token).digest()


def successor_of(token: bytes, salt: bytes, key: bytes) -> bytes:
    """The token that follows."""
    return hmac.digest(key, token + salt, hashlib.sha256)
