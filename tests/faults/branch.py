"""A whole bank of separate processes on servers of its own: what fault tests kill parts of.

    async with Branch.opened(state) as branch:
        accounts = await branch.open_accounts()
        await branch.ledger.kill()

Three processes: the edge, the ledger, and all other actors. `twin_of` adds another, which waits for its turn.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from config.pools import load_pools
from config.settings import load_settings
from config.systems import load_systems
from messages.base import Command, Query, Reply
from messages.identity import CreateFirstAdministrator
from messages.ledger import AdoptStandardChart, OpenAccount
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from runtime.bus import Bus
from runtime.client import Client, reply_of
from runtime.clock import SystemClock
from runtime.house import find_actors, topology_of
from runtime.link import Link
from runtime.servers import LocalServers
from runtime.servers.ports import Ports
from runtime.topology import Topology, declare
from tests.bank import ADMINISTRATOR, ROOT_NAME, ROOT_PASSWORD, emptied, environment_of, private_servers, until
from tests.faults.launch import PLANTED
from tests.faults.processes import Nursery, Worker

R = TypeVar("R", bound=Reply)

CURRENCY = "KES"
SAVINGS = 4
"""Few accounts, so that their requests meet."""
READY_SECONDS = 40
HEARS_ALL = {"COFFER_SYSTEMS__DEMO-PARTNER__HEARS": "ledger.*.v1"}
"""So that the other system can tell whether all was told."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts that one run has for itself; money moves between them alone."""

    savings: tuple[UUID, ...]
    till: UUID
    """An internal account: where cash comes from and goes to."""

    @property
    def all(self) -> tuple[UUID, ...]:
        """All of them."""
        return (*self.savings, self.till)


