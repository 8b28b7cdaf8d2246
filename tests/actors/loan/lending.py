"""A bank that lends: products, borrowers and loans for tests. Every call makes somebody new, so that tests do not meet each other's."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from messages.close_of_business import GetBusinessDate
from messages.ids import AccountId, LoanId, LoanTransactionId, MemberId, new_id
from messages.ledger import GetAccount
from messages.loan import (
    ApplyForLoan,
    ApproveLoan,
    DecideRequest,
    GetLoan,
    Loan,
    LoanRequest,
    RequestDisbursement,
    SubmitLoan,
)
from messages.loan_product import CreateLoanProduct, LoanProduct
from messages.money import Money
from runtime.principal import Principal
from tests.actors.ledger.customers import account, member
from tests.actors.loan_product.catalogue import accounting, accounts_of_the_institution, rules_of
from tests.bank import Bank

OFFICER = Principal("user", "officer", ("loan_officer",))
MANAGER = Principal("user", "manager", ("manager",))
TELLER = Principal("user", "teller", ("teller",))
PENALTY = {"percent": "1", "of": "principal_and_interest", "per": "day", "grace_days": 0}


def kes(amount: object) -> Money:
    """Shillings."""
    return Money(amount=str(amount), currency="KES")


@dataclass(frozen=True)
class Lent:
    """A loan that was paid out, and who has it."""

    loan_id: LoanId
    member_id: MemberId
    account_id: AccountId
    """The member's savings, which it was paid out to."""
    product: LoanProduct
    transaction_id: LoanTransactionId
    """The disbursement."""


async def business_date(bank: Bank) -> date:
    """The bank's day."""
    return (await bank.says(GetBusinessDate())).business_date


async def product(bank: Bank, basis: str = "accrual", **rules: Any) -> LoanProduct:
    """A product of 12 months at 12 % that penalizes lateness."""
    accounts = await accounts_of_the_institution(bank)
    said = {"penalty": PENALTY, "schedule": {"day_count": "ACT/360"}, "accounting": accounting(basis, accounts), **rules}
    code = f"P{new_id().hex[-12:].upper()}"
    return await bank.says(CreateLoanProduct(code=code, name="Working capital", rules=rules_of(**said)))


async def applied(bank: Bank, of: LoanProduct, principal: object = 12_000, *, start: date, **rest: Any) -> Loan:
    """A draft of a new member with savings."""
    member_id = await member(bank)
    savings = await account(bank, 100_000, member_id=member_id)
    asked = {"member_id": member_id, "product_id": of.product_id, "principal": kes(principal), "start": start}
    asked |= {"installments": 12, "annual_rate_percent": "12", "settlement_account_id": savings.account_id, **rest}
    return await bank.says(ApplyForLoan.model_validate(asked), as_=OFFICER)


async def approved(bank: Bank, of: LoanProduct, principal: object = 12_000, *, start: date, **rest: Any) -> Loan:
    """A loan that may be paid out."""
    draft = await applied(bank, of, principal, start=start, **rest)
    await bank.says(SubmitLoan(loan_id=draft.loan_id), as_=OFFICER)
    return await bank.says(ApproveLoan(loan_id=draft.loan_id), as_=MANAGER)


async def lent(bank: Bank, *, days_ago: int = 0, of: LoanProduct | None = None, **rest: Any) -> Lent:
    """A loan that was paid out so many days before the business date."""
    start = await business_date(bank) - timedelta(days=days_ago)
    of = of or await product(bank)
    loan = await approved(bank, of, start=start, **rest)
    request = await paid_out(bank, loan.loan_id, value_date=start)
    assert loan.settlement_account_id is not None
    assert request.transaction_id is not None
    return Lent(loan.loan_id, loan.member_id, loan.settlement_account_id, of, request.transaction_id)


async def paid_out(bank: Bank, loan_id: LoanId, **rest: Any) -> LoanRequest:
    """Asked for by the officer, approved by the manager."""
    request = await bank.says(RequestDisbursement(loan_id=loan_id, **rest), as_=OFFICER)
    return await bank.says(DecideRequest(loan_id=loan_id, request_id=request.request_id, approve=True), as_=MANAGER)


async def now(bank: Bank, loan: Lent) -> Loan:
    """The loan as it is."""
    return await bank.says(GetLoan(loan_id=loan.loan_id))


async def balance(bank: Bank, account_id: UUID | None) -> str:
    """What an account holds."""
    assert account_id is not None
    return (await bank.says(GetAccount(account_id=AccountId(account_id)))).balance.amount
