"""The close over real loans, over HTTP: a job that is accepted at once, a ledger that agrees, a date that moves on."""

import contextlib
from datetime import date, timedelta
from typing import Any

import pytest

from config.settings import BusinessCalendar
from messages.base import Refusal
from messages.close_of_business import CloseRun, GetBusinessDate, GetCloseOfBusiness, RunCloseOfBusiness, SetBusinessDate
from messages.ids import CloseRunId
from messages.ledger import GetTrialBalance
from messages.loan import ListOpenLoans
from tests.actors.close_of_business.close_house import working
from tests.actors.loan.lending import Lent, balance, lent, now, product
from tests.bank import Bank, House, until

CLOSES, DAY = "/api/v1/close-of-business", "/api/v1/business-date"


@pytest.fixture
async def day(bank: Bank) -> date:
    """The business date."""
    with contextlib.suppress(Refusal):
        await bank.says(SetBusinessDate(business_date=bank.clock.now().date() - timedelta(days=3)))
    return (await bank.says(GetBusinessDate())).business_date


async def ended(bank: Bank, run_id: CloseRunId) -> CloseRun:
    """The run when it is over."""

    async def is_over() -> bool:
        return (await bank.says(GetCloseOfBusiness(run_id=run_id))).ended_at is not None

    await until(is_over, within_seconds=60)
    return await bank.says(GetCloseOfBusiness(run_id=run_id))


async def closed(bank: Bank, **asked: Any) -> CloseRun:
    """A run from its begin to its end."""
    return await ended(bank, (await bank.says(RunCloseOfBusiness(**asked))).run_id)


async def test_a_close_of_real_loans_over_http(bank: Bank, day: date) -> None:
    of = await product(bank)
    income = of.rules.accounting.interest_income
    loans: list[Lent] = [await lent(bank, of=of, days_ago=2) for _ in range(3)]
    before = await balance(bank, income)

    async with bank.http.post(f"{CLOSES}?dry_run=true", json={}, headers=bank.root) as response:
        assert response.status == 202
        where = response.headers["Location"]
        shown = await ended(bank, (await response.json())["run_id"])
    async with bank.http.get(where, headers=bank.root) as response:
        assert (await response.json())["status"] == "completed"
    assert shown.closed >= 3
    assert await balance(bank, income) == before
    assert (await now(bank, loans[0])).closed_through == day - timedelta(days=3)

    async with bank.http.post(CLOSES, json={"advance": True}, headers=bank.root) as response:
        assert response.status == 202
        run = await ended(bank, (await response.json())["run_id"])
    assert (run.status, run.failures) == ("completed", ())
    assert (run.figures, run.closed) == (shown.figures, shown.closed)
    assert len(run.accrual_entry_ids) >= 1
    for loan in loans:
        assert (await now(bank, loan)).closed_through == day
    ours = "SELECT sum(amount) FROM reporting.loan_lines WHERE loan_id = ANY($1) AND account_id = $2 AND entry_id IS NOT NULL"
    assert await bank.database.fetchval(ours, [loan.loan_id for loan in loans], income) == -3 * 3 * 400
    assert await balance(bank, income) != before
    assert (await bank.says(GetTrialBalance())).balanced

    async with bank.http.get(DAY, headers=bank.root) as response:
        assert (await response.json())["business_date"] == (day + timedelta(days=1)).isoformat()
    async with bank.http.put(DAY, json={"business_date": day.isoformat()}, headers=bank.root) as response:
        assert (response.status, (await response.json())["rule"]) == (409, "business_date_only_forward")
    async with bank.http.get(CLOSES, params={"limit": "2"}, headers=bank.root) as response:
        assert [each["run_id"] for each in (await response.json())["items"]] == [str(run.run_id), str(shown.run_id)]
    for action in ("pause", "resume"):
        async with bank.http.post(f"{where}/{action}", headers=bank.root) as response:
            assert response.status == 409


async def test_a_date_that_is_open_for_a_real_loan_is_not_passed(bank: Bank, day: date) -> None:
    loan = await lent(bank)
    tomorrow = SetBusinessDate(business_date=day + timedelta(days=1))
    with bank.refuses("dates_still_open", field="business_date"):
        await bank.says(tomorrow)
    one = await closed(bank, loan_id=loan.loan_id)
    assert (one.closed, one.failed) == (1, 0)
    assert (await now(bank, loan)).closed_through == day
    await closed(bank)
    assert (await bank.says(ListOpenLoans(on=day))).loan_ids == ()
    assert (await bank.says(tomorrow)).business_date == day + timedelta(days=1)


async def test_interest_accrues_over_days_on_which_nobody_works(bank: Bank, house: House, day: date) -> None:
    of = await product(bank)
    loan = await lent(bank, of=of, days_ago=2)
    income = of.rules.accounting.interest_income
    before = await balance(bank, income)
    weekend = tuple({(day + timedelta(days=1)).isoweekday(), (day + timedelta(days=2)).isoweekday()})
    with working(house.actors, BusinessCalendar(weekend=weekend)):
        async with bank.http.post(CLOSES, json={"advance": True}, headers=bank.root) as response:
            assert response.status == 202
            await ended(bank, (await response.json())["run_id"])

        async def is_there() -> bool:
            async with bank.http.get(DAY, headers=bank.root) as response:
                return bool((await response.json())["business_date"] == (day + timedelta(days=3)).isoformat())

        await until(is_there, within_seconds=60)
    assert (await now(bank, loan)).closed_through == day + timedelta(days=2)
    booked = "SELECT -sum(amount) FROM reporting.loan_lines WHERE loan_id = $1 AND account_id = $2 AND entry_id IS NOT NULL"
    assert await bank.database.fetchval(booked, loan.loan_id, income) == 5 * 400  # two days before, and three now
    assert await balance(bank, income) != before