class Branch:
    """The processes and the servers below them."""

    def __init__(self, servers: LocalServers, state: Path) -> None:
        self.servers = servers
        self.state = state
        self.environment = {**environment_of(servers), **HEARS_ALL}
        settings = load_settings(self.environment)
        self.topology = _topology(self.environment)
        self.nursery = Nursery()
        self.edge = self.worker("edge", "edge")
        self.ledger = self.worker("ledger", "actors", "ledger")
        self.others = self.worker("others", "actors", *sorted(load_pools(settings.config_dir).keys() - {"ledger"}))
        self.port = Ports(state / "http-port.json").take("edge")
        self._bus = Bus(settings.broker.url_for("edge"), user=settings.broker.user_for("edge"), name="tests")
        self.client = Client(self._bus, self.topology, SystemClock(), role="edge")
        self.token = ""

    def worker(self, name: str, part: str, *pools: str) -> Worker:
        """A process that does not run yet."""
        logs = self.state / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{name}.log").unlink(missing_ok=True)
        return Worker(self.nursery, name, part, list(pools), logs / f"{name}.log")

    @property
    def url(self) -> str:
        """Of the edge."""
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, state: Path, *, fetched_from: Path) -> AsyncIterator["Branch"]:
        """An empty bank with its first administrator logged in."""
        async with private_servers(state, fetched_from=fetched_from) as servers:
            await emptied(servers)
            branch = cls(servers, state)
            try:
                await branch._open()
                yield branch
            finally:
                await branch._close()

    async def _open(self) -> None:
        link = await Link.connect(load_settings(self.environment).broker.url_for("topology"), name="test topology")
        await declare(link, self.topology)
        await link.close()
        await self.nursery.open()
        for worker, environment in self._households():
            worker.start(environment)
        await self._bus.start()
        await self.until_ready()
        await self.says(CreateFirstAdministrator(username=ROOT_NAME, password=ROOT_PASSWORD))
        await self.says(AdoptStandardChart(currency=CURRENCY))
        await self.log_in()

    async def _close(self) -> None:
        for worker, _ in reversed(self._households()):
            await worker.retire()
        await self.nursery.close()
        await self._bus.stop()

    async def until_ready(self, url: str = "") -> None:
        """Wait until the edge says that every actor answers."""
        async with aiohttp.ClientSession() as http:
            await until(lambda: is_ready(http, url or self.url), within_seconds=READY_SECONDS)

    async def log_in(self) -> None:
        """Get a token for the administrator."""
        async with aiohttp.ClientSession(self.url) as http:
            body = {"username": ROOT_NAME, "password": ROOT_PASSWORD}
            async with http.post("/api/v1/auth/login", json=body) as response:
                told = await response.json()
                assert response.status == 200, told
                self.token = told["access_token"]

    async def says(self, message: Command[R] | Query[R]) -> R:
        """The reply to what the administrator says; a refusal is raised as its class."""
        await until(lambda: self._bus.is_ready)
        return reply_of(message, await self.client.call(message, principal=ADMINISTRATOR))

    async def open_accounts(self) -> Accounts:
        """Accounts that nobody else uses."""
        person = PersonDetails.model_validate({"given_name": "Amina", "family_name": "Wanjiru", "born_on": "1990-04-01"})
        member = await self.says(RegisterPerson(person=person))
        await self.says(ActivateMember(member_id=member.member_id))
        owned = [OpenAccount(member_id=member.member_id, kind="savings", currency=CURRENCY) for _ in range(SAVINGS)]
        savings = [(await self.says(each)).account_id for each in owned]
        till = await self.says(OpenAccount(kind="internal", currency=CURRENCY, gl_code="1010"))
        return Accounts(tuple(savings), till.account_id)

    async def mend(self) -> None:
        """Make whole again what a test left broken."""
        for server in (self.servers.postgres, self.servers.rabbitmq, self.servers.redis):
            if not server.running:
                await server.start()
        for worker, environment in self._households():
            if not worker.is_employed or worker.environment != environment or worker.lives or worker.is_stopped:
                await worker.retire()
                worker.start(environment)
        await self.until_ready()

    def _households(self) -> list[tuple[Worker, Mapping[str, str]]]:
        edge = {**self.environment, "COFFER_HTTP_PORT": str(self.port)}
        return [(self.others, self.environment), (self.ledger, self.environment), (self.edge, edge)]

    async def rebirth(
        self,
        worker: Worker,
        *,
        planted: str = "",
        environment: Mapping[str, str] | None = None,
        lives: list[Mapping[str, str]] | None = None,
    ) -> None:
        """End a process and start it anew: with a bug, with another environment, or with failpoints for its first lives."""
        changed = {**worker.environment, PLANTED: planted, **(environment or {})}
        await worker.retire()
        worker.lives = list(lives or [])
        worker.start(changed)
        await worker.alive()

    @contextlib.asynccontextmanager
    async def twin_of(self, worker: Worker, environment: Mapping[str, str] | None = None) -> AsyncIterator[Worker]:
        """A second process for the same pools: of what has an order the broker gives it nothing while the first one works."""
        twin = self.worker(f"{worker.name}2", worker.part, *worker.pools)
        async with _running(twin, {**worker.environment, **(environment or {})}):
            await self.until_consuming(twin)
            yield twin

    async def until_consuming(self, worker: Worker) -> None:
        """Wait until this process has told that it takes messages for all of its pools."""
        database = await self.database()
        try:
            statement = "SELECT pools FROM runtime.process WHERE pid = $1"

            async def is_told() -> bool:
                pools = orjson.loads(await database.fetchval(statement, worker.pid) or "{}")
                return worker.pools == [name for name in worker.pools if pools.get(name, {}).get("consuming")]

            await until(is_told)
        finally:
            await database.close()

    @contextlib.asynccontextmanager
    async def another_edge(self) -> AsyncIterator[tuple[Worker, str]]:
        """A second edge, and its URL."""
        second = self.worker("edge2", "edge")
        port = Ports(self.state / "http-port.json").take("edge2")
        url = f"http://127.0.0.1:{port}"
        async with _running(second, {**self.environment, "COFFER_HTTP_PORT": str(port)}):
            await self.until_ready(url)
            yield second, url

    async def database(self) -> asyncpg.Connection:
        """A connection as the superuser, for the checker."""
        return await asyncpg.connect(self.servers.database_url, timeout=10)


@contextlib.asynccontextmanager
async def _running(worker: Worker, environment: Mapping[str, str]) -> AsyncIterator[None]:
    worker.start(environment)
    try:
        await worker.alive()
        yield
    finally:
        await worker.retire()


async def is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    """What an edge says of itself."""
    try:
        async with http.get(f"{url}/ready") as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def _topology(environment: Mapping[str, str]) -> Topology:
    settings = load_settings(environment)
    pools = load_pools(settings.config_dir, environment)
    systems: Mapping[str, Any] = load_systems(settings.config_dir, environment, settings.profile)
    return topology_of(settings, pools, systems, set(find_actors(pools).values()))
