"""Recovery codes: what a user has on paper for the day when the authenticator is lost. Each is good for one use."""

import hashlib
from base64 import b32encode
from uuid import UUID

from actors.identity.rules.totp import DIGITS

CODES = 10
CODE_BYTES = 10
LENGTH = 16
"""Characters of base32, without the dashes that help reading."""
_GROUP = 4
_PURPOSE = b"coffer recovery code v1"


def as_text(code: bytes) -> str:
    """A code as people read it: four groups of four."""
    text = b32encode(code).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))


def is_recovery_code(code: str) -> bool:
    """Whether a code as it was typed, without its dashes, is one of these and no authenticator's."""
    return len(code) != DIGITS


def hash_of(code: str, user_id: UUID) -> bytes:
    """What is kept of a code. It has 80 bits of chance, so that a fast hash hides it; the user keeps equal codes apart."""
    return hashlib.sha256(_PURPOSE + user_id.bytes + code.replace("-", "").upper().encode()).digest()
