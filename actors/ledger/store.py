"""The ledger's rows: a book loaded for a batch and written back, accounts one by one, and what queries read."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from actors.ledger.rules import answers
from actors.ledger.rules.book import Book
from actors.ledger.rules.needs import Needs
from actors.ledger.rules.state import AccountState, Booked, HoldState, Leg
from messages.ledger import Account, ChartAccount, GetStatement, ListAccounts, ListHolds
from runtime.database import Connection, Record, Transaction
from runtime.errors import Fenced
from runtime.reach import Reach
from runtime.statements import Statements


class Store:
    """All SQL of the ledger; holds nothing but its statements."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    # ---- a batch ----

    async def load_book(self, db: Transaction, needs: Needs, now: datetime) -> Book:
        """What the messages of a batch may touch. Locks holds, then accounts, each in the order of their ids."""
        entries = await self.entries(db, needs.entries)
        holds = [HoldState(*row) for row in await db.fetch(self.sql["lock_holds"], list(needs.holds))] if needs.holds else []
        account_ids = needs.accounts.union(
            (leg.account_id for entry in entries for leg in entry.legs), (hold.account_id for hold in holds)
        )
        rows = await db.fetch(self.sql["lock_accounts"], list(account_ids)) if account_ids else []
        return Book(now, [AccountState(*row) for row in rows], entries, holds)

    async def entries(self, db: Transaction, entry_ids: Iterable[UUID]) -> list[Booked]:
        """Those of the entries that are booked, with their postings."""
        entry_ids = list(entry_ids)
        rows = await db.fetch(self.sql["entries"], entry_ids) if entry_ids else []
        if not rows:
            return []
        legs: dict[UUID, list[Leg]] = {row["entry_id"]: [] for row in rows}
        for row in await db.fetch(self.sql["postings_of_entries"], list(legs)):
            legs[row["entry_id"]].append(Leg(*row))
        return [Booked(*(*row, legs[row["entry_id"]])) for row in rows]

    async def write_book(self, db: Transaction, book: Book) -> None:
        """All that the batch has changed. Fenced where somebody else changed an account or hold since it was loaded."""
        accounts = book.changed_accounts()
        if not accounts:
            return
        entries = book.new_entries
        legs = [leg for entry in entries for leg in entry.legs]
        written = await db.fetchval(
            self.sql["write_batch"],
            *_columns(9, [(*_entry_row(entry), len(entry.legs)) for entry in entries]),
            *_columns(9, legs),
            *_columns(9, [_account_row(account) for account in accounts]),
        )
        if written != len(accounts):
            raise Fenced(f"{len(accounts) - written} accounts changed while their batch was decided")
        await self._write_holds(db, book)
        if book.shifts:
            shifts = sorted((account_id, day, amount) for (account_id, day), amount in book.shifts.items())
            await db.execute(self.sql["shift_value"], *_columns(3, shifts))

    async def _write_holds(self, db: Transaction, book: Book) -> None:
        placed = [_hold_row(hold) for hold in book.holds.values() if hold.is_new]
        if placed:
            await db.execute(self.sql["place_holds"], *_columns(10, placed))
        settled = [
            (hold.hold_id, hold.status, hold.settled_at, hold.posted_amount, hold.entry_id)
            for hold in book.holds.values()
            if hold.is_changed and not hold.is_new
        ]
        if settled and await db.fetchval(self.sql["settle_holds"], *_columns(5, settled)) != len(settled):
            raise Fenced("a hold was settled while its batch was decided")

    # ---- the chart and members ----

    async def chart(self, db: Transaction, after: str, limit: int) -> list[ChartAccount]:
        """Rows of the chart after a code."""
        return [_chart_account(row) for row in await db.fetch(self.sql["chart"], after, limit)]

    async def chart_accounts(self, db: Transaction, codes: Iterable[str]) -> dict[str, ChartAccount]:
        """Those rows of the chart that are there."""
        return {row["code"]: _chart_account(row) for row in await db.fetch(self.sql["chart_accounts"], list(codes))}

    async def add_to_chart(self, db: Transaction, rows: Sequence[ChartAccount]) -> None:
        """New rows of the chart."""
        await db.execute(self.sql["add_chart_accounts"], *_columns(3, [(row.code, row.name, row.kind) for row in rows]))

    async def standing(self, db: Connection, member_id: UUID) -> str | None:
        """What is known of a member."""
        standing: str | None = await db.fetchval(self.sql["standing"], member_id)
        return standing

    async def set_standing(self, db: Transaction, member_id: UUID, standing: str) -> None:
        """What was told of a member."""
        await db.execute(self.sql["set_standing"], member_id, standing)

    # ---- accounts ----

    async def open_account(self, db: Transaction, *columns: Any) -> Account | None:
        """The new account; None where it was there already. Columns as the statement names them."""
        return _account(await db.fetchrow(self.sql["open_account"], *columns))

    async def account(self, db: Transaction, account_id: UUID, *, lock: bool = False) -> Account | None:
        """One account; `lock`: until the turn ends."""
        return _account(await db.fetchrow(self.sql["account_to_change" if lock else "account"], account_id))

    async def accounts(self, db: Transaction, asked: ListAccounts, after: UUID, reach: Reach) -> list[Account]:
        """Accounts after an id, as asked, of whom a permission reaches; one more than asked tells that there are more."""
        arguments = (after, asked.kind, asked.status, asked.limit + 1)
        member_id = asked.member_id or (None if reach.officer_id or reach.branch else reach.member_id)
        if member_id is None:
            rows = await db.fetch(self.sql["accounts"], *arguments, *reach.arguments)
        else:
            rows = await db.fetch(self.sql["accounts_of_member"], *arguments, *reach.arguments, member_id)
        return [answers.account(row) for row in rows]

    async def accounts_by_id(self, db: Transaction, account_ids: Iterable[UUID]) -> list[Account]:
        """These accounts."""
        return [answers.account(row) for row in await db.fetch(self.sql["accounts_by_id"], list(account_ids))]

    async def freeze(self, db: Transaction, account_id: UUID, side: str | None, reason: str | None) -> Account:
        """The account, frozen or free."""
        return _changed(await db.fetchrow(self.sql["freeze"], account_id, side, reason))

    async def change_limits(
        self, db: Transaction, account_id: UUID, floor: int | None, transaction_limit: int | None, daily_limit: int | None
    ) -> Account:
        """The account with other limits."""
        return _changed(await db.fetchrow(self.sql["change_limits"], account_id, floor, transaction_limit, daily_limit))

    async def close_account(self, db: Transaction, account_id: UUID, now: datetime) -> Account:
        """The account, closed."""
        return _changed(await db.fetchrow(self.sql["close_account"], account_id, now))

    # ---- what queries read ----

    async def state(self, db: Transaction, account_id: UUID) -> AccountState | None:
        """An account as its balance is read."""
        row = await db.fetchrow(self.sql["account_state"], account_id)
        return None if row is None else AccountState(*row)

    async def hold(self, db: Transaction, hold_id: UUID) -> HoldState | None:
        """One hold."""
        row = await db.fetchrow(self.sql["hold"], hold_id)
        return None if row is None else HoldState(*row)

    async def holds(
        self, db: Transaction, asked: ListHolds, placed_at: datetime | None, hold_id: UUID | None
    ) -> list[HoldState]:
        """An account's holds, newest first, after a place in that order; one more than asked tells that there are more."""
        rows = await db.fetch(self.sql["holds_of_account"], asked.account_id, asked.status, placed_at, hold_id, asked.limit + 1)
        return [HoldState(*row) for row in rows]

    async def balance_before(self, db: Transaction, account_id: UUID, instant: datetime) -> tuple[int, int]:
        """The number of the last posting before an instant, and the balance then."""
        row = await db.fetchrow(self.sql["balance_before"], account_id, instant)
        assert row is not None
        return row["seq"], row["balance"]

    async def balance_by_value_date(self, db: Transaction, account_id: UUID, day: date, end_of_day: datetime) -> int:
        """The balance as it counts for interest at the end of a day."""
        balance: int = await db.fetchval(self.sql["balance_by_value_date"], account_id, day, end_of_day)
        return balance

    async def statement(self, db: Transaction, asked: GetStatement, first: int, last: int) -> list[Record]:
        """Postings by number, with what their entries say."""
        name = "statement_newest" if asked.order == "newest" else "statement_oldest"
        return await db.fetch(self.sql[name], asked.account_id, first, last, asked.limit)

    async def trial_balance(self, db: Transaction) -> list[Record]:
        """Debits and credits by general-ledger account and currency, from the postings."""
        return await db.fetch(self.sql["trial_balance"])

    async def differences(self, db: Transaction, *checks: str, limit: int) -> list[Record]:
        """What these checks (statements) find, at most `limit` each."""
        found: list[Record] = []
        for check in checks:
            found += await db.fetch(self.sql[check], limit)
        return found

    async def counts(self, db: Transaction) -> tuple[int, int]:
        """How many accounts and postings there are."""
        row = await db.fetchrow(self.sql["counts"])
        assert row is not None
        return row["accounts"], row["postings"]


