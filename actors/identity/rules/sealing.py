"""What is derived from the key secret of the settings: the seal over private keys, the succession of refresh tokens, and what
attempts are counted by.
"""

import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
_SEAL, _SUCCESSION = b"coffer identity seal v1", b"coffer refresh token succession v1"
_ATTEMPTS, _RESET = b"coffer attempts and known devices v1", b"coffer password reset v1"


class SealBroken(Exception):
    """The signing key does not open: identity.key_secret is not the one that it was sealed with, or the row was changed."""


def seal(private_key: bytes, kid: str, secret: str, nonce: bytes) -> bytes:
    """The private key as it is kept; opens under the same secret and key id only. A nonce is for one use."""
    return nonce + AESGCM(_derived(secret, _SEAL)).encrypt(nonce, private_key, kid.encode())


def unseal(sealed: bytes, kid: str, secret: str) -> bytes:
    """The private key again. SealBroken where it was sealed otherwise."""
    try:
        return AESGCM(_derived(secret, _SEAL)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], kid.encode())
    except (InvalidTag, ValueError):
        raise SealBroken(SealBroken.__doc__) from None


def succession_key(secret: str) -> bytes:
    """What the successors of refresh tokens are made with."""
    return _derived(secret, _SUCCESSION)


def attempts_key(secret: str) -> bytes:
    """What names and addresses are hashed with where attempts are counted, and what known devices are signed with."""
    return _derived(secret, _ATTEMPTS)


def reset_token(reset_id: UUID, secret: str) -> bytes:
    """The token of a password reset: whoever has the secret can tell it from the id, nobody else."""
    return hmac.digest(_derived(secret, _RESET), reset_id.bytes, hashlib.sha256)


@lru_cache(maxsize=16)
def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(secret.encode())
