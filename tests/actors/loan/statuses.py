"""A loan in each of its statuses, and HTTP as a client of the bank speaks it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from messages.ids import LoanId
from messages.loan import (
    CloseLoanDay,
    DecideRequest,
    GetLoanPayoff,
    LoanStatus,
    RecordRepayment,
    RejectLoan,
    RequestChargeOff,
    RequestWriteOff,
    ReviewLoan,
    SubmitLoan,
    WithdrawLoan,
)
from messages.loan_product import LoanProduct
from tests.actors.loan.lending import MANAGER, OFFICER, applied, approved, business_date, lent, product
from tests.bank import Bank

PARTS_OF_A_LOAN = 5
"""In so many parts may loans be paid out here."""


async def asks(bank: Bank, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and body of an answer to the administrator."""
    sent = {**bank.root, "Idempotency-Key": str(uuid4()), **headers}
    async with bank.http.request(method, f"/api/v1{path}", json=body, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def loan_that_is(bank: Bank, status: LoanStatus, of: LoanProduct | None = None) -> LoanId:
    """A loan that was brought into the status by messages, the way it is in life."""
    return await _WAYS[status](bank, of or await product(bank, disbursements=PARTS_OF_A_LOAN))


async def decided(bank: Bank, asked: RequestChargeOff | RequestWriteOff) -> LoanId:
    """Asked for by the officer, approved by the manager."""
    request = await bank.says(asked, as_=OFFICER)
    await bank.says(DecideRequest(loan_id=asked.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)
    return asked.loan_id


async def _draft(bank: Bank, of: LoanProduct) -> LoanId:
    return (await applied(bank, of, start=await business_date(bank))).loan_id


async def _submitted(bank: Bank, of: LoanProduct) -> LoanId:
    loan_id = await _draft(bank, of)
    await bank.says(SubmitLoan(loan_id=loan_id), as_=OFFICER)
    return loan_id


async def _under_review(bank: Bank, of: LoanProduct) -> LoanId:
    loan_id = await _submitted(bank, of)
    await bank.says(ReviewLoan(loan_id=loan_id), as_=MANAGER)
    return loan_id


async def _approved(bank: Bank, of: LoanProduct) -> LoanId:
    return (await approved(bank, of, start=await business_date(bank))).loan_id


async def _rejected(bank: Bank, of: LoanProduct) -> LoanId:
    loan_id = await _submitted(bank, of)
    await bank.says(RejectLoan(loan_id=loan_id, reason="No income"), as_=MANAGER)
    return loan_id


async def _withdrawn(bank: Bank, of: LoanProduct) -> LoanId:
    loan_id = await _submitted(bank, of)
    await bank.says(WithdrawLoan(loan_id=loan_id, reason="Changed their mind"), as_=OFFICER)
    return loan_id


async def _active(bank: Bank, of: LoanProduct) -> LoanId:
    return (await lent(bank, days_ago=5, of=of)).loan_id


async def _in_arrears(bank: Bank, of: LoanProduct) -> LoanId:
    loan = await lent(bank, days_ago=70, of=of)
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=await business_date(bank) - timedelta(days=1)))
    return loan.loan_id


async def _closed(bank: Bank, of: LoanProduct) -> LoanId:
    loan_id = await _active(bank, of)
    owed = await bank.says(GetLoanPayoff(loan_id=loan_id))
    await bank.says(RecordRepayment(loan_id=loan_id, amount=owed.total))
    return loan_id


async def _charged_off(bank: Bank, of: LoanProduct) -> LoanId:
    return await decided(bank, RequestChargeOff(loan_id=await _in_arrears(bank, of), reason="Lost hope"))


async def _written_off(bank: Bank, of: LoanProduct) -> LoanId:
    return await decided(bank, RequestWriteOff(loan_id=await _in_arrears(bank, of), reason="Gone"))


_WAYS: dict[LoanStatus, Callable[[Bank, LoanProduct], Awaitable[LoanId]]] = {
    "draft": _draft,
    "submitted": _submitted,
    "under_review": _under_review,
    "approved": _approved,
    "rejected": _rejected,
    "withdrawn": _withdrawn,
    "active": _active,
    "in_arrears": _in_arrears,
    "closed": _closed,
    "charged_off": _charged_off,
    "written_off": _written_off,
}
