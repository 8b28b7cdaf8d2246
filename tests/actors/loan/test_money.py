"""Money of a loan: back-dated, taken back, charged, waived, refunded, written off and recovered; and it is always in the ledger once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from actors.loan.handlers.booking import Booking
from actors.loan.store import Store
from messages.ids import LoanTransactionId, derived_id, new_id
from messages.ledger import GetTrialBalance, ProveBooks
from messages.loan import (
    ChargeFee,
    CloseLoanDay,
    CloseLoanDays,
    DecideRequest,
    GetLoanBalances,
    GetLoanSchedule,
    ListLoanTransactions,
    LoanNotFound,
    LoanRequest,
    LoanTransactionBooked,
    RecordRecovery,
    RecordRepayment,
    RefundOverpayment,
    RequestChargeOff,
    RequestWriteOff,
    ReverseTransaction,
    WaiveDue,
)
from messages.portfolio import ProvePortfolio
from runtime.errors import MessageFault
from tests.actors.loan.lending import MANAGER, OFFICER, TELLER, Lent, balance, business_date, kes, lent, now, product
from tests.bank import Bank


async def lines_come_to_zero(bank: Bank, loan: Lent) -> bool:
    """Of every loan and transaction what was debited was credited."""
    sums = await bank.database.fetch(
        "SELECT sum(amount) AS sum FROM reporting.loan_lines WHERE loan_id = $1 GROUP BY transaction_id", loan.loan_id
    )
    return all(row["sum"] == 0 for row in sums)


async def receivable(bank: Bank, loan: Lent, role: str) -> int:
    """What the loan comes to on an account, in minor units."""
    found = await bank.database.fetchval(
        "SELECT sum(amount)::bigint FROM reporting.loan_lines WHERE loan_id = $1 AND role = $2", loan.loan_id, role
    )
    return int(found or 0)


async def decided(bank: Bank, asked: Any) -> LoanRequest:
    request = await bank.says(asked, as_=OFFICER)
    return await bank.says(DecideRequest(loan_id=asked.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)


async def test_a_late_loan_is_repaid_as_of_the_day_it_was_due(bank: Bank) -> None:
    loan = await lent(bank, days_ago=45)
    today = await business_date(bank)
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=1)))
    late = await now(bank, loan)
    assert late.status == "in_arrears"
    assert late.balances.overdue.principal.minor > 0
    penalties = late.balances.outstanding.penalty
    assert penalties.minor > 0

    first = (await bank.says(GetLoanSchedule(loan_id=loan.loan_id))).installments[0]
    owed = kes(Decimal(first.charged.principal.amount) + Decimal(first.charged.interest.amount))
    repayment = RecordRepayment(loan_id=loan.loan_id, amount=owed, value_date=first.due, dry_run=True)
    shown = await bank.says(repayment)
    assert shown.is_dry_run
    assert shown.corrections.penalty.minor == -penalties.minor
    assert await now(bank, loan) == late, "a dry run changes nothing"
    assert await balance(bank, loan.account_id) == "112000.00"

    booked = await bank.says(repayment.model_copy(update={"dry_run": False}))
    assert (booked.corrections, booked.before, booked.after) == (shown.corrections, shown.before, shown.after)
    assert (booked.transaction.value_date, booked.transaction.booked_on) == (first.due, today)
    assert booked.transaction.overpaid == kes(0)
    assert (await now(bank, loan)).status == "active"
    assert await lines_come_to_zero(bank, loan)
    assert await receivable(bank, loan, "penalty_receivable") == 0
    then = await bank.says(GetLoanBalances(loan_id=loan.loan_id, on=today - timedelta(days=30)))
    assert (then.outstanding.principal, then.paid.total) == (kes(12_000), kes(0))


async def test_a_repayment_is_taken_back_and_the_loan_is_as_it_was(bank: Bank) -> None:
    loan = await lent(bank, days_ago=10)
    before = await now(bank, loan)
    repaid = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(3_000)))
    undone = await bank.says(
        ReverseTransaction(loan_id=loan.loan_id, transaction_id=repaid.transaction.transaction_id, reason="Wrong member")
    )
    assert undone.transaction.reverses == repaid.transaction.transaction_id
    assert undone.transaction.amount == kes(3_000)
    after = await now(bank, loan)
    assert after.balances == before.balances
    assert await balance(bank, loan.account_id) == "112000.00"
    assert await balance(bank, after.account_id) == "12000.00"
    with bank.refuses("transaction_reversed"):
        await bank.says(
            ReverseTransaction(loan_id=loan.loan_id, transaction_id=repaid.transaction.transaction_id, reason="Again")
        )
    with bank.refuses("loan_transaction_not_found"):
        await bank.says(
            ReverseTransaction(loan_id=loan.loan_id, transaction_id=LoanTransactionId(new_id()), reason="Another's")
        )
    history = (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items
    assert [each.kind for each in history] == ["disbursement", "repayment", "reversal"]
    assert history[1].reversed_by == history[2].transaction_id
    assert await lines_come_to_zero(bank, loan)


async def test_a_fee_is_charged_and_waived_and_too_much_is_paid_back(bank: Bank) -> None:
    loan = await lent(bank)
    charged = await bank.says(ChargeFee(loan_id=loan.loan_id, amount=kes(100), reason="Visit"))
    assert charged.after.outstanding.fee == kes(100)
    waived = await bank.says(WaiveDue(loan_id=loan.loan_id, part="fee", amount=kes(40), reason="Kindness"))
    assert waived.after.outstanding.fee == kes(60)
    with bank.refuses("waiver_too_large", field="amount"):
        await bank.says(WaiveDue(loan_id=loan.loan_id, part="fee", amount=kes(61), reason="Kindness"))
    paid = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(13_000), in_cash=True), as_=TELLER)
    assert paid.transaction.parts.fee == kes(60)
    assert paid.after.overpaid == kes(940)
    with bank.refuses("refund_too_large", field="amount"):
        await bank.says(RefundOverpayment(loan_id=loan.loan_id, amount=kes(941)))
    refunded = await bank.says(RefundOverpayment(loan_id=loan.loan_id))
    assert refunded.after.overpaid == kes(0)
    assert await balance(bank, loan.account_id) == "112940.00"
    assert (await bank.says(GetTrialBalance())).balanced


async def test_a_loan_is_charged_off_written_off_and_something_is_recovered(bank: Bank) -> None:
    loan = await lent(bank, days_ago=100)
    off = await decided(bank, RequestChargeOff(loan_id=loan.loan_id, reason="Not found"))
    assert off.status == "approved"
    charged_off = await now(bank, loan)
    assert (charged_off.status, charged_off.reason) == ("charged_off", "Not found")
    assert await balance(bank, charged_off.account_id) == "0.00"
    repaid = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(1_000)))
    assert repaid.after.outstanding.total.minor == repaid.before.outstanding.total.minor - 100_000
    await decided(bank, RequestWriteOff(loan_id=loan.loan_id, reason="Gone"))
    written_off = await now(bank, loan)
    assert (written_off.status, written_off.balances.outstanding.total) == ("written_off", kes(0))
    with bank.refuses("loan_state_forbids"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(10)))
    recovered = await bank.says(RecordRecovery(loan_id=loan.loan_id, amount=kes(250), in_cash=True))
    assert recovered.after.recovered == kes(250)
    assert await lines_come_to_zero(bank, loan)
    assert (await bank.says(GetTrialBalance())).balanced


async def test_a_turn_that_dies_after_the_ledgers_answer_is_finished(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = await lent(bank)
    book_money, deaths = Store.book_money, [1, 2]

    async def dies_twice(self: Store, *arguments: Any) -> set[UUID]:
        if deaths:
            raise MessageFault(f"death {deaths.pop()}")
        return await book_money(self, *arguments)

    monkeypatch.setattr(Store, "book_money", dies_twice)
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(700)))
    assert not deaths
    assert change.transaction.number == 2
    assert await balance(bank, loan.account_id) == "111300.00"
    assert await now(bank, loan) == await now(bank, loan)
    assert (await now(bank, loan)).balances == change.after
    assert not await bank.database.fetchval("SELECT count(*) FROM loan.pending WHERE loan_id = $1", loan.loan_id)


async def test_a_decision_that_was_left_behind_is_finished_by_whoever_comes_next(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await lent(bank)

    async def gives_up(*_: Any) -> None:
        raise LoanNotFound

    abandoned = new_id()
    with monkeypatch.context() as patched:
        patched.setattr(Booking, "_ask_ledger", gives_up)
        with bank.refuses("loan_not_found"):
            await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(300)), message_id=abandoned)
    assert await balance(bank, loan.account_id) == "112000.00"
    today = await business_date(bank)
    closed = await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today))
    assert closed.counted
    assert await balance(bank, loan.account_id) == "111700.00"
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(200)))
    assert change.transaction.number == 3
    assert await balance(bank, loan.account_id) == "111500.00"
    assert (await bank.says(ProveBooks())).proven


async def test_what_was_left_behind_is_told_though_whoever_finishes_it_is_refused(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan, abandoned = await lent(bank), new_id()

    async def gives_up(*_: Any) -> None:
        raise LoanNotFound

    with monkeypatch.context() as patched:
        patched.setattr(Booking, "_ask_ledger", gives_up)
        with bank.refuses("loan_not_found"):
            await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(300)), message_id=abandoned)
    with bank.refuses("insufficient_funds"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(9_999_999)))
    assert await balance(bank, loan.account_id) == "111700.00"
    event = derived_id(abandoned, f"{LoanTransactionBooked.wire}/0")
    assert await bank.database.fetchval("SELECT count(*) FROM runtime.outbox WHERE $1 = ANY(message_ids)", event) == 1


async def test_the_books_are_proven_while_money_is_under_way(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    loan = await lent(bank)

    async def gives_up(*_: Any, **__: Any) -> None:
        raise LoanNotFound

    with monkeypatch.context() as patched:
        patched.setattr(Booking, "_write", gives_up)
        with bank.refuses("loan_not_found"):
            await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(300)))
    assert await balance(bank, loan.account_id) == "111700.00"
    assert await bank.database.fetchval("SELECT count(*) FROM loan.pending WHERE loan_id = $1", loan.loan_id) == 1
    proof = await bank.says(ProvePortfolio(on=await business_date(bank)))
    assert proof.proven, proof.differences
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(200)))
    assert (await bank.says(ProvePortfolio(on=await business_date(bank)))).proven


async def test_a_request_is_rejected_after_what_was_left_behind_is_finished(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan, abandoned = await lent(bank), new_id()
    asked = await bank.says(RequestWriteOff(loan_id=loan.loan_id, reason="Gone"), as_=OFFICER)

    async def gives_up(*_: Any) -> None:
        raise LoanNotFound

    with monkeypatch.context() as patched:
        patched.setattr(Booking, "_ask_ledger", gives_up)
        with bank.refuses("loan_not_found"):
            await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(300)), message_id=abandoned)
    refusal = DecideRequest(loan_id=loan.loan_id, request_id=asked.request_id, approve=False)
    assert (await bank.says(refusal, as_=MANAGER)).status == "rejected"
    assert await balance(bank, loan.account_id) == "111700.00"
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(200)))
    assert change.transaction.number == 3


async def test_cash_basis_books_what_was_paid(bank: Bank) -> None:
    loan = await lent(bank, of=await product(bank, "cash"), days_ago=31)
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=await business_date(bank) - timedelta(days=1)))
    assert await receivable(bank, loan, "interest_income") == 0
    paid = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(2_000)))
    assert paid.transaction.parts.interest.minor > 0
    assert await receivable(bank, loan, "interest_income") == -paid.transaction.parts.interest.minor
    assert Decimal(await balance(bank, loan.account_id)) == 110_000


async def test_a_close_that_comes_between_is_decided_after(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    loan, today = await lent(bank, days_ago=2), await business_date(bank)
    insert_pending, between = Store.insert_pending, [today]

    async def late(self: Store, *arguments: Any) -> set[UUID]:
        if between:
            await bank.says(CloseLoanDays(loan_ids=(loan.loan_id,), on=between.pop()))
        return await insert_pending(self, *arguments)

    monkeypatch.setattr(Store, "insert_pending", late)
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(250)))
    assert not between
    after = await now(bank, loan)
    assert (after.closed_through, after.balances) == (today, change.after)
    assert await balance(bank, loan.account_id) == "111750.00"
    assert await lines_come_to_zero(bank, loan)
