"""What lateness costs, and what a book's state is after something happened: paid, late, closed."""

from datetime import date

from actors.loan.rules.allocation import spend
from actors.loan.rules.book import CHARGE, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY, PRINCIPAL
from actors.loan.rules.owing import outstanding
from actors.loan.rules.timetable import stop
from actors.loan_calculator.rules.penalties import Overdue, PenaltyTerms, penalty


def charge_penalties(book: Book, first: date, last: date) -> int:
    """Charge what some days add to the penalty of each late installment: what it comes to by the last of them less what it came to
    before the first, on what is unpaid now. So days cost the same whether they are closed one by one or all at once later.

    Nothing falls due from the first day to the one before the last.
    """
    terms = book.conditions.penalty
    if terms is None or book.is_frozen:
        return 0
    found = 0
    for due in book.dues:
        if due.due >= first:
            break
        if due.kind != CHARGE and (added := _added(terms, book.conditions.penalty_cap, due, first, last)):
            due.charged[PENALTY] += added
            due.paid_on = None
            found += added
    return found


def _added(terms: PenaltyTerms, cap: int | None, due: Due, first: date, last: date) -> int:
    principal, interest = due.owed(PRINCIPAL), due.owed(INTEREST)
    if principal + interest == 0 or (last - due.due).days <= terms.grace_days:
        return 0
    whole = due.charged[PRINCIPAL] + due.charged[INTEREST] + due.charged[FEE]
    overdue = Overdue(due.due, principal, interest, whole)
    added = penalty(terms, overdue, last) - penalty(terms, overdue, date.fromordinal(first.toordinal() - 1))
    return added if cap is None else max(min(added, cap - due.charged[PENALTY]), 0)


def settle(book: Book, on: date) -> None:
    """Bring the state in line with what is owed on the open day: what was overpaid pays what is owed again, then status and dates."""
    if book.disbursed == 0 or book.status == "written_off":
        book.quiet_until = None
        return
    _look_ahead(book)
    owed = sum(outstanding(book, on))
    if book.overpaid and owed:
        amount, book.overpaid = book.overpaid, 0
        spend(book, amount, on)
        owed = sum(outstanding(book, on))
    if not owed:
        stop(book, on)
    for due in book.dues:
        if due.is_owed:
            due.paid_on = None
        elif due.paid_on is None and any(due.charged):
            due.paid_on = on
    _look_ahead(book)
    if owed == 0:
        book.status = "closed"
    elif book.is_frozen:
        book.status = "charged_off"
    else:
        book.status = "active"
        mark_late(book, on)


def _look_ahead(book: Book) -> None:
    book.quiet_until = next((each.due for each in book.dues if each.is_owed), None)


def mark_late(book: Book, on: date) -> None:
    """In arrears as soon as something that was due before the day is not paid."""
    if book.status == "active" and book.past_due_since(on) is not None:
        book.status = "in_arrears"
