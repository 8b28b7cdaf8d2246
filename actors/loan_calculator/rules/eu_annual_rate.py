"""The annual percentage rate of charge of the European Union: Directive 2008/48/EC, annex I, and Directive (EU) 2023/2225, annex III.

The rate at which the present values of drawdowns and of payments are equal, by compound interest over years and fractions of a year.

Intervals, remark (c): a year has 365 days (366 in leap years), 52 weeks or 12 equal months of 365/12 days. An interval that is no whole
number of years, months or weeks is a whole number of one of these and days; both are counted back from the payment to the first
drawdown, and the days are divided by the days of the year that ends on their last day. What belongs to no payment of the loan (interest
on arrears, fees that are also due in cash) is not for this module to know.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from actors.loan_calculator.rules.calendar_months import add_months, is_last_of_month
from actors.loan_calculator.rules.cash_flows import Flow, in_order
from actors.loan_calculator.rules.decimals import shown
from actors.loan_calculator.rules.due_dates import Every, Unit
from actors.loan_calculator.rules.internal_rate import rate_of_return


class Interval(Enum):
    """What whole periods are counted in, before days."""

    YEARS = "years"
    MONTHS = "months"
    WEEKS = "weeks"


def interval_for(every: Every) -> Interval:
    """Months for monthly installments, weeks where they are whole weeks apart, else years."""
    if every.unit is Unit.MONTHS:
        return Interval.MONTHS
    return Interval.WEEKS if every.days % 7 == 0 else Interval.YEARS


def years_between(first: date, later: date, interval: Interval) -> Fraction:
    """The interval in years, by remark (c)."""
    if interval is Interval.WEEKS:
        weeks, days = divmod((later - first).days, 7)
        return Fraction(weeks, 52) + _days(first, days)
    step = 12 if interval is Interval.YEARS else 1
    months = (12 * (later.year - first.year) + later.month - first.month) // step * step
    if add_months(first, months) == later and (first.day == later.day or is_last_of_month(later)):
        # A payment on the last day of a shorter month is whole months after the 29th, 30th or 31st.
        return Fraction(months, 12)
    end = add_months(later, -months)
    if end < first:
        months -= step
        end = add_months(later, -months)
    return Fraction(months, 12) + _days(first, (end - first).days)


def _days(first: date, days: int) -> Fraction:
    """Days after the first, over those of the year that ends on the last of them."""
    if not days:
        return Fraction(0)
    last = date.fromordinal(first.toordinal() + days)
    return Fraction(days, (last - add_months(last, -12)).days)


def eu_annual_rate(flows: Sequence[Flow], interval: Interval) -> Decimal:
    """The rate, unrounded: 0.1 is 10 %."""
    ordered = in_order(flows)
    first = ordered[0].on
    times = [years_between(first, flow.on, interval) for flow in ordered]
    return rate_of_return(times, [flow.amount for flow in ordered])


def in_percent(rate: Decimal, places: int = 2) -> Decimal:
    """As it is told: in percent, half up (remark (d) asks for one decimal place at least)."""
    return shown(rate.scaleb(2), places)
