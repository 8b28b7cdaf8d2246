"""Other terms for a loan: asked for with both schedules in figures, approved by another, and in force from the day on."""

from datetime import timedelta

from messages.loan import (
    CloseLoanDay,
    DecideRequest,
    GetLoanSchedule,
    ListLoanRequests,
    RecordRepayment,
    RequestReschedule,
)
from tests.actors.loan.lending import MANAGER, OFFICER, balance, business_date, kes, lent, now
from tests.bank import Bank


async def test_another_rate_is_asked_for_shown_and_approved(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=5), await business_date(bank)
    asked = RequestReschedule(
        loan_id=loan.loan_id, kind="rate_change", effective_on=today, annual_rate_percent="6", reason="Hardship"
    )
    request = await bank.says(asked, as_=OFFICER)
    assert request.before is not None and request.after is not None
    assert request.after.interest.minor < request.before.interest.minor
    assert (request.kind, request.reschedule, request.status) == ("reschedule", "rate_change", "open")
    unchanged = await bank.says(GetLoanSchedule(loan_id=loan.loan_id))
    with bank.refuses("checker_is_maker"):
        await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True), as_=OFFICER)
    done = await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)
    assert (done.status, done.before, done.after) == ("approved", request.before, request.after)
    changed = await bank.says(GetLoanSchedule(loan_id=loan.loan_id))
    assert changed.totals.interest.minor < unchanged.totals.interest.minor
    assert changed.totals.principal == unchanged.totals.principal
    assert (await bank.says(ListLoanRequests(loan_id=loan.loan_id))).items[0] == done


async def test_a_late_loan_is_re_aged_and_is_late_no_more(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=80), await business_date(bank)
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=1)))
    assert (await now(bank, loan)).status == "in_arrears"
    asked = RequestReschedule(loan_id=loan.loan_id, kind="re_age", effective_on=today, installments=10, reason="Drought")
    request = await bank.says(asked, as_=OFFICER)
    await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)
    fresh = await now(bank, loan)
    assert (fresh.status, fresh.balances.overdue.total, fresh.balances.bucket) == ("active", kes(0), "current")
    assert await balance(bank, fresh.account_id) == fresh.balances.outstanding.principal.amount
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(400)))
    assert change.after.paid.total == kes(400)


async def test_a_day_that_has_passed_is_refused(bank: Bank) -> None:
    loan, today = await lent(bank), await business_date(bank)
    with bank.refuses("date_is_past", field="effective_on"):
        await bank.says(
            RequestReschedule(
                loan_id=loan.loan_id,
                kind="payment_holiday",
                effective_on=today - timedelta(days=1),
                holiday_installments=2,
                reason="Late",
            )
        )
