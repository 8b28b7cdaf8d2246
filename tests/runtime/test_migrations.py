"""The migrations' runner on a PostgreSQL of its own: what runs, what is refused, and what is left after a failure."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from config.urls import with_user
from runtime import migrations as runner
from runtime.migrations import MigrationError, migrate, read_migrations, schema_state
from runtime.servers import LocalServers

FIRST = "-- why\nCREATE TABLE public.one (id integer);\nGRANT SELECT ON public.one TO coffer_app;\n"


class Folder:
    """Migration files as a test needs them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, **files: str) -> "Folder":
        """One file per keyword: _0001_one="...sql..."."""
        for name, text in files.items():
            (self.path / f"{name.removeprefix('_')}.sql").write_text(text)
        return self


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def server(servers: LocalServers) -> str:
    """The address of the tests' PostgreSQL, as its superuser."""
    return servers.database_url


@pytest.fixture
async def url(server: str) -> AsyncIterator[str]:
    """A database of this test's own."""
    name = f"t_{uuid4().hex[:12]}"
    await run(server, f"CREATE DATABASE {name}")
    yield at(server, name)
    await run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def user(server: str) -> AsyncIterator[str]:
    """An ordinary user with a database of the same name; its password is `plain`."""
    name = f"u_{uuid4().hex[:8]}"
    await run(server, f"CREATE ROLE {name} LOGIN PASSWORD 'plain'")
    await run(server, f"CREATE DATABASE {name} OWNER {name}")
    yield name
    await run(server, f"DROP DATABASE {name} WITH (FORCE)")
    await run(server, f"DROP ROLE {name}")


@pytest.fixture
async def app_role(server: str) -> None:
    """The processes' role is there, as after any migration on this server."""
    await run(server, "DO $$ BEGIN CREATE ROLE coffer_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")


def at(server: str, database: str, user: str = "") -> str:
    """The address of a database on the same server."""
    address = with_user(server, user, "plain") if user else server
    return urlunsplit(urlsplit(address)._replace(path=f"/{database}"))


async def run(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def refused(url: str, folder: Folder) -> str:
    with pytest.raises(MigrationError) as caught:
        await migrate(url, folder.path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_each_file_runs_once_and_in_order(url: str, folder: Folder) -> None:
    folder.has(_0001_one=FIRST, _0002_two="-- why\nALTER TABLE public.one ADD COLUMN more text;")
    assert await migrate(url, folder.path) == ["0001_one", "0002_two"]
    assert await migrate(url, folder.path) == []
    folder.has(_0003_three="-- why\nDROP TABLE public.one;")
    assert (await schema_state(url, folder.path)).pending == ("0003_three",)
    assert await migrate(url, folder.path) == ["0003_three"]
    assert (await schema_state(url, folder.path)).is_current


async def test_a_database_never_migrated_has_everything_pending_and_is_left_untouched(url: str, folder: Folder) -> None:
    folder.has(_0001_one=FIRST)
    assert (await schema_state(url, folder.path)).pending == ("0001_one",)
    assert await run(url, "SELECT FROM pg_namespace WHERE nspname = 'migrations'") == []


async def test_a_file_that_fails_leaves_nothing_and_names_its_line(url: str, folder: Folder) -> None:
    folder.has(_0001_one=FIRST, _0002_two="-- why\nCREATE TABLE public.two (id integer);\nSELECT nonsense;\n")
    assert await refused(url, folder) == '0002_two.sql:3: column "nonsense" does not exist'
    assert await run(url, "SELECT to_regclass('public.two') AS two, to_regclass('public.one') AS one") == [(None, "one")]
    folder.has(_0002_two="-- why\nCREATE TABLE public.two (id integer);\n")
    assert await migrate(url, folder.path) == ["0002_two"]


async def test_a_file_changed_after_it_ran_is_refused(url: str, folder: Folder) -> None:
    await migrate(url, folder.has(_0001_one=FIRST).path)
    assert "0001_one.sql was changed after it ran here" in await refused(url, folder.has(_0001_one=FIRST + "-- more\n"))


async def test_line_endings_of_the_checkout_change_nothing(url: str, folder: Folder) -> None:
    await migrate(url, folder.has(_0001_one=FIRST).path)
    (folder.path / "0001_one.sql").write_bytes(FIRST.replace("\n", "\r\n").encode())
    assert await migrate(url, folder.path) == []


async def test_a_database_ahead_of_these_files_is_refused(url: str, folder: Folder) -> None:
    await migrate(url, folder.has(_0001_one=FIRST, _0002_two="-- why\nSELECT 1;").path)
    (folder.path / "0002_two.sql").unlink()
    assert "0002_two, which this Coffer does not know; run a newer one" in await refused(url, folder)


async def test_a_row_deleted_from_the_bookkeeping_is_noticed(url: str, folder: Folder) -> None:
    await migrate(url, folder.has(_0001_one=FIRST, _0002_two="-- why\nSELECT 1;").path)
    await run(url, "DELETE FROM migrations.applied WHERE version = 1")
    assert "the database has 0002_two but not number 0001" in await refused(url, folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"_0001_a": FIRST, "_0003_c": FIRST}, "0003_c.sql: expected number 0002"),
        ({"_0001_a": FIRST, "_0001_b": FIRST}, "0001_b.sql: expected number 0002"),
        ({"_1_a": FIRST}, "1_a.sql: name it by four digits and words"),
        ({"_0001_a": "-- why\nSELECT 1;\nCOMMIT;\n"}, "0001_a.sql:3: COMMIT; the runner opens and commits the transaction"),
    ],
)
def test_files_that_cannot_be_a_sequence_are_refused(folder: Folder, files: dict[str, str], said: str) -> None:
    with pytest.raises(MigrationError, match=said):
        read_migrations(folder.has(**files).path)


