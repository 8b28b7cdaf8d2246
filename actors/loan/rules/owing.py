"""What is earned and what is owed: sums over a book.

Interest is earned as it accrues, or when it is due or paid if that is earlier; the fee of an installment when it is due, or paid.
"""

from datetime import date

from actors.loan.rules.book import CHARGE, Book
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY
from actors.loan.rules.timetable import accrued


def interest_earned(book: Book, on: date) -> int:
    """By the end of the day, the last closed one or the open one; of the open one nothing has accrued yet."""
    owed_before = book.paid[INTEREST] + book.waived[INTEREST] + book.given_up[INTEREST]
    if book.quiet_until is not None and book.quiet_until <= on:
        owed_before += sum(each.owed(INTEREST) for each in book.dues if each.due <= on)
    return max(accrued(book, book.today), owed_before)


def fees_and_penalties(book: Book, on: date) -> tuple[int, int]:
    """Fees earned by the end of the day, without capitalized ones, and penalties charged so far."""
    fees = penalties = 0
    for each in book.dues:
        if charge := each.charged[FEE]:
            fees += charge if each.due <= on or each.kind == CHARGE else each.settled(FEE)
        penalties += each.charged[PENALTY]
    return fees, penalties


def charged(book: Book, on: date) -> list[int]:
    """All that was lent or earned, by part."""
    return [book.disbursed + book.capitalized, interest_earned(book, on), *fees_and_penalties(book, on)]


def outstanding(book: Book, on: date) -> list[int]:
    """What is owed at the end of the day, due or not, by part."""
    found = charged(book, on)
    return [found[part] - book.paid[part] - book.waived[part] - book.given_up[part] for part in range(4)]


def overdue(book: Book, on: date) -> list[int]:
    """Due before the day and not paid, by part."""
    found = [0, 0, 0, 0]
    for each in book.dues:
        if each.due >= on:
            break
        for part in range(4):
            found[part] += each.owed(part)
    return found
