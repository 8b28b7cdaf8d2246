"""The plan of a loan: its periods, what part of a year each counts as, and what happens inside them.

It knows dates and rates, no balances. A period in which something happens (a rate, a disbursement, an extra payment) is cut into pieces.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import gcd

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.coupon_day_counts import Grid
from actors.loan_calculator.rules.day_counts import DayCount, Surroundings, fractions_by_dates, year_fraction
from actors.loan_calculator.rules.due_dates import MonthEnd, due_dates
from actors.loan_calculator.rules.terms import ExtraPayment, InterestPeriod, Terms
from messages.loan_calculator import DateOutsideTerm

MONTHS_OF_A_YEAR = 12


@dataclass(slots=True)
class Piece:
    """A part of a period without a change inside it. What changes, changes on its first day."""

    first: date
    last: date
    fraction: Fraction
    """Of a year."""
    annual_rate: Fraction
    disbursed: int = 0
    extra: list[ExtraPayment] = field(default_factory=list)

    @property
    def factor(self) -> Fraction:
        """Interest on one unit."""
        return self.fraction * self.annual_rate


@dataclass(slots=True)
class Cut:
    """A period in which something happens."""

    pieces: list[Piece]
    rate_after: Fraction | None
    """The rate of later periods, where it changed in this one."""

    @property
    def is_disbursed_in(self) -> bool:
        """Whether a part of the loan is paid out in it."""
        return any(piece.disbursed for piece in self.pieces)


@dataclass(slots=True)
class Plan:
    """Periods by index from 0; all lists are as long as there are installments."""

    terms: Terms
    grid: Grid
    starts: list[date]
    """Of interest, included."""
    ends: list[date]
    """Of interest, excluded."""
    nominal: list[date]
    dues: list[date]
    fractions: list[Ratio] = field(default_factory=list)
    cuts: dict[int, Cut] = field(default_factory=dict)

    def accrued(self, index: int, day: date) -> Ratio:
        """The part of a year that the period counts from its start to the day."""
        start, end = self.starts[index], self.ends[index]
        terms = self.terms
        if day == start:
            return 0, 1
        if terms.interest_period is InterestPeriod.SAME_AS_REPAYMENT:
            if index == 0 and terms.rhythm.first_due is not None:
                return self.grid.fraction(start, day)
            above, below = self.grid.nominal
            return (above, below) if day == end else (above * (day - start).days, below * (end - start).days)
        return year_fraction(terms.day_count, start, day, self._around(end))

    def _around(self, end: date) -> Surroundings:
        annual = self.terms.rhythm.every.months == MONTHS_OF_A_YEAR
        return Surroundings(grid=self.grid, period_end=end, annual=annual, maturity=self.ends[-1])

    def period_of(self, day: date) -> int:
        """The index of the period in which the day bears interest; as many as there are where it is after the last."""
        return bisect_right(self.ends, day)

    def rate_on(self, day: date) -> Fraction:
        """The rate at which the day bears interest."""
        rate = self.terms.annual_rate
        for change in self.terms.rate_changes:
            if change.on > day:
                break
            rate = change.annual_rate
        return rate

    def factors(self, rate: Fraction, first: int) -> list[Ratio]:
        """Interest on one unit in each period from the index on, at one rate, reduced."""
        above, below = rate.numerator, rate.denominator
        known: dict[Ratio, Ratio] = {}
        found = []
        for fraction in self.fractions[first:]:
            factor = known.get(fraction)
            if factor is None:
                numerator, denominator = fraction[0] * above, fraction[1] * below
                common = gcd(numerator, denominator)
                factor = known[fraction] = numerator // common, denominator // common
            found.append(factor)
        for index in range(first, min(self.terms.interest_free, len(self.fractions))):
            found[index - first] = (0, 1)
        return found


def make_plan(terms: Terms, count: int) -> Plan:
    """The plan of so many installments."""
    nominal, dues = due_dates(terms.rhythm, terms.start, count)
    daily = terms.interest_period is InterestPeriod.DAILY
    ends = dues if daily and terms.accrue_to_business_days else nominal
    plan = Plan(terms, terms.rhythm.grid(terms.start), [terms.start, *ends[:-1]], ends, nominal, dues)
    plan.fractions = _fractions(plan, daily=daily)
    if terms.disbursements or terms.rate_changes or terms.extra_payments:
        _cut(plan)
    return plan


def _fractions(plan: Plan, *, daily: bool) -> list[Ratio]:
    if not daily:
        found = [plan.grid.nominal] * len(plan.ends)
        found[0] = plan.accrued(0, plan.ends[0])
        return found
    convention = plan.terms.day_count
    if (
        convention is DayCount.ACT_ACT_ICMA
        and plan.ends is plan.nominal
        and plan.terms.rhythm.month_end is not MonthEnd.FIRST_OF_NEXT
        and plan.terms.rhythm.due_day is None
    ):
        return [plan.accrued(0, plan.ends[0]), *[plan.grid.nominal] * (len(plan.ends) - 1)]
    by_dates = fractions_by_dates(convention, plan.starts, plan.ends)
    return by_dates if by_dates is not None else [plan.accrued(index, end) for index, end in enumerate(plan.ends)]


def _cut(plan: Plan) -> None:
    """Divide the periods in which something happens."""
    terms = plan.terms
    cuts: dict[int, set[date]] = {}
    for name in ("disbursements", "rate_changes", "extra_payments"):
        for each in getattr(terms, name):
            index = plan.period_of(each.on)
            if index < len(plan.ends):
                cuts.setdefault(index, set()).add(each.on)
            elif name != "rate_changes" and terms.installments is not None:
                raise DateOutsideTerm("It is not before the last due date.", field=name, on=each.on)
    for index, days in sorted(cuts.items()):
        pieces = _pieces(plan, index, sorted(days | {plan.starts[index]}))
        changes = [each.annual_rate for each in terms.rate_changes if pieces[0].first <= each.on < plan.ends[index]]
        plan.cuts[index] = Cut(pieces, changes[-1] if changes else None)


def _pieces(plan: Plan, index: int, firsts: list[date]) -> list[Piece]:
    found, accrued = [], Fraction(0)
    free = index < plan.terms.interest_free
    for first, last in zip(firsts, [*firsts[1:], plan.ends[index]], strict=True):
        until = Fraction(*plan.accrued(index, last))
        rate = Fraction(0) if free else plan.rate_on(first)
        disbursed = sum(each.amount for each in plan.terms.disbursements if each.on == first)
        extra = [each for each in plan.terms.extra_payments if each.on == first]
        found.append(Piece(first, last, until - accrued, rate, disbursed, extra))
        accrued = until
    return found