async def test_two_that_migrate_at_once_do_each_file_once(url: str, folder: Folder) -> None:
    folder.has(
        _0001_one=FIRST + "SELECT pg_sleep(0.3);\n",
        _0002_index="-- why\n-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS one_id ON public.one (id);\n",
    )
    both = await asyncio.gather(migrate(url, folder.path), migrate(url, folder.path))
    assert sorted(both) == [[], ["0001_one", "0002_index"]]


async def test_a_lock_that_cannot_be_had_is_told_in_one_line(url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(url, folder.has(_0001_one=FIRST).path)
    monkeypatch.setattr(runner, "LOCK_SECONDS", 1)
    folder.has(_0002_two="-- why\nALTER TABLE public.one ADD COLUMN more text;")
    busy = await asyncpg.connect(url)
    async with busy.transaction():
        await busy.execute("LOCK TABLE public.one")
        assert "0002_two.sql: a lock was not to be had in 1 s; nothing of it was applied; run it again" in await refused(
            url, folder
        )
    await busy.close()
    assert await migrate(url, folder.path) == ["0002_two"]


async def test_the_processes_role_may_read_the_bookkeeping_and_not_write_it(url: str, folder: Folder) -> None:
    await migrate(url, folder.has(_0001_one=FIRST).path)
    app = await asyncpg.connect(url, server_settings={"role": "coffer_app"})
    assert await app.fetchval("SELECT count(*) FROM migrations.applied") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DELETE FROM migrations.applied")
    await app.close()


async def test_a_user_who_may_not_have_the_role_is_told_what_a_superuser_can_do(
    server: str, user: str, app_role: None, folder: Folder
) -> None:
    theirs = at(server, user, user)
    folder.has(_0001_one=FIRST)
    told = await refused(theirs, folder)
    assert told == f"{user} may not work as the role coffer_app; a superuser may run: GRANT coffer_app TO {user};"
    await run(server, f"GRANT coffer_app TO {user}")
    assert await migrate(theirs, folder.path) == ["0001_one"]


async def test_a_user_who_may_give_the_role_takes_it(server: str, user: str, app_role: None, folder: Folder) -> None:
    await run(server, f"GRANT coffer_app TO {user} WITH ADMIN OPTION")
    theirs = at(server, user, user)
    assert await migrate(theirs, folder.has(_0001_one=FIRST).path) == ["0001_one"]
    app = await asyncpg.connect(theirs, server_settings={"role": "coffer_app"})
    assert await app.fetch("SELECT * FROM public.one") == []
    await app.close()


async def test_a_database_that_cannot_be_reached_is_told_without_its_password(folder: Folder) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = await refused(f"postgresql://somebody:hidden-word@127.0.0.1:{port}/bank", folder)
    assert told.startswith(f"postgresql://somebody@127.0.0.1:{port}/bank cannot be reached")
    assert "hidden-word" not in told


async def test_coffers_own_files_make_a_database_from_nothing(url: str) -> None:
    assert await migrate(url) == [migration.name for migration in read_migrations()]
    assert (await schema_state(url)).is_current


async def test_how_far_a_database_is_can_be_seen_by_who_works_in_it_and_is_refused_in_a_line_to_others(
    server: str, url: str
) -> None:
    await migrate(url)
    name = f"u_{uuid4().hex[:8]}"
    await run(server, f"CREATE ROLE {name} LOGIN NOINHERIT PASSWORD 'plain'")
    theirs = with_user(url, name, "plain")
    try:
        with pytest.raises(MigrationError, match=f"{name} may not see what was applied; .* GRANT coffer_app TO {name};$"):
            await schema_state(theirs)
        await run(server, f"GRANT coffer_app TO {name}")
        assert (await schema_state(theirs)).is_current
        with pytest.raises(MigrationError, match=f"^{name} may not change the schema; migrate as the owner"):
            await migrate(theirs)
    finally:
        await run(server, f"DROP ROLE {name}")
