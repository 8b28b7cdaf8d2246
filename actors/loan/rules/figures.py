"""A book as it is told: balances, the schedule with what was paid, what closes the loan."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from actors.loan.rules.allocation import closing
from actors.loan.rules.book import ONE_DAY, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY, Parts
from actors.loan.rules.owing import charged, outstanding, overdue
from actors.loan.rules.replay import close_day
from messages.ids import LoanId
from messages.loan import LoanBalances, LoanInstallment, LoanInstallments, LoanParts, LoanPayoff, LoanValueDateTooEarly
from messages.money import Money

_NOTHING = (0, 0, 0, 0)


def told_parts(parts: Parts, currency: str) -> LoanParts:
    """The amounts as money."""
    return _told(parts.as_list(), currency)


def _told(four: Sequence[int], currency: str) -> LoanParts:
    return _parts(*four, currency)


@lru_cache(maxsize=4096)
def _parts(principal: int, interest: int, fee: int, penalty: int, currency: str) -> LoanParts:
    return LoanParts.model_construct(
        principal=Money.of(principal, currency),
        interest=Money.of(interest, currency),
        fee=Money.of(fee, currency),
        penalty=Money.of(penalty, currency),
        total=Money.of(principal + interest + fee + penalty, currency),
    )


def no_balances(currency: str, on: date, bucket: str = "current") -> LoanBalances:
    """Of a loan of which nothing is paid out."""
    nothing, none = _told(_NOTHING, currency), Money.of(0, currency)
    return LoanBalances.model_construct(
        on=on,
        disbursed=none,
        outstanding=nothing,
        overdue=nothing,
        paid=nothing,
        overpaid=none,
        written_off=nothing,
        recovered=none,
        days_past_due=0,
        bucket=bucket,
    )


def balances(book: Book, on: date) -> LoanBalances:
    """What the book says; `on` is its open day or the last one that it closed, and decides what is overdue."""
    currency = book.currency
    if book.closed_through is None:
        return no_balances(currency, on, book.conditions.bucket(0).name)
    return LoanBalances.model_construct(
        on=on,
        disbursed=Money.of(book.disbursed, currency),
        outstanding=_told(outstanding(book, on), currency),
        overdue=_told(overdue(book, on), currency),
        paid=_told(book.paid, currency),
        overpaid=Money.of(book.overpaid, currency),
        written_off=_told(book.given_up, currency),
        recovered=Money.of(book.recovered, currency),
        days_past_due=book.days_past_due(on),
        bucket=book.bucket(on),
    )


def installments(book: Book, loan_id: UUID, on: date) -> LoanInstallments:
    """The schedule as it stands. The totals are of what is left of it."""
    left = [sum(due.owed(part) for due in book.dues) for part in range(4)]
    return LoanInstallments.model_construct(
        loan_id=LoanId(loan_id),
        on=on,
        installments=tuple(_told_due(due, book.currency) for due in book.dues),
        totals=_told(left, book.currency),
    )


def _told_due(due: Due, currency: str) -> LoanInstallment:
    told: dict[str, Any] = {"kind": due.kind}
    return LoanInstallment.model_construct(
        **told,
        number=due.number,
        start=due.start,
        due=due.due,
        charged=_told(due.charged, currency),
        paid=_told(due.paid, currency),
        waived=_told(due.waived, currency),
        outstanding=_told([due.owed(part) for part in range(4)], currency),
        balance=Money.of(due.balance, currency),
        paid_on=due.paid_on,
    )


def payoff(book: Book, on: date) -> LoanPayoff:
    """What closes the loan on a day from the open one on, if nothing happens until then. Leaves the book as it is."""
    if on < book.today:
        raise LoanValueDateTooEarly("It is a day that is closed.", field="on", on=on)
    then = book
    if book.closed_through is not None and on > book.today:
        then = book.copy()
        close_day(then, on - ONE_DAY)
    owed = closing(then, on) if book.closed_through is not None and book.status != "written_off" else list(_NOTHING)
    return LoanPayoff(on=on, owed=_told(owed, book.currency), total=Money.of(sum(owed), book.currency))


def corrections(before: Book, after: Book, charged_by_it: Parts | None = None) -> Parts:
    """How much more interest, fees and penalties are charged after than before, beside what the transaction itself charges."""
    on = max(before.today, after.today)
    one, other = (charged(book, on) if book.closed_through is not None else _NOTHING for book in (before, after))
    own = _NOTHING if charged_by_it is None else charged_by_it.as_list()
    found = [now - then - its for now, then, its in zip(other, one, own, strict=True)]
    return Parts(0, found[INTEREST], found[FEE], found[PENALTY])
