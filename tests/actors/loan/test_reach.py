"""Whose loans a permission reaches, and up to which amounts loans and what is asked about them may be decided."""

from typing import Any

import pytest

from http_edge.route import Route
from messages.base import Refusal
from messages.ids import LoanId, new_id
from messages.loan import (
    ApplyForLoan,
    ApproveLoan,
    DecideRequest,
    GetLoan,
    ListLoans,
    RecordDocument,
    RequestDisbursement,
    RequestWriteOff,
    ReverseTransaction,
    SubmitLoan,
)
from messages.member import MoveMember
from runtime.principal import Principal
from tests.actors.identity.access import staff
from tests.actors.ledger.test_reach import up_to
from tests.actors.loan.lending import OFFICER, applied, business_date, kes, lent, now, product
from tests.actors.loan.test_members_own import ABOUT_A_LOAN, SAID
from tests.bank import Bank

ABOUT_LOANS = (
    *("loans_read", "loans_apply", "loans_review", "loans_approve", "loans_disburse", "loans_repay", "loans_charge"),
    *("loans_waive", "loans_reverse", "loans_write_off", "loans_reschedule"),
)


async def officer(bank: Bank, scope: str, **rest: Any) -> Principal:
    """Somebody with all permissions about loans, so narrow."""
    return await staff(bank, **dict.fromkeys(ABOUT_LOANS, scope), **rest)


async def _rule(bank: Bank, message: Any, who: Principal) -> str:
    try:
        await bank.says(message, as_=who)
    except Refusal as no:
        return no.rule
    return "done"


def _about(route: Route, loan_id: LoanId) -> Any:
    fields = {name: SAID.get(name, new_id()) for name, field in route.message.model_fields.items() if field.is_required()}
    dry = {"dry_run": True} if "dry_run" in route.message.model_fields else {}
    return route.message.model_validate(fields | {"loan_id": loan_id} | dry)


@pytest.fixture(scope="module")
def southern() -> dict[str, Any]:
    """A loan of the south, made once, and two who do not reach it."""
    return {}


@pytest.mark.parametrize("route", ABOUT_A_LOAN, ids=lambda route: f"{route.method} {route.path}")
async def test_a_loan_that_is_not_within_reach_is_as_one_that_is_not_there(
    bank: Bank, southern: dict[str, Any], route: Route
) -> None:
    if not southern:
        loan = await lent(bank)
        await bank.says(MoveMember(member_id=loan.member_id, branch="south"))
        southern["loan"] = loan
        southern["staff"] = [await officer(bank, scope, branch="north") for scope in ("group", "branch")]
    before = await now(bank, southern["loan"])
    for who in southern["staff"]:
        told = [await _rule(bank, _about(route, loan_id), who) for loan_id in (southern["loan"].loan_id, LoanId(new_id()))]
        assert told == ["loan_not_found", "loan_not_found"]
    assert await now(bank, southern["loan"]) == before


async def test_a_branch_lends_to_its_members(bank: Bank) -> None:
    start, of = await business_date(bank), await product(bank)
    near, far = await applied(bank, of, start=start), await applied(bank, of, start=start)
    await bank.says(MoveMember(member_id=near.member_id, branch="north"))
    who = await officer(bank, "branch", branch="north")
    await bank.says(RecordDocument(loan_id=near.loan_id, name="Payslip"), as_=who)
    assert (await bank.says(SubmitLoan(loan_id=near.loan_id), as_=who)).status == "submitted"
    listed = await bank.says(ListLoans(limit=200), as_=who)
    assert {loan.loan_id for loan in listed.items} == {near.loan_id}
    for member_id, seen in ((near.member_id, {near.loan_id}), (far.member_id, set())):
        listed = await bank.says(ListLoans(member_id=member_id), as_=who)
        assert {loan.loan_id for loan in listed.items} == seen
    asked = {"product_id": of.product_id, "principal": kes(5_000), "start": start, "installments": 12}
    draft = await bank.says(ApplyForLoan(member_id=near.member_id, **asked), as_=who)
    assert (await bank.says(GetLoan(loan_id=draft.loan_id), as_=who)).member_id == near.member_id
    for member_id in (far.member_id, new_id()):
        with bank.refuses("member_not_found", field="member_id"):
            await bank.says(ApplyForLoan(member_id=member_id, **asked), as_=who)


async def test_who_approves_loans_up_to_an_amount_approves_no_larger_one(bank: Bank) -> None:
    start, of = await business_date(bank), await product(bank)
    small, large = await applied(bank, of, 5_000, start=start), await applied(bank, of, 5_001, start=start)
    who = await staff(bank, loans_approve=up_to("5000.00"), loans_read="all")
    for loan in (small, large):
        await bank.says(SubmitLoan(loan_id=loan.loan_id), as_=OFFICER)
    with pytest.raises(Refusal) as no:
        await bank.says(ApproveLoan(loan_id=large.loan_id), as_=who)
    assert (no.value.rule, no.value.facts["at_most"]) == ("above_limit", "5000.00")
    assert (await bank.says(ApproveLoan(loan_id=small.loan_id), as_=who)).status == "approved"
    assert (await bank.says(GetLoan(loan_id=large.loan_id), as_=who)).status == "submitted"
    with bank.refuses("above_limit"):
        await bank.says(
            ApplyForLoan(member_id=small.member_id, product_id=of.product_id, principal=kes("5001.00"), start=start),
            as_=await staff(bank, loans_apply=up_to("5000.00")),
        )


async def test_what_is_asked_about_a_loan_is_decided_within_the_limit(bank: Bank) -> None:
    loan = await lent(bank, days_ago=40)
    who = await staff(bank, loans_approve=up_to("11000.00"), loans_write_off=up_to("11000.00"), loans_reverse=up_to("11000"))
    with bank.refuses("above_limit"):
        await bank.says(RequestWriteOff(loan_id=loan.loan_id, reason="gone"), as_=who)
    request = await bank.says(RequestWriteOff(loan_id=loan.loan_id, reason="gone"), as_=OFFICER)
    with bank.refuses("above_limit"):
        await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True), as_=who)
    assert (await now(bank, loan)).status != "written_off"
    with bank.refuses("above_limit"):
        await bank.says(ReverseTransaction(loan_id=loan.loan_id, transaction_id=loan.transaction_id, reason="x"), as_=who)
    rejected = await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=False), as_=who)
    assert rejected.status == "rejected"


async def test_a_payout_is_asked_for_and_decided_within_the_limit(bank: Bank) -> None:
    start, of = await business_date(bank), await product(bank)
    draft = await applied(bank, of, 12_000, start=start)
    await bank.says(SubmitLoan(loan_id=draft.loan_id), as_=OFFICER)
    await bank.says(ApproveLoan(loan_id=draft.loan_id))
    who = await staff(bank, loans_disburse=up_to("7000"), loans_approve=up_to("5000"))
    for amount in (None, kes("7000.01")):
        with bank.refuses("above_limit"):
            await bank.says(RequestDisbursement(loan_id=draft.loan_id, amount=amount), as_=who)
    first = await bank.says(RequestDisbursement(loan_id=draft.loan_id, amount=kes("7000.00")), as_=OFFICER)
    second = await bank.says(RequestDisbursement(loan_id=draft.loan_id), as_=OFFICER)
    with bank.refuses("above_limit"):
        await bank.says(DecideRequest(loan_id=draft.loan_id, request_id=first.request_id, approve=True), as_=who)
    done = await bank.says(DecideRequest(loan_id=draft.loan_id, request_id=second.request_id, approve=True), as_=who)
    assert (done.status, done.amount) == ("approved", kes("5000.00"))
