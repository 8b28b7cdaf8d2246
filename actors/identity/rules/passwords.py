"""Passwords as bcrypt hashes. Slow on purpose: call these on a thread (bcrypt lets the interpreter go meanwhile)."""

import hashlib
import hmac
from base64 import b64encode

import bcrypt

_PURPOSE = b"coffer password v1"
"""Keeps our pre-hashes apart from everybody else's, so that leaked plain SHA-256 lists cannot be tried here."""


def hashed(password: str, salt: bytes) -> str:
    """The hash to keep; `salt` as bcrypt.gensalt makes it, with the cost in it."""
    return bcrypt.hashpw(_digest(password), salt).decode()


def matches(password: str, password_hash: str) -> bool:
    """Whether it is the password."""
    return bcrypt.checkpw(_digest(password), password_hash.encode())


def cost_of(password_hash: str) -> int:
    """The work that a hash takes, as a power of two."""
    return int(password_hash.split("$")[2])


def nobodys_hash(cost: int) -> str:
    """A hash that no password has, as slow to check as a real one: who has no user waits as long as who has."""
    return f"$2b${cost:02}$" + "." * 22 + "." * 31


def is_nobodys(password_hash: str) -> bool:
    """Whether it is a hash that no password has."""
    return password_hash.endswith("." * 31)


def _digest(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at a zero byte; 44 characters of base64 have neither problem.
    return b64encode(hmac.digest(_PURPOSE, password.encode(), hashlib.sha256))
