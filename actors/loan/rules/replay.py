"""The fold: a loan's transactions and the closes of its days into a book. The same transactions give the same book, whenever they came.

    book = begin(terms, conditions)
    apply(book, Happening(number=1, kind="disbursement", ...))
    close_day(book, date(2024, 1, 15))
    book == replay(terms, conditions, happenings, through=date(2024, 1, 15))

A day takes its transactions in the order of their numbers, then its close. A transaction of a day that is closed is no matter for `apply`:
the whole history is replayed with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from actors.loan.rules.arrears import charge_penalties, mark_late, settle
from actors.loan.rules.book import CHARGE, ONE_DAY, Book, spoken_terms
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.happenings import FEE, Happening, Parts, in_force
from actors.loan.rules.owing import interest_earned
from actors.loan.rules.transactions import book_happening
from messages.base import Refusal
from messages.loan import LaterTransactionsDepend, LoanStatus
from messages.loan_terms import LoanTerms


@dataclass(frozen=True, slots=True)
class Closed:
    """What the close of a day did. Minor units."""

    on: date
    accrued: int
    """Interest earned with it."""
    fees: int
    """Fees of installments that fell due."""
    penalties: int
    days_past_due: int
    bucket: str
    status: LoanStatus
    changed: bool
    """Whether the book must be stored again. Otherwise all that is new is `closed_through`: `Book.from_json(data, conditions,
    closed_through=...)` is the closed book."""


def begin(terms: LoanTerms, conditions: Conditions) -> Book:
    """The book of an approved loan of which nothing is paid out. Its principal is what may be paid out in all."""
    approved = terms.principal.minor + sum(each.amount.minor for each in terms.disbursements)
    return Book(conditions, terms.principal.currency, "approved", approved, spoken_terms(terms))


def apply(book: Book, happening: Happening, *, is_new: bool = True) -> Parts:
    """Book a transaction; days before its value date that are open are closed first.

    Raises the refusal for what cannot be. With is_new=False, as in a replay, what was right when it was booked is taken as far as it
    goes. Not for a reversal, nor where the value date is closed (`happening.value_date <= book.closed_through`): replay those.
    A reschedule that was booked before its day waits for it. After a refusal the book is of no use any more.
    """
    if book.closed_through is not None and happening.value_date <= book.closed_through:
        raise ValueError("the value date is closed; replay the loan")
    if _waits(happening):
        book.wait_for(happening)
        _wake(book)
        return Parts()
    if book.closed_through is not None and happening.value_date > book.today:
        close_day(book, happening.value_date - ONE_DAY)
    _wake(book)
    found = book_happening(book, happening, is_new=is_new)
    settle(book, happening.value_date)
    return found


def _waits(happening: Happening) -> bool:
    """Whether it was booked before its day, and is kept for it."""
    return happening.kind == "reschedule" and happening.value_date > happening.booked_on


def _wake(book: Book) -> None:
    """Carry out reschedules whose day has come. One that is not possible any more lapses, and the book says so: a day must be closed
    whatever was planned.
    """
    while (next_one := book.next_waiting(book.today)) is not None:
        book.waiting = book.waiting[1:]
        try:
            book_happening(book.copy(), next_one, is_new=False)
        except Refusal as because:
            book.lapse(next_one, because)
            continue
        book_happening(book, next_one, is_new=False)
        settle(book, book.today)


def close_day(book: Book, on: date) -> Closed:
    """Close a day: accrual, penalties, status. Days before it that are open are closed with it, and counted in the answer."""
    assert book.closed_through is not None, "nothing is paid out"
    interest = interest_earned(book, book.closed_through)
    fees, penalties, changed = 0, 0, False
    while book.closed_through < on:
        today = book.today
        if book.waiting and book.next_waiting(today) is not None:
            _wake(book)
            changed = True
        last = _last_alike(book, today, on)
        if book.quiet_until is not None and last >= book.quiet_until:
            status = book.status
            fees += sum(each.owed(FEE) for each in book.dues if each.due == last and each.kind != CHARGE)
            charged = charge_penalties(book, today, last)
            penalties += charged
            mark_late(book, last)
            changed = changed or charged > 0 or status != book.status
        book.closed_through = last
    earned = interest_earned(book, book.closed_through) - interest
    days = book.days_past_due(book.closed_through)
    bucket = book.conditions.bucket(days).name
    return Closed(book.closed_through, earned, fees, penalties, days, bucket, book.status, changed)


def _last_alike(book: Book, today: date, on: date) -> date:
    """The last day up to which days are alike, so that they are closed at once: the next due date, or the one before something waits.

    A loan that is late for years would else cost a second for each of them.
    """
    if today == on:
        return on
    ends = [on]
    if book.quiet_until is not None and on >= book.quiet_until:
        ends += [each.due for each in book.dues if today <= each.due < on]
    if book.waiting:
        ends += [day - ONE_DAY for day in book.waiting_days() if today < day]
    return min(ends)


def passed_through(book: Book, today: date) -> date | None:
    """The last day that has passed for a loan, when `today` is the institution's. No close says so to a loan that is closed or written
    off: its days pass by themselves, and one that is taken up again by a reversal stands as late as it is by now.
    """
    if book.closed_through is not None and book.status in {"closed", "written_off"}:
        return max(book.closed_through, today - ONE_DAY)
    return book.closed_through


def replay(
    terms: LoanTerms,
    conditions: Conditions,
    happenings: Iterable[Happening],
    through: date | None,
    *,
    new: int | None = None,
) -> Book:
    """The book of all transactions that are not reversed, closed through a date (None: through the day before the last of them).

    `terms` are those of the approval. `happenings` in any order, reversals and reversed ones included. `new` is the number of the one
    that is judged as new. Transactions after the day that follows `through` are left out, but for reschedules that
    were booked before their day, which wait.
    Raises LaterTransactionsDepend where an old one is not possible any more.
    """
    book = begin(terms, conditions)
    for each in in_force(happenings):
        if through is not None and each.value_date > through + ONE_DAY and not _waits(each):
            continue
        is_new = each.number == new
        try:
            apply(book, each, is_new=is_new)
        except Refusal as refusal:
            if is_new or new is None:
                raise
            raise LaterTransactionsDepend(number=each.number, kind=each.kind, because=refusal.rule) from refusal
    if through is not None and book.closed_through is not None and book.closed_through < through:
        close_day(book, through)
    return book


def happenings_by(happenings: Iterable[Happening], on: date) -> list[Happening]:
    """What counts by the end of a date, as it is known now; the balances as of it are those of its replay through the same date.

    What was reversed never was, whenever that was found out.
    """
    return [each for each in happenings if each.value_date <= on or each.kind == "reversal"]
