"""The close of a business date for one loan, and the telling of what the closes accrued to the ledger, summed.

A close asks nobody and writes little: a row of the loan, its book where something is due or late, the lines of what was earned. Its
date counts once because the loan remembers through which date it is closed.
"""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

from actors.loan.handlers.booking import Booking
from actors.loan.handlers.decisions import lines_of, standing_of
from actors.loan.kept import DayKept, Told
from actors.loan.rules.book import Book
from actors.loan.rules.position import difference, position
from actors.loan.rules.replay import close_day
from actors.loan.rules.timetable import remember_accruals
from actors.loan.store import ClosingStore
from messages.base import Invalid
from messages.ids import AccountId, EntryId, LoanId
from messages.ledger import MOST_POSTINGS, PostEntry, PostingOrder
from messages.loan import (
    AccrualsPosted,
    CloseLoanDay,
    CloseLoanDays,
    DayClosed,
    ListOpenLoans,
    LoanDaysClosed,
    LoanNotFound,
    LoanStatusChanged,
    OpenLoans,
    PostAccruals,
)
from messages.money import Money
from runtime.actor import Turn, handles
from runtime.errors import Fenced
from runtime.paging import decode_cursor, encode_cursor

OPEN = frozenset({"active", "in_arrears", "charged_off"})
"""Whose days are closed."""
MOST_LINES = 20_000
"""Lines summed into one entry: a second's work."""
MOST_ENTRIES = 50
"""Told in one turn; whoever asked asks again while there are lines."""


