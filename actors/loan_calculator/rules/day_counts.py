"""The day counts by their published names, behind one function. The definitions stand in the three modules beside this one.

    year_fraction(DayCount.ACT_365F, date(2024, 1, 1), date(2024, 7, 1))  ->  (182, 365)

Interest over a part of a period is what has accrued by its end less what had by its start, both counted from the period's own start.
So splitting changes nothing, also under conventions that are not additive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from actors.loan_calculator.rules import actual_day_counts as actual
from actors.loan_calculator.rules import thirty_day_counts as thirty
from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.coupon_day_counts import Grid, actual_365_l, actual_actual_icma


class DayCount(Enum):
    """Day count conventions."""

    THIRTY_360_US = "30/360 US"
    THIRTY_360 = "30/360"
    """Bond Basis, without rules for February."""
    THIRTY_E_360 = "30E/360"
    THIRTY_E_360_ISDA = "30E/360 ISDA"
    THIRTY_360_ACTUAL_PART = "30/360 actual part periods"
    ACT_360 = "ACT/360"
    ACT_364 = "ACT/364"
    ACT_365F = "ACT/365F"
    ACT_365L = "ACT/365L"
    ACT_ACT_ISDA = "ACT/ACT ISDA"
    ACT_ACT_ICMA = "ACT/ACT ICMA"
    ACT_ACT_AFB = "ACT/ACT AFB"
    NL_365 = "NL/365"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What some conventions need to know beyond two dates."""

    grid: Grid | None = None
    """ACT/ACT ICMA: the regular dates. Without it: annual periods counted back from the last date."""
    period_end: date | None = None
    """ACT/365L: the end of the period in which the days lie. Without it: the last date."""
    annual: bool = False
    """ACT/365L: whether interest is paid once a year."""
    maturity: date | None = None
    """30E/360 ISDA: the termination date."""


NOTHING_AROUND = Surroundings()

_SIMPLE = {
    DayCount.ACT_360: actual.actual_360,
    DayCount.ACT_364: actual.actual_364,
    DayCount.ACT_365F: actual.actual_365_fixed,
    DayCount.ACT_ACT_ISDA: actual.actual_actual_isda,
    DayCount.ACT_ACT_AFB: actual.actual_actual_afb,
    DayCount.NL_365: actual.no_leap_365,
}
_THIRTY = {
    DayCount.THIRTY_360_US: thirty.us,
    DayCount.THIRTY_360: thirty.bond_basis,
    DayCount.THIRTY_E_360: thirty.european,
    DayCount.THIRTY_360_ACTUAL_PART: thirty.actual_in_part_months,
}


def year_fraction(convention: DayCount, first: date, last: date, around: Surroundings = NOTHING_AROUND) -> Ratio:
    """The fraction of a year from the first date to the last, as (numerator, denominator). The last must not be before the first."""
    if first == last:
        return 0, 1
    days = _THIRTY.get(convention)
    if days is not None:
        return days(first, last), 360
    simple = _SIMPLE.get(convention)
    if simple is not None:
        return simple(first, last)
    if convention is DayCount.THIRTY_E_360_ISDA:
        return thirty.german(first, last, around.maturity), 360
    if convention is DayCount.ACT_365L:
        return actual_365_l(first, last, around.period_end or last, annual=around.annual)
    return actual_actual_icma(first, last, around.grid or Grid(anchor=last, months=12))


def fractions_by_dates(convention: DayCount, firsts: Sequence[date], lasts: Sequence[date]) -> list[Ratio] | None:
    """The fractions of many spans at once; None under conventions that look at more than two dates."""
    days = _THIRTY.get(convention)
    if days is not None:
        return [(days(first, last), 360) for first, last in zip(firsts, lasts, strict=True)]
    simple = _SIMPLE.get(convention)
    return None if simple is None else list(map(simple, firsts, lasts))


def counted_days(convention: DayCount, first: date, last: date, around: Surroundings = NOTHING_AROUND) -> int:
    """The days that the convention counts: months of thirty days where it is one of those, else days of the calendar."""
    days = _THIRTY.get(convention)
    if days is not None:
        return days(first, last)
    if convention is DayCount.THIRTY_E_360_ISDA:
        return thirty.german(first, last, around.maturity)
    if convention is DayCount.NL_365:
        return actual.no_leap_365(first, last)[0]
    return last.toordinal() - first.toordinal()
