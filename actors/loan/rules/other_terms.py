"""Other terms from a day on. A rate change stays within the terms; everything else begins a new leg: a loan of what is outstanding,
from that day, with dues of its own.

- new terms: another number or rhythm of installments, or rate, over the principal that is not due; what is late stays late.
- re-age: all that is owed, what is late too, over so many installments from the next due date on.
- re-amortize: the same over the installments that are left, at their dates.
- payment holiday: the principal that is not due, over as many installments as were left, so many due dates later.

Interest that has accrued and is not due goes with the first new installment; where what is late is due anew, its interest, fees and
penalties go in equal parts with all of them. No interest is charged on either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from actors.loan.rules.book import CHARGE, INSTALLMENT, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY, PRINCIPAL, Reschedule
from actors.loan.rules.timetable import accrued, charge, is_current, remake, scheduled, shares
from actors.loan_calculator.rules.due_dates import due_dates
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.loan import RescheduleImpossible
from messages.loan_terms import LoanTerms, NewRate, Period
from messages.money import Money


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is still to come of a book on a day."""

    ahead: list[Due]
    """Dues of the leg that are not due yet."""
    gone: int
    """Installments of the leg before them."""
    next_due: date | None
    """The nominal date of the first of them."""

    @property
    def installments(self) -> int:
        return sum(each.kind == INSTALLMENT for each in self.ahead)


def carry_out(book: Book, asked: Reschedule, on: date) -> None:
    """Change the terms from the day on, which is the open one."""
    if asked.kind == "rate_change":
        _change_rate(book, asked, on)
        return
    rest = _rest(book, on)
    _BEGINNINGS[asked.kind](book, asked, on, rest)


def roll_over(book: Book, on: date) -> None:
    """Begin a leg with what is still to come, as it is."""
    rest = _rest(book, on)
    _begin_leg(book, on, rest, {"installments": rest.installments, "first_due": rest.next_due}, with_late=False)


def _change_rate(book: Book, asked: Reschedule, on: date) -> None:
    if asked.annual_rate_percent is None:
        raise RescheduleImpossible("Another rate is what a rate change needs.", field="annual_rate_percent")
    if not _rest(book, on).installments:
        raise RescheduleImpossible("All installments are due.", field="effective_on")
    kept = [each for each in book.terms.rate_changes if each.on != on]
    changes = sorted([*kept, NewRate(on=on, annual_rate_percent=asked.annual_rate_percent)], key=lambda each: each.on)
    book.terms = book.terms.model_copy(update={"rate_changes": tuple(changes)})
    book.overpaid += remake(book)


def _rest(book: Book, on: date) -> _Rest:
    own = [each for each in book.dues if each.leg == book.leg and each.kind == INSTALLMENT]
    ahead = [each for each in own if not is_current(each, on)]
    gone = len(own) - len(ahead)
    if not ahead:
        return _Rest([], gone, None)
    nominal = scheduled(book).plan.nominal[gone]
    return _Rest(ahead, gone, nominal if nominal > on else ahead[0].due)


def _new_terms(book: Book, asked: Reschedule, on: date, rest: _Rest) -> None:
    changes: dict[str, Any] = {"installments": _count(asked, rest), "first_due": rest.next_due}
    if asked.every_count is not None or asked.every_unit is not None:
        now = book.terms.every
        changes["every"] = Period.model_validate(
            {"count": asked.every_count or now.count, "unit": asked.every_unit or now.unit}
        )
        changes["first_due"] = None
    if asked.annual_rate_percent is not None:
        changes.update(annual_rate_percent=asked.annual_rate_percent, rate_changes=())
    _begin_leg(book, on, rest, changes, with_late=False)


def _re_age(book: Book, asked: Reschedule, on: date, rest: _Rest) -> None:
    changes = {"installments": _count(asked, rest), "first_due": rest.next_due}
    _begin_leg(book, on, rest, changes, with_late=True)


def _re_amortize(book: Book, asked: Reschedule, on: date, rest: _Rest) -> None:
    del asked
    if not rest.installments:
        raise RescheduleImpossible("All installments are due; a re-ageing says how many there shall be.", field="kind")
    changes = {"installments": rest.installments, "first_due": rest.next_due}
    _begin_leg(book, on, rest, changes, with_late=True)


