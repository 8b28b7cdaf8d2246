"""What became of a reschedule that was asked for, when the loan is not any more what it was asked for.

An open request lapses when it is approved and cannot be carried out. An approved one that waits for its day may find on that day
that the loan changed meanwhile. The second follows from the book, as everything does: where a reversal makes it possible again, it
has not lapsed.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from actors.loan.rules.book import Book
from actors.loan.rules.happenings import Happening, Reschedule
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.rules.rescheduling import compare
from messages.base import Refusal
from messages.loan import LoanStateForbids

OVER = frozenset({"closed", "written_off"})
"""Whose days pass without a close."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """Why nothing came of it."""

    rule: str
    detail: str


def stands_in_the_way(book: Book, asked: Reschedule, on: date) -> Lapse | None:
    """What keeps a reschedule from being carried out on a day, which is the book's open one or later; None where it can be."""
    try:
        check_action(book.status, Action.RESCHEDULE)
        compare(book, asked, max(on, book.today))
    except Refusal as no:
        return Lapse(no.rule, no.detail)
    return None


def lapses(book: Book, on: date) -> dict[UUID, Lapse]:
    """The reschedules that came to nothing by a day, by transaction. Days before it that can be closed are closed in the book."""
    found = {UUID(transaction_id): Lapse(rule, detail) for transaction_id, rule, detail in book.lapsed}
    if book.status in OVER:
        missed = [each for each in map(Happening.from_json, book.waiting) if each.value_date <= on]
        no = LoanStateForbids(status=book.status)
        found.update({each.transaction_id: Lapse(no.rule, no.detail) for each in missed})
    return found
