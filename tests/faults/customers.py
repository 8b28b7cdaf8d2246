"""Customers of a bank that is being hurt: tasks that pay in, pay out, transfer, hold and reverse over HTTP, and write down what
they are told. Whoever gets no definite answer asks again under the same key.
"""

import asyncio
import contextlib
import random
from collections import deque
from typing import Any
from uuid import UUID

import aiohttp

from runtime.clock import stopwatch_seconds
from tests.faults.branch import CURRENCY, Accounts
from tests.faults.history import Answer, History, Kind, Request

PATIENCE_SECONDS = 14
"""When a client gives up on one connection: after the 10 s in which it must have been answered, so that it sees if it was not."""
PAUSE_SECONDS = (0.03, 0.25)
MOST_REPEATS = 200
SMALL, LARGE = 100, 6_000
"""Amounts in minor units: a few of them empty an account, so that floors are met."""
OPENING = 20_000


class Customers:
    """Some tasks with work for as long as the bank is open."""

    def __init__(
        self, urls: list[str], token: str, accounts: Accounts, *, seed: str, tasks: int = 12, opening: int = OPENING
    ) -> None:
        self.history = History()
        self.urls = urls
        """Where edges are; may change."""
        self._accounts = accounts
        self._opening = opening
        self._headers = {"Authorization": f"Bearer {token}"}
        self._seed = seed
        self._tasks = [asyncio.create_task(self._work(number), name=f"customer {number}") for number in range(tasks)]
        self._closing = asyncio.Event()
        self._holds: deque[tuple[UUID, UUID, int]] = deque()
        self._deposits: deque[tuple[UUID, int]] = deque()
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS), connector=aiohttp.TCPConnector(limit=0)
        )

    async def close(self, *, within_seconds: float) -> None:
        """Take no new wishes; wait until each has its answer, for so long at most."""
        self._closing.set()
        _, late = await asyncio.wait(self._tasks, timeout=within_seconds)
        for task in late:
            task.cancel()
        done = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()
        for fault in done:
            if isinstance(fault, Exception):
                raise fault

    async def ask_again(self, history: History, *, within_seconds: float, tasks: int = 16) -> None:
        """Ask all that was asked once more, under the same keys; first what would be refused if it were done anew."""
        waiting = deque(sorted(history.requests, key=lambda request: request.kind == "place_hold"))

        async def some(http: aiohttp.ClientSession) -> None:
            while waiting:
                request = waiting.popleft()
                for _ in range(MOST_REPEATS):
                    answer = await self._send(http, request, self.urls[0])
                    if answer.is_definite or answer.status == 500:
                        break
                    await asyncio.sleep(PAUSE_SECONDS[0])

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as http:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_seconds):
                    await asyncio.gather(*(some(http) for _ in range(tasks)))

    async def _work(self, number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        key = 0
        while not self._closing.is_set():
            key += 1
            request = self._wish(chance, f"{self._seed}-{number}-{key}")
            self.history.requests.append(request)
            await self._until_definite(request, chance)
            self._remember(request)

    async def _until_definite(self, request: Request, chance: random.Random) -> None:
        while True:
            answer = await self._send(self._http, request, chance.choice(self.urls))
            if answer.is_definite:
                return
            await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))

    async def _send(self, http: aiohttp.ClientSession, request: Request, url: str) -> Answer:
        began = stopwatch_seconds()
        answer = Answer(began, began)
        headers = {**self._headers, "Idempotency-Key": request.key}
        try:
            async with http.post(f"{url}/api/v1{request.path}", json=request.body, headers=headers) as response:
                body = await response.read()
                answer.status, answer.body = response.status, body
                answer.retry_after = response.headers.get("Retry-After")
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # cut off: nothing is known
        answer.ended = stopwatch_seconds()
        request.answers.append(answer)
        return answer

    def _wish(self, chance: random.Random, key: str) -> Request:
        """The next request: the first ones of each account fill it."""
        accounts = self._accounts
        if len(self.history.requests) < len(accounts.savings):
            account = accounts.savings[len(self.history.requests)]
            return self._cash("deposit", key, account, self._opening)
        amount = chance.randint(SMALL, LARGE)
        draw = chance.random()
        if draw < 0.1 and self._holds:
            return self._settling(chance, key)
        if draw < 0.15 and self._deposits:
            entry, paid = self._deposits.popleft()
            return Request(key, "reversal", f"/entries/{entry}/reverse", {"reason": key}, paid, entry)
        if draw < 0.27:
            body = {"amount": _money(amount), "description": key}
            return Request(key, "place_hold", f"/accounts/{chance.choice(accounts.savings)}/holds", body, amount)
        if draw < 0.6:
            source, target = chance.sample(accounts.savings, 2)
            body = {
                "from_account_id": str(source),
                "to_account_id": str(target),
                "amount": _money(amount),
                "reference": key,
            }
            return Request(key, "transfer", "/transfers", body, amount)
        kind: Kind = "deposit" if draw < 0.78 else "withdrawal"
        return self._cash(kind, key, chance.choice(accounts.savings), amount)

    def _cash(self, kind: Kind, key: str, account: UUID, amount: int) -> Request:
        body: dict[str, Any] = {
            "account_id": str(account),
            "amount": _money(amount),
            "channel_account_id": str(self._accounts.till),
            "reference": key,
        }
        return Request(key, kind, f"/{kind}s", body, amount)

    def _settling(self, chance: random.Random, key: str) -> Request:
        hold, account, amount = self._holds.popleft()
        if chance.random() < 0.5:
            return Request(key, "void_hold", f"/holds/{hold}/void", {}, amount, hold)
        target = chance.choice([each for each in self._accounts.savings if each != account])
        paid = chance.randint(1, amount)
        body = {"to_account_id": str(target), "amount": _money(paid), "reference": key}
        return Request(key, "post_hold", f"/holds/{hold}/post", body, paid, hold)

    def _remember(self, request: Request) -> None:
        if request.outcome != "ok" or request.definite is None:
            return
        told = request.definite.told
        if request.kind == "place_hold":
            self._holds.append((UUID(told["hold_id"]), UUID(told["account_id"]), request.amount))
        elif request.kind == "deposit" and request.amount != self._opening:
            self._deposits.append((UUID(told["entry_id"]), request.amount))


def _money(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": CURRENCY}
