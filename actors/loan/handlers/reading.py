"""What is read of loans: what they owe now or owed on a day, schedules, transactions, what closes them, what is asked."""

import asyncio
from uuid import UUID

from actors.loan.handlers import answers
from actors.loan.handlers.booking import Booking
from actors.loan.handlers.decisions import happening_of
from actors.loan.handlers.loading import ONE_DAY, Held, caught_up
from actors.loan.rules import figures, papers
from actors.loan.rules.book import Book
from actors.loan.rules.happenings import Happening
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.rules.replay import apply, happenings_by, replay
from messages.base import Invalid
from messages.loan import (
    DateIsPast,
    GetLoan,
    GetLoanBalances,
    GetLoanPayoff,
    GetLoanSchedule,
    ListLoanRequests,
    ListLoans,
    ListLoanTransactions,
    Loan,
    LoanBalances,
    LoanInstallments,
    LoanPage,
    LoanPayoff,
    LoanRequestPage,
    LoanScheduleDocument,
    LoanSchedulePicture,
    LoanTransactionPage,
    LoanValueDateTooLate,
    PlotLoanSchedule,
    PrintLoanSchedule,
)
from runtime.actor import Turn, handles
from runtime.paging import decode_cursor, encode_cursor

NOBODY = UUID(int=0)
"""Owns nothing."""
PRESSES = 1
"""Documents that are made at once, in a thread: the longest takes a processor for a second, and the others wait for it."""


class Reading(Booking):
    """Answers questions."""

    def __init__(self) -> None:
        super().__init__()
        self._press = asyncio.Semaphore(PRESSES)

    @handles
    async def get_loan(self, query: GetLoan, turn: Turn) -> Loan:
        return await self.as_it_is(turn, query.loan_id)

    @handles
    async def list_loans(self, query: ListLoans, turn: Turn) -> LoanPage:
        before = _number(query.cursor)
        found = await self.store.loans(turn, before, query.member_id, query.status, query.product_id, query.limit + 1)
        page = found[: query.limit]
        attached = await self.store.attached(turn, [kept.loan_id for kept in page])
        items = [answers.loan(await self.as_held(turn, turn.said, kept), attached[kept.loan_id]) for kept in page]
        return LoanPage(items=tuple(items), next_cursor=encode_cursor(str(page[-1].seq)) if len(found) > query.limit else None)

    @handles
    async def get_loan_schedule(self, query: GetLoanSchedule, turn: Turn) -> LoanInstallments:
        held = await self.held(turn, turn.said, query.loan_id)
        return figures.installments(_scheduled(held), query.loan_id, held.today)

    @handles
    async def plot_loan_schedule(self, query: PlotLoanSchedule, turn: Turn) -> LoanSchedulePicture:
        held = await self.held(turn, turn.said, query.loan_id)
        media_type, content = await asyncio.to_thread(
            lambda: papers.picture(_scheduled(held), str(query.loan_id), query.format)
        )
        return LoanSchedulePicture.model_construct(media_type=media_type, content=content)

    @handles
    async def print_loan_schedule(self, query: PrintLoanSchedule, turn: Turn) -> LoanScheduleDocument:
        held = await self.held(turn, turn.said, query.loan_id)
        async with self._press:
            content = await asyncio.to_thread(_printed, held)
        return LoanScheduleDocument.model_construct(media_type="application/pdf", content=content)

    @handles
    async def list_loan_transactions(self, query: ListLoanTransactions, turn: Turn) -> LoanTransactionPage:
        await self.held(turn, turn.said, query.loan_id)
        rows = await self.store.transactions(turn, query.loan_id, _number(query.cursor) or 0, query.limit + 1)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return LoanTransactionPage(
            items=tuple(answers.transaction(row) for row in page),
            next_cursor=encode_cursor(str(page[-1]["number"])) if more else None,
        )

    @handles
    async def get_loan_balances(self, query: GetLoanBalances, turn: Turn) -> LoanBalances:
        held = await self.held(turn, turn.said, query.loan_id)
        on = query.on or held.today
        if on > held.today:
            raise LoanValueDateTooLate(field="on", business_date=held.today)
        if held.kept.book is None or on == held.today:
            return answers.balances(held, on)
        history = [Happening.from_json(each) for each in await self.store.happenings(turn, query.loan_id)]
        counted = happenings_by(history, on)
        if not counted:
            return figures.no_balances(held.kept.currency, on)
        book = replay(held.approved_terms, held.conditions, counted, on)
        return figures.balances(book, min(on, book.today)).model_copy(update={"on": on})

    @handles
    async def get_loan_payoff(self, query: GetLoanPayoff, turn: Turn) -> LoanPayoff:
        held = await self.held(turn, turn.said, query.loan_id)
        check_action(held.kept.status, Action.REPAY)
        on = query.on or held.today
        if on < held.today:
            raise DateIsPast(field="on", business_date=held.today)
        book = caught_up(held.book(), held.today)
        if on < book.today:  # the business date is closed for this loan: as a payment on it would find the loan
            history = [Happening.from_json(each) for each in await self.store.happenings(turn, query.loan_id)]
            book = replay(held.approved_terms, held.conditions, history, on - ONE_DAY)
        return figures.payoff(book, on)

    @handles
    async def list_loan_requests(self, query: ListLoanRequests, turn: Turn) -> LoanRequestPage:
        held = await self.held(turn, turn.said, query.loan_id)
        rows = await self.store.requests(turn, query.loan_id, _number(query.cursor), query.limit + 1)
        page = rows[: query.limit]
        more = len(rows) > query.limit
        return LoanRequestPage(
            items=tuple(answers.request(row, held) for row in page),
            next_cursor=encode_cursor(str(page[-1]["seq"])) if more else None,
        )


def _scheduled(held: Held) -> Book:
    """The book with its schedule as it stands; of a loan that is not paid out as it would be, paid out whole on the expected day."""
    book = held.book()
    if not book.disbursed:
        first = held.approved_terms.start
        apply(book, happening_of("disbursement", first, amount=book.approved, account=NOBODY))
    return caught_up(book, held.today)


def _printed(held: Held) -> bytes:
    kept = held.kept
    facts = [
        ("Loan", str(kept.loan_id)),
        ("Product", f"{held.product.code}, version {held.product.version}"),
        ("Status", kept.status.replace("_", " ")),
    ]
    is_paid_out = held.book().disbursed > 0
    return papers.document(_scheduled(held), held.approved_terms, facts, held.today, is_paid_out=is_paid_out)


LARGEST_NUMBER = 2**63 - 1


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    text = decode_cursor(cursor, 1)[0]
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_NUMBER)) or int(text) > LARGEST_NUMBER:
        raise Invalid("This cursor did not come from the previous page.", field="cursor")
    return int(text)
