"""What a member who logs in sees of lending: what there is to apply for, and of loans their own alone."""

from typing import Any

import pytest

from http_edge.route import Route
from http_edge.routes import ROUTES
from messages.base import Refusal
from messages.ids import new_id
from messages.loan import ApplyForLoan
from messages.loan_product import CreateLoanProduct, GetLoanProduct, ListLoanProducts, RetireLoanProduct, ReviseLoanProduct
from messages.member import FormGroup, Seat
from runtime.principal import Principal
from tests.actors.ledger.customers import login, member
from tests.actors.loan.lending import business_date, kes, lent, product
from tests.actors.member.people import unique_word
from tests.bank import Bank

ABOUT_A_LOAN = [route for route in ROUTES if "{loan_id}" in route.path]
SAID: dict[str, Any] = {
    "amount": {"amount": "1.00", "currency": "KES"},
    "value": {"amount": "1.00", "currency": "KES"},
    "reason": "Mine now",
    "name": "Payslip",
    "description": "A castle",
    "part": "fee",
    "kind": "re_amortize",
    "approve": True,
    "effective_on": "2030-01-01",
}
"""What is said where a field must be there; ids are of nothing."""


async def _answer(bank: Bank, route: Route, who: Principal, **named: Any) -> str:
    fields = {name: SAID.get(name, new_id()) for name, field in route.message.model_fields.items() if field.is_required()}
    try:
        await bank.says(route.message.model_validate(fields | named), as_=who)
    except Refusal as no:
        return no.rule
    return "done"


@pytest.mark.parametrize("route", ABOUT_A_LOAN, ids=lambda route: f"{route.method} {route.path}")
async def test_another_members_loan_is_as_one_that_is_not_there(bank: Bank, route: Route) -> None:
    me, theirs = login(await member(bank)), await lent(bank)
    of_another, of_nobody = [
        await _answer(
            bank, route, me, loan_id=loan_id, **({"dry_run": True} if "dry_run" in route.message.model_fields else {})
        )
        for loan_id in (theirs.loan_id, new_id())
    ]
    assert of_another == of_nobody
    assert of_another in {"loan_not_found", "forbidden"}


async def test_a_member_sees_the_products_to_apply_for_and_no_others(bank: Bank) -> None:
    me, start = login(await member(bank)), await business_date(bank)
    for_all, over = await product(bank), await product(bank)
    assert (await bank.says(GetLoanProduct(product_id=for_all.product_id), as_=me)) == for_all
    assert over.product_id in await _listed(bank, me)
    await bank.says(RetireLoanProduct(product_id=over.product_id))
    listed = await _listed(bank, me)
    assert for_all.product_id in listed and over.product_id not in listed
    assert not (await bank.says(ListLoanProducts(status="retired"), as_=me)).items
    for product_id in (over.product_id, new_id()):
        with bank.refuses("loan_product_not_found"):
            await bank.says(GetLoanProduct(product_id=product_id), as_=me)
        with bank.refuses("loan_product_not_found", field="product_id"):
            await bank.says(
                ApplyForLoan(member_id=me.member_id, product_id=product_id, principal=kes(5_000), start=start), as_=me
            )
    for command in (
        CreateLoanProduct(code="MINE", name="Mine", rules=for_all.rules),
        ReviseLoanProduct(product_id=for_all.product_id, rules=for_all.rules),
        RetireLoanProduct(product_id=for_all.product_id),
    ):
        with bank.refuses("forbidden"):
            await bank.says(command, as_=me)


async def _listed(bank: Bank, who: Principal) -> set[Any]:
    found: set[Any] = set()
    cursor: str | None = None
    while True:
        page = await bank.says(ListLoanProducts(cursor=cursor, limit=200), as_=who)
        found |= {each.product_id for each in page.items}
        if (cursor := page.next_cursor) is None:
            return found


async def test_another_group_is_as_one_that_is_not_there(bank: Bank) -> None:
    me, other, of = login(await member(bank)), await member(bank), await product(bank)
    group = await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=(Seat(member_id=other),)))
    asked = {
        "member_id": me.member_id,
        "product_id": of.product_id,
        "principal": kes(5_000),
        "start": await business_date(bank),
    }
    for group_id in (group.group_id, new_id()):
        with bank.refuses("group_not_found", field="group_id"):
            await bank.says(ApplyForLoan.model_validate({**asked, "group_id": group_id}), as_=me)
