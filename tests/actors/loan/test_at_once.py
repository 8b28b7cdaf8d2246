"""Clients that press the button at the same moment, over HTTP: each payment counts once, and one of two deciders is too late."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

from messages.loan import GetLoanPayoff, ListLoanTransactions, RequestWriteOff
from messages.portfolio import ProvePortfolio
from tests.actors.loan.lending import OFFICER, Lent, balance, kes, lent, now
from tests.actors.loan.statuses import asks, loan_that_is
from tests.bank import Bank, until


def shillings(amount: object) -> dict[str, str]:
    return {"amount": str(amount), "currency": "KES"}


async def kinds(bank: Bank, loan: Lent) -> list[str]:
    return [each.kind for each in (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items]


async def test_payments_and_a_close_at_the_same_moment(bank: Bank) -> None:
    loan = await lent(bank, days_ago=45)
    known = (await bank.says(ProvePortfolio())).differences
    path = f"/loans/{loan.loan_id}"
    said = [asks(bank, "POST", f"{path}/repayments", {"amount": shillings(100 + number)}) for number in range(8)]
    said += [asks(bank, "POST", f"{path}/charges", {"amount": shillings(10), "reason": "Visit"}) for _ in range(3)]
    answers = await asyncio.gather(asks(bank, "POST", "/close-of-business", {"loan_id": str(loan.loan_id)}), *said)
    assert [code for code, _ in answers] == [202] + [201] * 11
    run_id = answers[0][1]["run_id"]

    async def is_over() -> bool:
        return (await asks(bank, "GET", f"/close-of-business/{run_id}"))[1]["status"] == "completed"

    await until(is_over)
    told = await now(bank, loan)
    paid = sum(100 + number for number in range(8))
    assert told.balances.paid.total == kes(paid)
    assert await balance(bank, loan.account_id) == str(kes(112_000 - paid).amount)
    assert await balance(bank, told.account_id) == told.balances.outstanding.principal.amount
    numbers = [each.number for each in (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items]
    assert numbers == list(range(1, 13))
    found = await bank.says(ProvePortfolio())
    assert found.differences == known


async def test_of_two_payoffs_at_the_same_moment_one_closes_the_loan(bank: Bank) -> None:
    loan = await lent(bank, days_ago=5)
    owed = (await bank.says(GetLoanPayoff(loan_id=loan.loan_id))).total
    said = [asks(bank, "POST", f"/loans/{loan.loan_id}/repayments", {"amount": shillings(owed.amount)}) for _ in range(3)]
    answers = await asyncio.gather(*said)
    assert sorted(code for code, _ in answers) == [201, 409, 409]
    assert {told["rule"] for code, told in answers if code == 409} == {"loan_state_forbids"}
    told = await now(bank, loan)
    assert (told.status, told.balances.overpaid) == ("closed", kes(0))
    assert Decimal(await balance(bank, loan.account_id)) == 112_000 - Decimal(owed.amount)


async def test_the_same_request_at_the_same_moment_is_one_payment(bank: Bank) -> None:
    loan, key = await lent(bank, days_ago=5), str(uuid4())
    body = {"amount": shillings(70)}
    said = [asks(bank, "POST", f"/loans/{loan.loan_id}/repayments", body, **{"Idempotency-Key": key}) for _ in range(5)]
    answers = await asyncio.gather(*said)
    assert {code for code, _ in answers} <= {201, 409}
    done = [told["transaction"]["transaction_id"] for code, told in answers if code == 201]
    assert done
    assert len(set(done)) == 1
    assert await kinds(bank, loan) == ["disbursement", "repayment"]


async def test_a_receipt_that_is_shown_for_two_loans_counts_for_one(bank: Bank) -> None:
    loans, receipt = [await lent(bank), await lent(bank)], f"QK{uuid4().hex}"
    body = {"amount": shillings(70), "paid_from": {"external_payment_id": receipt}}
    answers = await asyncio.gather(*(asks(bank, "POST", f"/loans/{each.loan_id}/repayments", body) for each in loans))
    assert sorted(code for code, _ in answers) == [201, 409]
    refused: dict[str, Any] = next(told for code, told in answers if code == 409)
    assert (refused["rule"], refused["errors"][0]["field"]) == ("external_payment_counted", "paid_from.external_payment_id")
    assert sorted([*await kinds(bank, loans[0]), *await kinds(bank, loans[1])]) == ["disbursement", "disbursement", "repayment"]


async def test_of_two_decisions_at_the_same_moment_one_is_too_late(bank: Bank) -> None:
    loan_id = await loan_that_is(bank, "in_arrears")
    request = await bank.says(RequestWriteOff(loan_id=loan_id, reason="Gone"), as_=OFFICER)
    where = f"/loans/{loan_id}/requests/{request.request_id}/decide"
    answers = await asyncio.gather(*(asks(bank, "POST", where, {"approve": approve}) for approve in (True, False, True)))
    assert sorted(code for code, _ in answers) == [200, 409, 409]
    history = (await bank.says(ListLoanTransactions(loan_id=loan_id))).items
    assert sum(each.kind == "write_off" for each in history) <= 1
