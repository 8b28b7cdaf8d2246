"""PostgreSQL of our own: its cluster, its superuser and the database `coffer`. Schemas and other roles are the migrations'.

Durable as in production (fsync, synchronous_commit, checksums): what a test kills must come back whole.
"""

import shutil
import signal
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

import asyncpg

from runtime.servers.account import run_as
from runtime.servers.errors import ServerFailed
from runtime.servers.kept import Command, clean_environment
from runtime.servers.ports import HOST
from runtime.servers.postgres_binaries import postgres_binaries
from runtime.servers.server import PROBE_SECONDS, Server
from runtime.statements import Statements

SUPERUSER = "postgres"
DATABASE = "coffer"
LONGEST_SOCKET_PATH = 107 - len("/.s.PGSQL.65535.lock")
"""The kernel's limit on the path of a Unix socket; below a deeper directory there is none, and only the port is served."""

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_min_duration_statement": "1s",
    "jit": "off",
}
"""jit: compiling costs more than a turn's short statements. The rest makes an answer last, or is a small machine's share."""

_statements = Statements.beside(__file__, "postgres.sql")


class Postgres(Server):
    """One PostgreSQL cluster of ours."""

    name: ClassVar[str] = "postgres"

    @property
    def url(self) -> str:
        """The database `coffer`, as the superuser."""
        return f"postgresql://{SUPERUSER}:{self._place.password('postgres')}@{HOST}:{self.port}/{DATABASE}"

    @property
    def nearest_url(self) -> str:
        """The same by its Unix socket, where it has one: a statement then takes half the time that it takes by 127.0.0.1."""
        if self._sockets is None:
            return self.url
        query = urlencode({"host": str(self._sockets), "port": self.port})
        return f"postgresql://{SUPERUSER}:{self._place.password('postgres')}@/{DATABASE}?{query}"

    @property
    def _sockets(self) -> Path | None:
        directory = self.home / "sockets"
        return directory if len(str(directory)) <= LONGEST_SOCKET_PATH else None

    def _prepare(self) -> Command:
        data = self.home / "data"
        existing = int((data / "PG_VERSION").read_text()) if (data / "PG_VERSION").exists() else None
        binaries = postgres_binaries(self._place, existing, self._say)
        if existing is None:
            self._initialise(binaries.directory)
        _clear_stale_lock(data / "postmaster.pid")
        self._place.directory(f"{self.name}/sockets")
        settings = {
            **SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets or ""),
        }
        argv: list[str | Path] = [binaries.directory / "postgres", "-D", data]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        # fast: ends the sessions, writes a checkpoint; immediate: as after a crash, for when that takes too long
        return Command(argv, stop_signals=(signal.SIGINT, signal.SIGQUIT))

    def _initialise(self, binaries: Path) -> None:
        """Make the cluster beside its final place, so that an interrupted attempt is not taken for one."""
        new = self.home / "data.new"
        if new.exists():
            shutil.rmtree(new)
        password_file = self.home / "superuser"
        account = self._place.account
        self._place.write_private(password_file, self._place.password("postgres"), owner=account)
        done = run_as(
            account,
            [
                binaries / "initdb", "--pgdata", new, "--username", SUPERUSER, "--pwfile", password_file,
                "--auth", "scram-sha-256", "--data-checksums", "--encoding", "UTF8",
                # the order of bytes is the same on every machine and version; upper and lower case are Unicode's
                "--locale", "C", "--lc-ctype", "C.UTF-8",
            ],
            env=clean_environment({}),
            cwd=self.home,
        )  # fmt: skip
        password_file.unlink()
        if done.returncode != 0:
            raise ServerFailed(f"{binaries}/initdb failed: {done.stderr.strip().splitlines()[-1:]}")
        new.rename(self.home / "data")

    async def _answers(self) -> bool:
        try:
            connection = await self._connect()
        except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        except asyncpg.PostgresError as error:
            raise ServerFailed(f"postgres does not let us in: {error}") from error
        try:
            return bool(await connection.fetchval(_statements["is_there"]) == 1)
        finally:
            await connection.close(timeout=PROBE_SECONDS)

    async def _settle(self) -> None:
        """See that the database exists."""
        connection = await self._connect()
        try:
            if not await connection.fetchval(_statements["has_database"], DATABASE):
                await connection.execute(_statements["create_database"])
        finally:
            await connection.close(timeout=PROBE_SECONDS)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=HOST,
            port=self.port,
            user=SUPERUSER,
            password=self._place.password("postgres"),
            database="postgres",
            timeout=PROBE_SECONDS,
            ssl=False,
        )


def _clear_stale_lock(lock: Path) -> None:
    """After a crash the old process's number may be another program's, most likely in a container that begins anew.
    PostgreSQL would take that program for itself; we hold the state's lock and know better.
    """
    if lock.exists():
        comm = Path("/proc", lock.read_text().split("\n")[0], "comm")
        if comm.exists() and comm.read_text().strip() != "postgres":
            lock.unlink()
