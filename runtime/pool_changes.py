"""How the pools of all living processes are, and what an operator changed in them; every process looks every two seconds."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from config.pools import PoolSettings
from runtime.database import Transaction

LIVES = timedelta(seconds=10)
"""A process that has not told for so long is not counted."""

_LIVING = """
    SELECT p.host, p.pid, p.seen_at, each.key AS pool, each.value AS state
    FROM runtime.process AS p CROSS JOIN LATERAL jsonb_each(p.pools) AS each
    WHERE p.seen_at > now() - $1::interval ORDER BY each.key, p.host, p.pid
"""
_CHANGE = """
    INSERT INTO runtime.pool_change (pool, setting, value, changed_by)
    SELECT $1, key, value, $3 FROM jsonb_each($2::jsonb)
    ON CONFLICT (pool, setting) DO UPDATE SET value = excluded.value, changed_by = $3, changed_at = now()
"""
_CHANGES = "SELECT setting, value FROM runtime.pool_change WHERE pool = $1"
_RESET = "DELETE FROM runtime.pool_change WHERE pool = $1"


async def living(transaction: Transaction) -> list[dict[str, Any]]:
    """Each pool in each living process."""
    return [
        {"pool": row["pool"], "host": row["host"], "pid": row["pid"], "seen_at": row["seen_at"], **row["state"]}
        for row in await transaction.fetch(_LIVING, LIVES)
    ]


async def missing(transaction: Transaction, pools: Iterable[str]) -> tuple[str, ...]:
    """Those of the pools that consume in no living process."""
    there = {each["pool"] for each in await living(transaction) if each["consuming"]}
    return tuple(sorted(set(pools) - there))


async def changed(transaction: Transaction, pool: str, settings: PoolSettings) -> PoolSettings:
    """The pool's settings with all changes that hold."""
    changes = {row["setting"]: row["value"] for row in await transaction.fetch(_CHANGES, pool)}
    return settings.with_changes(changes)


async def change(transaction: Transaction, pool: str, changes: dict[str, Any], *, by: str) -> dict[str, Any]:
    """Write changes down; all that hold now."""
    await transaction.execute(_CHANGE, pool, changes, by)
    return {row["setting"]: row["value"] for row in await transaction.fetch(_CHANGES, pool)}


async def reset(transaction: Transaction, pool: str) -> None:
    """Let the files decide again."""
    await transaction.execute(_RESET, pool)
