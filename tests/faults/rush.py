"""A rush: customers and a partner at work while a test hurts the bank; then the inquest.

async with Rush(branch, partner, seed="edge") as rush:
    await rush.flows()
    await branch.edge.kill()
    await rush.resumes()
(await rush.inquest()).assert_sound()
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.faults.books import Books, read_books
from tests.faults.branch import Branch
from tests.faults.checker import PROMISES, Evidence, Promise, Verdict, judge
from tests.faults.customers import OPENING, Customers
from tests.faults.partner import Partner

SETTLE_SECONDS = 15.0
"""How long after the last event that was heard others may still be on their way."""
PATIENCE_OF_ALL = 3
"""So many times as long the last requests are repeated after closing time; and asking all again may take."""
FLOWING = 30
"""Answers after which a bank counts as working."""


class Rush:
    """One run."""

    def __init__(
        self,
        branch: Branch,
        partner: Partner,
        *,
        seed: str,
        of: type[Customers] = Customers,
        tasks: int = 12,
        opening: int = OPENING,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.branch = branch
        self.partner = partner
        self.seed = seed
        self._of = of
        self._tasks = tasks
        self._opening = opening
        self._settle_seconds = settle_seconds
        self._closing = asyncio.Event()
        self.customers: Customers
        self._partner_works: asyncio.Task[None]
        self._start = Books()

    async def __aenter__(self) -> Self:
        branch = self.branch
        self.accounts = await branch.open_accounts()
        self._start = await self.read()
        self.seed = f"{self.seed}-{self.accounts.till.hex[-6:]}"
        self.customers = self._of(
            [branch.url], branch.token, self.accounts, seed=self.seed, tasks=self._tasks, opening=self._opening
        )
        self.history = self.customers.history
        self._partner_works = asyncio.create_task(
            self.partner.deposit_until(self._closing, self.accounts, self.history, seed=self.seed)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._partner_works
        await self.customers.close(within_seconds=PATIENCE_OF_ALL * self._settle_seconds)

    async def flows(self, answers: int = FLOWING, *, within_seconds: float = 20) -> None:
        """Wait until so many more requests were done."""
        wanted = self.history.count("ok") + answers
        await until(lambda: self.history.count("ok") >= wanted, within_seconds=within_seconds)

    async def resumes(self, *, within_seconds: float = 20) -> float:
        """Wait until something that is asked from now on succeeds; how long it took."""
        moment = stopwatch_seconds()
        await until(lambda: self.history.resumed(moment) is not None, within_seconds=within_seconds)
        return self.history.resumed(moment) or 0.0

    async def stalls(self, *, quiet_seconds: float = 0.5) -> None:
        """Wait until nothing has been answered for a while."""
        answered, since = -1, stopwatch_seconds()
        while stopwatch_seconds() - since < quiet_seconds:
            await asyncio.sleep(0.02)
            if (now := self.history.count("ok")) != answered:
                answered, since = now, stopwatch_seconds()

    def told_to_wait(self, moment: float) -> int:
        """How many requests that were sent since a moment were answered 503."""
        return sum(answer.began > moment and answer.status == 503 for _, answer in self.history.answers())

    async def read(self) -> Books:
        """What the database holds about this run now."""
        database = await self.branch.database()
        try:
            return await read_books(database, self.accounts.all)
        finally:
            await database.close()

    async def is_broken(self, promise: Promise) -> bool:
        """Whether the books alone speak against a promise already."""
        books = await self.read()
        return any(promise(self._evidence(books, books)))

    def _evidence(self, before: Books, after: Books) -> Evidence:
        return Evidence(
            self.history,
            before,
            after,
            self.partner.heard,
            deadlocks_before=self._start.deadlocks,
            dead_letters_before=len(self._start.dead_letters),
        )

    async def _is_settled(self) -> bool:
        books = await self.read()
        marked = books.marked()
        return (
            not books.unsent
            and all(each.confirmed is None or each.key in marked for each in self.history.published)
            and books.entries.keys() <= self.partner.heard.entries.keys()
            and all(
                (hold_id, hold["account_id"], status) in self.partner.heard.holds
                for hold_id, hold in books.holds.items()
                for status in {"pending", hold["status"]}
            )
        )

    async def inquest(self, promises: Sequence[Promise] = PROMISES) -> Verdict:
        """Let all settle, ask everything again, and judge."""
        heard, ends = -1, 0.0
        while not await self._is_settled():
            if heard != self.partner.heard.events:  # an emptied broker is told a day's events again; that takes its time
                heard, ends = self.partner.heard.events, stopwatch_seconds() + self._settle_seconds
            if stopwatch_seconds() > ends:
                break
            await asyncio.sleep(0.2)
        silence, wait = self.history.longest_silence(), self.history.longest_wait()
        before = await self.read()
        await self.customers.ask_again(self.history, within_seconds=PATIENCE_OF_ALL * self._settle_seconds)
        after = await self.read()
        verdict = judge(self._evidence(before, after), promises)
        verdict.facts += f"; silent for {silence:.1f} s, waited for {wait:.1f} s at most; seed {self.seed}"
        verdict.facts += f"; logs in {self.branch.state / 'logs'}"
        print(verdict.facts)  # pytest shows it with -rP
        return verdict
