"""The schedule of a loan: what is due when, and what it comes to. Terms in, rows out; the same each time.

schedule = make_schedule(terms)
schedule.rows[0].total, schedule.total_interest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import accumulate, repeat
from operator import add, attrgetter
from typing import Literal, NamedTuple

from actors.loan_calculator.rules.amortization import Amortizer, Aside, Columns, Unfinished
from actors.loan_calculator.rules.fees import fees_at_start, fees_with_installments
from actors.loan_calculator.rules.plan import Plan, make_plan
from actors.loan_calculator.rules.terms import FeeTiming, Terms
from actors.loan_calculator.rules.terms_checks import MOST_INSTALLMENTS, check_terms
from messages.loan_calculator import ExtraPaymentTooLarge, TermsBeyondLimit, TermTooLong
from messages.money import LARGEST_MINOR

Kind = Literal["installment", "down_payment", "extra_payment"]
INSTALLMENT: Kind = "installment"
DOWN_PAYMENT: Kind = "down_payment"
EXTRA_PAYMENT: Kind = "extra_payment"

_GUESSES = (60, 360, MOST_INSTALLMENTS)
"""How many fixed installments are tried; each failed try costs less than the next."""


class Row(NamedTuple):
    """Something that is due. Amounts are minor units."""

    kind: Kind
    number: int
    """Of the installment; of what is paid aside, that of the installment after it."""
    start: date
    """The first day whose interest is in it."""
    due: date
    principal: int
    interest: int
    fees: int
    total: int
    balance: int
    """Principal left after it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A loan's schedule."""

    terms: Terms
    plan: Plan
    columns: Columns
    rows: tuple[Row, ...]
    """By due date; installments, and what is paid beside them."""

    @property
    def installments(self) -> Sequence[Row]:
        """The rows that are installments."""
        return [row for row in self.rows if row.kind == INSTALLMENT] if self.columns.asides else self.rows

    @property
    def fees_upfront(self) -> int:
        """Paid at the start, in no row."""
        return fees_at_start(self.terms, FeeTiming.UPFRONT)

    @property
    def fees_capitalized(self) -> int:
        """In the principal, so in the rows as principal."""
        return fees_at_start(self.terms, FeeTiming.CAPITALIZED)

    @property
    def disbursed(self) -> int:
        """What is paid out in all."""
        return self.terms.principal + sum(each.amount for each in self.terms.disbursements)

    @property
    def lent(self) -> int:
        """What is owed in all: paid out, and capitalized fees."""
        return self.disbursed + self.fees_capitalized

    @property
    def total_principal(self) -> int:
        """Of the rows."""
        return sum(row.principal for row in self.rows)

    @property
    def total_interest(self) -> int:
        """Of the rows."""
        return sum(row.interest for row in self.rows)

    @property
    def total_fees(self) -> int:
        """Of the rows, and up front. Capitalized ones are principal."""
        return sum(row.fees for row in self.rows) + self.fees_upfront

    @property
    def total_paid(self) -> int:
        """All that is paid back."""
        return sum(row.total for row in self.rows) + self.fees_upfront

    @property
    def cost_of_credit(self) -> int:
        """What the loan costs: all that is paid back less what was paid out."""
        return self.total_paid - self.disbursed


def make_schedule(terms: Terms) -> Schedule:
    """The schedule of the terms, or a refusal that names what is wrong with them."""
    check_terms(terms)
    plan, columns = _walked(terms)
    schedule = Schedule(terms, plan, columns, _rows(terms, plan, columns))
    if schedule.total_paid > LARGEST_MINOR:
        raise TermsBeyondLimit("What is paid back in all is more than can be counted.", field="principal")
    return schedule


def _walked(terms: Terms) -> tuple[Plan, Columns]:
    if terms.installments is not None:
        plan = make_plan(terms, terms.installments)
        return plan, Amortizer(plan).walk()
    for count in _GUESSES:
        plan = make_plan(terms, count)
        if any(plan.period_of(each.on) >= count for each in terms.disbursements):
            continue  # what is paid out later would be in no row
        try:
            found = Amortizer(plan).walk()
        except Unfinished:
            continue
        # Once more with what is now the last period, because a day count may ask which that is.
        plan = make_plan(terms, len(found.interest))
        columns = Amortizer(plan).walk()
        paid = sum(aside.extra is not None for aside in columns.asides)
        if paid < len(terms.extra_payments):
            raise ExtraPaymentTooLarge(field="extra_payments", on=terms.extra_payments[paid].on, left=0)
        return plan, columns
    raise TermTooLong(field="fixed_installment")


def _rows(terms: Terms, plan: Plan, columns: Columns) -> tuple[Row, ...]:
    count = len(columns.interest)
    interest = _after_grace(columns.interest, terms.interest_grace)
    due = list(map(add, columns.principal, interest))
    if terms.fees:
        before = list(map(add, columns.balance, columns.principal))
        fees = fees_with_installments(terms, due, before)
        total = list(map(add, due, fees))
    else:
        fees, total = [0] * count, due
    as_row = partial(tuple.__new__, Row)
    kinds, numbers = repeat(INSTALLMENT), range(1, count + 1)
    cells = zip(kinds, numbers, plan.starts, plan.dues, columns.principal, interest, fees, total, columns.balance, strict=False)
    rows = list(map(as_row, cells))
    if columns.asides:
        for aside in reversed(columns.asides):
            rows.insert(aside.index, _aside(plan, aside))
        if plan.ends is not plan.dues:
            rows = _by_date(terms, rows)
    return tuple(rows)


def _by_date(terms: Terms, rows: list[Row]) -> list[Row]:
    """Where interest runs to nominal dates, something may be paid between one and the business day on which it is due."""
    found, repaid = [], 0
    for row in sorted(rows, key=attrgetter("due")):
        repaid += row.principal
        lent = terms.principal + fees_at_start(terms, FeeTiming.CAPITALIZED)
        lent += sum(each.amount for each in terms.disbursements if (each.on, row.kind == INSTALLMENT) <= (row.due, False))
        found.append(row._replace(balance=lent - repaid))
    return found


def _aside(plan: Plan, aside: Aside) -> Row:
    cut = plan.cuts.get(aside.index)
    day = cut.pieces[aside.piece].first if cut is not None else plan.starts[aside.index]
    kind = DOWN_PAYMENT if aside.extra is None else EXTRA_PAYMENT
    return Row(kind, aside.index + 1, day, day, aside.amount, 0, 0, aside.amount, aside.balance)


def _after_grace(interest: list[int], grace: int) -> list[int]:
    """Move the interest of the first installments to the one after them, or to the last that is paid."""
    if not grace or not interest:
        return interest
    kept = min(grace, len(interest) - 1)
    carried = list(accumulate(interest[: kept + 1]))[-1]
    return [*[0] * kept, carried, *interest[kept + 1 :]]
