"""The annual percentage rate of the United States: Regulation Z (12 CFR 1026), appendix J, the actuarial method.

(b)(8), the general equation: each advance and each payment is discounted over t full unit-periods and a fraction f of one,

    amount : ((1 + f i) (1 + i)^t),

simple interest in the fraction, compound over full unit-periods; the rate is i times the unit-periods in a year (b)(1). That a due date
is no business day may be disregarded (1026.17(c)(3)): a schedule's flows come here with their nominal dates.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from actors.loan_calculator.rules.calendar_months import add_months, is_last_of_month
from actors.loan_calculator.rules.cash_flows import Flow, in_order
from actors.loan_calculator.rules.decimals import EXACT, ONE, ZERO, decimal_of
from actors.loan_calculator.rules.due_dates import Every, Unit
from actors.loan_calculator.rules.root_finding import bracket, root
from messages.loan_calculator import NoRate

HIGHEST_UNIT_RATE = Decimal(1_000_000)
LOWEST_UNIT_RATE = Decimal("-0.9999")


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """A unit-period: so many months, or so many days, or half a month. Never more than a year (b)(3)."""

    months: int = 0
    days: int = 0
    is_semimonth: bool = False
    is_whole_term: bool = False
    """The term of a loan with one payment, in days; its weeks do not count as such."""

    @property
    def per_year(self) -> Fraction:
        """(b)(1): 12 months, 24 half months, 52 weeks, 365 days."""
        if self.is_semimonth:
            return Fraction(24)
        if self.months:
            return Fraction(12, self.months)
        return Fraction(364 if self.days % 7 == 0 and not self.is_whole_term else 365, self.days)

    def count(self, first: date, later: date) -> tuple[int, Fraction]:
        """(b)(5): full unit-periods between two dates, measured back from the later, and the fraction that remains."""
        if self.days:
            full, rest = divmod((later - first).days, self.days)
            return full, Fraction(rest, self.days)
        months, days = _months_back(first, later)
        if self.is_semimonth:
            return 2 * months + days // 15, Fraction(days % 15, 15)
        full, rest = divmod(months, self.months)
        if self.months < 12:
            return full, Fraction(30 * rest + days, 30 * self.months)
        # A year: remaining whole months are twelfths, else the remaining days go over 365.
        return full, Fraction(rest, 12) if days == 0 else Fraction((add_months(later, -12 * full) - first).days, 365)


def _months_back(first: date, later: date) -> tuple[int, int]:
    """Whole months and days that remain, measured back from the later date."""
    months = 12 * (later.year - first.year) + later.month - first.month
    if add_months(first, months) == later and (first.day == later.day or is_last_of_month(later)):
        return months, 0
    end = add_months(later, -months)
    if end < first:
        months -= 1
        end = add_months(later, -months)
    return months, (end - first).days


def unit_period_of(every: Every) -> UnitPeriod:
    """That of regular installments."""
    if every.unit is Unit.MONTHS:
        return UnitPeriod(months=min(every.count, 12))
    return UnitPeriod(days=every.days) if every.days <= 364 else UnitPeriod(months=12)


def unit_period_among(flows: Sequence[Flow]) -> UnitPeriod:
    """(b)(3): the period between advances or payments that occurs most often; of equally frequent ones the shortest."""
    days = sorted({flow.on for flow in flows})
    if len(days) == 2:
        return _of_single_payment(*days)
    halves = list(zip(days[1:], days[3:], strict=False))
    if halves and all(_months_back(one, two) == (1, 0) and 13 <= (two - one).days // 2 <= 16 for one, two in halves):
        return UnitPeriod(is_semimonth=True)
    common = Counter(_period(one, two) for one, two in pairwise(days))
    most = max(common.values())
    if most == 1:
        return _nearest_standard((days[-1] - days[0]).days, len(days) - 1)
    candidates = [period for period, times in common.items() if times == most and _length(period) <= 366]
    return min(candidates, key=_length, default=UnitPeriod(months=12))


def _nearest_standard(days: int, periods: int) -> UnitPeriod:
    """(b)(3): no period occurs twice; the standard interval nearest to their average, of two the shorter."""
    standard = [
        (24, UnitPeriod(days=1)),
        *((24 * 7 * weeks, UnitPeriod(days=7 * weeks)) for weeks in range(1, 53)),
        (365, UnitPeriod(is_semimonth=True)),
        *((2 * 365 * months, UnitPeriod(months=months)) for months in range(1, 13)),
    ]
    # Lengths are in twenty-fourths of a day, in which half a month of 365/24 days is a whole number.
    return min(standard, key=lambda each: (abs(24 * days - each[0] * periods), each[0]))[1]


def _period(first: date, later: date) -> UnitPeriod:
    months, days = _months_back(first, later)
    return UnitPeriod(months=months) if months and not days else UnitPeriod(days=(later - first).days)


def _length(period: UnitPeriod) -> int:
    return period.months * 30 + period.days


def _of_single_payment(first: date, later: date) -> UnitPeriod:
    """(b)(3) and (b)(5): one advance, one payment: the term itself, at most a year."""
    months, days = _months_back(first, later)
    if months >= 12:
        return UnitPeriod(months=12)
    return UnitPeriod(months=months) if months and not days else UnitPeriod(days=(later - first).days, is_whole_term=True)


def us_annual_rate(flows: Sequence[Flow], unit: UnitPeriod | None = None) -> Decimal:
    """The rate, unrounded: 0.1 is 10 %. Advances are above zero, payments below."""
    ordered = in_order(flows)
    if not any(flow.amount > 0 for flow in ordered) or not any(flow.amount < 0 for flow in ordered):
        raise NoRate("There must be something received and something paid.")
    unit = unit_period_among(ordered) if unit is None or len(ordered) == 2 else unit
    terms = []
    for flow in ordered:
        full, fraction = unit.count(ordered[0].on, flow.on)
        terms.append((Decimal(flow.amount), full, decimal_of(fraction)))

    def worth(rate: Decimal) -> tuple[Decimal, Decimal]:
        discount = EXACT.divide(ONE, ONE + rate)
        value = slope = ZERO
        for amount, full, fraction in terms:
            simple = ONE + fraction * rate
            now = EXACT.divide(amount * discount**full, simple)
            value += now
            slope -= now * (full * discount + EXACT.divide(fraction, simple))
        return value, slope

    with localcontext(EXACT):
        ends = bracket(worth, Decimal("0.01"), LOWEST_UNIT_RATE, HIGHEST_UNIT_RATE)
        if ends is None:
            raise NoRate
        return root(worth, *ends) * decimal_of(unit.per_year)
