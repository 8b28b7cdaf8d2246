"""A loan's life over messages: applied for, approved by another, paid out, paid back; and what is refused on the way."""

from datetime import timedelta

from messages.ids import new_id
from messages.ledger import GetEntry, GetTrialBalance
from messages.loan import (
    ApplyForLoan,
    ApproveLoan,
    DecideRequest,
    GetLoan,
    GetLoanPayoff,
    GetLoanSchedule,
    ListLoanTransactions,
    RecordRepayment,
    RequestDisbursement,
    ReverseTransaction,
    SubmitLoan,
    WithdrawLoan,
)
from messages.loan_product import RetireLoanProduct
from messages.money import Money
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import (
    MANAGER,
    OFFICER,
    applied,
    approved,
    balance,
    business_date,
    kes,
    lent,
    now,
    paid_out,
    product,
)
from tests.bank import Bank


async def test_from_product_to_payoff(bank: Bank) -> None:
    today = await business_date(bank)
    draft = await applied(bank, await product(bank), start=today)
    assert (draft.status, draft.balances.outstanding.total, draft.undisbursed) == ("draft", kes(0), kes(0))
    planned = await bank.says(GetLoanSchedule(loan_id=draft.loan_id))
    submitted = await bank.says(SubmitLoan(loan_id=draft.loan_id), as_=OFFICER)
    assert (submitted.status, submitted.submitted_by) == ("submitted", "user:officer")
    loan = await bank.says(ApproveLoan(loan_id=draft.loan_id, expected_version=submitted.version), as_=MANAGER)
    assert (loan.status, loan.approved_by, loan.undisbursed) == ("approved", "user:manager", kes(12_000))

    request = await paid_out(bank, loan.loan_id)
    assert (request.status, request.amount, request.decided_by) == ("approved", kes(12_000), "user:manager")
    paid = await bank.says(GetLoan(loan_id=loan.loan_id))
    assert (paid.status, paid.undisbursed, paid.balances.outstanding.principal) == ("active", kes(0), kes(12_000))
    assert await balance(bank, paid.account_id) == "12000.00"
    assert await balance(bank, paid.settlement_account_id) == "112000.00"
    schedule = await bank.says(GetLoanSchedule(loan_id=loan.loan_id))
    assert schedule == planned
    assert len(schedule.installments) == 12
    assert schedule.totals.principal == kes(12_000)

    payoff = await bank.says(GetLoanPayoff(loan_id=loan.loan_id))
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=payoff.total), as_=OFFICER)
    assert change.transaction.parts.principal == kes(12_000)
    assert (change.after.outstanding.total, change.after.overpaid) == (kes(0), kes(0))
    closed = await bank.says(GetLoan(loan_id=loan.loan_id))
    assert (closed.status, closed.balances) == ("closed", change.after)
    assert await balance(bank, paid.account_id) == "0.00"
    transactions = await bank.says(ListLoanTransactions(loan_id=loan.loan_id))
    assert [(each.number, each.kind) for each in transactions.items] == [(1, "disbursement"), (2, "repayment")]
    assert (await bank.says(GetTrialBalance())).balanced


async def test_what_is_said_twice_posts_once(bank: Bank) -> None:
    loan = await lent(bank)
    message_id = new_id()
    repayment = RecordRepayment(loan_id=loan.loan_id, amount=kes(500))
    first = await bank.says(repayment, message_id=message_id)
    assert await bank.says(repayment, message_id=message_id) == first
    assert await balance(bank, loan.account_id) == "111500.00"
    assert first.transaction.entry_id is not None
    entry = await bank.says(GetEntry(entry_id=first.transaction.entry_id))
    assert sum(posting.amount.minor for posting in entry.postings if posting.side == "debit") == 50_000


async def test_a_maker_is_no_checker(bank: Bank) -> None:
    draft = await applied(bank, await product(bank), start=await business_date(bank))
    await bank.says(SubmitLoan(loan_id=draft.loan_id), as_=MANAGER)
    with bank.refuses("checker_is_maker"):
        await bank.says(ApproveLoan(loan_id=draft.loan_id), as_=MANAGER)
    await bank.says(ApproveLoan(loan_id=draft.loan_id), as_=OFFICER)
    request = await bank.says(RequestDisbursement(loan_id=draft.loan_id), as_=OFFICER)
    with bank.refuses("checker_is_maker"):
        await bank.says(DecideRequest(loan_id=draft.loan_id, request_id=request.request_id, approve=True), as_=OFFICER)
    decided = await bank.says(DecideRequest(loan_id=draft.loan_id, request_id=request.request_id, approve=False), as_=MANAGER)
    assert decided.status == "rejected"
    with bank.refuses("loan_request_decided"):
        await bank.says(DecideRequest(loan_id=draft.loan_id, request_id=request.request_id, approve=True), as_=MANAGER)
    assert (await bank.says(GetLoan(loan_id=draft.loan_id))).status == "approved"


