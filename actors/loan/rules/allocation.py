"""What an amount pays, in the product's order, to the last minor unit: first what is past due, say, then what is due, then in advance.

In advance there are the interest that has accrued and is not due, and principal, which re-makes the schedule. With the way `advance` the
next installment's interest and fee are paid in full first, so that an installment paid some days early is paid; what its interest is
less for that goes on to principal. What was so paid ahead comes back where the loan is paid off, and closing it takes that much less.
"""

from collections.abc import Iterator
from datetime import date

from actors.loan.rules.book import CHARGE, Book, Due
from actors.loan.rules.conditions import DUE, IN_ADVANCE, PAST_DUE, DueClass
from actors.loan.rules.happenings import FEE, INTEREST, PRINCIPAL, Parts
from actors.loan.rules.other_terms import roll_over
from actors.loan.rules.owing import outstanding
from actors.loan.rules.timetable import accrued_and_not_due, is_current, remake
from messages.loan_terms import MOST_EVENTS, PrepaymentWay, PrincipalPaid
from messages.money import Money

MOST_ROUNDS = 60
"""What a new schedule frees is spent again; each round frees at most the interest of a part of a period on it."""

MOST_EXTRA_PAYMENTS = MOST_EVENTS - 10
"""Of one leg; then what is left becomes a leg of its own, because a schedule has no more than MOST_EVENTS."""


def spend(book: Book, amount: int, on: date, way: PrepaymentWay | None = None) -> Parts:
    """Pay what is owed; what is left over is overpaid."""
    pays_off = amount >= _least(book, on) and amount >= sum(closing(book, on))
    payment = _Payment(book, amount, on, way or book.conditions.prepayment, pays_off=pays_off)
    parts = payment.made()
    book.overpaid += payment.left
    return Parts.of(parts, overpaid=payment.left)


def closing(book: Book, on: date) -> list[int]:
    """What closes the loan on its open day, by part; below zero what was paid ahead and comes back then. Leaves the book as it is.

    It is found by paying it: without the principal, rounded interest may come to something else than what had accrued with it.
    """
    owed = outstanding(book, on)
    if book.is_frozen or book.leg_start is None:
        return owed
    most = sum(owed) + sum(each.owed(INTEREST) + each.owed(FEE) for each in book.dues)
    return _Payment(book.copy(), most, on, book.conditions.prepayment, pays_off=True).made()


def _least(book: Book, on: date) -> int:
    """Less never closes the loan: the principal, without what was paid ahead and may come back. Cheap, unlike the very amount."""
    ahead = [each for each in book.dues if not is_current(each, on)]
    return book.principal_outstanding - sum(each.settled(INTEREST) + each.settled(FEE) for each in ahead)


