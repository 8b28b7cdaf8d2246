"""A house of two actors, the close of business and loans on a shelf, on servers of its own, so that a close may be killed."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson
import pytest

from actors.close_of_business.actor import CloseOfBusiness
from config.pools import load_pools
from config.settings import BusinessCalendar, load_settings
from config.systems import load_systems
from messages.base import Command, Job, Query, Refusal, Reply
from messages.close_of_business import CloseRun, GetBusinessDate, GetCloseOfBusiness, RunCloseOfBusiness, SetBusinessDate
from messages.ids import CloseRunId
from runtime.actor import Actor
from runtime.bus import Bus
from runtime.client import Client, reply_of
from runtime.clock import SettableClock
from runtime.link import Link
from runtime.principal import Principal
from runtime.process import ActorsProcess
from runtime.servers import LocalServers
from runtime.topology import declare
from tests.actors.close_of_business import closing_process
from tests.actors.close_of_business.loans_on_a_shelf import LoansOnAShelf, shelf
from tests.bank import ADMINISTRATOR, emptied, environment_of, until

R = TypeVar("R", bound=Reply)

ACTORS: Mapping[str, type[Actor]] = {"close_of_business": CloseOfBusiness, "loan": LoansOnAShelf}
QUICK_RETRIES = {"in_place_first_seconds": 0.005, "parked": 2, "parked_first_seconds": 0.05, "parked_cap_seconds": 0.1}
LOAN_POOL = {"actor": "actors.loan", "mailbox": "keyed", "concurrency": 64, "prefetch": 256, "retry": QUICK_RETRIES}


class CloseHouse:
    """The actors' process, a client as the edge has one, and the database."""

    def __init__(self, servers: LocalServers, folder: Path) -> None:
        (folder / "pools.yaml").write_bytes(orjson.dumps({"pools": {"loan": LOAN_POOL}}))
        silent: dict[str, dict[str, list[str]]] = {name: {"says": [], "hears": []} for name in load_systems()}
        (folder / "systems.yaml").write_bytes(orjson.dumps({"systems": silent}))
        self.servers = servers
        self.environment = {**environment_of(servers), "COFFER_CONFIG_DIR": str(folder)}
        self.settings = load_settings(self.environment)
        self.clock = SettableClock()
        pools = {name: pool for name, pool in load_pools(folder).items() if name in ACTORS}
        self.actors = ActorsProcess(self.settings, self.environment, clock=self.clock, read_pools=lambda: pools, actors=ACTORS)
        broker = self.settings.broker
        self._bus = Bus(broker.url_for("edge"), user=broker.user_for("edge"), name="a test's edge")
        self.client = Client(self._bus, self.actors.topology, self.clock, role="edge")
        self.database: asyncpg.Pool

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, servers: LocalServers, folder: Path) -> AsyncIterator["CloseHouse"]:
        """An empty house that is ready."""
        await emptied(servers)
        house = cls(servers, folder)
        house.database = await asyncpg.create_pool(servers.database_url, min_size=0, max_size=2)
        link = await Link.connect(house.settings.broker.url_for("topology"), name="test topology")
        await declare(link, house.actors.topology)
        await link.close()
        await house.actors.start()
        await house._bus.start()
        try:
            await until(house._is_ready, within_seconds=30)
            yield house
        finally:
            shelf.gate.set()
            await house._bus.stop()
            await house.actors.stop()
            await house.database.close()

    def _is_ready(self) -> bool:
        return self._bus.is_ready and all(pool.is_consuming for pool in self.actors.pools.values())

    async def empty(self) -> None:
        """Let what is in hand end, and forget all that was."""
        shelf.gate.set()
        await self.database.execute("UPDATE close_of_business.run SET status = 'paused' WHERE status = 'running'")
        await until(lambda: not any(pool.depth for pool in self.actors.pools.values()), within_seconds=30)
        for (table,) in await self.database.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('runtime', 'close_of_business')"
        ):
            await self.database.execute(f"TRUNCATE {table} CASCADE")
        self.clock.rewind()
        shelf.empty()

    async def says(
        self, message: Command[R] | Query[R] | Job[R], *, as_: Principal = ADMINISTRATOR, message_id: UUID | None = None
    ) -> R:
        """The reply; a refusal is raised as its class."""
        return reply_of(message, await self.client.call(message, principal=as_, message_id=message_id))

    @contextlib.contextmanager
    def refuses(self, rule: str) -> Any:
        """What is said inside must be refused by this rule."""
        with pytest.raises(Refusal) as refused:
            yield
        assert refused.value.rule == rule, f"refused by {refused.value.rule}: {refused.value.detail}"

    # The close

    async def opens(self, day: date, *, loans: int = 0) -> None:
        """The first business date, with loans that are closed through the day before it."""
        await self.says(SetBusinessDate(business_date=day))
        shelf.put(loans, closed_through=date.fromordinal(day.toordinal() - 1))

    async def runs(self, **asked: Any) -> CloseRun:
        """A run that was begun."""
        return await self.says(RunCloseOfBusiness(**asked))

    async def run(self, run_id: CloseRunId) -> CloseRun:
        """A run as far as it is."""
        return await self.says(GetCloseOfBusiness(run_id=run_id))

    async def ended(self, run: CloseRun, *, within_seconds: float = 30) -> CloseRun:
        """The run when it is over."""

        async def is_over() -> bool:
            return (await self.run(run.run_id)).ended_at is not None

        await until(is_over, within_seconds=within_seconds)
        return await self.run(run.run_id)

    async def day(self) -> date:
        """The business date."""
        return (await self.says(GetBusinessDate())).business_date

    # Its process

    @contextlib.asynccontextmanager
    async def closing_elsewhere(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The close of business in a process of its own, for a test to kill, and nowhere else until the end."""
        ours = self.actors.pools["close_of_business"]
        await ours.drain()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", closing_process.__name__, env={**os.environ, **self.environment}
        )
        try:
            await until(lambda: self._consumes(process.pid), within_seconds=60)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            ours._open()
            await until(self._is_ready, within_seconds=30)

    async def _consumes(self, pid: int) -> bool:
        pools = await self.database.fetchval("SELECT pools FROM runtime.process WHERE pid = $1", pid)
        return bool(pools) and orjson.loads(pools).get("close_of_business", {}).get("consuming", False)


@contextlib.contextmanager
def working(actors: ActorsProcess, calendar: BusinessCalendar) -> Iterator[None]:
    """The institution with a calendar, for a while."""
    closing = actors.pools["close_of_business"].actor
    assert isinstance(closing, CloseOfBusiness)
    before, closing.calendar = closing.calendar, calendar
    try:
        yield
    finally:
        closing.calendar = before
