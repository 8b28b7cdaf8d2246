"""What the database holds about one run's accounts, read by the superuser; the other half of the evidence."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

Row = dict[str, Any]

_ACCOUNTS = "SELECT account_id, normal, balance, held, floor, seq FROM ledger.account WHERE account_id = ANY($1::uuid[])"
_POSTINGS = """
    SELECT p.account_id, p.seq, p.entry_id, p.line, p.amount, p.balance_after, p.currency FROM ledger.posting AS p
    WHERE p.entry_id IN (SELECT entry_id FROM ledger.posting WHERE account_id = ANY($1::uuid[]))
    ORDER BY p.account_id, p.seq
"""
_ENTRIES = """
    SELECT entry_id, kind, description, reference, reverses, lines FROM ledger.entry
    WHERE entry_id IN (SELECT entry_id FROM ledger.posting WHERE account_id = ANY($1::uuid[]))
"""
_HOLDS = """
    SELECT hold_id, account_id, amount, status, description, posted_amount, entry_id FROM ledger.hold
    WHERE account_id = ANY($1::uuid[])
"""
_DEAD = "SELECT actor, type, reason, left(error, 200) AS error FROM runtime.dead_letter ORDER BY last_at"
_UNSENT = "SELECT count(*) FROM runtime.outbox WHERE sent_at IS NULL"
_TRIAL = "SELECT coalesce(sum(amount), 0)::bigint FROM ledger.posting"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass(slots=True)
class Books:
    """One reading."""

    accounts: dict[UUID, Row] = field(default_factory=dict)
    postings: list[Row] = field(default_factory=list)
    """Of all entries that touch the accounts, by account and number."""
    entries: dict[UUID, Row] = field(default_factory=dict)
    holds: dict[UUID, Row] = field(default_factory=dict)
    dead_letters: list[Row] = field(default_factory=list)
    unsent: int = 0
    """Rows of the outbox that the broker has not confirmed."""
    trial_balance: int = 0
    deadlocks: int = 0

    def marked(self) -> dict[str, list[Row]]:
        """What each request left behind, by its key: entries by reference or reason, holds by description."""
        found: dict[str, list[Row]] = {}
        for entry in self.entries.values():
            mark = entry["description"] if entry["kind"] == "reversal" else entry["reference"]
            found.setdefault(mark or "", []).append(entry)
        for hold in self.holds.values():
            found.setdefault(hold["description"], []).append(hold)
        return found


async def read_books(database: asyncpg.Connection, accounts: tuple[UUID, ...]) -> Books:
    """Everything at one moment."""
    async with database.transaction(isolation="repeatable_read", readonly=True):
        ids = list(accounts)
        return Books(
            {row["account_id"]: dict(row) for row in await database.fetch(_ACCOUNTS, ids)},
            [dict(row) for row in await database.fetch(_POSTINGS, ids)],
            {row["entry_id"]: dict(row) for row in await database.fetch(_ENTRIES, ids)},
            {row["hold_id"]: dict(row) for row in await database.fetch(_HOLDS, ids)},
            [dict(row) for row in await database.fetch(_DEAD)],
            await database.fetchval(_UNSENT),
            await database.fetchval(_TRIAL),
            await database.fetchval(_DEADLOCKS),
        )
