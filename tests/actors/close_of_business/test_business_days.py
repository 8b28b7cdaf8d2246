"""The institution's calendar: the business date passes days on which nobody works, and each of them is closed like any other."""

from datetime import date, timedelta

import pytest

from config.settings import BusinessCalendar
from messages.close_of_business import ListCloseRuns, SetBusinessDate
from tests.actors.close_of_business.close_house import CloseHouse, working
from tests.actors.close_of_business.loans_on_a_shelf import POSTS, shelf
from tests.bank import until

FRIDAY = date(2026, 1, 16)
ONE = timedelta(days=1)


async def runs(close: CloseHouse) -> list[date]:
    found = await close.says(ListCloseRuns())
    assert all(run.status == "completed" and run.advance for run in found.items)
    return [run.business_date for run in reversed(found.items)]


async def test_a_weekend_and_a_holiday_after_it_are_closed_on_the_way_to_the_next_business_day(close: CloseHouse) -> None:
    calendar = BusinessCalendar(weekend=(6, 7), holidays=(FRIDAY + 3 * ONE,))
    with working(close.actors, calendar):
        await close.opens(FRIDAY - ONE, loans=3)
        await close.ended(await close.runs(advance=True))
        assert await close.day() == FRIDAY
        await close.runs(advance=True)

        async def is_tuesday() -> bool:
            return await close.day() == FRIDAY + 4 * ONE

        await until(is_tuesday, within_seconds=30)
        closed = [FRIDAY + number * ONE for number in range(-1, 4)]
        assert await runs(close) == closed
        assert all(shelf.is_closed_once(each) for each in closed)
        assert shelf.posted == [each for each in closed for _ in range(POSTS)]
        moves = await close.database.fetch("SELECT business_date FROM close_of_business.date_change ORDER BY business_date")
        assert [row["business_date"] for row in moves] == [*closed, FRIDAY + 4 * ONE]


async def test_a_run_that_does_not_move_the_date_on_closes_no_other_day(close: CloseHouse) -> None:
    with working(close.actors, BusinessCalendar(weekend=(6, 7))):
        await close.opens(FRIDAY, loans=2)
        await close.ended(await close.runs(dry_run=True))
        await close.ended(await close.runs())
        assert await close.day() == FRIDAY
        assert len((await close.says(ListCloseRuns())).items) == 2
        assert (await close.says(SetBusinessDate(business_date=FRIDAY + ONE))).business_date == FRIDAY + ONE


def test_a_week_has_a_business_day() -> None:
    with pytest.raises(ValueError, match="weekend"):
        BusinessCalendar(weekend=(1, 2, 3, 4, 5, 6, 7))
    with pytest.raises(ValueError, match="names a day twice"):
        BusinessCalendar(weekend=(6, 6))