def _take_holiday(book: Book, asked: Reschedule, on: date, rest: _Rest) -> None:
    if asked.holiday_installments is None:
        raise RescheduleImpossible("How many installments does it move?", field="holiday_installments")
    if not rest.installments:
        raise RescheduleImpossible("All installments are due.", field="effective_on")
    now = terms_of(book.terms)
    moved = rest.gone + asked.holiday_installments
    nominal, _ = due_dates(now.rhythm, now.start, moved + 1)
    changes = {"installments": rest.installments, "first_due": nominal[moved]}
    _begin_leg(book, on, rest, changes, with_late=False)


_BEGINNINGS: dict[str, Callable[[Book, Reschedule, date, _Rest], None]] = {
    "new_terms": _new_terms,
    "re_age": _re_age,
    "re_amortize": _re_amortize,
    "payment_holiday": _take_holiday,
}


def _count(asked: Reschedule, rest: _Rest) -> int:
    if asked.installments is None and not rest.installments:
        raise RescheduleImpossible("All installments are due; say how many there shall be.", field="installments")
    return asked.installments or rest.installments


def _begin_leg(book: Book, on: date, rest: _Rest, changes: dict[str, Any], *, with_late: bool) -> None:
    known, old = accrued(book, on), book.terms
    principal = fees = penalties = 0
    ahead = {id(each) for each in book.dues if not is_current(each, on)}
    kept = []
    for due in book.dues:
        if (id(due) not in ahead and not with_late) or (id(due) in ahead and due.kind == CHARGE):
            kept.append(due)
            continue
        principal += due.owed(PRINCIPAL)
        if id(due) not in ahead:
            fees += due.owed(FEE)
            penalties += due.owed(PENALTY)
        due.charged = [due.settled(part) for part in range(4)]
        if any(due.charged):
            kept.append(due)
            due.due = min(due.due, on)
            due.end = min(due.end, on)
            due.paid_on = due.paid_on or on
    if not principal:
        raise RescheduleImpossible("No principal is still to come.", field="effective_on")
    book.carried, book.spreads_carried = known - sum(each.charged[INTEREST] for each in kept), with_late
    book.leg, book.leg_start, book.accrued_before = book.leg + 1, on, known
    book.dues = kept
    book.terms = _terms_of_rest(old, on, principal, rest.gone, changes)
    book.overpaid += remake(book)
    if fees or penalties:
        days = [each.due for each in book.dues if each.leg == book.leg]
        for day, fee, penalty in zip(days, shares(fees, len(days)), shares(penalties, len(days)), strict=True):
            charge(book, day, fee=fee, penalty=penalty)


def _terms_of_rest(old: LoanTerms, on: date, principal: int, gone: int, changes: dict[str, Any]) -> LoanTerms:
    rates = [each for each in old.rate_changes if each.on <= on]
    most = changes["installments"] - 1
    update: dict[str, Any] = {
        "principal": Money.of(principal, old.principal.currency),
        "annual_rate_percent": rates[-1].annual_rate_percent if rates else old.annual_rate_percent,
        "rate_changes": tuple(each for each in old.rate_changes if each.on > on),
        "start": on,
        "disbursements": (),
        "extra_payments": (),
        "fees": tuple(each for each in old.fees if each.timing == "installment"),
        "down_payment": None,
        "down_payment_percent": "0",
        "interest_free": min(max(old.interest_free - gone, 0), most + 1),
        "principal_grace": min(max(old.principal_grace - gone, 0), most),
        "interest_grace": min(max(old.interest_grace - gone, 0), most),
    }
    update["due_day"] = _due_day(old, changes["first_due"])
    if old.balloon is not None and old.balloon.minor >= principal:
        # Nothing is left for the installments before the last.
        update.update(balloon=None, amortization="bullet")
    return old.model_copy(update=update | changes)


def _due_day(old: LoanTerms, first_due: date | None) -> int | None:
    """Where the first due date of the rest is in February, or moved to a business day, the others are back on their day."""
    if first_due is None or old.every.unit != "months":
        return None
    day = terms_of(old).rhythm.day_of_month(old.start)
    is_told = day == first_due.day and old.month_end != "last_day"
    return None if is_told else day
