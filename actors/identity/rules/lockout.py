"""Who has to wait before the next attempt to log in, and how long: exponential delays, per account, known device, and address.

A device that its user has logged in on before has a token for that user (OWASP: device cookies). Attempts with it are counted for
that device alone, so that a stranger who tries the name from elsewhere locks out strangers only.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

NONCE_BYTES = 16
BUCKET_BITS = 20
"""A million rows of each kind at most. Two names in one bucket share their failures, which nobody can choose who lacks the key."""

Kind = Literal["account", "device", "address", "password", "reset"]


class Target(NamedTuple):
    """What attempts are counted for."""

    kind: Kind
    bucket: int


@dataclass(frozen=True, slots=True)
class Failures:
    """How often it failed there."""

    count: int
    last_at: datetime
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is let through."""

    after: int
    """This failure is the first that makes it wait."""
    first: timedelta
    longest: timedelta
    forget_after: timedelta
    """Without a failure for so long, the next one is the first again."""


def target_of(kind: Kind, what: str, key: bytes) -> Target:
    """Where attempts at an account name, a device, an address, a user's own password or a reset of it are counted."""
    digest = hmac.digest(key, f"{kind} {what}".encode(), hashlib.sha256)
    return Target(kind, int.from_bytes(digest[:4], "big") >> (32 - BUCKET_BITS))


def waits_until(failures: Failures, now: datetime) -> datetime | None:
    """Until when nothing is tried there; None where it may be."""
    locked_until = failures.locked_until
    return locked_until if locked_until is not None and now < locked_until else None


def one_more(failures: Failures, now: datetime, policy: Policy) -> Failures:
    """The same after one more failure, which may make the next attempt wait."""
    count = 1 if now - failures.last_at >= policy.forget_after else failures.count + 1
    if count < policy.after:
        return Failures(count, now, None)
    doublings = min(count - policy.after, 30)
    return Failures(count, now, now + min(policy.first * 2**doublings, policy.longest))


def device_token(nonce: bytes, user_id: UUID, key: bytes) -> str:
    """What a device keeps: that this user has logged in on it."""
    return urlsafe_b64encode(nonce + _signature(nonce, user_id, key)).decode()


def device_in(text: str, user_id: UUID, key: bytes) -> bytes | None:
    """The nonce of a device token that is genuine and this user's; else None."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return None
    nonce = raw[:NONCE_BYTES]
    return nonce if hmac.compare_digest(raw[NONCE_BYTES:], _signature(nonce, user_id, key)) else None


def _signature(nonce: bytes, user_id: UUID, key: bytes) -> bytes:
    return hmac.digest(key, b"device" + nonce + user_id.bytes, hashlib.sha256)
