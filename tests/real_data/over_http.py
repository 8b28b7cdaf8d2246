"""Brings clients and accounts in over HTTP: a request under a key that follows from the record's number, repeated until it is answered."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import aiohttp

from tests.real_data.records import CURRENCY, History, Person, Records

T = TypeVar("T")

SIDE_BY_SIDE = 32
"""Requests in flight."""
PATIENCE_SECONDS = 60
"""How long one request is repeated while the bank is away."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
AGAIN = frozenset({409, 429, 500, 502, 503, 504})

Tick = Callable[[], None]
"""Called after each record."""


class Refused(Exception):
    """The bank said no to a record."""


class Counter:
    """A member of staff who talks to the bank over HTTP."""

    def __init__(self, url: str, username: str, password: str) -> None:
        connector = aiohttp.TCPConnector(limit=SIDE_BY_SIDE)
        self._http = aiohttp.ClientSession(url, connector=connector, timeout=aiohttp.ClientTimeout(total=15))
        self._login = {"username": username, "password": password}
        self._authorization: dict[str, str] = {}
        self._one_login = asyncio.Lock()
        self.requests = 0

    async def close(self) -> None:
        """Go home."""
        await self._http.close()

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What is there."""
        return await self._request("GET", path, params=parameters)

    async def post(self, path: str, body: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Done once, however often it is said under this key."""
        return await self._request("POST", path, json=body, headers={"Idempotency-Key": f'"{key}"'})

    async def put(self, path: str, body: dict[str, Any], *, key: str) -> dict[str, Any]:
        """The same, for what is replaced."""
        return await self._request("PUT", path, json=body, headers={"Idempotency-Key": f'"{key}"'})

    async def _request(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        headers = rest.pop("headers", {})
        pause = FIRST_PAUSE_SECONDS
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                used = self._authorization
                try:
                    self.requests += 1
                    async with self._http.request(method, f"/api/v1{path}", headers={**headers, **used}, **rest) as answer:
                        said: dict[str, Any] = await answer.json(content_type=None)
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    status = 503
                else:
                    status = answer.status
                if status < 300:
                    return said
                if status == 401:
                    await self._log_in(used)
                elif status not in AGAIN:
                    raise Refused(f"{method} {path}: {status} {said}")
                else:
                    await asyncio.sleep(random.uniform(pause / 2, pause))
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _log_in(self, used: dict[str, str]) -> None:
        """Get a token, if nobody else has got one meanwhile."""
        async with self._one_login:
            if self._authorization is not used:
                return
            async with self._http.post("/api/v1/auth/login", json=self._login) as answer:
                said = await answer.json(content_type=None)
                if answer.status == 401:
                    raise Refused(f"login: {said}")
                if answer.status == 200:
                    self._authorization = {"Authorization": f"Bearer {said['access_token']}"}


async def bring_persons(counter: Counter, records: Records, tick: Tick) -> dict[int, str]:
    """Register and activate every client; their member ids by client id."""
    members: dict[int, str] = {}

    async def bring(person: Person) -> None:
        details = {
            "given_name": "Client",
            "family_name": f"{person.client_id}",
            "born_on": person.born_on.isoformat(),
            "gender": person.gender,
        }
        key = f"berka-client-{person.client_id}"
        member = await counter.post("/members/persons", {"person": details}, key=key)
        await counter.post(f"/members/{member['member_id']}/activate", {}, key=f"{key}-active")
        members[person.client_id] = member["member_id"]
        tick()

    await _side_by_side(bring, records.persons)
    return members


async def bring_accounts(counter: Counter, records: Records, members: dict[int, str], tick: Tick) -> dict[int, str]:
    """Open every account, with an overdraft where its history goes below zero; ids by account number."""
    accounts: dict[int, str] = {}

    async def bring(history: History) -> None:
        wanted: dict[str, Any] = {
            "member_id": members[history.owner],
            "kind": "savings",
            "currency": CURRENCY,
            "name": f"Account {history.account_id}",
        }
        key = f"berka-account-{history.account_id}"
        account = await counter.post("/accounts", wanted, key=key)
        if history.lowest < 0:
            limits = {"overdraft_limit": {"amount": decimal(-history.lowest), "currency": CURRENCY}}
            await counter.put(f"/accounts/{account['account_id']}/limits", limits, key=f"{key}-overdraft")
        accounts[history.account_id] = account["account_id"]
        tick()

    await _side_by_side(bring, records.accounts)
    return accounts


async def own_accounts(counter: Counter) -> dict[str, str]:
    """The institution's own accounts in the currency, by the code of their general-ledger account; made if they are missing."""
    chart = await counter.post("/chart-of-accounts/standard", {"currency": CURRENCY}, key=f"berka-chart-{CURRENCY}")
    return {account["gl_code"]: account["account_id"] for account in chart["accounts"]}


def decimal(hellers: int) -> str:
    """As the bank writes money."""
    return f"{'-' if hellers < 0 else ''}{abs(hellers) // 100}.{abs(hellers) % 100:02d}"


async def _side_by_side(bring: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    waiting = iter(things)

    async def one_after_another() -> None:
        for thing in waiting:
            await bring(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(one_after_another())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
