"""The months of the calendar: their lengths, leap years, and a date some months on. No holidays and no due dates here."""

from datetime import date

_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap(year: int) -> bool:
    """Whether the year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Days of the month."""
    return 29 if month == 2 and is_leap(year) else _LENGTHS[month]


def is_last_of_month(day: date) -> bool:
    """Whether the next day is a first."""
    return day.day == month_length(day.year, day.month)


def is_last_of_february(day: date) -> bool:
    """The 28th, or the 29th in a leap year."""
    return day.month == 2 and is_last_of_month(day)


def add_months(start: date, months: int, *, keep_month_end: bool = False, day: int | None = None) -> date:
    """The same day, or another, so many months later (or earlier), at most the month's last.

    With keep_month_end the last day of a month stays a last day.
    """
    index = start.year * 12 + start.month - 1 + months
    year, month = index // 12, index % 12 + 1
    length = month_length(year, month)
    if keep_month_end and is_last_of_month(start):
        return date(year, month, length)
    return date(year, month, min(day or start.day, length))


def leap_days_between(first: date, last: date) -> int:
    """How many 29ths of February lie after the first date and not after the last."""
    return _leap_days_until(last) - _leap_days_until(first)


def _leap_days_until(day: date) -> int:
    """How many 29ths of February there were from year 1 to this day, itself included."""
    before = day.year - 1
    count = before // 4 - before // 100 + before // 400
    return count + (is_leap(day.year) and (day.month, day.day) >= (2, 29))
