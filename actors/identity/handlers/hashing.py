"""What the handlers of the identity actor share: its store and settings, and the threads on which passwords are hashed.

A password is checked on one of two threads and outside of any transaction: it takes a quarter of a second of a processor, and
neither other turns nor the database should wait for it. The threads step back before all others, and only so many checks wait
for them as can be done in time.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
from pydantic import SecretStr

from actors.identity.rules import passwords
from actors.identity.rules.access_tokens import ONE_TIME_CODE
from actors.identity.rules.strength import weakness
from actors.identity.store import ApiKeyStore, SecondFactorStore, Store
from config.roles import load_roles
from config.settings import IdentitySettings
from messages.identity import PasswordIsUsername, PasswordsBusy, PasswordTooWeak, PasswordUsedBefore
from runtime.principal import Roles

HASHING_THREADS = 2
"""A password check takes a whole processor; more at once would only take them from the other turns."""
NICENESS = 10
"""Of those threads: where processors are short, a login waits and a transfer does not."""
LONGEST_IN_LINE_SECONDS = 5.0
"""Whoever waits longer has probably gone; where processors are short, the threads are slow."""
RETRY_AFTER_SECONDS = 3

T = TypeVar("T")


class Hashing:
    """Hashes passwords."""

    def __init__(
        self,
        settings: IdentitySettings | None = None,
        roles: Roles | None = None,
        *,
        mails_to_log: bool = False,
        branches: Mapping[str, str] | None = None,
        needs_approval: bool = False,
    ) -> None:
        self.store = Store()
        self.api_keys = ApiKeyStore()
        self.factors = SecondFactorStore()
        self.settings = settings or IdentitySettings()
        self.built_in: Roles = load_roles() if roles is None else roles
        """The roles of the file."""
        self.branches = branches or {}
        self.needs_approval = needs_approval
        """Whether what one asks for about roles another approves."""
        self.mails_to_log = mails_to_log
        """Whether secrets that are to be mailed are written to the log: where nobody but a developer reads it."""
        self._hashers = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password", initializer=_step_back)
        self._free = asyncio.Semaphore(HASHING_THREADS)
        self._in_line = 0

    def must_enrol(self, roles: Collection[str], proved_by: Collection[str]) -> bool:
        """Whether a login is good for nothing but enrolling an authenticator."""
        return ONE_TIME_CODE not in proved_by and not set(roles).isdisjoint(self.settings.mfa_required_roles)

    @contextlib.asynccontextmanager
    async def place_to_hash(self) -> AsyncIterator[None]:
        """One of the threads, after a wait in line. PasswordsBusy where the line is too long, or too slow; nothing is begun then."""
        if self._in_line >= HASHING_THREADS + self.settings.password_checks_waiting:
            raise PasswordsBusy(retry_after_seconds=RETRY_AFTER_SECONDS)
        self._in_line += 1
        try:
            await self._until_free()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._in_line -= 1

    async def _until_free(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_IN_LINE_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise PasswordsBusy(retry_after_seconds=RETRY_AFTER_SECONDS) from None

    async def chosen(self, username: str, password: SecretStr, *, field: str = "password", former: Sequence[str] = ()) -> str:
        """The hash of a password that a user chooses. Refused, with the field, where it is weak or among the `former` hashes."""
        text = password.get_secret_value()
        if text.casefold() == username:
            raise PasswordIsUsername(field=field)
        lowest, salt = self.settings.password_score, bcrypt.gensalt(self.settings.bcrypt_cost)

        def judged_and_hashed() -> str:
            if why := weakness(text, lowest, known=[username, "coffer"]):
                raise PasswordTooWeak(why, field=field)
            if any(passwords.matches(text, each) for each in former):
                raise PasswordUsedBefore(field=field)
            return passwords.hashed(text, salt)

        return await self.on_thread(judged_and_hashed)

    async def on_thread(self, work: Callable[[], T]) -> T:
        """The same where it takes long: beside the loop. In a place only."""
        assert self._in_line, "a place was taken"
        return await asyncio.get_running_loop().run_in_executor(self._hashers, work)


def _step_back() -> None:
    """On Linux a thread has a priority of its own; elsewhere, or where it may not, nothing changes."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
