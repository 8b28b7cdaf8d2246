"""Day counts that give every month thirty days and every year 360. They differ in what they do with the 31st and with February.

Each function gives days; the fraction of a year is days over 360. With (Y1, M1, D1) the first day that bears interest and
(Y2, M2, D2) the first that no longer does: days = 360 (Y2 - Y1) + 30 (M2 - M1) + (D2 - D1), after the changes to D1 and D2.
"""

from datetime import date, timedelta

from actors.loan_calculator.rules.calendar_months import add_months, is_last_of_february


def _days(first: date, last: date, first_day: int, last_day: int) -> int:
    return 360 * (last.year - first.year) + 30 * (last.month - first.month) + last_day - first_day


def bond_basis(first: date, last: date) -> int:
    """30/360, 360/360, Bond Basis: 2006 ISDA Definitions, section 4.16(f).

    D1 = 31 becomes 30; D2 = 31 becomes 30 if D1 is then 30. February is not changed.
    """
    first_day = min(first.day, 30)
    last_day = 30 if last.day == 31 and first_day == 30 else last.day
    return _days(first, last, first_day, last_day)


def us(first: date, last: date) -> int:
    """30/360 US, 30U/360: SIA Standard Securities Calculation Methods (Mayle, 1993), volume 1, with its rules for February.

    In this order: if both are the last day of February, D2 becomes 30; if the first is, D1 becomes 30; if D2 = 31 and D1 is 30
    or 31, D2 becomes 30; if D1 = 31, D1 becomes 30.
    """
    first_day, last_day = first.day, last.day
    if first.month == 2 and is_last_of_february(first):
        if is_last_of_february(last):
            last_day = 30
        first_day = 30
    if last_day == 31 and first_day >= 30:
        last_day = 30
    return _days(first, last, min(first_day, 30), last_day)


def european(first: date, last: date) -> int:
    """30E/360, Eurobond Basis: 2006 ISDA Definitions, section 4.16(g). D1 and D2 of 31 become 30, always."""
    return _days(first, last, min(first.day, 30), min(last.day, 30))


def german(first: date, last: date, maturity: date | None) -> int:
    """30E/360 ISDA, the German method: 2006 ISDA Definitions, section 4.16(h).

    The 31st and the last day of February become 30; but not the last day of February as D2 where that is the termination date.
    """
    first_day = 30 if first.day == 31 or is_last_of_february(first) else first.day
    last_day = 30 if last.day == 31 or (is_last_of_february(last) and last != maturity) else last.day
    return _days(first, last, first_day, last_day)


def actual_in_part_months(first: date, last: date) -> int:
    """30/360 with actual days for part periods: thirty days for each whole month from the first date on, then the actual days.

    A lenders' practice, in no bond market's rules: a loan from the 10th of January to the 25th of March counts two months of
    thirty days and fifteen days. The months are counted forward and clamped to a shorter month's end.
    """
    months = 12 * (last.year - first.year) + last.month - first.month
    if add_months(first, months) > last:
        months -= 1
    return 30 * months + (last - add_months(first, months)) // timedelta(days=1)
