"""PostgreSQL, as the turns use it: a pool, lazily begun transactions, and whether it is there.

Every wait is bounded. The pool's connections work as the role `coffer_app`, which may neither change the schema nor what is
append-only, whoever logged in.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import orjson

from runtime.errors import MessageFault, Unavailable

log = logging.getLogger("coffer.database")

CONNECT_SECONDS = 5
ACQUIRE_SECONDS = 5
STATEMENT_SECONDS = 10
"""The longest a statement may take; an auditor's report has its own actor and its own limit."""
LOCK_SECONDS = 5
"""The longest wait for one lock."""
IDLE_SECONDS = 10
"""How long an open transaction may do nothing. A process that hangs in one has lost its locks by then, before the broker gives
its messages, after two heartbeats, to another that needs them."""
APP_ROLE = "coffer_app"

Connection: TypeAlias = asyncpg.Connection
Record: TypeAlias = asyncpg.Record


async def _prepare(connection: Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


async def _leave_as_it_is(_connection: Connection) -> None:
    """A released connection needs no round trip: turns leave nothing behind but a finished transaction."""


class Database:
    """The pool of one process."""

    def __init__(self, url: str, *, size: int, application: str = "coffer") -> None:
        self._url = url
        self._size = size
        self._application = application
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect; Unavailable where the server cannot be reached."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._size,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                max_inactive_connection_lifetime=300,
                init=_prepare,
                reset=_leave_as_it_is,
                server_settings={
                    "role": APP_ROLE,
                    "application_name": self._application,
                    "statement_timeout": str(STATEMENT_SECONDS * 1000),
                    "lock_timeout": str(LOCK_SECONDS * 1000),
                    "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
                    "jit": "off",
                },
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
            raise Unavailable(f"the database cannot be reached: {away}") from away

    async def close(self) -> None:
        """Close, or drop what does not close in time."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except (TimeoutError, OSError):
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside of any transaction."""
        if self._pool is None:
            raise Unavailable("the database is not open")
        connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        try:
            yield connection
        finally:
            await self._pool.release(connection, timeout=ACQUIRE_SECONDS)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction of its own, committed at the end."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def probe(self) -> bool:
        """Whether it answers and takes writes."""
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS), self.connection() as connection:
                return not await connection.fetchval("SELECT pg_is_in_recovery()")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable):
            return False


class Transaction:
    """One database transaction that begins with the first statement. The handler never commits; the runtime does."""

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self._database = database
        self._read_only = read_only
        self._holder: Any = None
        self._connection: Connection | None = None
        self._begun = False

    @property
    def has_begun(self) -> bool:
        """Whether a transaction is open."""
        return self._begun

    async def _open(self) -> Connection:
        if self._connection is None:
            self._holder = self._database.connection()
            self._connection = await self._holder.__aenter__()
        if not self._begun and not self._read_only:
            await self._connection.execute("BEGIN")
            self._begun = True
        return self._connection

    async def snapshot(self) -> None:
        """Let a query's following statements see one and the same moment."""
        connection = await self._open()
        if not self._begun:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._begun = True

    async def fetch(self, statement: str, *arguments: Any) -> list[Record]:
        """All rows."""
        connection = self._connection if self._begun and self._connection is not None else await self._open()
        rows: list[Record] = await connection.fetch(statement, *arguments)
        return rows

    async def fetchrow(self, statement: str, *arguments: Any) -> Record | None:
        """The first row, if any."""
        return await (await self._open()).fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first row's first value."""
        return await (await self._open()).fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: Any) -> str:
        """Run it; the command tag."""
        tag: str = await (await self._open()).execute(statement, *arguments)
        return tag

    async def commit(self) -> None:
        """Commit. One that was cut off is ambiguous: the inbox tells. MessageFault where there was nothing left to commit."""
        if self._begun and self._connection is not None:
            done = await asyncio.shield(self._connection.execute("COMMIT"))
            self._begun = False
            if done != "COMMIT":
                raise MessageFault("a statement had failed and its error was caught, so that the database undid the whole turn")

    async def rollback(self) -> None:
        """Undo whatever was done; the next statement begins anew."""
        if self._begun and self._connection is not None:
            if not self._connection.is_closed():
                await self._connection.execute("ROLLBACK")
            self._begun = False

    async def end(self) -> None:
        """Give the connection back; what was not committed is undone. One with a transaction still open goes to nobody."""
        if self._holder is None:
            return
        holder, connection, self._holder, self._connection = self._holder, self._connection, None, None
        clean = not self._begun
        self._begun = False
        try:
            if not clean and connection is not None and not connection.is_closed():
                await connection.execute("ROLLBACK")
            clean = True
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as away:
            log.info("a transaction could not be rolled back; its connection is dropped", extra={"reason": repr(away)})
        finally:
            if not clean and connection is not None:
                with contextlib.suppress(asyncpg.InterfaceError):  # the pool has taken back a connection that was lost
                    connection.terminate()
            await holder.__aexit__(None, None, None)
