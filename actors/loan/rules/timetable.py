"""A book's terms as dues and as accrued interest: made when money is paid out, made anew when the terms change, ended when nothing accrues.

Dues of the past stay as they are: what changes on a day changes the schedule from that day on, and earlier legs are not touched.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from actors.loan.rules.book import CHARGE, INSTALLMENT, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY
from actors.loan_calculator.rules.accrual import accrued_until
from actors.loan_calculator.rules.schedule import EXTRA_PAYMENT, Row, Schedule, make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.loan_terms import LoanTerms

DAYS_REMEMBERED = 32
"""Accruals are counted for so many days at once: a month's closes look into them, and they cost little to store."""


def schedule_of(terms: LoanTerms) -> Schedule:
    """The calculator's schedule."""
    return make_schedule(terms_of(terms))


def scheduled(book: Book) -> Schedule:
    """The same of a book's terms, made once."""
    if book.schedule is None:
        book.schedule = schedule_of(book.terms)
    return book.schedule


def accrued(book: Book, day: date) -> int:
    """All interest accrued before the day, by the terms as they are now."""
    if book.leg_start is None:
        return book.accrued_before
    if (remembered := _remembered(book, (day - book.leg_start).days)) is not None:
        return book.accrued_before + remembered
    if day not in book.accrued_by:
        book.accrued_by[day] = accrued_until(scheduled(book), day)
    return book.accrued_before + book.accrued_by[day]


def _remembered(book: Book, index: int) -> int | None:
    if book.accruals is None or not 0 <= index - book.accruals[0] <= DAYS_REMEMBERED:
        return None
    return book.accruals[1][index - book.accruals[0]]


def remember_accruals(book: Book, on: date) -> bool:
    """Let the closes of this day and of those after it find what accrues by them. Whether it was not remembered before: the accruals
    of some days cost more to find than to store.
    """
    index = -1 if book.leg_start is None else (on - book.leg_start).days
    if book.leg_start is None or index < 0 or None not in (_remembered(book, index), _remembered(book, index + 1)):
        return False
    first = index - index % DAYS_REMEMBERED
    days = (book.leg_start + timedelta(days=first + number) for number in range(DAYS_REMEMBERED + 1))
    book.accruals = first, [accrued_until(scheduled(book), day) for day in days]
    return True


def remake(book: Book) -> int:
    """Make the dues of the last leg anew. Answers what was paid of dues that are less now, which pays nothing any more."""
    book.accruals, book.accrued_by = None, {}
    schedule = scheduled(book)
    kept: list[Due] = []
    before: list[Due] = []
    for each in book.dues:
        (before if each.leg == book.leg and each.kind != CHARGE else kept).append(each)
    offset = max((each.number for each in kept if each.kind == INSTALLMENT), default=0)
    fresh = [_due(row, schedule, book.leg, offset) for row in schedule.rows if row.kind != EXTRA_PAYMENT]
    gone = _hand_over(before, fresh)
    installments = [each for each in fresh if each.kind == INSTALLMENT]
    if book.carried and not installments:
        # All principal was paid before any interest accrued; what the leg carries stays due when it was.
        first = next(each for each in gone if each.kind == INSTALLMENT)
        gone.remove(first)
        first.charged = [0, 0, 0, first.charged[PENALTY]]
        installments = [first]
        fresh.append(first)
    _carry(installments, book)
    book.dues = kept + fresh
    return _take_back(book, fresh, gone)


def _hand_over(before: Iterable[Due], fresh: Iterable[Due]) -> list[Due]:
    """Note on each new due what became of the old one. Answers the old ones that are no more."""
    known: dict[tuple[str, int, date], deque[Due]] = defaultdict(deque)
    for each in before:
        known[each.kind, each.number, each.due].append(each)
    for due in fresh:
        if same := known[due.kind, due.number, due.due]:
            old = same.popleft()
            due.paid, due.waived, due.given_up, due.paid_on = old.paid, old.waived, old.given_up, old.paid_on
            due.charged[PENALTY] = old.charged[PENALTY]
    return [each for same in known.values() for each in same]


def _due(row: Row, schedule: Schedule, leg: int, offset: int) -> Due:
    is_installment = row.kind == INSTALLMENT
    end = schedule.plan.ends[row.number - 1] if is_installment else row.due
    return Due(
        row.kind,
        row.number + offset,
        leg,
        row.start,
        end,
        row.due,
        row.balance,
        [row.principal, row.interest, row.fees, 0],
    )


def _carry(installments: Sequence[Due], book: Book) -> None:
    if not book.carried:
        return
    for due, share in zip(installments, shares(book.carried, len(installments) if book.spreads_carried else 1), strict=False):
        due.charged[INTEREST] += share
    # Interest paid beyond what had accrued lowers what the next ones charge.
    short = 0
    for due in installments:
        left = due.charged[INTEREST] - short
        due.charged[INTEREST], short = max(left, 0), max(-left, 0)


def shares(amount: int, count: int) -> list[int]:
    """Equal parts; the last takes the rest."""
    part, rest = divmod(amount, count)
    return [part] * (count - 1) + [part + rest]


def _take_back(book: Book, fresh: Iterable[Due], gone: Iterable[Due]) -> int:
    """What was paid of dues that are less now, or gone; a waiver of what is not charged any more is none."""
    freed = 0
    for due in gone:
        due.charged = [0, 0, 0, 0]
    for due in (*fresh, *gone):
        for part in range(4):
            too_much = due.settled(part) - due.charged[part]
            if too_much > 0:
                paid = min(too_much, due.paid[part])
                due.paid[part] -= paid
                book.paid[part] -= paid
                due.waived[part] -= too_much - paid
                book.waived[part] -= too_much - paid
                freed += paid
    return freed


def is_current(due: Due, on: date) -> bool:
    """Whether it is due by the day, or its period is over and only its due date was moved."""
    return due.due <= on or (due.kind == INSTALLMENT and due.end <= on)


def accrued_and_not_due(book: Book, on: date) -> int:
    """Interest accrued before the day that no due of the day or before carries, less what was settled of it."""
    left = accrued(book, on)
    for due in book.dues:
        left -= due.charged[INTEREST] if is_current(due, on) else due.settled(INTEREST)
    return max(left, 0)


def stop(book: Book, on: date) -> None:
    """Let nothing accrue any more: later dues keep their principal, and of the interest what has accrued."""
    if book.leg_start is None:
        return
    open_interest = accrued_and_not_due(book, on)
    book.accrued_before, book.leg_start, book.accruals = accrued(book, on), None, None
    for due in book.dues:
        if due.due <= on or due.kind == CHARGE:
            continue
        due.charged[FEE] = due.settled(FEE)
        if is_current(due, on):
            continue
        kept = min(open_interest, due.owed(INTEREST))
        open_interest -= kept
        due.charged[INTEREST] = due.settled(INTEREST) + kept


def charge(book: Book, on: date, *, fee: int = 0, penalty: int = 0) -> None:
    """A due of its own."""
    balance = next((each.balance for each in reversed(book.dues) if each.due <= on), book.principal_outstanding)
    book.dues = [*book.dues, Due(CHARGE, 0, book.leg, on, on, on, balance, [0, 0, fee, penalty])]
