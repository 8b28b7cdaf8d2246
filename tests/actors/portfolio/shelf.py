"""Loans as the portfolio sees them, laid out by a test: its views show these tables instead of the other actors', and are put back.

shelf.loan(product="BIZ").stands("2026-01-15", 1_000_00).stands("2026-03-01", 800_00, late_since="2026-02-15")
"""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg

VIEWS = (
    "business_date",
    "loans",
    "loan_lines",
    "loan_standings",
    "loan_write_offs",
    "loan_product_buckets",
    "loan_entries_under_way",
    "ledger_postings",
    "ledger_accounts",
)
CARRIED = ("carried", "carried_through", "carried_account", "open_line", "open_posting")
BUCKETS = (("current", 0, "1"), ("1-30", 1, "10"), ("31-60", 31, "25"), ("61-90", 61, "50"), ("91+", 91, "100"))


@dataclass(frozen=True)
class LaidLoan:
    """One loan."""

    shelf: "Shelf"
    loan_id: UUID
    account_id: UUID
    currency: str

    async def stands(self, day: str, principal: int, *, late_since: str | None = None, status: str = "active") -> "LaidLoan":
        """How it stands from a day on."""
        await self.shelf.lay(
            "loan_standings",
            loan_id=self.loan_id,
            from_date=date.fromisoformat(day),
            status=status,
            principal_outstanding=principal,
            past_due_since=date.fromisoformat(late_since) if late_since else None,
            bucket="current",
        )
        return self

    async def is_written_off(self, day: str, principal: int) -> None:
        """So much more of it is given up."""
        await self.shelf.lay("loan_write_offs", loan_id=self.loan_id, on_date=date.fromisoformat(day), principal=principal)

    async def books(self, day: str, amount: int, entry_id: UUID | None, *, role: str = "principal", account: UUID) -> None:
        """A line of its own books."""
        await self.shelf.lay(
            "loan_lines",
            loan_id=self.loan_id,
            on_date=date.fromisoformat(day),
            role=role,
            account_id=account,
            currency=self.currency,
            amount=amount,
            entry_id=entry_id,
        )


class Shelf:
    """The tables behind the views."""

    def __init__(self, database: asyncpg.Pool) -> None:
        self._database = database
        self._line_ids, self._seqs = count(1), defaultdict[UUID, int](int)

    @classmethod
    @contextlib.asynccontextmanager
    async def laid(cls, database: asyncpg.Pool) -> AsyncIterator["Shelf"]:
        """An empty shelf, for as long as the block lasts."""
        kept = {
            view: await database.fetchval("SELECT pg_get_viewdef($1::text::regclass)", f"reporting.{view}") for view in VIEWS
        }
        try:
            async with database.acquire() as connection, connection.transaction():
                await connection.execute("CREATE SCHEMA shelf")
                await connection.execute("GRANT USAGE ON SCHEMA shelf TO coffer_app")
                for table in CARRIED:
                    await connection.execute(f"CREATE TABLE shelf.kept_{table} AS SELECT * FROM portfolio.{table}")
                await _empty(connection)
                for view in VIEWS:
                    await connection.execute(f"CREATE TABLE shelf.{view} AS SELECT * FROM reporting.{view} LIMIT 0")
                    await connection.execute(f"CREATE OR REPLACE VIEW reporting.{view} AS SELECT * FROM shelf.{view}")
            yield cls(database)
        finally:
            async with database.acquire() as connection, connection.transaction():
                for view, definition in kept.items():
                    await connection.execute(f"CREATE OR REPLACE VIEW reporting.{view} AS {definition}")
                await _empty(connection)
                for table in CARRIED:
                    await connection.execute(f"DELETE FROM portfolio.{table}")
                    await connection.execute(f"INSERT INTO portfolio.{table} SELECT * FROM shelf.kept_{table}")
                await connection.execute("DROP SCHEMA IF EXISTS shelf CASCADE")

    async def lay(self, view: str, **row: Any) -> None:
        """A row that the view shows."""
        if view == "loan_lines":
            row["line_id"] = next(self._line_ids)
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await self._database.execute(f"INSERT INTO shelf.{view} ({', '.join(row)}) VALUES ({places})", *row.values())

    async def product(self, buckets: Sequence[tuple[str, int, str]] = BUCKETS) -> UUID:
        """A product's version 1."""
        product_id = uuid4()
        for name, from_days, percent in buckets:
            await self.lay(
                "loan_product_buckets",
                product_id=product_id,
                product_version=1,
                bucket=name,
                from_days=from_days,
                provision_percent=percent,
            )
        return product_id

    async def loan(
        self, product_id: UUID, code: str = "BIZ", *, currency: str = "KES", paid_out: str = "2026-01-15", lent: int = 0
    ) -> LaidLoan:
        """A loan with an account of its own."""
        loan = LaidLoan(self, uuid4(), uuid4(), currency)
        await self.lay(
            "loans",
            loan_id=loan.loan_id,
            product_id=product_id,
            product_version=1,
            product_code=code,
            currency=currency,
            account_id=loan.account_id,
            disbursed_on=date.fromisoformat(paid_out),
            principal_disbursed=lent,
        )
        await self.account(loan.account_id, "loan", "1100", currency)
        return loan

    async def account(self, account_id: UUID, kind: str, gl_code: str, currency: str = "KES") -> UUID:
        """An account of the ledger."""
        await self.lay("ledger_accounts", account_id=account_id, kind=kind, gl_code=gl_code, currency=currency, seq=0)
        return account_id

    async def posted(self, day: str, account_id: UUID, entry_id: UUID, amount: int) -> None:
        """A posting of the ledger."""
        self._seqs[account_id] += 1
        await self._database.execute(
            "UPDATE shelf.ledger_accounts SET seq = $2 WHERE account_id = $1", account_id, self._seqs[account_id]
        )
        await self.lay(
            "ledger_postings",
            account_id=account_id,
            entry_id=entry_id,
            value_date=date.fromisoformat(day),
            amount=amount,
            seq=self._seqs[account_id],
        )


async def _empty(connection: asyncpg.Connection) -> None:
    """Nothing is carried."""
    for table in CARRIED[2:]:
        await connection.execute(f"DELETE FROM portfolio.{table}")
    await connection.execute("DELETE FROM portfolio.carried")
    await connection.execute("UPDATE portfolio.carried_through SET line_id = 0")
