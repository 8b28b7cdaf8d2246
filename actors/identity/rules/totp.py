"""Time-based one-time passwords (RFC 6238): six digits of HMAC-SHA-1 over the number of 30-second steps since 1970.

A code counts once: of the steps that it is the code of, one must lie after the last step that was accepted.
"""

import hmac
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

import pyotp

SECRET_BYTES = 20
"""As long as SHA-1's output, which RFC 4226 recommends."""
STEP_SECONDS = 30
DIGITS = 6
STEPS_EITHER_SIDE = 1
"""A telephone's clock may be that far off, and a person that slow."""


class Verdict(Enum):
    """What a code is worth."""

    RIGHT = auto()
    USED = auto()
    """It was right, and has counted."""
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class Judged:
    """A code that was looked at."""

    verdict: Verdict
    step: int | None = None
    """Of a right code: the step that it counts for."""


def judge(secret: bytes, code: str, now: datetime, last_step: int | None) -> Judged:
    """What a code is worth now, after `last_step` was accepted. As long in any case, whatever the code."""
    present = step_at(now)
    near = range(present - STEPS_EITHER_SIDE, present + STEPS_EITHER_SIDE + 1)
    matching = [step for step in near if hmac.compare_digest(code_of(secret, step).encode(), code.encode())]
    if not matching:
        return Judged(Verdict.WRONG)
    fresh = [step for step in matching if last_step is None or step > last_step]
    return Judged(Verdict.RIGHT, max(fresh)) if fresh else Judged(Verdict.USED)


def step_at(now: datetime) -> int:
    """The number of the step that a moment lies in."""
    return int(now.timestamp()) // STEP_SECONDS


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step."""
    return pyotp.HOTP(as_text(secret), digits=digits).at(step) if step >= 0 else ""


def as_text(secret: bytes) -> str:
    """A secret as people type it into an authenticator: base32."""
    return b32encode(secret).rstrip(b"=").decode()


def provisioning_uri(secret: bytes, username: str, issuer: str) -> str:
    """What an authenticator reads from a QR code (the otpauth key URI format)."""
    return pyotp.TOTP(as_text(secret), digits=DIGITS, interval=STEP_SECONDS).provisioning_uri(name=username, issuer_name=issuer)
