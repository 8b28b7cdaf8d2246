"""Products over messages and HTTP: made, looked at, revised, retired; an old version stays what it was."""

import asyncio
from typing import Any

import pytest

from messages.base import Refusal
from messages.ids import AccountId, new_id
from messages.ledger import CloseAccount, OpenAccount
from messages.loan_product import (
    CreateLoanProduct,
    GetLoanProduct,
    ListLoanProducts,
    LoanProduct,
    ProductRules,
    RetireLoanProduct,
    ReviseLoanProduct,
)
from runtime.principal import Principal
from tests.actors.loan_product.catalogue import (
    CURRENCY,
    OTHERS,
    RECEIVABLES,
    accounting,
    accounts_of_the_institution,
    money,
    rules_of,
)
from tests.bank import Bank

PRODUCTS = "/api/v1/loan-products"
OFFICER = Principal("user", "officer", ("loan_officer",))


@pytest.fixture
async def accounts(bank: Bank) -> dict[str, AccountId]:
    """The institution's accounts, by role."""
    return await accounts_of_the_institution(bank)


@pytest.fixture
def rules(accounts: dict[str, AccountId]) -> ProductRules:
    """Rules that can be booked."""
    return rules_of(accounting=accounting("accrual", accounts))


async def made(bank: Bank, code: str, rules: ProductRules) -> LoanProduct:
    return await bank.says(CreateLoanProduct(code=code, name=f"Loan {code}", rules=rules))


async def test_a_product_is_made_once_and_shown_to_whoever_sells_it(bank: Bank, rules: ProductRules) -> None:
    message_id = new_id()
    command = CreateLoanProduct(code="ONCE", name="Once", rules=rules)
    product = await bank.says(command, message_id=message_id)
    assert await bank.says(command, message_id=message_id) == product
    assert (product.version, product.latest_version, product.status, product.currency) == (1, 1, "active", CURRENCY)
    assert product.rules.allocation.repayment.order[0].part == "penalty"
    assert product.rules.model_copy(update={"allocation": rules.allocation}) == rules
    assert await bank.says(GetLoanProduct(product_id=product.product_id), as_=OFFICER) == product
    with bank.refuses("product_code_taken", field="code"):
        await made(bank, "ONCE", rules)
    with bank.refuses("forbidden"):
        await bank.says(command, as_=OFFICER)


async def test_a_version_stays_what_it_was_when_the_next_is_made(bank: Bank, rules: ProductRules) -> None:
    first = await made(bank, "REVISED", rules)
    cheaper = rules.model_copy(update={"annual_rate_percent": rules.annual_rate_percent.model_copy(update={"default": "12"})})
    second = await bank.says(ReviseLoanProduct(product_id=first.product_id, rules=cheaper, expected_version=1))
    assert (second.version, second.name, second.rules.annual_rate_percent.default) == (2, first.name, "12")

    old = await bank.says(GetLoanProduct(product_id=first.product_id, product_version=1))
    assert old == first.model_copy(update={"latest_version": 2})
    assert await bank.says(GetLoanProduct(product_id=first.product_id)) == second
    with bank.refuses("loan_product_not_found"):
        await bank.says(GetLoanProduct(product_id=first.product_id, product_version=3))
    with bank.refuses("version_conflict"):
        await bank.says(ReviseLoanProduct(product_id=first.product_id, rules=cheaper, expected_version=1))


async def test_what_is_shown_can_be_said_again(bank: Bank, rules: ProductRules) -> None:
    shown = await made(bank, "AGAIN", rules)
    again = await bank.says(ReviseLoanProduct(product_id=shown.product_id, rules=shown.rules))
    assert again.rules == shown.rules


async def test_of_many_revisions_at_once_each_is_a_version_or_is_told_of_another(bank: Bank, rules: ProductRules) -> None:
    product = await made(bank, "BUSY", rules)
    revision = ReviseLoanProduct(product_id=product.product_id, rules=rules, expected_version=1)
    answers = await asyncio.gather(*(bank.says(revision) for _ in range(6)), return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, LoanProduct)]
    lost = [answer.rule for answer in answers if isinstance(answer, Refusal)]
    assert [product.version for product in won] == [2]
    assert lost == ["version_conflict"] * 5


async def test_a_retired_product_is_not_revised_and_still_shown(bank: Bank, rules: ProductRules) -> None:
    product = await made(bank, "OLD", rules)
    retired = await bank.says(RetireLoanProduct(product_id=product.product_id))
    assert retired == product.model_copy(update={"status": "retired"})
    for command in (
        RetireLoanProduct(product_id=product.product_id),
        ReviseLoanProduct(product_id=product.product_id, rules=rules),
    ):
        with bank.refuses("product_retired"):
            await bank.says(command)
    assert await bank.says(GetLoanProduct(product_id=product.product_id)) == retired


