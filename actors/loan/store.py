"""What the loan actor keeps in the schema `loan`; its statements are in queries.sql, those of the closes in closing.sql."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from actors.loan.kept import Attached, DayKept, Kept, Lines, MoneyKept, PendingKept, Standing, Told
from messages.base import Reply
from messages.loan_product import LoanProduct
from runtime.actor import Said, Turn, Work
from runtime.database import Connection
from runtime.statements import Statements

MOST_PRODUCTS = 1_000
"""Versions of products that a process remembers; they never change."""

Reads = Work | Connection


_MOVED_BY_CLOSES = (
    "status",
    "principal_outstanding",
    "interest_outstanding",
    "fees_outstanding",
    "penalties_outstanding",
    "past_due_since",
    "bucket",
    "provision_percent",
)
_OF_MONEY = (
    "loan_id",
    "version",
    "message_id",
    "book",
    "number",
    "transaction_id",
    "kind",
    "value_date",
    "booked_on",
    "happening",
    "change",
    "reverses",
    "entry_id",
)


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")
        self._products: dict[tuple[UUID, int], LoanProduct] = {}

    async def keep_product(self, turn: Turn, product: LoanProduct) -> None:
        """Write a version of a product down, unless it is there."""
        kept = product.model_dump(mode="json")
        await turn.execute(self.sql["keep_product"], product.product_id, product.version, kept)

    async def product(self, db: Reads, product_id: UUID, version: int) -> LoanProduct:
        """A version of a product that some loan has."""
        if (known := self._products.get((product_id, version))) is not None:
            return known
        product = LoanProduct.model_validate(await db.fetchval(self.sql["product"], product_id, version))
        if len(self._products) >= MOST_PRODUCTS:
            self._products.clear()
        self._products[product_id, version] = product
        return product

    async def is_booked_to(self, db: Reads, account_id: UUID) -> bool:
        """Whether loans of some product are booked on an account, so that it is no way by which money comes and goes."""
        return bool(await db.fetchval(self.sql["is_booked_to"], str(account_id)))

    # Loans

    async def insert(
        self,
        turn: Turn,
        loan_id: UUID,
        member_id: UUID,
        group_id: UUID | None,
        product: LoanProduct,
        approved: int,
        settlement_account_id: UUID | None,
        terms: dict[str, Any],
        purpose: str | None,
    ) -> None:
        """Write a new draft down."""
        await self.keep_product(turn, product)
        await turn.execute(
            self.sql["insert_loan"],
            loan_id,
            member_id,
            group_id,
            product.product_id,
            product.version,
            product.currency,
            approved,
            settlement_account_id,
        )
        await turn.execute(self.sql["insert_application"], loan_id, terms, purpose, who(turn), turn.now)

    async def loan(self, db: Reads, loan_id: UUID, *, lock: bool = False) -> Kept | None:
        """A loan as it is; with `lock`, nobody else changes it until the commit."""
        if lock and await db.fetchrow(self.sql["lock_loan"], loan_id) is None:
            return None
        return (await self.loans_by_id(db, [(loan_id, None)])).get(loan_id)

    async def loans_by_id(self, db: Reads, asked: Sequence[tuple[UUID, UUID | None]]) -> dict[UUID, Kept]:
        """Loans as they are, each with a transaction of it that may have been done already."""
        rows = await db.fetch(self.sql["loans_by_id"], [loan_id for loan_id, _ in asked], [done for _, done in asked])
        return {row["loan_id"]: Kept(**row) for row in rows}

    async def loans(
        self, turn: Turn, before: int | None, member_id: UUID | None, status: str | None, product_id: UUID | None, limit: int
    ) -> list[Kept]:
        """Loans, newest first, of whom the permission reaches."""
        reach = turn.reach
        only_own = None if reach.officer_id or reach.branch else reach.member_id
        rows = await turn.fetch(self.sql["loans"], before, member_id or only_own, status, product_id, limit, *reach.arguments)
        return [Kept(**row) for row in rows]

    async def attached(self, db: Reads, loan_ids: Sequence[UUID]) -> dict[UUID, Attached]:
        """Documents, guarantors and collateral, by loan."""
        found = [await db.fetch(self.sql[name], list(loan_ids)) for name in ("documents", "guarantors", "collateral")]
        return {
            loan_id: Attached(*([row for row in rows if row["loan_id"] == loan_id] for rows in found)) for loan_id in loan_ids
        }

    async def change_application(
        self, turn: Turn, loan_id: UUID, approved: int, settlement: UUID | None, terms: dict[str, Any], purpose: str | None
    ) -> None:
        await turn.execute(self.sql["change_application"], loan_id, approved, settlement, terms, purpose)

    async def change_status(
        self,
        turn: Turn,
        loan_id: UUID,
        status: str,
        *,
        submitted_by: str | None = None,
        approved_by: str | None = None,
        reason: str | None = None,
    ) -> None:
        await turn.execute(self.sql["change_status"], loan_id, status, submitted_by, approved_by, reason)

    async def touch(self, turn: Turn, loan_id: UUID) -> None:
        await turn.execute(self.sql["touch_loan"], loan_id)

    # What secures them

    async def record_document(self, turn: Turn, loan_id: UUID, name: str, reference: str | None) -> None:
        await turn.execute(self.sql["record_document"], loan_id, name, reference, who(turn), turn.now)

    async def exposure(
        self, turn: Turn, member_id: UUID, group_id: UUID | None, seats: Sequence[UUID], currency: str
    ) -> tuple[int, int]:
        """What a member and what the members of a group guarantee in all; nobody else adds to it until the commit."""
        await turn.execute(self.sql["wait_for_exposure"], [str(each) for each in (member_id, group_id) if each is not None])
        row = await turn.fetchrow(self.sql["exposure"], member_id, seats, currency)
        assert row is not None, "sums are one row"
        return row["by_member"], row["by_group"]

    async def add_guarantor(
        self, turn: Turn, guarantor_id: UUID, loan_id: UUID, member_id: UUID, group_id: UUID | None, amount: int, currency: str
    ) -> None:
        await turn.execute(
            self.sql["add_guarantor"], guarantor_id, loan_id, member_id, group_id, amount, currency, who(turn), turn.now
        )

    async def remove_guarantor(self, turn: Turn, loan_id: UUID, guarantor_id: UUID) -> bool:
        """Whether there was one."""
        return bool(await turn.fetchval(self.sql["remove_guarantor"], loan_id, guarantor_id, turn.now))

    async def add_collateral(self, turn: Turn, collateral_id: UUID, loan_id: UUID, description: str, value: int) -> None:
        await turn.execute(self.sql["add_collateral"], collateral_id, loan_id, description, value, who(turn), turn.now)

    async def remove_collateral(self, turn: Turn, loan_id: UUID, collateral_id: UUID) -> bool:
        """Whether there was any."""
        return bool(await turn.fetchval(self.sql["remove_collateral"], loan_id, collateral_id, turn.now))

    # Requests

    async def insert_request(
        self,
        turn: Turn,
        request_id: UUID,
        loan_id: UUID,
        kind: str,
        amount: int | None,
        asked: dict[str, Any],
        reason: str | None,
        figures: tuple[Reply, Reply] | None = None,
    ) -> None:
        before, after = (None, None) if figures is None else (each.model_dump(mode="json") for each in figures)
        await turn.execute(
            self.sql["insert_request"], request_id, loan_id, kind, amount, asked, reason, before, after, who(turn), turn.now
        )

    async def request(self, db: Reads, loan_id: UUID, request_id: UUID) -> Any | None:
        """One request about a loan."""
        return await db.fetchrow(self.sql["request_by_id"], request_id, loan_id)

    async def requests(self, turn: Turn, loan_id: UUID, before: int | None, limit: int) -> list[Any]:
        """The requests about a loan, newest first."""
        return await turn.fetch(self.sql["requests"], loan_id, before, limit)

    async def asked_to_disburse(self, turn: Turn, loan_id: UUID) -> int:
        """What is asked to be paid out, and not decided."""
        asked: int = await turn.fetchval(self.sql["asked_to_disburse"], loan_id)
        return asked

    async def decide_request(
        self, db: Reads, request_id: UUID, status: str, by: str, at: datetime, transaction_id: UUID | None
    ) -> None:
        await db.execute(self.sql["decide_request"], request_id, status, by, at, transaction_id)

    async def lapse_request(self, db: Reads, request_id: UUID, because: str, detail: str) -> None:
        await db.execute(self.sql["lapse_request"], request_id, because, detail)

    # Money

    async def insert_pending(self, db: Reads, pending: Sequence[PendingKept], at: datetime) -> set[UUID]:
        """The messages whose loan nobody had changed meanwhile: its version is the next one now, its external payment is counted.
        None, where a payment was counted meanwhile.
        """
        try:
            rows = await db.fetch(
                self.sql["insert_pending"],
                *([getattr(each, name) for each in pending] for name in PendingKept.__slots__),
                at,
            )
        except asyncpg.UniqueViolationError as counted:
            if counted.constraint_name != "external_payment_pkey":
                raise
            return set()
        return {row["message_id"] for row in rows}

    async def note_account(self, db: Reads, loan_id: UUID, message_id: UUID, account_id: UUID) -> None:
        """The account that was opened for what is decided."""
        await db.execute(self.sql["note_account"], loan_id, message_id, {"account_id": str(account_id)})

    async def forget_pending(self, db: Reads, pending: Sequence[tuple[UUID, UUID]]) -> None:
        """What was decided about loans, each with the message that it was decided for."""
        await db.execute(self.sql["forget_pending"], *([each[place] for each in pending] for place in range(2)))

    async def counted_payments(self, db: Reads, external_payment_ids: Sequence[str]) -> set[str]:
        """Those of the payments made elsewhere that were counted."""
        rows = await db.fetch(self.sql["counted_payments"], external_payment_ids)
        return {row["external_payment_id"] for row in rows}

    async def free_external_payments(self, db: Reads, transaction_ids: Sequence[UUID]) -> None:
        await db.execute(self.sql["free_external_payments"], transaction_ids)

    async def book_money(self, db: Reads, booked: Sequence[MoneyKept], made_at: datetime) -> set[UUID]:
        """Write all of it of those loans, which are named, that nobody had changed since it was decided."""
        lines = [(each.loan_id, *line) for each in booked for line in each.lines]
        rows = await db.fetch(
            self.sql["book_money"],
            *([getattr(each.now, name) for each in booked] for name in Standing.__slots__),
            *([getattr(each, name) for each in booked] for name in _OF_MONEY),
            made_at,
            *([line[place] for line in lines] for place in range(4)),
        )
        return {row["loan_id"] for row in rows}

    async def give_reason(self, db: Reads, loan_id: UUID, reason: str) -> None:
        await db.execute(self.sql["give_reason"], loan_id, reason)

    async def transaction(self, db: Reads, loan_id: UUID, transaction_id: UUID) -> Any | None:
        """One transaction, with `reversed_by`."""
        return await db.fetchrow(self.sql["transaction_by_id"], transaction_id, loan_id)

    async def transactions(self, turn: Turn, loan_id: UUID, after: int, limit: int) -> list[Any]:
        """Transactions, oldest first, with `reversed_by`."""
        return await turn.fetch(self.sql["transactions"], loan_id, after, limit)

    async def happenings(self, db: Reads, loan_id: UUID) -> list[dict[str, Any]]:
        """All that a loan is replayed from, in order."""
        return [row["happening"] for row in await db.fetch(self.sql["happenings"], loan_id)]


class ClosingStore:
    """The same for the closes of business dates."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "closing.sql")

    async def keep_standing(self, db: Reads, loan_id: UUID, on: date, now: Standing) -> None:
        await db.execute(
            self.sql["keep_standing"], loan_id, on, now.status, now.principal_outstanding, now.past_due_since, now.bucket
        )

    async def loan_to_close(self, db: Reads, loan_id: UUID) -> Any | None:
        """What a close needs to know."""
        return await db.fetchrow(self.sql["loan_to_close"], loan_id)

    async def close_day(
        self, turn: Turn, loan_id: UUID, version: int, now: Standing, book: Mapping[str, Any] | None, lines: Lines
    ) -> bool:
        """Whether nobody had changed the loan meanwhile. No book: only its date is new."""
        return bool(
            await turn.fetchval(
                self.sql["close_day"],
                loan_id,
                version,
                *now.values(),
                book,
                *_columns(lines),
            )
        )

    async def loans_to_close(self, turn: Turn, loan_ids: Sequence[UUID]) -> list[Any]:
        """The same of those that nobody is at work on; nobody will be until the commit."""
        free = [row["loan_id"] for row in await turn.fetch(self.sql["lock_to_close"], loan_ids)]
        return list(await turn.fetch(self.sql["loans_to_close"], free)) if free else []

    async def close_days(self, turn: Turn, on: date, closes: Sequence[DayKept]) -> None:
        """Write many closes of loans that are locked."""
        kept = [(each.loan_id, each.book) for each in closes if each.book is not None]
        lines = [
            (each.loan_id, role, account, each.currency, amount) for each in closes for role, account, amount in each.lines
        ]
        await turn.execute(
            self.sql["close_days"],
            [each.loan_id for each in closes],
            on,
            *([getattr(each.now, name) for each in closes] for name in _MOVED_BY_CLOSES),
            *([row[place] for row in kept] for place in range(2)),
            *([line[place] for line in lines] for place in range(5)),
        )

    async def open_loans(self, turn: Turn, on: date, after: UUID, limit: int) -> list[UUID]:
        """Loans for which a date is not closed, by id."""
        return [row["loan_id"] for row in await turn.fetch(self.sql["open_loans"], on, after, limit)]

    async def untold(self, db: Reads) -> list[Told]:
        """Entries that were decided and are not known to be told."""
        return [Told(**row) for row in await db.fetch(self.sql["untold"])]

    async def decide_telling(self, db: Reads, entry_id: UUID, through: date, most_lines: int) -> Told | None:
        """Take the oldest lines that are not told together into an entry; None where all are told."""
        oldest = await db.fetchrow(self.sql["next_to_tell"], through)
        if oldest is None:
            return None
        row = await db.fetchrow(self.sql["decide_telling"], entry_id, oldest["on_date"], oldest["currency"], most_lines)
        assert row is not None, "there was a line"
        return Told(**row)

    async def note_told(self, db: Reads, entry_id: UUID, at: datetime) -> None:
        await db.execute(self.sql["note_told"], entry_id, at)


def _columns(lines: Lines) -> tuple[list[Any], ...]:
    return tuple([line[place] for line in lines] for place in range(3))


def who(turn: Turn | Said) -> str:
    """The principal, as it is written down."""
    return f"{turn.principal.kind}:{turn.principal.id}"
