"""Other terms for a loan: asked for with both schedules in figures, approved by another, and in force from the day on."""

from datetime import timedelta

import pytest

from messages.loan import (
    CloseLoanDay,
    DecideRequest,
    GetLoanSchedule,
    ListLoanRequests,
    LoanChange,
    LoanRequest,
    RecordRepayment,
    RequestChargeOff,
    RequestReschedule,
    ReverseTransaction,
)
from tests.actors.loan.lending import MANAGER, OFFICER, Lent, balance, business_date, kes, lent, now
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


async def _asked(bank: Bank, loan: Lent, *, in_days: int = 0) -> LoanRequest:
    on = await business_date(bank) + timedelta(days=in_days)
    said = RequestReschedule(loan_id=loan.loan_id, kind="rate_change", effective_on=on, annual_rate_percent="6", reason="Hard")
    return await bank.says(said, as_=OFFICER)


async def _shown(bank: Bank, request: LoanRequest) -> LoanRequest:
    page = await bank.says(ListLoanRequests(loan_id=request.loan_id))
    return next(each for each in page.items if each.request_id == request.request_id)


async def _paid_off(bank: Bank, loan: Lent) -> LoanChange:
    return await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(13_000)))


@pytest.mark.parametrize("in_days", [0, 20])
async def test_what_the_loan_allows_no_more_is_not_approved_and_says_why(bank: Bank, in_days: int) -> None:
    loan = await lent(bank, days_ago=5)
    request = await _asked(bank, loan, in_days=in_days)
    await _paid_off(bank, loan)
    approves = DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True)
    with bank.refuses("checker_is_maker"):
        await bank.says(approves, as_=OFFICER)
    assert await _shown(bank, request) == request, "who may not decide it changes nothing"
    for _ in range(2):
        with bank.refuses("loan_request_lapsed", field="request_id"):
            await bank.says(approves, as_=MANAGER)
        shown = await _shown(bank, request)
        assert (shown.status, shown.lapsed_because, shown.decided_by) == ("lapsed", "loan_state_forbids", None)
        assert shown.lapsed_detail is not None and "closed" in shown.lapsed_detail
    with bank.refuses("loan_request_lapsed"):
        await bank.says(approves.model_copy(update={"approve": False}), as_=MANAGER)
    assert await _shown(bank, request) == shown


async def test_an_approved_one_whose_day_finds_the_loan_changed_says_that_it_lapsed(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=40), await business_date(bank)
    request = await _asked(bank, loan, in_days=2)
    approves = DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True)
    waits = await bank.says(approves, as_=MANAGER)
    assert (waits.status, waits.lapsed_because) == ("approved", None)
    charged_off = await bank.says(RequestChargeOff(loan_id=loan.loan_id, reason="Gone"), as_=OFFICER)
    approves_that = DecideRequest(loan_id=loan.loan_id, request_id=charged_off.request_id, approve=True)
    done = await bank.says(approves_that, as_=MANAGER)
    assert await _shown(bank, request) == waits, "its day has not come"
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today + timedelta(days=3)))
    lapsed = await _shown(bank, request)
    assert (lapsed.status, lapsed.lapsed_because) == ("lapsed", "loan_state_forbids")
    assert done.transaction_id is not None
    await bank.says(ReverseTransaction(loan_id=loan.loan_id, transaction_id=done.transaction_id, reason="Found"), as_=MANAGER)
    assert await _shown(bank, request) == waits, "what stood in its way was taken back"
