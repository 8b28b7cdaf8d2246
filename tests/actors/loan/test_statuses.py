"""Every action over HTTP on a loan in every status: done where the life of a loan has it, refused by name where it has not."""

from dataclasses import dataclass, field
from typing import Any, get_args

import pytest

from messages.ids import new_id
from messages.loan import DecideRequest, GetLoan, ListLoanTransactions, LoanStatus, RequestChargeOff, RequestWriteOff
from tests.actors.ledger.customers import member
from tests.actors.loan.lending import MANAGER, OFFICER, business_date
from tests.actors.loan.statuses import asks, decided, loan_that_is
from tests.bank import Bank

APPLIED = {"draft", "submitted", "under_review"}
RUNNING = {"active", "in_arrears"}
OWING = RUNNING | {"charged_off"}
PAID_OUT = OWING | {"closed", "written_off"}
ENDED = {"closed", "rejected", "withdrawn"}
REASON = {"reason": "Because"}
SOME = {"amount": {"amount": "10.00", "currency": "KES"}}
CASH = {**SOME, "in_cash": True}
ANOTHER_RATE = {"kind": "rate_change", "annual_rate_percent": "10", "effective_on": "today", **REASON}


@dataclass(frozen=True)
class Deed:
    """A route of a loan, what is sent to it, and the statuses in which it is done."""

    path: str
    allowed: set[str]
    body: dict[str, Any] | None = field(default_factory=dict)
    method: str = "POST"
    but: str = ""
    """The rule that refuses it where the status allows it and there is nothing to do."""


DEEDS = [
    Deed("", {"draft"}, {"purpose": "Seeds"}, method="PATCH"),
    Deed("/documents", {"draft"}, {"name": "Payslip"}),
    Deed("/guarantors", APPLIED, {"member_id": "another", **SOME}),
    Deed("/guarantors/{new}", APPLIED, None, method="DELETE", but="guarantor_not_found"),
    Deed("/collateral", APPLIED | OWING | {"approved"}, {"description": "A cow", "value": SOME["amount"]}),
    Deed("/collateral/{new}", APPLIED | ENDED, None, method="DELETE", but="collateral_not_found"),
    Deed("/submit", {"draft"}),
    Deed("/review", {"submitted"}),
    Deed("/approve", {"submitted", "under_review"}),
    Deed("/reject", {"submitted", "under_review"}, REASON),
    Deed("/withdraw", APPLIED | {"approved"}, REASON),
    Deed("/disbursement-requests", RUNNING | {"approved"}, SOME, but="disbursement_too_large"),
    Deed("/charge-off-requests", RUNNING, REASON),
    Deed("/write-off-requests", OWING, REASON),
    Deed("/reschedule-requests", RUNNING, ANOTHER_RATE),
    Deed("/repayments?dry_run=true", OWING, CASH),
    Deed("/repayments", OWING, CASH),
    Deed("/charges", RUNNING, {**SOME, **REASON}),
    Deed("/waivers", OWING, {**SOME, **REASON, "part": "fee"}, but="waiver_too_large"),
    Deed("/refunds", PAID_OUT, {"in_cash": True}, but="refund_too_large"),
    Deed("/recoveries", {"written_off"}, CASH),
    Deed("/transactions/{first}/reverse", PAID_OUT, REASON, but="later_transactions_depend"),
    Deed("/payoff", OWING, None, method="GET"),
]


@pytest.mark.parametrize("status", get_args(LoanStatus))
async def test_what_is_done_in_a_status_and_what_is_not(bank: Bank, status: LoanStatus) -> None:
    words = {"today": (await business_date(bank)).isoformat(), "another": str(await member(bank))}
    loan_id = await loan_that_is(bank, status)
    for deed in DEEDS:
        if (await bank.says(GetLoan(loan_id=loan_id))).status != status:
            loan_id = await loan_that_is(bank, status)
        history = (await bank.says(ListLoanTransactions(loan_id=loan_id))).items
        path = deed.path.format(new=new_id(), first=history[0].transaction_id if history else new_id())
        body = deed.body and {name: words.get(str(value), value) for name, value in deed.body.items()}
        code, told = await asks(bank, deed.method, f"/loans/{loan_id}{path}", body)
        seen = (deed.method, deed.path, status, code, told)
        if status not in deed.allowed:
            forbidden = "loan_transaction_not_found" if "{first}" in deed.path and not history else "loan_state_forbids"
            assert (told.get("rule"), code) == (forbidden, 409 if forbidden == "loan_state_forbids" else 404), seen
        elif code >= 300:
            assert told["rule"] == deed.but, seen


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("disbursement-requests", {"amount": {"amount": "10.00", "currency": "KES"}}),
        ("charge-off-requests", REASON),
        ("write-off-requests", REASON),
        ("reschedule-requests", ANOTHER_RATE),
    ],
)
async def test_who_asked_decides_neither_way_and_what_is_decided_is_decided(
    bank: Bank, path: str, body: dict[str, Any]
) -> None:
    loan_id = await loan_that_is(bank, "approved" if path.startswith("disbursement") else "active")
    said = {name: (await business_date(bank)).isoformat() if value == "today" else value for name, value in body.items()}
    code, request = await asks(bank, "POST", f"/loans/{loan_id}/{path}", said)
    assert (code, request["status"]) == (201, "open")
    where = f"/loans/{loan_id}/requests/{request['request_id']}/decide"
    for approve in (True, False):
        code, told = await asks(bank, "POST", where, {"approve": approve})
        assert (code, told["rule"]) == (403, "checker_is_maker")
    code, told = await asks(bank, "POST", where, {"approve": "yes"})
    assert (code, told["rule"], told["errors"][0]["field"]) == (422, "invalid", "approve")
    await bank.says(DecideRequest(loan_id=loan_id, request_id=request["request_id"], approve=True), as_=MANAGER)
    for approve in (True, False):
        code, told = await asks(bank, "POST", where, {"approve": approve})
        assert (code, told["rule"]) == (409, "loan_request_decided")


async def test_what_was_asked_for_in_another_status_is_not_carried_out(bank: Bank) -> None:
    loan_id = await loan_that_is(bank, "in_arrears")
    asked = [
        await bank.says(RequestChargeOff(loan_id=loan_id, reason="Lost"), as_=OFFICER),
        await bank.says(RequestWriteOff(loan_id=loan_id, reason="Lost"), as_=OFFICER),
    ]
    await decided(bank, RequestWriteOff(loan_id=loan_id, reason="Gone"))
    for request in asked:
        where = f"/loans/{loan_id}/requests/{request.request_id}/decide"
        code, told = await asks(bank, "POST", where, {"approve": True})
        assert (code, told["rule"]) == (409, "loan_state_forbids")
        code, told = await asks(bank, "POST", where, {"approve": False})
        assert (code, told["status"]) == (200, "rejected")


async def test_a_maker_approves_and_rejects_nothing_of_their_own_over_http(bank: Bank) -> None:
    loan_id = await loan_that_is(bank, "draft")
    code, told = await asks(bank, "POST", f"/loans/{loan_id}/submit")
    assert (code, told["status"]) == (200, "submitted")
    for path, body in (("approve", {}), ("reject", REASON)):
        code, told = await asks(bank, "POST", f"/loans/{loan_id}/{path}", body)
        assert (code, told["rule"]) == (403, "checker_is_maker")
