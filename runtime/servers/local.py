"""The three servers together: those that the environment does not name are found or fetched, started, and ended with us."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.servers.broker_users import BrokerUser
from runtime.servers.errors import ServerError, ServerMissing
from runtime.servers.place import Place
from runtime.servers.postgres import Postgres
from runtime.servers.rabbitmq import RabbitMQ
from runtime.servers.redis import Redis
from runtime.servers.server import Server

GIVEN = {"postgres": "COFFER_DATABASE_URL", "rabbitmq": "COFFER_BROKER_URL", "redis": "COFFER_REDIS_URL"}
"""A server whose variable is set is somebody else's: nothing is started for it."""
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0
"""After a start that failed."""


class LocalServers:
    """PostgreSQL, RabbitMQ and Redis for one state directory, for as long as the `async with` lasts.

    broker_users    who may do what on the broker, beside its administrator
    only            which of the three; all by default
    fetched_from    the state directory whose fetched binaries are used (tests share a developer's); this one by default
    say             told about what takes long, a line each; called from any thread
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        broker_users: Sequence[BrokerUser] = (),
        only: Iterable[str] = tuple(GIVEN),
        fetched_from: Path | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._state_dir = state_dir
        self._broker_users = broker_users
        self._only = frozenset(only)
        assert self._only <= set(GIVEN), f"servers are {', '.join(GIVEN)}"
        self._fetched_from = fetched_from
        self._say = say
        self._given = {name: url for name, variable in GIVEN.items() if (url := os.environ.get(variable))}
        self._servers: dict[str, Server] = {}
        self._place: Place | None = None

    @property
    def database_url(self) -> str:
        """The database `coffer`, as the superuser; or the given one."""
        return self._given.get("postgres") or self.postgres.url

    @property
    def nearest_database_url(self) -> str:
        """The same by the shortest way that there is; or the given one."""
        return self._given.get("postgres") or self.postgres.nearest_url

    @property
    def broker_url(self) -> str:
        """The vhost `coffer`, as the administrator; or the given one."""
        return self._given.get("rabbitmq") or self.rabbitmq.url

    @property
    def broker_urls(self) -> dict[str, str]:
        """By user of the local broker. A given broker has its own users."""
        return self.rabbitmq.urls

    @property
    def redis_url(self) -> str:
        """With the password; or the given one."""
        return self._given.get("redis") or self.redis.url

    @property
    def postgres(self) -> Postgres:
        """Ours. LookupError when it is given by URL or was not asked for."""
        server = self._ours("postgres")
        assert isinstance(server, Postgres)
        return server

    @property
    def rabbitmq(self) -> RabbitMQ:
        """Ours. LookupError when it is given by URL or was not asked for."""
        server = self._ours("rabbitmq")
        assert isinstance(server, RabbitMQ)
        return server

    @property
    def redis(self) -> Redis:
        """Ours. LookupError when it is given by URL or was not asked for."""
        server = self._ours("redis")
        assert isinstance(server, Redis)
        return server

    def password(self, name: str) -> str:
        """A random password, made once and kept with the state: for roles that a migration makes, and the like."""
        assert self._place is not None, "inside the async with"
        return self._place.password(f"other_{name}")

    async def __aenter__(self) -> Self:
        wanted = self._only - self._given.keys()
        if not wanted:
            return self
        if sys.platform != "linux":
            raise ServerMissing(
                f"servers of our own run on Linux only; set {', '.join(GIVEN[name] for name in sorted(wanted))}"
            )
        place = self._place = await asyncio.to_thread(Place.of, self._state_dir)
        await asyncio.to_thread(place.lock, self._say)
        try:
            if self._fetched_from is not None:
                place.fetched = (await asyncio.to_thread(Place.of, self._fetched_from)).fetched
            if place.root.parent != self._state_dir.resolve():
                self._say(f"the servers of {self._state_dir} live in {place.root}")
            ports = place.ports()
            kinds: dict[str, Callable[[], Server]] = {
                "postgres": lambda: Postgres(place, ports, self._say),
                "rabbitmq": lambda: RabbitMQ(place, ports, self._say, self._broker_users),
                "redis": lambda: Redis(place, ports, self._say),
            }
            self._servers = {name: kinds[name]() for name in sorted(wanted)}
            await _together(server.start() for server in self._servers.values())
        except BaseException:
            await self._end("kill")
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end("stop")

    @contextlib.asynccontextmanager
    async def kept_running(self) -> AsyncIterator[None]:
        """Start again what ends by itself, for as long as the block lasts."""
        tasks = [asyncio.create_task(self._keep_running(server)) for server in self._servers.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_running(self, server: Server) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if server.running:
                continue
            self._say(f"{server.name} ended by itself; starting it again")
            try:
                await server.start()
            except ServerError as failed:
                self._say(f"{failed}; trying again in {AGAIN_SECONDS:.0f} s")
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._say(f"{server.name} runs again")

    async def _end(self, how: str) -> None:
        try:
            await _together(server.kill() if how == "kill" else server.stop() for server in self._servers.values())
        finally:
            if self._place is not None:
                self._place.unlock()

    def _ours(self, name: str) -> Server:
        if name in self._given:
            raise LookupError(f"{name} is given by {GIVEN[name]}: not ours to touch")
        return self._servers[name]


async def _together(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at once; the first fault ends the others and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as faults:
        ours: BaseException | None = faults.subgroup(ServerError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]
        if ours is None:
            raise
        raise ours from None