def _columns(width: int, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows as the arrays that unnest takes; the first `width` columns."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    return columns[:width] if rows else [()] * width


def _entry_row(entry: Booked) -> tuple[Any, ...]:
    return (
        entry.entry_id,
        entry.kind,
        entry.description,
        entry.reference,
        entry.booked_at,
        entry.value_date,
        entry.reverses,
        entry.posted_by,
    )


def _account_row(account: AccountState) -> tuple[Any, ...]:
    return (
        account.account_id,
        account.version_loaded,
        account.balance,
        account.held,
        account.taken_on,
        account.taken,
        account.seq,
        account.last_booked_at,
        account.version,
    )


def _hold_row(hold: HoldState) -> tuple[Any, ...]:
    return (
        hold.hold_id,
        hold.account_id,
        hold.amount,
        hold.status,
        hold.description,
        hold.placed_at,
        hold.expires_at,
        hold.settled_at,
        hold.posted_amount,
        hold.entry_id,
    )


def _chart_account(row: Record) -> ChartAccount:
    return ChartAccount.model_construct(code=row["code"], name=row["name"], kind=row["kind"])


def _account(row: Record | None) -> Account | None:
    return None if row is None else answers.account(row)


def _changed(row: Record | None) -> Account:
    assert row is not None, "the account was locked, so it is there"
    return answers.account(row)
