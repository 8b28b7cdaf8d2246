"""A loan actor for tests of the close: its loans are on a shelf in this process, so that a test sees what was asked of each."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

from messages.base import Event, Refusal
from messages.close_of_business import BusinessDateAdvanced, CloseOfBusinessCompleted
from messages.ids import EntryId, LoanId, derived_id
from messages.loan import (
    AccrualsPosted,
    CloseLoanDay,
    CloseLoanDays,
    DayClosed,
    ListOpenLoans,
    LoanDaysClosed,
    OpenLoans,
    PostAccruals,
)
from messages.money import Money
from runtime.actor import Actor, Turn, handles

NAMESPACE = UUID("5b9f0c52-6c0e-4d7b-9a51-0c6f6f1f7d11")
EPOCH = date(2020, 1, 1)
DAILY_ACCRUAL, PENALTY = 125, 10
POSTS = 2
"""In so many parts a date's accruals are told."""


class Shelf:
    """Loans, and what happened to them."""

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        """Forget everything."""
        self.closed_through: dict[LoanId, date] = {}
        self.counted: Counter[tuple[LoanId, date]] = Counter()
        """How often a date of a loan was closed for good."""
        self.asked: Counter[LoanId] = Counter()
        self.dry: int = 0
        self.trouble: dict[LoanId, str] = {}
        """Loan -> refuse or fault."""
        self.posted: list[date] = []
        self.heard: list[Event] = []
        self.in_hand = self.most_in_hand = 0
        self.posting_refused = False
        self.seconds = 0.0
        """How long each close takes."""
        self.gate = asyncio.Event()
        self.gate.set()

    def put(self, many: int, *, closed_through: date = EPOCH) -> list[LoanId]:
        """Put loans on the shelf."""
        begin = len(self.closed_through)
        ids = [LoanId(derived_id(NAMESPACE, str(number))) for number in range(begin, begin + many)]
        self.closed_through |= dict.fromkeys(ids, closed_through)
        return ids

    def open_for(self, day: date) -> list[LoanId]:
        """Loans whose date is not closed, by id."""
        return sorted(loan_id for loan_id, through in self.closed_through.items() if through < day)

    def is_closed_once(self, day: date) -> bool:
        """Whether the date was closed for every loan, and counted once."""
        return all(self.counted[loan_id, day] == 1 for loan_id in self.closed_through)


shelf = Shelf()


class LoanStuck(Refusal):
    """This loan does not let itself be closed."""

    rule = "test_loan_stuck"


class LoansOnAShelf(Actor):
    """Answers the close of business as the loan actor does."""

    name = "loan"

    @handles
    async def close_loan_day(self, command: CloseLoanDay, turn: Turn) -> DayClosed:
        del turn
        shelf.in_hand += 1
        shelf.most_in_hand = max(shelf.most_in_hand, shelf.in_hand)
        try:
            await asyncio.sleep(shelf.seconds)
            await shelf.gate.wait()
            return await self._closed(command)
        finally:
            shelf.in_hand -= 1

    @handles
    async def close_loan_days(self, command: CloseLoanDays, turn: Turn) -> LoanDaysClosed:
        del turn
        shelf.in_hand += len(command.loan_ids)
        shelf.most_in_hand = max(shelf.most_in_hand, shelf.in_hand)
        try:
            await asyncio.sleep(shelf.seconds)
            await shelf.gate.wait()
            left = tuple(each for each in command.loan_ids if each in shelf.trouble)
            each = [
                CloseLoanDay(loan_id=one, on=command.on, dry_run=command.dry_run) for one in command.loan_ids if one not in left
            ]
            return LoanDaysClosed(closed=tuple([await self._closed(one) for one in each]), left=left)
        finally:
            shelf.in_hand -= len(command.loan_ids)

    async def _closed(self, command: CloseLoanDay) -> DayClosed:
        loan_id, day = command.loan_id, command.on
        shelf.asked[loan_id] += 1
        trouble = shelf.trouble.get(loan_id)
        if trouble == "refuse":
            raise LoanStuck
        if trouble == "fault":
            raise RuntimeError("a fault of this loan")
        is_open = shelf.closed_through[loan_id] < day
        days = (day - shelf.closed_through[loan_id]) // timedelta(days=1) if is_open else 0
        if command.dry_run:
            shelf.dry += 1
        elif is_open:
            shelf.counted[loan_id, day] += 1
            shelf.closed_through[loan_id] = day
        return DayClosed(
            loan_id=loan_id,
            on=day,
            counted=is_open,
            accrued=Money.of(DAILY_ACCRUAL * days, "KES"),
            penalties=Money.of(PENALTY, "KES"),
            days_past_due=0,
            bucket="current",
            status="active",
        )

    @handles
    async def list_open_loans(self, query: ListOpenLoans, turn: Turn) -> OpenLoans:
        del turn
        after = UUID(query.cursor) if query.cursor else UUID(int=0)
        found = [loan_id for loan_id in shelf.open_for(query.on) if loan_id > after]
        page = found[: query.limit]
        return OpenLoans(loan_ids=tuple(page), next_cursor=str(page[-1]) if len(found) > query.limit else None)

    @handles
    async def post_accruals(self, command: PostAccruals, turn: Turn) -> AccrualsPosted:
        if shelf.posting_refused:
            raise LoanStuck
        if shelf.posted.count(command.through) == POSTS:
            return AccrualsPosted(lines=0, entry_ids=())
        shelf.posted.append(command.through)
        return AccrualsPosted(lines=1, entry_ids=(EntryId(turn.derive("entry")),))

    @handles
    async def hear_of_a_day(self, event: BusinessDateAdvanced, turn: Turn) -> None:
        del turn
        shelf.heard.append(event)

    @handles
    async def hear_of_a_run(self, event: CloseOfBusinessCompleted, turn: Turn) -> None:
        del turn
        shelf.heard.append(event)
