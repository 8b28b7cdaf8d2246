"""A loan's schedule as a picture and as a paper: what was agreed, what is owed, what is due when and what became of it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from actors.loan.rules.book import CHARGE, INSTALLMENT, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY, PRINCIPAL
from actors.loan.rules.owing import outstanding, overdue
from actors.loan.rules.rescheduling import rate_on
from actors.loan.rules.timetable import schedule_of
from actors.loan_calculator.rules import schedule
from actors.loan_calculator.rules.paper import Paper, shown
from actors.loan_calculator.rules.paper_of_terms import moved, told_method, told_rates
from actors.loan_calculator.rules.paper_pdf import pdf
from actors.loan_calculator.rules.plot_png import png
from actors.loan_calculator.rules.plot_shapes import Shape, shapes_of
from actors.loan_calculator.rules.plot_svg import svg
from actors.loan_calculator.rules.schedule import Row
from actors.loan_calculator.rules.told_figures import in_percent
from messages.loan_terms import LoanTerms

HEADS = ("No.", "Due", "Principal", "Interest", "Fees", "Penalties", "Total", "Paid", "Left", "Balance")


def picture(book: Book, loan_id: str, kind: Literal["svg", "png"]) -> tuple[Literal["image/svg+xml", "image/png"], bytes]:
    """The plot with its media type."""
    shapes = _shapes(book)
    if kind == "png":
        return "image/png", png(shapes)
    return "image/svg+xml", svg(shapes, f"The schedule of loan {loan_id}").encode()


def document(book: Book, approved: LoanTerms, facts: Sequence[tuple[str, str]], on: date, *, is_paid_out: bool) -> bytes:
    """The paper of a loan as it stands on a day, as PDF. The facts are those that no book knows; the rates are of the approved terms.

    Of a loan that is not paid out the book is the one that it would begin with.
    """
    return pdf(_paper(book, approved, facts, on, is_paid_out=is_paid_out))


def _paper(book: Book, approved: LoanTerms, facts: Sequence[tuple[str, str]], on: date, *, is_paid_out: bool) -> Paper:
    currency, rounded = book.currency, schedule_of(book.terms)
    planned = f"Nothing is paid out yet: this is the schedule as it would be, paid out whole on {book.terms.start}."
    return Paper(
        title=f"Loan schedule as of {on}",
        facts=[*facts, *_agreed(book, on), *told_rates(approved), *(_owed(book, on) if is_paid_out else ())],
        plot=_shapes(book),
        heads=HEADS,
        texts=2,
        rows=[_cells(due, currency) for due in book.dues],
        totals=_totals(book.dues, currency),
        notes=[*(_notes(book) if is_paid_out else [planned]), moved(rounded, currency)],
    )


def _shapes(book: Book) -> list[Shape]:
    """Fees and penalties are no part of the plot, and what is charged by itself no installment."""
    rows = [
        Row(
            schedule.INSTALLMENT if each.kind == INSTALLMENT else schedule.DOWN_PAYMENT,
            each.number,
            each.start,
            each.due,
            each.charged[PRINCIPAL],
            each.charged[INTEREST],
            0,
            each.charged[PRINCIPAL] + each.charged[INTEREST],
            each.balance,
        )
        for each in book.dues
        if each.kind != CHARGE
    ]
    return shapes_of(rows, book.currency)


def _agreed(book: Book, on: date) -> Iterator[tuple[str, str]]:
    """The terms as they are now."""
    yield "Approved", f"{shown(book.approved, book.currency)} {book.currency}"
    yield "Annual rate, nominal", f"{in_percent(rate_on(book.terms, on))} %"
    yield from told_method(book.terms)
    if book.dues:  # of a loan that is repaid on its first day nothing was ever due
        yield "Last due", book.dues[-1].due.isoformat()


def _owed(book: Book, on: date) -> Iterator[tuple[str, str]]:
    left = outstanding(book, on)
    for what, minor in (
        ("Disbursed", book.disbursed),
        ("Paid", sum(book.paid)),
        ("Principal outstanding", left[PRINCIPAL]),
        ("Outstanding in all", sum(left)),
        ("Overdue", sum(overdue(book, on))),
    ):
        yield what, f"{shown(minor, book.currency)} {book.currency}"
    yield "Days past due", str(book.days_past_due(on))


def _cells(due: Due, currency: str) -> tuple[str, ...]:
    name = str(due.number) if due.kind == INSTALLMENT else due.kind.replace("_", " ").capitalize()
    return (name, due.due.isoformat(), *_amounts([due], currency), shown(due.balance, currency))


def _totals(dues: Sequence[Due], currency: str) -> tuple[str, ...]:
    return ("Total", "", *_amounts(dues, currency), "")


def _amounts(dues: Sequence[Due], currency: str) -> Iterator[str]:
    """By part, then in all, what was paid of it, and what is left."""
    for part in (PRINCIPAL, INTEREST, FEE, PENALTY):
        yield shown(sum(each.charged[part] for each in dues), currency)
    yield shown(sum(sum(each.charged) for each in dues), currency)
    yield shown(sum(sum(each.paid) for each in dues), currency)
    yield shown(sum(each.owed(part) for each in dues for part in range(4)), currency)


def _notes(book: Book) -> Iterator[str]:
    currency = book.currency
    ahead = book.paid[PRINCIPAL] - sum(each.paid[PRINCIPAL] for each in book.dues)
    for what, minor in (
        ("principal were paid in advance, in no row", ahead),
        ("fees are lent with the principal", book.capitalized),
        ("of what was charged were waived", sum(book.waived)),
        ("are written off", sum(book.given_up)),
        ("were paid beyond what was owed", book.overpaid),
    ):
        if minor:
            yield f"{shown(minor, currency)} {currency} {what}."
    if book.leg:
        yield f"The terms were changed; what rounding moved is told of those from {book.terms.start} on."