async def test_what_the_status_forbids_is_refused(bank: Bank) -> None:
    loan = await approved(bank, await product(bank), start=await business_date(bank))
    with bank.refuses("loan_state_forbids"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(10)))
    with bank.refuses("loan_state_forbids"):
        await bank.says(SubmitLoan(loan_id=loan.loan_id))
    withdrawn = await bank.says(WithdrawLoan(loan_id=loan.loan_id, reason="Found another"))
    assert (withdrawn.status, withdrawn.reason) == ("withdrawn", "Found another")
    with bank.refuses("loan_state_forbids"):
        await bank.says(RequestDisbursement(loan_id=loan.loan_id))


async def test_another_currency_and_too_much_are_refused(bank: Bank) -> None:
    loan = await lent(bank)
    with bank.refuses("loan_currency_differs", field="amount"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=Money(amount="10", currency="USD")))
    with bank.refuses("version_conflict"):
        await bank.says(SubmitLoan(loan_id=loan.loan_id, expected_version=99))
    today = await business_date(bank)
    other = await approved(bank, loan.product, start=today)
    with bank.refuses("loan_value_date_too_late", field="value_date"):
        await bank.says(RequestDisbursement(loan_id=other.loan_id, value_date=today + timedelta(days=1)))
    with bank.refuses("loan_value_date_too_late", field="value_date"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(1), value_date=today + timedelta(days=1)))
    with bank.refuses("disbursement_too_large", field="amount"):
        await bank.says(RequestDisbursement(loan_id=other.loan_id, amount=kes(12_001)))


async def test_what_is_named_and_is_not_there_is_told_by_its_field(bank: Bank) -> None:
    of, start = await product(bank), await business_date(bank)
    member_id, nobody = await member(bank), new_id()
    asked = {"member_id": member_id, "product_id": of.product_id, "principal": kes(5_000), "start": start}
    for field, rule in (
        ("member_id", "member_not_found"),
        ("product_id", "loan_product_not_found"),
        ("group_id", "group_not_found"),
        ("settlement_account_id", "account_not_found"),
    ):
        with bank.refuses(rule, field=field):
            await bank.says(ApplyForLoan.model_validate({**asked, field: nobody}))
    with bank.refuses("account_not_found", field="settlement_account_id"):
        others = (await account(bank)).account_id
        await bank.says(ApplyForLoan.model_validate({**asked, "settlement_account_id": others}))
    with bank.refuses("currency_mismatch", field="principal"):
        await bank.says(ApplyForLoan.model_validate({**asked, "principal": Money(amount="5000", currency="USD")}))
    with bank.refuses("loan_outside_product"):
        await bank.says(ApplyForLoan.model_validate({**asked, "principal": kes(1)}))
    await bank.says(RetireLoanProduct(product_id=of.product_id))
    with bank.refuses("product_retired", field="product_id"):
        await bank.says(ApplyForLoan.model_validate(asked))


async def test_what_the_ledger_refuses_did_not_happen(bank: Bank) -> None:
    loan = await lent(bank, principal=200_000)
    with bank.refuses("insufficient_funds", field="amount"):
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(400_000)))
    before = await now(bank, loan)
    assert before.balances.outstanding.principal == kes(200_000)
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(1_000)))
    assert change.transaction.number == 2


async def test_a_loan_is_paid_out_in_parts_as_its_product_lets_it(bank: Bank) -> None:
    today = await business_date(bank)
    loan = await approved(bank, await product(bank, disbursements=2), start=today - timedelta(days=20))
    await paid_out(bank, loan.loan_id, amount=kes(5_000), value_date=today - timedelta(days=20))
    half = await bank.says(GetLoan(loan_id=loan.loan_id))
    assert (half.status, half.undisbursed, half.balances.outstanding.principal) == ("active", kes(7_000), kes(5_000))
    first = await bank.says(RequestDisbursement(loan_id=loan.loan_id, amount=kes(4_000)), as_=OFFICER)
    with bank.refuses("disbursement_too_large", field="amount"):
        await bank.says(RequestDisbursement(loan_id=loan.loan_id, amount=kes(3_001)), as_=OFFICER)
    await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=first.request_id, approve=True), as_=MANAGER)
    whole = await bank.says(GetLoan(loan_id=loan.loan_id))
    assert (whole.undisbursed, whole.account_id) == (kes(3_000), half.account_id)
    assert await balance(bank, whole.account_id) == "9000.00"
    with bank.refuses("too_many_disbursements"):
        await paid_out(bank, loan.loan_id)
    schedule = await bank.says(GetLoanSchedule(loan_id=loan.loan_id))
    assert schedule.totals.principal == kes(9_000)


async def test_a_disbursement_is_taken_back_and_made_again(bank: Bank) -> None:
    loan = await lent(bank)
    undone = await bank.says(
        ReverseTransaction(loan_id=loan.loan_id, transaction_id=loan.transaction_id, reason="Wrong account")
    )
    assert undone.after.outstanding.total == kes(0)
    back = await now(bank, loan)
    assert (back.status, back.undisbursed, back.closed_through) == ("approved", kes(12_000), None)
    assert await balance(bank, loan.account_id) == "100000.00"
    await paid_out(bank, loan.loan_id)
    again = await now(bank, loan)
    assert (again.status, again.account_id) == ("active", back.account_id)
    assert await balance(bank, again.account_id) == "12000.00"
