"""Which business dates may be set, which may be closed, and which of them the institution works on."""

from collections.abc import Collection
from datetime import date, timedelta

from messages.close_of_business import BusinessDateNotSet, BusinessDateOnlyForward, CannotAdvance, DateNotReached

ONE_DAY = timedelta(days=1)


def check_forward(current: date | None, to: date) -> None:
    """Any date the first time; then only later ones."""
    if current is not None and to <= current:
        raise BusinessDateOnlyForward(field="business_date", business_date=current.isoformat())


def date_to_close(current: date | None, asked: date | None) -> date:
    """The date that a run is for."""
    if current is None:
        raise BusinessDateNotSet
    if asked is not None and asked > current:
        raise DateNotReached(field="business_date", business_date=current.isoformat())
    return asked or current


def check_advance(current: date, to_close: date, *, one_loan: bool, dry_run: bool) -> None:
    """What a run must be to move the business date on."""
    if one_loan or dry_run or to_close != current:
        raise CannotAdvance(field="advance")


def day_before(day: date) -> date:
    """The last date that must be closed before a day can be the business date."""
    return day - ONE_DAY


def day_after(day: date) -> date:
    """The business date after one that was closed."""
    return day + ONE_DAY


def is_worked(day: date, weekend: Collection[int], holidays: Collection[date]) -> bool:
    """Whether it is a business day. Weekdays are ISO numbers: 1 is Monday."""
    return day.isoweekday() not in weekend and day not in holidays
