"""Products for tests: rules that make sense, and ways to bend them."""

from typing import Any

from messages.ids import AccountId, new_id
from messages.ledger import AdoptStandardChart, ListAccounts, OpenAccount
from messages.loan_product import ProductRules
from messages.money import Money
from tests.bank import Bank

CURRENCY = "KES"
RECEIVABLES = {"interest_receivable": "1200", "fee_receivable": "1200", "penalty_receivable": "1200"}
OTHERS = {
    "interest_income": "4010",
    "fee_income": "4020",
    "penalty_income": "4020",
    "charge_off_expense": "5020",
    "write_off_expense": "5020",
    "recovery_income": "4020",
    "overpayment": "2900",
    "cash": "1010",
}


def money(amount: str, currency: str = CURRENCY) -> Money:
    """An amount."""
    return Money(amount=amount, currency=currency)


def accounting(basis: str = "accrual", accounts: dict[str, AccountId] | None = None) -> dict[str, Any]:
    """A mapping to these accounts, or to some."""
    roles = [*(RECEIVABLES if basis == "accrual" else {}), *OTHERS]
    ids = accounts or {role: AccountId(new_id()) for role in roles}
    return {"basis": basis, "principal_gl_code": "1100", **{role: ids[role] for role in roles}}


def rules_of(**changes: Any) -> ProductRules:
    """Rules that make sense, and what is changed of them."""
    said: dict[str, Any] = {
        "currency": CURRENCY,
        "amount": {"lowest": money("1000"), "highest": money("500000")},
        "installments": {"lowest": 1, "highest": 36, "default": 12},
        "annual_rate_percent": {"lowest": "0", "highest": "36", "default": "18"},
        "accounting": accounting(),
    }
    return ProductRules.model_validate(said | changes)


async def accounts_of_the_institution(bank: Bank) -> dict[str, AccountId]:
    """An internal account for each role, made where there is none."""
    await bank.says(AdoptStandardChart(currency=CURRENCY))
    named: dict[str, AccountId] = {}
    cursor: str | None = None
    while True:
        page = await bank.says(ListAccounts(kind="internal", cursor=cursor, limit=200))
        named |= {account.name: account.account_id for account in page.items}
        if (cursor := page.next_cursor) is None:
            break
    found: dict[str, AccountId] = {}
    for role, code in (RECEIVABLES | OTHERS).items():
        name = f"Loans: {role}"
        if name not in named:
            opened = await bank.says(OpenAccount(kind="internal", currency=CURRENCY, gl_code=code, name=name))
            named[name] = opened.account_id
        found[role] = named[name]
    return found
