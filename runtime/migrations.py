"""Brings a database to the schema that this Coffer needs: numbered .sql files, forward only, each once.

    applied = await migrate("postgresql://owner:...@host/coffer")     # ["0001_runtime", "0002_member"]; [] when current

A file runs in one transaction together with its row in `migrations.applied`: wholly or not at all. A file whose head has the
line `-- no-transaction` holds one statement that cannot run in one (CREATE INDEX CONCURRENTLY) and must bear being run twice.
Refused, with one line that says why: a file changed after it ran, a gap in the numbers, a database ahead of these files, a
standby, PostgreSQL before 15, a file that commits by itself.

Waits are bounded: STATEMENT_SECONDS per statement; LOCK_SECONDS per lock, so that a migration that cannot get in does not make
the bank's traffic queue up behind it; TURN_SECONDS for another migrating process.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from config.urls import redacted
from runtime.clock import stopwatch_seconds
from runtime.statements import Statements

MIGRATIONS = Path(__file__).parent.parent / "migrations"

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 600
LOCK_SECONDS = 5
TURN_SECONDS = 60
OLDEST_SERVER = 15

_TURN = -2351162602314361645
"""The advisory lock: the first eight bytes of the SHA-256 of `coffer migrations`."""
_FILE_NAME = re.compile(r"([0-9]{4})_([a-z][a-z0-9_]*)\.sql")
_NO_TRANSACTION = re.compile(r"^-- no-transaction\s*$", re.MULTILINE)
_OWN_TRANSACTION = re.compile(r"^\s*(BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|END)\s*;", re.IGNORECASE | re.MULTILINE)

_sql = Statements.beside(__file__, "migrations.sql")


class MigrationError(Exception):
    """The schema could not be brought up to date. One line that says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    version: int
    name: str
    """The file's name without its ending: `0001_runtime`."""
    sql: str
    in_transaction: bool

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, whatever the line endings of the checkout."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How far a database is."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to do."""
        return not self.pending


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The files in order. MigrationError where the numbers have a gap or a twin, or a file cannot be one of them."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: name it by four digits and words, such as 0007_loan.sql")
        sql = path.read_text(encoding="utf-8")  # read_text makes every line end in \n
        in_transaction = _NO_TRANSACTION.search(sql) is None
        if in_transaction and (own := _OWN_TRANSACTION.search(sql)):
            line = sql.count("\n", 0, own.start(1)) + 1
            raise MigrationError(f"{path.name}:{line}: {own[1].upper()}; the runner opens and commits the transaction")
        found.append(Migration(int(match[1]), path.stem, sql, in_transaction))
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise MigrationError(f"{migration.name}.sql: expected number {expected:04}; numbers have no gaps and no twins")
    return tuple(found)


async def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, as the user of the address; the names of what was applied, in order."""
    migrations = read_migrations(folder)
    async with _connected(url) as connection:
        if await connection.fetchval(_sql["is_standby"]):
            raise MigrationError(f"{redacted(url)} is a standby; migrate its primary")
        async with _one_at_a_time(connection):
            await _ensure_app_role(connection)
            await _prepare(connection)
            pending = _pending(migrations, await connection.fetch(_sql["applied"]))
            for migration in pending:
                await _apply(connection, migration)
    return [migration.name for migration in pending]


async def schema_state(url: str, folder: Path = MIGRATIONS) -> SchemaState:
    """How far the database is, changing nothing. MigrationError where it and the files disagree."""
    migrations = read_migrations(folder)
    async with _connected(url) as connection:
        applied = await _applied(connection)
    pending = _pending(migrations, applied)
    return SchemaState(tuple(row["name"] for row in applied), tuple(migration.name for migration in pending))


async def _applied(connection: Any) -> Sequence[Any]:
    """What ran here, as a process of the bank sees it: its login may work as the app role, and may nothing as itself."""
    if await connection.fetchval(_sql["has_app_role"]) and await _may_be_app_role(connection):
        await connection.execute(_sql["be_app_role"])
    try:
        return list(await connection.fetch(_sql["applied"])) if await connection.fetchval(_sql["is_prepared"]) else []
    except asyncpg.InsufficientPrivilegeError:
        user = await connection.fetchval(_sql["who"])
        raise MigrationError(f"{user} may not see what was applied; a superuser may run: GRANT coffer_app TO {user};") from None


