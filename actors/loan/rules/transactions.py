"""What each kind of transaction does to a book. The order of days is the fold's business (replay.py)."""

from collections.abc import Callable
from datetime import date

from actors.loan.rules.allocation import give_up, spend, waive
from actors.loan.rules.book import ONE_DAY, Book
from actors.loan.rules.happenings import PARTS, Happening, Parts
from actors.loan.rules.other_terms import carry_out
from actors.loan.rules.owing import outstanding
from actors.loan.rules.timetable import charge, remake, scheduled, stop
from messages.loan import (
    DisbursementTooLarge,
    FirstDueTooEarly,
    LaterTransactionsDepend,
    LoanStateForbids,
    LoanValueDateTooEarly,
    RefundTooLarge,
    TooManyDisbursements,
    TransactionKind,
    WaiverTooLarge,
)
from messages.loan_terms import FurtherDisbursement
from messages.money import Money


def book_happening(book: Book, happening: Happening, *, is_new: bool) -> Parts:
    """Do what it says on the book's open day."""
    if happening.kind != "disbursement" and not book.disbursed:
        raise LoanValueDateTooEarly(field="value_date", on=happening.value_date)
    return _BY_KIND[happening.kind](book, happening, is_new)


def _disburse(book: Book, happening: Happening, is_new: bool) -> Parts:
    del is_new
    amount = happening.amount
    if amount > book.undisbursed:
        raise DisbursementTooLarge(field="amount", undisbursed=book.undisbursed)
    if book.disbursements and book.leg_start is None:
        raise LoanStateForbids(status=book.status)
    if book.disbursements >= book.conditions.most_disbursements:
        raise TooManyDisbursements(field="amount", allowed=book.conditions.most_disbursements)
    _count(book, happening, -amount)
    book.disbursements += 1
    book.disbursed += amount
    money = Money.of(amount, book.currency)
    if book.disbursements == 1:
        _start(book, happening.value_date, money)
    else:
        further = (*book.terms.disbursements, FurtherDisbursement(on=happening.value_date, amount=money))
        book.terms = book.terms.model_copy(update={"disbursements": further})
        book.overpaid += remake(book)
    return Parts(principal=amount)


def _start(book: Book, on: date, money: Money) -> None:
    first_due = book.terms.first_due
    if first_due is not None and first_due <= on:
        raise FirstDueTooEarly(field="value_date", first_due=first_due)
    book.terms = book.terms.model_copy(update={"principal": money, "start": on, "disbursements": ()})
    book.closed_through = on - ONE_DAY
    book.leg_start = on
    schedule = scheduled(book)
    book.capitalized = schedule.fees_capitalized
    remake(book)
    if schedule.fees_upfront:
        charge(book, on, fee=schedule.fees_upfront)


def _repay(book: Book, happening: Happening, is_new: bool) -> Parts:
    if book.status == "written_off":
        return _recover(book, happening, is_new)
    _count(book, happening, happening.amount)
    return spend(book, happening.amount, happening.value_date, happening.way)


def _recover(book: Book, happening: Happening, is_new: bool) -> Parts:
    if book.status != "written_off":
        if is_new:
            raise LoanStateForbids(status=book.status)
        return _repay(book, happening, is_new)
    _count(book, happening, happening.amount)
    book.recovered += happening.amount
    return Parts()


def _charge(book: Book, happening: Happening, is_new: bool) -> Parts:
    del is_new
    found = Parts(fee=happening.amount) if happening.kind == "fee" else Parts(penalty=happening.amount)
    charge(book, happening.value_date, fee=found.fee, penalty=found.penalty)
    return found


def _waive(book: Book, happening: Happening, is_new: bool) -> Parts:
    assert happening.part is not None
    part = PARTS.index(happening.part)
    waived = waive(book, part, happening.amount, happening.value_date)
    if is_new and waived < happening.amount:
        raise WaiverTooLarge(field="amount", owed=waived)
    return Parts.of(waived if each == part else 0 for each in range(4))


def _refund(book: Book, happening: Happening, is_new: bool) -> Parts:
    if happening.amount > book.overpaid or (is_new and not happening.amount):
        if is_new:
            raise RefundTooLarge(field="amount", overpaid=book.overpaid)
        raise LaterTransactionsDepend(number=happening.number, kind=happening.kind)
    book.overpaid -= happening.amount
    _count(book, happening, -happening.amount)
    return Parts(overpaid=happening.amount)


def _charge_off(book: Book, happening: Happening, is_new: bool) -> Parts:
    del is_new
    stop(book, happening.value_date)
    book.is_frozen = True
    return Parts.of(outstanding(book, happening.value_date))


def _write_off(book: Book, happening: Happening, is_new: bool) -> Parts:
    del is_new
    if not sum(outstanding(book, happening.value_date)):
        return Parts()
    stop(book, happening.value_date)
    book.is_frozen = True
    found = give_up(book)
    book.status = "written_off"
    return found


def _reschedule(book: Book, happening: Happening, is_new: bool) -> Parts:
    assert happening.reschedule is not None
    if book.leg_start is None or not book.principal_outstanding:
        if is_new:
            raise LoanStateForbids(status=book.status)
        book.lapse(happening, LoanStateForbids(status=book.status))
        return Parts()
    carry_out(book, happening.reschedule, happening.value_date)
    return Parts(principal=book.principal_outstanding)


def _count(book: Book, happening: Happening, amount: int) -> None:
    assert happening.account is not None, "money comes from an account and goes to one"
    account = str(happening.account)
    book.accounts[account] = book.accounts.get(account, 0) + amount


_BY_KIND: dict[TransactionKind, Callable[[Book, Happening, bool], Parts]] = {
    "disbursement": _disburse,
    "repayment": _repay,
    "recovery": _recover,
    "fee": _charge,
    "penalty": _charge,
    "waiver": _waive,
    "refund": _refund,
    "charge_off": _charge_off,
    "write_off": _write_off,
    "reschedule": _reschedule,
}