class _Payment:
    """An amount on its way through the order."""

    def __init__(self, book: Book, amount: int, on: date, way: PrepaymentWay, *, pays_off: bool) -> None:
        self.left = amount
        self._book, self._on, self._pays_off = book, on, pays_off
        # What pays the loan off owes nothing of installments to come, and leaves none that could be lower.
        self._way: PrepaymentWay = "shorten" if pays_off else way
        self._pays_ahead = self._way == "advance"

    def made(self) -> list[int]:
        """Go through the order until nothing more is paid; what was paid, by part."""
        before = list(self._book.paid)
        for _ in range(MOST_ROUNDS):
            left = self.left
            self._go_through()
            if self.left in {0, left}:
                break
        return [now - then for now, then in zip(self._book.paid, before, strict=True)]

    def _go_through(self) -> None:
        book = self._book
        rules = book.conditions.charged_off_allocation if book.status == "charged_off" else book.conditions.allocation
        for when, parts in rules.groups():
            if not self.left:
                return
            if when == IN_ADVANCE and not book.is_frozen:
                for part in parts:
                    self._pay_ahead(part)
                continue
            for due in self._dues(when):
                for part in parts:
                    self._pay(due, part, due.owed(part))

    def _dues(self, when: DueClass) -> Iterator[Due]:
        for due in self._book.dues:
            if due.due < self._on:
                found: DueClass = PAST_DUE
            else:
                found = DUE if is_current(due, self._on) else IN_ADVANCE
            if found == when:
                yield due

    def _pay(self, due: Due, part: int, most: int) -> int:
        taken = min(self.left, most)
        if taken:
            due.paid[part] += taken
            self._book.paid[part] += taken
            self.left -= taken
            if not due.is_owed:
                due.paid_on = self._on
        return taken

    def _pay_ahead(self, part: int) -> None:
        if part == PRINCIPAL:
            self._prepay()
        elif part == INTEREST:
            self._pay_interest_ahead()
        else:
            for due in self._dues(IN_ADVANCE):
                if due.kind == CHARGE:
                    self._pay(due, part, due.owed(part))
            if part == FEE and self._pays_ahead:
                for due in self._next():
                    self._pay(due, FEE, due.owed(FEE))

    def _pay_interest_ahead(self) -> None:
        if self._pays_ahead:
            for due in self._next():
                self._pay(due, INTEREST, due.owed(INTEREST))
        accrued = accrued_and_not_due(self._book, self._on)
        for due in self._dues(IN_ADVANCE):
            if not self.left or not accrued:
                return
            accrued -= self._pay(due, INTEREST, min(accrued, due.owed(INTEREST)))

    def _next(self) -> list[Due]:
        return [due for due in self._dues(IN_ADVANCE) if due.start <= self._on < due.end][:1]

    def _prepay(self) -> None:
        book, on = self._book, self._on
        # What a leg carries of interest belongs to no principal; an installment that is due before its period ends is paid already.
        ahead = list(self._dues(IN_ADVANCE))
        taken = sum(due.charged[PRINCIPAL] for due in ahead)
        if not self._pays_off:
            # Of a loan that is paid off, what was paid ahead comes back with the principal and pays the rest of it.
            taken = min(self.left, taken)
        if not taken:
            return
        if len(book.terms.extra_payments) >= MOST_EXTRA_PAYMENTS:
            roll_over(book, on)
        since = max((due.end for due in book.dues if due.leg == book.leg and due.due <= on and due.end > on), default=on)
        paid = PrincipalPaid(on=since, amount=Money.of(taken, book.currency), way=self._way)
        book.terms = book.terms.model_copy(update={"extra_payments": _added(book.terms.extra_payments, paid)})
        book.paid[PRINCIPAL] += taken
        self.left += remake(book) - taken


def _added(known: tuple[PrincipalPaid, ...], paid: PrincipalPaid) -> tuple[PrincipalPaid, ...]:
    """In the order of days, and of payment on a day; one in the same way on the same day is the same one."""
    if known and (known[-1].on, known[-1].way) == (paid.on, paid.way):
        total = Money.of(known[-1].amount.minor + paid.amount.minor, paid.amount.currency)
        return (*known[:-1], paid.model_copy(update={"amount": total}))
    return tuple(sorted((*known, paid), key=lambda each: each.on))


def waive(book: Book, part: int, amount: int, on: date) -> int:
    """Waive what is owed of a part, the oldest first: dues, then interest that has accrued. What could not be is left."""
    left = amount
    accrued = accrued_and_not_due(book, on) if part == INTEREST and not book.is_frozen else 0
    for due in book.dues:
        most = due.owed(part)
        if not is_current(due, on) and due.kind != CHARGE and not book.is_frozen:
            most = min(most, accrued)
            accrued -= min(left, most)
        taken = min(left, most)
        if taken:
            due.waived[part] += taken
            book.waived[part] += taken
            left -= taken
            if not due.is_owed:
                due.paid_on = on
    return amount - left


def give_up(book: Book) -> Parts:
    """Write everything off that is owed. The book must be frozen."""
    found = [0, 0, 0, 0]
    for due in book.dues:
        for part in range(4):
            amount = due.owed(part)
            due.given_up[part] += amount
            book.given_up[part] += amount
            found[part] += amount
    return Parts.of(found)
