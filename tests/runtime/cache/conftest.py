"""A Redis for the cache's tests alone: they kill it, pause it and empty it."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from runtime.servers import LocalServers
from tests.bank import private_servers
from tests.conftest import LOCAL, STATE


@pytest.fixture(scope="session")
async def redis_servers() -> AsyncIterator[LocalServers]:
    async with private_servers(STATE / "cache", fetched_from=LOCAL, only=("redis",)) as running:
        yield running


async def process_of(servers: LocalServers) -> int:
    """The process id of the running Redis."""
    async with Redis.from_url(servers.redis_url) as redis:
        return int((await redis.info("server"))["process_id"])


class Paused:
    """Redis hangs for as long as the block lasts."""

    def __init__(self, process: int) -> None:
        self._process = process

    def __enter__(self) -> None:
        os.kill(self._process, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self._process, signal.SIGCONT)
