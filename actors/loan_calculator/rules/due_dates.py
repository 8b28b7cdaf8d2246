"""The due dates of a loan: every so many days, weeks or months from an anchor, with rules for months that are too short.

due_dates(Every(1, Unit.MONTHS), start=date(2024, 1, 31), count=3)  ->  29 February, 31 March, 30 April
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from actors.loan_calculator.rules.business_days import WEEKENDS_ONLY, Adjustment, WorkingDays, adjust
from actors.loan_calculator.rules.calendar_months import is_last_of_month, month_length
from actors.loan_calculator.rules.coupon_day_counts import Grid
from messages.loan_calculator import DatesOutOfOrder, DueDatesCollide, TermTooLong

LATEST_YEAR = 9998
"""The last year that databases and calendars here can count with."""


class Unit(Enum):
    """What periods are counted in."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class MonthEnd(Enum):
    """Where a monthly due date goes in a month that has no such day."""

    CLAMP = "clamp"
    """To the month's last day; in longer months it is back on its day."""
    LAST_DAY = "last_day"
    """As clamp; and if the anchor is the last day of its month, every due date is."""
    FIRST_OF_NEXT = "first_of_next"
    """To the first of the next month."""


@dataclass(frozen=True, slots=True)
class Every:
    """The distance between due dates."""

    count: int
    unit: Unit

    @property
    def months(self) -> int:
        """In months; 0 where it is counted in days."""
        return self.count if self.unit is Unit.MONTHS else 0

    @property
    def days(self) -> int:
        """In days; 0 where it is counted in months."""
        return {Unit.DAYS: self.count, Unit.WEEKS: 7 * self.count, Unit.MONTHS: 0}[self.unit]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """All that decides the due dates beside the start and their number."""

    every: Every
    first_due: date | None = None
    """An irregular first due date, from which the others follow."""
    month_end: MonthEnd = MonthEnd.CLAMP
    adjustment: Adjustment = Adjustment.NONE
    working: WorkingDays = WEEKENDS_ONLY
    due_day: int | None = None
    """The day of the month that monthly due dates are on, where the first one (or the start) does not tell it: it is on the last day of a
    shorter month, say, or moved to a business day. The others then follow from the nearest date that is on it."""

    def grid(self, start: date) -> Grid:
        """The regular dates that the due dates lie on before they move to business days."""
        anchor, keep = self.first_due or start, self.month_end is MonthEnd.LAST_DAY
        if self.due_day is None or not self.every.months:
            return Grid(anchor, self.every.months, self.every.days, keep_month_end=keep)
        month = self._month_of(anchor)
        return Grid(_in_month(month, self.due_day, MonthEnd.CLAMP), self.every.months, day_of_month=self.due_day)

    def day_of_month(self, start: date) -> int:
        """The day of the month of monthly due dates; 31 where all of them are last days."""
        if self.due_day is not None:
            return self.due_day
        anchor = self.first_due or start
        return 31 if self.month_end is MonthEnd.LAST_DAY and is_last_of_month(anchor) else anchor.day

    def monthly(self, start: date, indices: range) -> list[date]:
        """The nominal due dates so many periods from the anchor, which is the first due date or else the start."""
        day, rule, step = self.day_of_month(start), self.month_end, self.every.months
        first = self._month_of(self.first_due or start)
        months = range(first + indices.start * step, first + indices.stop * step, step)
        if day <= 28:
            found = [date(month // 12, month % 12 + 1, day) for month in months]
        else:
            found = [_in_month(month, day, rule) for month in months]
        return found if self.first_due is None else [self.first_due, *found[1:]]

    def _month_of(self, anchor: date) -> int:
        """The month, counted from year 0, whose due date the anchor is, or is nearest to."""
        month = anchor.year * 12 + anchor.month - 1
        if self.due_day is None:
            return month
        day, rule = self.due_day, self.month_end
        return min((month, month - 1, month + 1), key=lambda each: abs((_in_month(each, day, rule) - anchor).days))


def due_dates(rhythm: Rhythm, start: date, count: int) -> tuple[list[date], list[date]]:
    """(nominal, adjusted) due dates, rising strictly, all after the start. Refuses dates that collide or lie beyond the calendar."""
    if rhythm.first_due is not None and rhythm.first_due <= start:
        raise DatesOutOfOrder("The first due date must be after the start.", field="first_due")
    anchor, skipped = (start, 1) if rhythm.first_due is None else (rhythm.first_due, 0)
    every = rhythm.every
    last_index = count - 1 + skipped
    if anchor.year + last_index * every.months // 12 + last_index * every.days // 365 > LATEST_YEAR - 1:
        raise TermTooLong(field="installments")
    if every.months:
        nominal = rhythm.monthly(start, range(skipped, last_index + 1))
    else:
        step, first = every.days, anchor.toordinal()
        nominal = [date.fromordinal(first + index * step) for index in range(skipped, last_index + 1)]
    if rhythm.adjustment is Adjustment.NONE:
        return nominal, nominal
    adjusted = [adjust(day, rhythm.adjustment, rhythm.working) for day in nominal]
    before = start
    for day in adjusted:
        if day <= before:
            raise DueDatesCollide(field="business_days", on=day)
        before = day
    return nominal, adjusted


def _in_month(index: int, day: int, rule: MonthEnd) -> date:
    """The day in the month with this number, counted from year 0; where there is none, where the rule puts it."""
    year, month = index // 12, index % 12 + 1
    length = month_length(year, month)
    if day <= length:
        return date(year, month, day)
    last = date(year, month, length)
    return last + timedelta(days=1) if rule is MonthEnd.FIRST_OF_NEXT else last