class Closing(Booking):
    """Closes days."""

    def __init__(self) -> None:
        super().__init__()
        self.closes = ClosingStore()

    @handles
    async def close_loan_day(self, command: CloseLoanDay, turn: Turn) -> DayClosed:
        row = await self.closes.loan_to_close(turn, command.loan_id)
        if row is None:
            raise LoanNotFound
        if row["pending_message_id"] is not None:
            await turn.rollback()
            kept = (await self.held(turn, turn.said, command.loan_id)).kept
            await turn.rollback()
            await self.finish(turn, turn.said, kept)
            row = await self.closes.loan_to_close(turn, command.loan_id)
            assert row is not None, "loans stay"
        if _is_closed(row, command.on):
            return _not_counted(command.loan_id, command.on, row)
        return await self._close(turn, command, row)

    async def _close(self, turn: Turn, command: CloseLoanDay, row: Any) -> DayClosed:
        reply, kept = await self._day_of(turn, command.on, row, dry_run=command.dry_run)
        if kept is None:
            return reply
        if not await self.closes.close_day(turn, command.loan_id, row["version"], kept.now, kept.book, kept.lines):
            raise Fenced(f"the loan {command.loan_id} changed while its day was closed")
        await self._note_changes(turn, command.on, row, kept)
        return reply

    @handles
    async def close_loan_days(self, command: CloseLoanDays, turn: Turn) -> LoanDaysClosed:
        closed: list[DayClosed] = []
        keeping: list[tuple[Any, DayKept]] = []
        for row in await self.closes.loans_to_close(turn, command.loan_ids):
            if row["pending_message_id"] is not None:
                continue
            await asyncio.sleep(0)  # a user's message does not wait for all of them
            if _is_closed(row, command.on):
                closed.append(_not_counted(row["loan_id"], command.on, row))
                continue
            try:
                reply, kept = await self._day_of(turn, command.on, row, dry_run=command.dry_run)
            except Exception:  # noqa: BLE001, S112 - whatever is wrong with one loan stops no other; asked by itself it says what
                continue
            closed.append(reply)
            if kept is not None:
                keeping.append((row, kept))
        if keeping:
            await self.closes.close_days(turn, command.on, [kept for _, kept in keeping])
        for row, kept in keeping:
            await self._note_changes(turn, command.on, row, kept)
        done = {each.loan_id for each in closed}
        return LoanDaysClosed(closed=tuple(closed), left=tuple(each for each in command.loan_ids if each not in done))

    async def _day_of(self, turn: Turn, on: date, row: Any, *, dry_run: bool) -> tuple[DayClosed, DayKept | None]:
        """What the close of a day does to a loan, and what of it is to be kept: nothing in a dry run."""
        currency: str = row["currency"]
        product = row["product_id"], row["product_version"]
        book = Book.from_json(row["book"], await self.conditions(turn, *product), row["closed_through"])
        has_found = remember_accruals(book, on)
        before = position(book)
        closed = close_day(book, on)
        reply = DayClosed(
            loan_id=row["loan_id"],
            on=on,
            counted=True,
            accrued=Money.of(closed.accrued, currency),
            penalties=Money.of(closed.penalties, currency),
            days_past_due=closed.days_past_due,
            bucket=closed.bucket,
            status=closed.status,
        )
        if dry_run:
            return reply, None
        accounting = (await self.store.product(turn, *product)).rules.accounting
        return reply, DayKept(
            loan_id=row["loan_id"],
            currency=currency,
            now=standing_of(book, on, row["account_id"], row["disbursed_on"]),
            book=book.to_json() if closed.changed or has_found else None,
            lines=lines_of(difference(position(book), before), accounting, row["account_id"]),
        )

    async def _note_changes(self, turn: Turn, on: date, row: Any, kept: DayKept) -> None:
        now = kept.now
        if any(getattr(now, name) != row[name] for name in ("status", "principal_outstanding", "past_due_since", "bucket")):
            await self.closes.keep_standing(turn, kept.loan_id, on, now)
        if now.status != row["status"]:
            changed = {"loan_id": kept.loan_id, "member_id": row["member_id"], "status": now.status, "on": on}
            turn.emit(LoanStatusChanged.model_validate(changed))

    @handles
    async def list_open_loans(self, query: ListOpenLoans, turn: Turn) -> OpenLoans:
        after = UUID(int=0) if query.cursor is None else _loan_id(decode_cursor(query.cursor, 1)[0])
        found = await self.closes.open_loans(turn, query.on, after, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return OpenLoans(
            loan_ids=tuple(LoanId(loan_id) for loan_id in page), next_cursor=encode_cursor(str(page[-1])) if more else None
        )

    @handles
    async def post_accruals(self, command: PostAccruals, turn: Turn) -> AccrualsPosted:
        async with turn.apart() as db:
            left = await self.closes.untold(db)
        told = [await self._tell(turn, each) for each in left]
        for number in range(MOST_ENTRIES):
            next_one = await self._next_telling(turn, command, number)
            if next_one is None:
                break
            told.append(await self._tell(turn, next_one))
        entries = tuple(EntryId(each.entry_id) for each in told if each.postings)
        return AccrualsPosted(lines=sum(each.lines for each in told), entry_ids=entries)

    async def _next_telling(self, turn: Turn, command: PostAccruals, number: int) -> Told | None:
        """The next entry, decided. Fewer loans at once where they touch more accounts than an entry may."""
        most_lines = MOST_LINES
        while True:
            try:
                async with turn.apart() as db:
                    decided = await self.closes.decide_telling(
                        db, turn.derive(f"telling {number}"), command.through, most_lines
                    )
                    if decided is not None and len(decided.postings) > MOST_POSTINGS:
                        raise _TooMany
                    return decided
            except _TooMany:
                most_lines //= 4
                assert most_lines > 0, "one loan's lines fit into an entry"

    async def _tell(self, turn: Turn, decided: Told) -> Told:
        if decided.postings:
            await turn.ask(_entry(decided), step=f"tell {decided.entry_id}", in_own_name=True)
        async with turn.apart() as db:
            await self.closes.note_told(db, decided.entry_id, turn.now)
        return decided


class _TooMany(Exception):
    """More accounts than an entry may have."""


def _entry(told: Told) -> PostEntry:
    return PostEntry(
        entry_id=EntryId(told.entry_id),
        postings=tuple(
            PostingOrder(
                account_id=AccountId(UUID(each["account_id"])),
                side="debit" if each["amount"] > 0 else "credit",
                amount=Money.of(abs(each["amount"]), told.currency),
            )
            for each in told.postings
        ),
        description=f"Loans at the close of {told.on_date.isoformat()}",
        value_date=told.on_date,
    )


def _is_closed(row: Any, on: date) -> bool:
    closed_through: date | None = row["closed_through"]
    return row["status"] not in OPEN or closed_through is None or closed_through >= on


def _not_counted(loan_id: UUID, on: date, row: Any) -> DayClosed:
    nothing = Money.of(0, row["currency"])
    since: date | None = row["past_due_since"]
    return DayClosed(
        loan_id=LoanId(loan_id),
        on=on,
        counted=False,
        accrued=nothing,
        penalties=nothing,
        days_past_due=0 if since is None else max(0, ((row["closed_through"] or on) - since).days),
        bucket=row["bucket"],
        status=row["status"],
    )


def _loan_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This cursor did not come from the previous page.", field="cursor") from None
