"""What is derived from the key secret of the settings: the seal over private keys and authenticators' secrets, the succession of
refresh tokens, the key of challenges, and what attempts are counted by.
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from messages.identity import MailKind

NONCE_BYTES = 12
_SEAL, _SUCCESSION = b"coffer identity seal v1", b"coffer refresh token succession v1"
_CHALLENGE = b"coffer second factor challenge v1"
_ATTEMPTS = b"coffer attempts and known devices v1"
_MAILED: Mapping[MailKind, bytes] = {"password_reset": b"coffer password reset v1", "invitation": b"coffer invitation v1"}


class SealBroken(Exception):
    """What was sealed does not open: identity.key_secret is not the one that it was sealed with, or the row was changed."""


def seal(what: bytes, name: str, secret: str, nonce: bytes) -> bytes:
    """Something secret as it is kept; opens under the same secret and name only. A nonce is for one use."""
    return nonce + AESGCM(_derived(secret, _SEAL)).encrypt(nonce, what, name.encode())


def unseal(sealed: bytes, name: str, secret: str) -> bytes:
    """What was sealed. SealBroken where it was sealed otherwise."""
    try:
        return AESGCM(_derived(secret, _SEAL)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        raise SealBroken(SealBroken.__doc__) from None


def succession_key(secret: str) -> bytes:
    """What the successors of refresh tokens are made with."""
    return _derived(secret, _SUCCESSION)


def challenge_key(secret: str) -> bytes:
    """What challenges are signed with."""
    return _derived(secret, _CHALLENGE)


def attempts_key(secret: str) -> bytes:
    """What names and addresses are hashed with where attempts are counted, and what known devices are signed with."""
    return _derived(secret, _ATTEMPTS)


def mailed_token(kind: MailKind, mail_id: UUID, secret: str) -> bytes:
    """The token in a mail: whoever has the secret can tell it from the mail's id, nobody else."""
    return hmac.digest(_derived(secret, _MAILED[kind]), mail_id.bytes, hashlib.sha256)


@lru_cache(maxsize=16)
def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(secret.encode())
