"""A bank for tests: the real house on real servers, and short words for what tests say to it."""

import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from yarl import URL

from config.pools import load_pools
from config.sections import Settings
from config.settings import load_settings
from config.systems import load_systems
from http_edge.process import EdgeProcess
from messages.base import Command, Job, Query, Refusal, Reply
from messages.identity import CreateFirstAdministrator, Login
from messages.ids import new_id
from runtime.broker_roles import broker_users
from runtime.client import Answer, Client, reply_of
from runtime.clock import SettableClock, stopwatch_seconds
from runtime.failpoints import Failpoints
from runtime.house import load_vocabularies
from runtime.link import Link
from runtime.migrations import migrate
from runtime.principal import Principal
from runtime.process import ActorsProcess
from runtime.servers import BrokerUser, LocalServers
from runtime.topology import declare

R = TypeVar("R", bound=Reply)

ADMINISTRATOR = Principal("user", "test-administrator", ("admin",))
ROOT_NAME, ROOT_PASSWORD = "root@bank.test", "correct horse battery staple"
READY_SECONDS = 20


def test_settings(**environment: str) -> Settings:
    """Settings of the test profile."""
    return load_settings({"COFFER_PROFILE": "test", "COFFER_STATE_DIR": "/nonexistent", **environment})


PASSER_BY = BrokerUser("passer_by")
"""A user of the broker whom no configuration names."""


def private_servers(
    state: Path, *, fetched_from: Path | None = None, only: Any = None, actors: Collection[str] = ()
) -> LocalServers:
    """Servers with the broker users of the test profile, where these actors run beside ours."""
    settings = test_settings()
    ours = {pool.actor_name for pool in load_pools().values()}
    users = [*broker_users(settings.broker, load_systems(None, {}, settings.profile), ours | set(actors)), PASSER_BY]
    chosen = {"only": only} if only else {}
    return LocalServers(state, broker_users=users, fetched_from=fetched_from, **chosen)


def environment_of(servers: LocalServers, database_url: str | None = None) -> dict[str, str]:
    """What a process of this bank finds in its environment."""
    found = {
        "COFFER_PROFILE": "test",
        "COFFER_STATE_DIR": "/nonexistent",
        "COFFER_DATABASE_URL": database_url or servers.nearest_database_url,
        "COFFER_BROKER_URL": servers.broker_url,
        "COFFER_REDIS_URL": servers.redis_url,
    }
    for role in ("edge", "actors", "topology"):
        password = URL(servers.broker_urls[f"coffer_{role}"]).password
        assert password is not None
        found[f"COFFER_BROKER__PASSWORDS__{role.upper()}"] = password
    return found


async def emptied(servers: LocalServers) -> None:
    """An empty bank: schema made anew, queues empty."""
    connection = await asyncpg.connect(servers.database_url)
    try:
        schemas = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')"
        )
        for schema in schemas:
            await connection.execute(f'DROP SCHEMA "{schema["nspname"]}" CASCADE')
    finally:
        await connection.close()
    await migrate(servers.database_url)


class House:
    """Edge and actors in this process."""

    open: ClassVar[list["House"]] = []
    """Those that are open."""

    def __init__(self, servers: LocalServers, environment: Mapping[str, str]) -> None:
        self.servers = servers
        self.environment = environment
        self.settings = load_settings(environment)
        self.clock = SettableClock()
        self.actors = ActorsProcess(self.settings, environment, clock=self.clock, failpoints=Failpoints())
        self.edge = EdgeProcess(self.settings, environment, clock=self.clock)
        self.database: asyncpg.Pool
        self.http: aiohttp.ClientSession
        self.root_token = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, servers: LocalServers) -> AsyncIterator["House"]:
        """An empty bank with its first administrator."""
        load_vocabularies()
        await emptied(servers)
        environment = environment_of(servers)
        house = cls(servers, environment)
        link = await Link.connect(house.settings.broker.url_for("topology"), name="test topology")
        await declare(link, house.actors.topology)
        await link.close()
        await house.actors.start()
        await house.edge.start()
        house.database = await asyncpg.create_pool(servers.database_url, min_size=0, max_size=2)
        await house.until_ready()
        house.http = aiohttp.ClientSession(house.edge.url)
        bank = Bank(house)
        await bank.says(CreateFirstAdministrator(username=ROOT_NAME, password=ROOT_PASSWORD))
        await house.log_root_in()
        cls.open.append(house)
        try:
            yield house
        finally:
            cls.open.remove(house)
            await house.http.close()
            await house.edge.stop()
            await house.actors.stop()
            await house.database.close()

    async def log_root_in(self) -> None:
        """Let the administrator log in, again where the session has ended."""
        tokens = await Bank(self).says(Login(username=ROOT_NAME, password=ROOT_PASSWORD))
        self.root_token = tokens.access_token.get_secret_value()

    async def until_ready(self) -> None:
        """Wait until every actor answers."""
        await until(self._is_ready, within_seconds=READY_SECONDS)

    async def _is_ready(self) -> bool:
        return self.edge.bus.is_ready and all(pool.is_consuming for pool in self.actors.pools.values())


async def until(condition: Any, *, within_seconds: float = 10) -> None:
    """Wait for a condition (a function, or one that returns an awaitable); AssertionError when it does not come."""
    import asyncio

    ends = stopwatch_seconds() + within_seconds
    while True:
        found = condition()
        if hasattr(found, "__await__"):
            found = await found
        if found:
            return
        assert stopwatch_seconds() < ends, f"not within {within_seconds} s"
        await asyncio.sleep(0.02)


class Bank:
    """What a test says and sees."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.clock = house.clock
        self.database = house.database

    @property
    def client(self) -> Client:
        """The edge's client."""
        return self.house.edge.client

    @property
    def http(self) -> aiohttp.ClientSession:
        """A client of the edge, without a token; paths are like `/api/v1/members`."""
        return self.house.http

    @property
    def root(self) -> dict[str, str]:
        """Headers of the administrator who logged in."""
        return {"Authorization": f"Bearer {self.house.root_token}"}

    async def call(
        self, message: Any, *, as_: Principal | None = None, message_id: UUID | None = None, deadline_seconds: float = 10
    ) -> Answer:
        """The bare answer."""
        return await self.client.call(
            message, principal=as_ or ADMINISTRATOR, message_id=message_id, deadline_seconds=deadline_seconds
        )

    async def says(
        self, message: Command[R] | Query[R] | Job[R], *, as_: Principal | None = None, message_id: UUID | None = None
    ) -> R:
        """The reply; a refusal is raised as its class."""
        return reply_of(message, await self.call(message, as_=as_, message_id=message_id))

    @contextlib.contextmanager
    def refuses(self, rule: str, *, field: str | None = None) -> Iterator[None]:
        """What is said inside must be refused by this rule (and for this field)."""
        with pytest.raises(Refusal) as refused:
            yield
        refusal = refused.value
        assert refusal.rule == rule, f"refused by {refusal.rule}: {refusal.detail}"
        assert field is None or refusal.field == field, f"for the field {refusal.field}"

    @staticmethod
    def new_id() -> UUID:
        """A fresh message id."""
        return new_id()
