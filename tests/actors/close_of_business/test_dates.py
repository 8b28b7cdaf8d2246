"""The business date: set once to any day, then forward only, and not past dates that are open."""

import asyncio
from datetime import date, timedelta

from messages.base import Refusal
from messages.close_of_business import BusinessDateAdvanced, CloseOfBusinessCompleted, GetBusinessDate, SetBusinessDate
from tests.actors.close_of_business.close_house import CloseHouse
from tests.actors.close_of_business.loans_on_a_shelf import POSTS, shelf
from tests.bank import until

DAY = date(2026, 1, 15)
ONE = timedelta(days=1)


async def test_there_is_no_business_date_before_it_is_set(close: CloseHouse) -> None:
    with close.refuses("business_date_not_set"):
        await close.says(GetBusinessDate())
    assert await close.database.fetch("SELECT * FROM reporting.business_date") == []


async def test_the_first_may_be_any_and_the_calendar_is_another_thing(close: CloseHouse) -> None:
    found = await close.says(SetBusinessDate(business_date=date(1999, 12, 31)))
    assert found.business_date == date(1999, 12, 31)
    assert found.system_date == close.clock.now().date()
    assert found.changed_by == "user:test-administrator"
    assert await close.says(GetBusinessDate()) == found
    assert await close.database.fetchval("SELECT business_date FROM reporting.business_date") == date(1999, 12, 31)


async def test_of_many_first_dates_at_once_one_is_the_first(close: CloseHouse) -> None:
    days = [DAY + number * ONE for number in range(8)]
    said = (close.says(SetBusinessDate(business_date=day)) for day in days)
    answers = await asyncio.gather(*said, return_exceptions=True)
    assert {each.rule for each in answers if isinstance(each, Refusal)} <= {"business_date_only_forward"}
    moves = await close.database.fetch("SELECT before, business_date FROM close_of_business.date_change ORDER BY business_date")
    assert [row["before"] for row in moves] == [None, *(row["business_date"] for row in moves[:-1])]
    assert await close.day() == days[-1]


async def test_it_moves_only_forward(close: CloseHouse) -> None:
    await close.opens(DAY)
    for day in (DAY, DAY - ONE):
        with close.refuses("business_date_only_forward"):
            await close.says(SetBusinessDate(business_date=day))
    assert (await close.says(SetBusinessDate(business_date=DAY + 3 * ONE))).business_date == DAY + 3 * ONE


async def test_it_does_not_pass_a_date_that_is_open_unless_told(close: CloseHouse) -> None:
    await close.opens(DAY, loans=3)
    with close.refuses("dates_still_open"):
        await close.says(SetBusinessDate(business_date=DAY + ONE))
    await close.ended(await close.runs())
    assert (await close.says(SetBusinessDate(business_date=DAY + ONE))).business_date == DAY + ONE
    with close.refuses("dates_still_open"):
        await close.says(SetBusinessDate(business_date=DAY + 2 * ONE))
    told = await close.says(SetBusinessDate(business_date=DAY + 2 * ONE, leave_open=True))
    assert told.business_date == DAY + 2 * ONE


async def test_a_month_of_days_is_closed_one_after_another(close: CloseHouse) -> None:
    await close.opens(DAY, loans=3)
    for number in range(30):
        run = await close.ended(await close.runs(advance=True))
        assert (run.business_date, run.closed) == (DAY + number * ONE, 3)
    assert await close.day() == DAY + 30 * ONE
    assert all(shelf.is_closed_once(DAY + number * ONE) for number in range(30))
    assert shelf.posted == [DAY + number * ONE for number in range(30) for _ in range(POSTS)]
    moves = await close.database.fetch("SELECT before, business_date FROM close_of_business.date_change ORDER BY business_date")
    assert [row["before"] for row in moves][1:] == [row["business_date"] for row in moves][:-1]


async def test_others_are_told_of_a_new_day_and_of_its_close(close: CloseHouse) -> None:
    await close.opens(DAY, loans=2)
    await close.ended(await close.runs(dry_run=True))
    run = await close.ended(await close.runs(advance=True))
    await until(lambda: len(shelf.heard) == 3)
    who = "user:test-administrator"
    done = CloseOfBusinessCompleted(run_id=run.run_id, business_date=DAY, loan_id=None, loans=2, failed=0)
    for event in (
        BusinessDateAdvanced(before=None, business_date=DAY, by=who),
        BusinessDateAdvanced(before=DAY, business_date=DAY + ONE, by=who),
        done,
    ):
        assert event in shelf.heard
