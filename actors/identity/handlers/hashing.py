"""What the handlers of the identity actor share: its store and settings, and the threads on which passwords are hashed.

A password is checked on one of two threads and outside of any transaction: it takes a quarter of a second of a processor, and
neither other turns nor the database should wait for it.
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
from pydantic import SecretStr

from actors.identity.rules import passwords
from actors.identity.store import Store
from config.roles import load_roles
from config.settings import IdentitySettings
from messages.identity import PasswordIsUsername

HASHING_THREADS = 2
"""A password check takes a whole processor; more at once would only take them from the other turns."""

T = TypeVar("T")


class Hashing:
    """Hashes passwords."""

    def __init__(self, settings: IdentitySettings | None = None, roles: Collection[str] | None = None) -> None:
        self.store = Store()
        self.settings = settings or IdentitySettings()
        self.known_roles = frozenset(load_roles() if roles is None else roles)
        self._hashers = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password")

    async def hashed(self, username: str, password: SecretStr) -> str:
        """The hash of a password that a user chooses."""
        if password.get_secret_value().casefold() == username:
            raise PasswordIsUsername(field="password")
        salt = bcrypt.gensalt(self.settings.bcrypt_cost)
        return await self.on_thread(lambda: passwords.hashed(password.get_secret_value(), salt))

    async def on_thread(self, work: Callable[[], T]) -> T:
        """The same where it takes long: beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._hashers, work)
