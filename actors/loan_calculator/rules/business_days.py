"""Which days are worked on, and where a due date goes that is none. 2006 ISDA Definitions, section 4.12.

adjust(date(2024, 6, 1), Adjustment.FOLLOWING, WorkingDays())  ->  date(2024, 6, 3)
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from messages.loan_calculator import NoBusinessDay

_DAY = timedelta(days=1)
LONGEST_SEARCH_DAYS = 60
"""No calendar rests longer; what does is a mistake."""


class Adjustment(Enum):
    """Where a due date goes that is no business day."""

    NONE = "none"
    """It stays."""
    FOLLOWING = "following"
    """To the next business day."""
    MODIFIED_FOLLOWING = "modified_following"
    """To the next, but if that is in the next month, to the one before."""
    PRECEDING = "preceding"
    """To the business day before."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Holidays and weekends; ISO weekdays, 1 is Monday."""

    holidays: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset({6, 7})

    def is_worked(self, day: date) -> bool:
        """Whether it is a business day."""
        return day.isoweekday() not in self.weekend and day not in self.holidays

    def nearest(self, day: date, step: timedelta) -> date:
        """The first business day from this one on, in the direction of the step."""
        for _ in range(LONGEST_SEARCH_DAYS):
            if self.is_worked(day):
                return day
            day += step
        raise NoBusinessDay(near=day)


WEEKENDS_ONLY = WorkingDays()
"""Saturdays and Sundays, no holidays."""


def adjust(day: date, adjustment: Adjustment, working: WorkingDays) -> date:
    """The date on which what is due on this day is due."""
    if adjustment is Adjustment.NONE or working.is_worked(day):
        return day
    if adjustment is Adjustment.PRECEDING:
        return working.nearest(day, -_DAY)
    later = working.nearest(day, _DAY)
    if adjustment is Adjustment.MODIFIED_FOLLOWING and later.month != day.month:
        return working.nearest(day, -_DAY)
    return later
