"""API keys: `coffer_<prefix>_<secret>`. The prefix may be shown; the secret is 256 bits of chance and is shown once."""

import hashlib
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from messages.identity import API_KEY_START, PermissionNotYours

PREFIX_BYTES = 5
SECRET_BYTES = 32
MOST_KEYS = 20
"""Of one user at a time; who needs more has more than one program, and should have more users."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made."""

    text: str = field(repr=False)
    prefix: str
    key_hash: bytes = field(repr=False)
    expires_at: datetime


def new_key(prefix: bytes, secret: bytes, expires_at: datetime) -> NewKey:
    """A key of so much chance."""
    shown = f"{API_KEY_START}{b32encode(prefix).decode().lower()}"
    text = f"{shown}_{urlsafe_b64encode(secret).rstrip(b'=').decode()}"
    return NewKey(text, shown, hashlib.sha256(text.encode()).digest(), expires_at)


def given_on(wanted: Sequence[str], own: Collection[str]) -> list[str]:
    """The wanted permissions, each once. Refused where the maker does not have one."""
    for place, permission in enumerate(wanted):
        if permission not in own:
            raise PermissionNotYours(field=f"permissions.{place}", permission=permission)
    return sorted(set(wanted))
