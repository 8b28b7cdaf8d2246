"""What can be wrong with PostgreSQL: reach, version, promises about durability, rights, migrations, clock."""

from collections.abc import Iterator
from typing import Any

import asyncpg

from config.sections import DatabaseSettings
from config.urls import redacted
from runtime.clock import Clock
from runtime.doctor.finding import Finding, fail, ok, warn
from runtime.migrations import MigrationError, schema_state
from runtime.statements import Statements

ANSWER_SECONDS = 5
OLDEST, NEWEST_TRIED = 15, 18
BIG_SKEW_SECONDS, SMALL_SKEW_SECONDS = 30.0, 1.0
"""Deadlines of requests are seconds; tokens tolerate half a minute."""

_sql = Statements.beside(__file__, "database.sql")


async def look_at_database(settings: DatabaseSettings, clock: Clock) -> list[Finding]:
    """Every check of the given PostgreSQL; one finding when it cannot be reached."""
    assert settings.url is not None
    try:
        connection = await asyncpg.connect(settings.url, timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as wrong:
        return [fail("PostgreSQL", f"{redacted(settings.url)} cannot be reached: {str(wrong) or type(wrong).__name__}")]
    try:
        before = clock.now()
        server = await connection.fetchrow(_sql["server"])
        middle = before + (clock.now() - before) / 2
        kind = "SET" if server["version"] >= 160_000 else "MEMBER"
        may_work = await connection.fetchval(_sql["may_be_app_role"], kind)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as wrong:
        return [fail("PostgreSQL", f"{redacted(settings.url)} does not answer: {str(wrong) or type(wrong).__name__}")]
    finally:
        connection.terminate()
    skew = (server["now"] - middle).total_seconds()
    return [
        version(server, redacted(settings.url)),
        *durability(server),
        connections(server, settings),
        clock_skew("database's clock", skew),
        *await _schema(settings.url, may_work=may_work),
    ]


def version(server: Any, where: str) -> Finding:
    """Whether it is a primary of a version that is tried."""
    major = server["version"] // 10_000
    said = f"{server['version_text'].split()[0]} at {where}"
    if major < OLDEST:
        return fail("PostgreSQL", f"{said}; {OLDEST} or later is needed")
    if server["is_standby"]:
        return fail("PostgreSQL", f"{said} is a standby and takes no writes; give the address of the primary")
    if server["encoding"] != "UTF8":
        return fail("PostgreSQL", f"{said} has the encoding {server['encoding']}; make the database with ENCODING 'UTF8'")
    return ok("PostgreSQL", said) if major <= NEWEST_TRIED else warn("PostgreSQL", f"{said}; tried up to {NEWEST_TRIED}")


def durability(server: Any) -> Iterator[Finding]:
    """A bank that forgets what it acknowledged is none."""
    off = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if server[name] == "off"]
    if off:
        yield fail("durability", f"{', '.join(off)} off: acknowledged money is lost when the server dies; turn it on")
    elif server["synchronous_commit"] == "local":
        yield warn("durability", "synchronous_commit is local: a failover may lose what was acknowledged")
    else:
        yield ok("durability", "fsync, full_page_writes and synchronous_commit are on")


def connections(server: Any, settings: DatabaseSettings) -> Finding:
    """One edge, one process of actors, and an operator have to fit."""
    wanted = settings.pool_max + 5
    said = f"{server['max_connections']} allowed, a process takes up to {settings.pool_max}"
    if server["max_connections"] < wanted:
        return fail("connections", f"{said}; lower database.pool_max or raise max_connections")
    return ok("connections", said)


def clock_skew(what: str, seconds: float) -> Finding:
    """How far another clock is from this machine's."""
    said = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(seconds) > BIG_SKEW_SECONDS:
        return fail(what, f"{said}; run a time service on both")
    return warn(what, f"{said}; run a time service on both") if abs(seconds) > SMALL_SKEW_SECONDS else ok(what, "agrees")


async def _schema(url: str, *, may_work: bool) -> list[Finding]:
    try:
        state = await schema_state(url)
    except MigrationError as wrong:
        return [fail("migrations", str(wrong))]
    if state.pending:
        return [fail("migrations", f"{len(state.pending)} to do, from {state.pending[0]}; run coffer migrate")]
    current = ok("migrations", f"current, {state.applied[-1]}" if state.applied else "there are none")
    if not may_work:
        return [current, fail("app role", "this user may not work as coffer_app; GRANT coffer_app TO it")]
    return [current, ok("app role", "may work as coffer_app")]