async def test_products_are_listed_by_code_page_by_page(bank: Bank, rules: ProductRules) -> None:
    for code in ("LIST-C", "LIST-A", "LIST-B"):
        await made(bank, code, rules)
    await bank.says(RetireLoanProduct(product_id=(await made(bank, "LIST-D", rules)).product_id))
    codes: list[str] = []
    cursor: str | None = None
    while True:
        page = await bank.says(ListLoanProducts(status="active", cursor=cursor, limit=2))
        codes += [product.code for product in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert [code for code in codes if code.startswith("LIST")] == ["LIST-A", "LIST-B", "LIST-C"]
    assert codes == sorted(codes)
    with bank.refuses("invalid", field="cursor"):
        await bank.says(ListLoanProducts(cursor="bm8"))


async def test_only_accounts_that_can_be_booked_to_are_taken(bank: Bank, accounts: dict[str, AccountId]) -> None:
    closed = await bank.says(OpenAccount(kind="internal", currency=CURRENCY, gl_code="1010"))
    await bank.says(CloseAccount(account_id=closed.account_id, reason="Unused"))
    foreign = await bank.says(OpenAccount(kind="internal", currency="UGX", gl_code="1010"))
    for account_id in (AccountId(new_id()), closed.account_id, foreign.account_id):
        mapped = accounting("cash", accounts | {"cash": account_id})
        with bank.refuses("product_account_unfit", field="rules.accounting.cash"):
            await made(bank, "UNFIT", rules_of(accounting=mapped))
    for code in ("9999", "4010"):
        mapped = accounting("cash", accounts) | {"principal_gl_code": code}
        with bank.refuses("product_account_unfit", field="rules.accounting.principal_gl_code"):
            await made(bank, "UNFIT", rules_of(accounting=mapped))


@pytest.mark.parametrize("role", [*RECEIVABLES, *OTHERS, "external_payments"])
async def test_each_role_is_booked_under_its_own_kind_of_chart_account(
    bank: Bank, accounts: dict[str, AccountId], role: str
) -> None:
    fits = {"receivable": "asset", "income": "income", "expense": "expense", "overpayment": "liability"}
    kind = fits.get(role.rpartition("_")[2], "asset")
    for code, its_kind in (
        ("1020", "asset"),
        ("2900", "liability"),
        ("3900", "equity"),
        ("4020", "income"),
        ("5090", "expense"),
    ):
        other = await bank.says(OpenAccount(kind="internal", currency=CURRENCY, gl_code=code, name=f"Under {code}"))
        rules = rules_of(accounting=accounting("accrual", accounts) | {role: other.account_id})
        if its_kind == kind or (role == "external_payments" and its_kind == "liability"):
            await made(bank, f"FITS-{new_id().hex[-8:].upper()}", rules)
            continue
        with bank.refuses("product_account_unfit", field=f"rules.accounting.{role}"):
            await made(bank, "UNFIT", rules)


async def test_the_currency_of_a_product_stays(bank: Bank, rules: ProductRules) -> None:
    product = await made(bank, "CURRENCY", rules)
    other = {"lowest": money("1000", "UGX"), "highest": money("2000000", "UGX")}
    changed = rules_of(currency="UGX", amount=other, accounting=rules.accounting.model_dump())
    with bank.refuses("product_contradictory", field="rules.currency"):
        await bank.says(ReviseLoanProduct(product_id=product.product_id, rules=changed))


async def test_the_life_of_a_product_over_http(bank: Bank, rules: ProductRules) -> None:
    said: dict[str, Any] = {"code": "HTTP", "name": "Over HTTP", "rules": rules.model_dump(mode="json")}
    plain = {**bank.root, "Accept-Encoding": "identity"}
    async with bank.http.post(PRODUCTS, json=said, headers=plain) as response:
        product = await response.json()
        assert (response.status, response.headers["ETag"]) == (201, '"1"')
    where = response.headers["Location"]
    change = {"rules": {**said["rules"], "documents": ["Payslip"]}}
    async with bank.http.post(f"{where}/revise", json=change, headers={**bank.root, "If-Match": '"1"'}) as response:
        assert (response.status, (await response.json())["rules"]["documents"]) == (200, ["Payslip"])
    async with bank.http.get(where, params={"product_version": "1"}, headers=bank.root) as response:
        assert await response.json() == {**product, "latest_version": 2}
    async with bank.http.post(f"{where}/retire", headers=bank.root) as response:
        assert (await response.json())["status"] == "retired"
    said["rules"]["buckets"][0]["from_days"] = 7
    async with bank.http.post(PRODUCTS, json=said, headers=bank.root) as response:
        problem = await response.json()
        assert (response.status, problem["errors"][0]["field"]) == (422, "rules.buckets.0.from_days")
