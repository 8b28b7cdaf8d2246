"""Day counts that depend on the period in which the days lie: ACT/ACT ICMA and ACT/365L.

grid = Grid(anchor=date(2000, 1, 30), months=6)
grid.fraction(date(2000, 1, 30), date(2000, 6, 30))  ->  152 days of a 182-day half-year, (152, 364)
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.calendar_months import add_months, is_leap, leap_days_between


@dataclass(frozen=True, slots=True)
class Grid:
    """Notional periods of equal nominal length, laid from an anchor date in both directions: ICMA rule 251.

    The anchor is a regular date: for an irregular first period its end, for an irregular last one its start. A year has 12 months,
    52 weeks or 365 days; exactly one of `months` and `days` is set.
    """

    anchor: date
    months: int = 0
    days: int = 0
    keep_month_end: bool = False
    day_of_month: int = 0
    """Where the anchor's month is too short for it; else it is the anchor's."""

    def boundary(self, index: int) -> date:
        """The date so many periods from the anchor."""
        if self.day_of_month:
            return add_months(self.anchor.replace(day=1), index * self.months, day=self.day_of_month)
        if self.months:
            return add_months(self.anchor, index * self.months, keep_month_end=self.keep_month_end)
        return self.anchor + timedelta(days=index * self.days)

    @property
    def nominal(self) -> Ratio:
        """One period's fraction of a year."""
        if self.months:
            return self.months, 12
        return (self.days // 7, 52) if self.days % 7 == 0 else (self.days, 365)

    def index_of(self, day: date) -> int:
        """The number of the period in which the day lies."""
        if self.months:
            months = 12 * (day.year - self.anchor.year) + day.month - self.anchor.month
            index = months // self.months
            while self.boundary(index) > day:
                index -= 1
            while self.boundary(index + 1) <= day:
                index += 1
            return index
        return (day - self.anchor) // timedelta(days=self.days)

    def fraction(self, first: date, last: date) -> Ratio:
        """Each notional period's days over (days of that period x periods in a year), summed."""
        above, below = self.nominal
        index = self.index_of(first)
        start, end = self.boundary(index), self.boundary(index + 1)
        if first == start and last == end:
            return above, below
        final = self.index_of(last)
        if final == index:
            total = Fraction((last - first).days, (end - start).days)
        else:
            start_of_final = self.boundary(final)
            total = Fraction((end - first).days, (end - start).days) + final - index - 1
            if last > start_of_final:
                total += Fraction((last - start_of_final).days, (self.boundary(final + 1) - start_of_final).days)
        return total.numerator * above, total.denominator * below


def actual_actual_icma(first: date, last: date, grid: Grid) -> Ratio:
    """ACT/ACT ICMA (ISMA): ICMA rule 251.1, and 2006 ISDA Definitions, section 4.16(c).

    In a regular period: days over (days of the period x periods in a year). An irregular period is divided by notional periods.
    """
    return grid.fraction(first, last)


def actual_365_l(first: date, last: date, period_end: date, *, annual: bool) -> Ratio:
    """ACT/365L, ISMA-Year: ICMA rule 251.1(i).

    Over 366 where the period ends in a leap year, else over 365. With annual periods: over 366 where a 29th of February lies after the
    first date and not after the end of the period.
    """
    leap = leap_days_between(first, period_end) > 0 if annual else is_leap(period_end.year)
    return last.toordinal() - first.toordinal(), 366 if leap else 365
