"""A loan that is paid off, or not after all, as of a day that has passed: at once it stands as if it had been known in time."""

from datetime import date, timedelta
from typing import Any

import pytest

from messages.close_of_business import SetBusinessDate
from messages.loan import CloseLoanDay, DecideRequest, RecordRepayment, RequestWriteOff, ReverseTransaction
from messages.portfolio import GetAtRisk, GetOutstanding, ProvePortfolio
from tests.actors.loan.lending import MANAGER, OFFICER, Lent, business_date, kes, lent, now, product
from tests.bank import Bank

ROW = """
SELECT
    status, principal_outstanding, interest_outstanding, fees_outstanding, penalties_outstanding, past_due_since, bucket,
    provision_percent, closed_through
FROM reporting.loans WHERE loan_id = $1
"""
LINES = "SELECT role, sum(amount)::bigint AS amount FROM reporting.loan_lines WHERE loan_id = $1 GROUP BY role ORDER BY role"
STANDING = """
SELECT status, principal_outstanding, past_due_since, bucket FROM reporting.loan_standings
WHERE loan_id = $1 ORDER BY from_date DESC LIMIT 1
"""


async def stands(bank: Bank, loan: Lent) -> dict[str, Any]:
    """All that is told of a loan as it is now, by whoever tells it."""
    told = await now(bank, loan)
    on = await business_date(bank)
    outstanding = await bank.says(GetOutstanding(product=loan.product.code))
    at_risk = await bank.says(GetAtRisk(product=loan.product.code))
    assert (await bank.says(ProvePortfolio(on=on))).proven
    lines = {row["role"]: row["amount"] for row in await bank.database.fetch(LINES, loan.loan_id)}
    return {
        "loan": (told.status, told.balances),
        "row": dict(await bank.database.fetchrow(ROW, loan.loan_id)),
        "standing": dict(await bank.database.fetchrow(STANDING, loan.loan_id)),
        "outstanding": [(row.loans, row.principal) for row in outstanding.rows],
        "at risk": [(late.more_than_days, late.ratio) for row in at_risk.rows for late in row.late],
        "lines": {role: amount for role, amount in lines.items() if amount and not role.startswith("account:")},
    }


async def alike(bank: Bank, of_each: dict[str, Any] | None = None, days_ago: int = 75) -> tuple[Lent, Lent]:
    """Two loans that nothing has happened to, each under a product of its own."""
    one, other = [await lent(bank, days_ago=days_ago, of=await product(bank, **(of_each or {}))) for _ in range(2)]
    return one, other


async def paid_off(bank: Bank, loan: Lent, on: date) -> Any:
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(13_000), value_date=on))
    told = await now(bank, loan)
    assert (told.status, told.balances) == ("closed", change.after)
    assert (told.balances.outstanding.total, told.balances.overdue.total, told.balances.days_past_due) == (kes(0), kes(0), 0)
    found = await stands(bank, loan)
    assert (found["row"]["status"], found["row"]["past_due_since"], found["row"]["bucket"]) == ("closed", None, "current")
    assert (found["standing"]["status"], found["standing"]["principal_outstanding"]) == ("closed", 0)
    assert (found["outstanding"], found["at risk"]) == ([], [])
    return change.transaction


async def closed_through_yesterday(bank: Bank, loan: Lent) -> None:
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=await business_date(bank) - timedelta(days=1)))


@pytest.mark.parametrize("basis", ["accrual", "cash"])
@pytest.mark.parametrize("days_were_open", [True, False])
async def test_a_payoff_of_a_past_day_and_its_reversal_leave_a_loan_as_one_that_was_never_paid(
    bank: Bank, days_were_open: bool, basis: str
) -> None:
    loan, twin = [await lent(bank, days_ago=75, of=await product(bank, basis)) for _ in range(2)]
    if not days_were_open:
        await closed_through_yesterday(bank, loan)
        assert (await now(bank, loan)).status == "in_arrears"
    paid = await paid_off(bank, loan, await business_date(bank) - timedelta(days=60))
    back = ReverseTransaction(loan_id=loan.loan_id, transaction_id=paid.transaction_id, reason="Bounced")
    change = await bank.says(back, as_=MANAGER)
    assert change.after == (await now(bank, loan)).balances
    await closed_through_yesterday(bank, twin)
    assert (await now(bank, twin)).status == "in_arrears"
    assert await stands(bank, loan) == await stands(bank, twin)
    for each in (loan, twin):
        await bank.says(CloseLoanDay(loan_id=each.loan_id, on=await business_date(bank)))
    assert await stands(bank, loan) == await stands(bank, twin)


async def test_a_write_off_that_is_taken_back_days_later_leaves_the_loan_as_late_as_it_is(bank: Bank) -> None:
    loan, twin = await alike(bank)
    for each in (loan, twin):
        await closed_through_yesterday(bank, each)
    request = await bank.says(RequestWriteOff(loan_id=loan.loan_id, reason="Gone"), as_=OFFICER)
    done = await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)
    assert done.transaction_id is not None
    then = await business_date(bank)
    await bank.says(SetBusinessDate(business_date=then + timedelta(days=20), leave_open=True))
    back = ReverseTransaction(loan_id=loan.loan_id, transaction_id=done.transaction_id, reason="Found")
    await bank.says(back, as_=MANAGER)
    await closed_through_yesterday(bank, twin)
    assert await stands(bank, loan) == await stands(bank, twin)


async def test_a_payoff_between_the_last_close_and_today_closes_the_loan_at_once(bank: Bank) -> None:
    loan, _ = await alike(bank, days_ago=40)
    today = await business_date(bank)
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=6)))
    assert (await now(bank, loan)).status == "in_arrears"
    await paid_off(bank, loan, today - timedelta(days=3))
    counted = await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=1)))
    assert (counted.counted, counted.status) == (False, "closed")
