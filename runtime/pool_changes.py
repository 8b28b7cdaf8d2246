"""How the pools of all living processes are, and what an operator changed in them; every process looks every two seconds."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from config.pools import PoolSettings
from runtime.database import Connection, Transaction
from runtime.statements import Statements

_sql = Statements.beside(__file__, "pool_changes.sql")

LIVES = timedelta(seconds=10)
"""A process that has not told for so long is not counted."""


async def living(transaction: Transaction) -> list[dict[str, Any]]:
    """Each pool in each living process."""
    return [
        {"pool": row["pool"], "host": row["host"], "pid": row["pid"], "seen_at": row["seen_at"], **row["state"]}
        for row in await transaction.fetch(_sql["living"], LIVES)
    ]


async def missing(transaction: Transaction, pools: Iterable[str]) -> tuple[str, ...]:
    """Those of the pools that consume in no living process."""
    there = {each["pool"] for each in await living(transaction) if each["consuming"]}
    return tuple(sorted(set(pools) - there))


async def changed(transaction: Transaction, pool: str, settings: PoolSettings) -> PoolSettings:
    """The pool's settings with all changes that hold."""
    changes = {row["setting"]: row["value"] for row in await transaction.fetch(_sql["changes"], pool)}
    return settings.with_changes(changes)


async def change(transaction: Transaction, pool: str, changes: dict[str, Any], *, by: str) -> dict[str, Any]:
    """Write changes down; all that hold now."""
    await transaction.execute(_sql["change"], pool, changes, by)
    return {row["setting"]: row["value"] for row in await transaction.fetch(_sql["changes"], pool)}


async def reset(transaction: Transaction, pool: str) -> None:
    """Let the files decide again."""
    await transaction.execute(_sql["reset"], pool)


async def all_changes(connection: Connection) -> dict[str, dict[str, Any]]:
    """The changes that hold, by pool and setting."""
    changes: dict[str, dict[str, Any]] = {}
    for row in await connection.fetch(_sql["all_changes"]):
        changes.setdefault(row["pool"], {})[row["setting"]] = row["value"]
    return changes
