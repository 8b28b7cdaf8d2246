"""Access tokens as the edge checks them: signed JWTs (RFC 9068), one algorithm, against the identity actor's public keys.

    claims = verify_access_token(token, keys, issuer="coffer", audience="coffer-api", now=clock.now())

Reads no clock and fetches no keys. A token whose `signing_key_id` is not among the keys may be signed with a newer one: fetch
them again, not more than now and then, and verify. Whatever is wrong with a token, the answer is the one refusal, 401.

A token is one text: what could be written otherwise (white space, padding, bits that stand for nothing) or read otherwise (a key
twice in its JSON) is refused, though our key had signed it.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from messages.access import RoleName
from messages.base import Unauthenticated
from messages.identity import TOKEN_ALGORITHM, TOKEN_TYPE, SigningKey
from runtime.strict_json import MalformedJson, read_object

LONGEST_TOKEN = 4096
"""In characters. Ours have about 600; parsing a megabyte for a stranger would be a gift."""
LEEWAY_SECONDS = 30
"""How far the clocks of two of our machines may differ."""
MOST_REMEMBERED = 4096
"""Tokens whose signature was found right; checking one takes 0.15 ms, and a client sends the same one for minutes."""
HEADER_FIELDS = frozenset({"alg", "typ", "kid"})
"""All there is: nothing that names a key elsewhere (jku, x5u, jwk), nothing critical, nothing compressed."""
_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]", re.ASCII)
"""Header, claims, and an Ed25519 signature of 64 bytes, whose last character has four bits that must be 0."""
_signatures = jwt.PyJWS()


class AccessClaims(BaseModel):
    """What an access token says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: str
    aud: str
    sub: UUID
    """The user."""
    sid: UUID
    """The session (login) that it belongs to."""
    jti: UUID
    roles: tuple[RoleName, ...] = Field(max_length=10)
    member: UUID | None = None
    """The member that the user is, if any."""
    auth_time: int | None = Field(None, strict=True, ge=0)
    """When the user last proved who they are."""
    amr: tuple[Annotated[str, Field(max_length=20)], ...] = Field((), max_length=10)
    """How (RFC 8176)."""
    iat: int = Field(strict=True, ge=0)
    exp: int = Field(strict=True, ge=0)


def signing_key_id(token: str) -> str:
    """The id of the key that a token claims to be signed with. Unauthenticated where it is no token of our making."""
    if len(token) > LONGEST_TOKEN or (parts := _TOKEN.fullmatch(token)) is None:
        raise _refused()
    return _key_id_in(parts[1])


def verify_access_token(
    token: str, keys: Mapping[str, SigningKey], *, issuer: str, audience: str, now: datetime
) -> AccessClaims:
    """The claims of a token that is ours, meant for us, signed by one of the keys (by key id) and alive."""
    key = keys.get(signing_key_id(token))
    if key is None:
        raise _refused()
    claims = _signed_claims(token, key.x, issuer, audience)
    seconds = now.timestamp()
    if claims.exp <= seconds:
        raise Unauthenticated("The access token has expired. Refresh it, or log in again.")
    if claims.iat > seconds + LEEWAY_SECONDS:
        raise _refused()
    return claims


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid. Log in.")


@lru_cache(maxsize=MOST_REMEMBERED)
def _signed_claims(token: str, x: str, issuer: str, audience: str) -> AccessClaims:
    """All but the time, which is another one at every request. What is wrong is not remembered."""
    try:
        claims = AccessClaims.model_validate(read_object(_signatures.decode(token, _public_key(x), [TOKEN_ALGORITHM])))
    except (jwt.PyJWTError, MalformedJson, ValidationError, RecursionError):
        raise _refused() from None
    if claims.iss != issuer or claims.aud != audience:
        raise _refused()
    return claims


@lru_cache(maxsize=64)
def _key_id_in(head: str) -> str:
    try:
        header = read_object(_bytes_of(head))
    except ValueError:
        raise _refused() from None
    if frozenset(header) != HEADER_FIELDS or header["alg"] != TOKEN_ALGORITHM or header["typ"] != TOKEN_TYPE:
        raise _refused()
    key_id = header["kid"]
    if not isinstance(key_id, str):
        raise _refused()
    return key_id


@lru_cache(maxsize=64)
def _public_key(x: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_bytes_of(x))


def _bytes_of(text: str) -> bytes:
    """What base64url without padding stands for."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