def _pending(migrations: Sequence[Migration], applied: Sequence[Any]) -> Sequence[Migration]:
    """What is left of the files after what was applied. MigrationError where one is not the beginning of the other."""
    for expected, row in enumerate(applied, start=1):
        if row["version"] != expected:
            raise MigrationError(f"the database has {row['name']} but not number {expected:04}; was a row of it deleted?")
        if expected > len(migrations):
            raise MigrationError(f"the database has {row['name']}, which this Coffer does not know; run a newer one")
        known = migrations[expected - 1]
        if known.checksum != row["checksum"]:
            raise MigrationError(f"{known.name}.sql was changed after it ran here; put it back and write a new file instead")
    return migrations[len(applied) :]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    """A connection with bounded waits and no search path: a migration names the schema of everything."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            server_settings={
                "application_name": "coffer migrate",
                "search_path": "pg_catalog",
                "statement_timeout": str(STATEMENT_SECONDS * 1000),
                "lock_timeout": str(LOCK_SECONDS * 1000),
            },
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as wrong:
        raise MigrationError(f"{redacted(url)} cannot be reached: {str(wrong) or type(wrong).__name__}") from wrong
    try:
        version = connection.get_server_version()
        if version.major < OLDEST_SERVER:
            raise MigrationError(f"PostgreSQL {OLDEST_SERVER} or later is needed; this is {version.major}.{version.minor}")
        yield connection
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as wrong:
        raise MigrationError(f"the connection to {redacted(url)} was lost; run it again: {wrong}") from wrong
    finally:
        await _close(connection)


async def _close(connection: Any) -> None:
    """End the session, and with it the advisory lock."""
    try:
        await connection.close(timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


@asynccontextmanager
async def _one_at_a_time(connection: Any) -> AsyncIterator[None]:
    deadline = stopwatch_seconds() + TURN_SECONDS
    while not await connection.fetchval(_sql["lock"], _TURN):
        if stopwatch_seconds() > deadline:
            raise MigrationError(f"another process has been migrating this database for {TURN_SECONDS} s")
        await asyncio.sleep(0.2)
    yield


async def _ensure_app_role(connection: Any) -> None:
    """The role that the files grant to, and this user's right to work as it."""
    user = await connection.fetchval(_sql["who"])
    try:
        if not await connection.fetchval(_sql["has_app_role"]):
            await connection.execute(_sql["create_app_role"])
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass  # another database of the same server was quicker; roles belong to the server
    except asyncpg.InsufficientPrivilegeError:
        mend = f"a superuser may run: CREATE ROLE coffer_app NOLOGIN; GRANT coffer_app TO {user};"
        raise MigrationError(f"the role coffer_app is missing and {user} may not create it; {mend}") from None
    if await _may_be_app_role(connection):
        return
    try:
        await connection.execute(_sql["grant_app_role"])
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationError(
            f"{user} may not work as the role coffer_app; a superuser may run: GRANT coffer_app TO {user};"
        ) from None


async def _prepare(connection: Any) -> None:
    try:
        await connection.execute(_sql["prepare"])
    except asyncpg.InsufficientPrivilegeError:
        user = await connection.fetchval(_sql["who"])
        raise MigrationError(
            f"{user} may not change the schema; migrate as the owner of the database (coffer up does it by itself)"
        ) from None


async def _may_be_app_role(connection: Any) -> bool:
    kind = "SET" if connection.get_server_version().major >= 16 else "MEMBER"
    return bool(await connection.fetchval(_sql["may_be_app_role"], kind))


async def _apply(connection: Any, migration: Migration) -> None:
    started = stopwatch_seconds()
    try:
        if migration.in_transaction:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await _record(connection, migration, started)
        else:
            await connection.execute(migration.sql)
            await _record(connection, migration, started)
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.LockNotAvailableError:
        left = "nothing of it was applied" if migration.in_transaction else "look what it left behind"
        raise MigrationError(
            f"{migration.name}.sql: a lock was not to be had in {LOCK_SECONDS} s; {left}; run it again"
        ) from None
    except asyncpg.PostgresError as wrong:
        raise MigrationError(f"{migration.name}.sql:{_line(migration, wrong)}: {wrong}") from wrong


async def _record(connection: Any, migration: Migration, started: float) -> None:
    took = round((stopwatch_seconds() - started) * 1000)
    await connection.execute(_sql["record"], migration.version, migration.name, migration.checksum, took)


def _line(migration: Migration, wrong: Any) -> int:
    """The line of the file that PostgreSQL points at; 1 where it points at none."""
    position = getattr(wrong, "position", None)
    return migration.sql.count("\n", 0, int(position)) + 1 if position else 1
