"""Day counts over the days of the calendar. Each gives the fraction of a year as (numerator, denominator), exact.

The first date bears interest, the last does not.
"""

from datetime import date

from actors.loan_calculator.rules.calendar_months import is_leap, leap_days_between

Ratio = tuple[int, int]

_YEAR, _LEAP_YEAR = 365, 366


def actual_360(first: date, last: date) -> Ratio:
    """ACT/360, French: 2006 ISDA Definitions, section 4.16(e)."""
    return last.toordinal() - first.toordinal(), 360


def actual_364(first: date, last: date) -> Ratio:
    """ACT/364: actual days over a year of 52 weeks. A practice of lenders with weekly installments; the 2006 Definitions do not have it."""
    return last.toordinal() - first.toordinal(), 364


def actual_365_fixed(first: date, last: date) -> Ratio:
    """ACT/365 Fixed, English: 2006 ISDA Definitions, section 4.16(d)."""
    return last.toordinal() - first.toordinal(), _YEAR


def no_leap_365(first: date, last: date) -> Ratio:
    """NL/365, "no leap year": actual days less each 29th of February after the first date and not after the last, over 365.

    ISO 20022 interest computation method A014 (Actual/365NL); excluded and included ends as there.
    """
    return last.toordinal() - first.toordinal() - leap_days_between(first, last), _YEAR


def actual_actual_isda(first: date, last: date) -> Ratio:
    """ACT/ACT ISDA, Actual/Actual: 2006 ISDA Definitions, section 4.16(b).

    Days in leap years over 366, days in other years over 365. The first date is counted in its year, the last is not.
    """
    if first.year == last.year:
        return last.toordinal() - first.toordinal(), _LEAP_YEAR if is_leap(first.year) else _YEAR
    head = date(first.year + 1, 1, 1).toordinal() - first.toordinal()
    tail = last.toordinal() - date(last.year, 1, 1).toordinal()
    years = last.year - first.year - 1
    leap = (head if is_leap(first.year) else 0) + (tail if is_leap(last.year) else 0)
    return years * _YEAR * _LEAP_YEAR + leap * _YEAR + (head + tail - leap) * _LEAP_YEAR, _YEAR * _LEAP_YEAR


def actual_actual_afb(first: date, last: date) -> Ratio:
    """ACT/ACT AFB: Association Francaise des Banques, master agreement of 1994, as set out in ISDA's memorandum of November 1998.

    Whole years are counted back from the last date; the days that remain go over 366 if a 29th of February is among them, else over
    365. Counting back from a 28th of February lands on the 29th where there is one.
    """
    end, years = last, 0
    while (earlier := _year_before(end)) >= first:
        end, years = earlier, years + 1
    days = end.toordinal() - first.toordinal()
    basis = _LEAP_YEAR if _has_leap_day(first, end) else _YEAR
    return years * basis + days, basis


def _year_before(day: date) -> date:
    if day.month == 2 and day.day >= 28:
        return date(day.year - 1, 2, 29 if is_leap(day.year - 1) else 28)
    return date(day.year - 1, day.month, day.day)


def _has_leap_day(first: date, end: date) -> bool:
    """Whether a 29th of February lies from the first date, itself included, to before the end."""
    return any(is_leap(year) and first <= date(year, 2, 29) < end for year in range(first.year, end.year + 1))
