"""What logging in costs, and what it costs the others: password checks at the shipped cost beside reads of accounts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from config.sections import IdentitySettings
from messages.base import Refusal
from messages.identity import CreateUser, Login, PasswordsBusy
from messages.ids import new_id
from runtime.clock import stopwatch_seconds
from tests.bench import measures
from tests.bench.measures import Rate
from tests.bench.stage import PASSWORD, Stage

AT_ONCE = 100
PAUSE_SECONDS = 0.5
"""Before whoever was told that too many log in tries again."""
SHIPPED = {"COFFER_IDENTITY__BCRYPT_COST": str(IdentitySettings().bcrypt_cost)}
"""The tests' own cost is the lowest there is, and would show nothing."""


@dataclass(frozen=True)
class Logins:
    """Reads alone and beside logins, and how many logins there were meanwhile."""

    alone: Rate
    beside: Rate
    per_second: float
    told_to_wait: int

    @property
    def slower(self) -> float:
        """How many times the reads' p99 grew."""
        return self.beside.p99_ms / self.alone.p99_ms


class _Crowd:
    """So many people who log in, again and again."""

    def __init__(self, stage: Stage, names: list[str]) -> None:
        self._stage = stage
        self._names = names
        self.let_in = self.told_to_wait = 0

    @contextlib.asynccontextmanager
    async def at_the_door(self) -> AsyncIterator[None]:
        """For as long as the block lasts, from when the first is in."""
        people = [asyncio.create_task(self._log_in(name)) for name in self._names]
        try:
            while not self.let_in and not any(each.done() for each in people):
                await asyncio.sleep(0.01)
            yield
            for each in people:
                if each.done():
                    each.result()  # nobody goes home early but by a fault
        finally:
            for each in people:
                each.cancel()
            await asyncio.gather(*people, return_exceptions=True)

    async def _log_in(self, name: str) -> None:
        while True:
            try:
                await self._stage.say(Login(username=name, password=PASSWORD))
                self.let_in += 1
            except PasswordsBusy:
                self.told_to_wait += 1
                await asyncio.sleep(PAUSE_SECONDS)
            except Refusal as no:
                raise AssertionError(f"a login was refused: {no.rule}") from no


async def measured(stage: Stage, reads: int) -> Logins:
    """Edge and actors are running, at the shipped cost; a hundred log in while accounts are read."""
    names = [f"u-{new_id().hex}" for _ in range(AT_ONCE)]
    for name in names:
        await stage.say(CreateUser(username=name, password=PASSWORD, roles=("teller",), must_change_password=False))
    await measures.account_reads(stage, reads // 4)
    alone = await measures.account_reads(stage, reads)
    crowd = _Crowd(stage, names)
    async with crowd.at_the_door():
        began, before = stopwatch_seconds(), crowd.let_in
        beside = await measures.account_reads(stage, reads)
        per_second = (crowd.let_in - before) / (stopwatch_seconds() - began)
    return Logins(alone, beside, per_second, crowd.told_to_wait)
