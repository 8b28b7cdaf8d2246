"""Where a loan's money comes from and goes to: accounts of the borrower and of guarantors, cash, and how payments elsewhere come by."""

from typing import Any

from messages.ids import AccountId, new_id
from messages.ledger import GetEntry, OpenAccount
from messages.loan import PaidFrom, RecordRepayment, RefundOverpayment, ReverseTransaction
from tests.actors.ledger.customers import account
from tests.actors.loan.lending import TELLER, Lent, kes, lent, now, product
from tests.actors.loan_product.catalogue import accounting, accounts_of_the_institution
from tests.bank import Bank


async def test_a_payment_made_elsewhere_counts_once(bank: Bank) -> None:
    one, other = await lent(bank), await lent(bank)
    receipt = f"MPESA-{new_id()}"
    paid = PaidFrom(external_payment_id=receipt)
    first = await bank.says(RecordRepayment(loan_id=one.loan_id, amount=kes(100), paid_from=paid))
    assert first.transaction.reference == receipt
    with bank.refuses("external_payment_counted", field="paid_from.external_payment_id"):
        await bank.says(RecordRepayment(loan_id=other.loan_id, amount=kes(100), paid_from=paid))
    await bank.says(
        ReverseTransaction(loan_id=one.loan_id, transaction_id=first.transaction.transaction_id, reason="Other loan")
    )
    await bank.says(RecordRepayment(loan_id=other.loan_id, amount=kes(100), paid_from=paid))


async def test_a_payment_made_elsewhere_comes_by_the_account_that_the_product_names(bank: Bank) -> None:
    mobile, bank_account = [await _own(bank, code) for code in ("1020", "2900")]
    mapped = accounting("accrual", await accounts_of_the_institution(bank)) | {"external_payments": mobile}
    loan = await lent(bank, of=await product(bank, accounting=mapped))
    for said, in_cash, came_by in (
        (PaidFrom(external_payment_id=f"M-{new_id()}"), False, mobile),
        (PaidFrom(account_id=bank_account, external_payment_id=f"B-{new_id()}"), False, bank_account),
        (None, True, loan.product.rules.accounting.cash),
        (PaidFrom(external_payment_id=f"R-{new_id()}"), True, loan.product.rules.accounting.cash),
    ):
        change = await bank.says(
            RecordRepayment(loan_id=loan.loan_id, amount=kes(10), paid_from=said, in_cash=in_cash), as_=TELLER
        )
        entry = await bank.says(GetEntry(entry_id=change.transaction.entry_id))
        assert [each.account_id for each in entry.postings if each.side == "debit"] == [came_by]


async def _own(bank: Bank, code: str) -> AccountId:
    opened = await bank.says(OpenAccount(kind="internal", currency="KES", gl_code=code, name=f"Channel {code}"))
    return opened.account_id


async def test_money_comes_by_no_account_that_stands_for_something_else(bank: Bank) -> None:
    loan = await lent(bank)
    accounts = await accounts_of_the_institution(bank) | {"interest_receivable": await _own(bank, "1200")}
    other = await product(bank, accounting=accounting("accrual", accounts))
    await lent(bank, of=other)
    unfit = [await _own(bank, code) for code in ("3900", "4010", "5090")]
    for account_id in (*unfit, other.rules.accounting.interest_receivable):
        with bank.refuses("account_kind_refused", field="paid_from.account_id"):
            await repay_from(bank, loan, account_id, external_payment_id=f"X-{new_id()}")
        with bank.refuses("account_kind_refused", field="to_account_id"):
            asked = RefundOverpayment(loan_id=loan.loan_id, amount=kes(1), to_account_id=account_id)
            await bank.says(asked, as_=TELLER)
    with bank.refuses("account_kind_refused", field="paid_from.account_id"):
        await repay_from(bank, loan, await _own(bank, "1020"))  # without saying which payment it was
    with bank.refuses("account_kind_refused", field="paid_from.account_id"):
        said = PaidFrom(account_id=loan.account_id)
        await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(1), paid_from=said, in_cash=True), as_=TELLER)


async def test_money_comes_from_where_it_may(bank: Bank) -> None:
    loan, other = await lent(bank), await lent(bank)
    rules = loan.product.rules.accounting
    with bank.refuses("account_kind_refused", field="paid_from.account_id"):
        await repay_from(bank, loan, rules.interest_income, external_payment_id="X")
    with bank.refuses("account_kind_refused", field="paid_from.account_id"):
        await repay_from(bank, loan, (await now(bank, other)).account_id)
    with bank.refuses("account_not_found", field="paid_from.account_id"):
        await repay_from(bank, loan, new_id())
    with bank.refuses("payer_unfit", field="paid_from.account_id"):
        await repay_from(bank, loan, other.account_id)
    empty = await account(bank, member_id=loan.member_id)
    with bank.refuses("insufficient_funds", field="amount"):
        await repay_from(bank, loan, empty.account_id)
    full = await account(bank, 50, member_id=loan.member_id)
    assert (await repay_from(bank, loan, full.account_id)).transaction.amount == kes(10)


async def repay_from(bank: Bank, loan: Lent, account_id: Any, **more: Any) -> Any:
    paid = PaidFrom(account_id=account_id, **more)
    return await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(10), paid_from=paid), as_=TELLER)
