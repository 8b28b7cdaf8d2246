"""A turn whose database session is ended under it: a fault of the surroundings, whatever the driver calls it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from runtime import database
from runtime.database import Database, Transaction
from runtime.errors import is_surroundings
from runtime.servers import LocalServers


@pytest.fixture
async def pool(servers: LocalServers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(database, "APP_ROLE", "postgres")
    monkeypatch.setattr(database, "IDLE_SECONDS", 1)
    opened = Database(servers.database_url, size=2)
    await opened.open()
    yield opened
    await opened.close()


def hang_until_it_is_gone(session: int) -> None:
    """Nothing else runs in this process meanwhile, which is the point."""
    while Path("/proc", str(session)).exists():
        time.sleep(0.05)


async def end_session(turn: Transaction, servers: LocalServers, *, asleep: bool) -> None:
    """By somebody else, or, while this process hangs, because it did nothing for too long."""
    session = await turn.fetchval("SELECT pg_backend_pid()")
    if asleep:
        hang_until_it_is_gone(session)
        return
    other = await asyncpg.connect(servers.database_url)
    await other.execute("SELECT pg_terminate_backend($1, 5000)", session)
    await other.close()


@pytest.mark.parametrize("asleep", [False, True], ids=["awake", "asleep"])
@pytest.mark.parametrize("step", ["a statement", "commit", "rollback"])
async def test_a_lost_session_is_no_fault_of_the_message(
    pool: Database, servers: LocalServers, step: str, *, asleep: bool
) -> None:
    turn = Transaction(pool)
    await end_session(turn, servers, asleep=asleep)
    steps = {"a statement": lambda: turn.fetchval("SELECT 1"), "commit": turn.commit, "rollback": turn.rollback}
    lost = (await asyncio.gather(steps[step](), return_exceptions=True))[0]
    await turn.end()
    assert step == "rollback" or isinstance(lost, Exception), "went on without a session"
    assert lost is None or is_surroundings(lost), repr(lost)
    async with pool.connection() as another:
        assert await another.fetchval("SELECT 1") == 1
