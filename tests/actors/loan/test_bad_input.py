"""What no bank would do, asked for over HTTP: amounts below, at and beyond every limit, foreign money, days out of order."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from messages.ids import new_id
from messages.loan import ListLoanTransactions
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import business_date, kes, lent, now, product
from tests.actors.loan.statuses import asks, loan_that_is
from tests.bank import Bank

SHILLING = {"amount": "1.00", "currency": "KES"}
NO_AMOUNTS: list[Any] = [
    *({"amount": text, "currency": "KES"} for text in ("0", "-1", "0.001", "NaN", "Infinity", "1e3", "", " 1", "01", "1,0")),
    {"amount": "99999999999999999.99", "currency": "KES"},
    {"amount": "1", "currency": "kes"},
    {"amount": 1, "currency": "KES"},
    {"amount": 1.5, "currency": "KES"},
    {"amount": "1"},
    {"amount": "1", "currency": "KES", "more": 1},
    "1",
    1,
    True,
    [],
]
MONEY_ROUTES = {
    "repayments": {"in_cash": True},
    "charges": {"reason": "Visit"},
    "waivers": {"reason": "Kindness", "part": "interest"},
    "refunds": {"in_cash": True},
    "disbursement-requests": {},
}


def refused(told: Any) -> tuple[str, list[str]]:
    return told["rule"], [each["field"] for each in told.get("errors", ())]


@pytest.mark.parametrize("route", MONEY_ROUTES)
async def test_what_is_no_amount_moves_nothing(bank: Bank, route: str) -> None:
    loan = await lent(bank, of=await product(bank, disbursements=2), days_ago=40)
    before = await now(bank, loan)
    for amount in NO_AMOUNTS:
        code, told = await asks(bank, "POST", f"/loans/{loan.loan_id}/{route}", {"amount": amount, **MONEY_ROUTES[route]})
        assert (code, told["rule"]) == (422, "invalid"), (amount, told)
        assert told["errors"][0]["field"].startswith("amount")
    foreign = {"amount": "1", "currency": "USD"}
    code, told = await asks(bank, "POST", f"/loans/{loan.loan_id}/{route}", {"amount": foreign, **MONEY_ROUTES[route]})
    assert (code, *refused(told)) == (422, "loan_currency_differs", ["amount"])
    assert await now(bank, loan) == before


async def test_amounts_beyond_what_there_is_are_refused(bank: Bank) -> None:
    loan = await lent(bank, days_ago=40)
    path = f"/loans/{loan.loan_id}"
    owed = (await now(bank, loan)).balances.outstanding.interest
    more = kes(Decimal(owed.amount) + Decimal("0.01")).model_dump()
    for route, body, rule in (
        ("waivers", {"amount": more, "part": "interest", "reason": "Kindness"}, "waiver_too_large"),
        ("waivers", {"amount": SHILLING, "part": "fee", "reason": "Kindness"}, "waiver_too_large"),
        ("refunds", {"in_cash": True}, "refund_too_large"),
        ("refunds", {"amount": SHILLING, "in_cash": True}, "refund_too_large"),
        ("repayments", {"amount": {"amount": "9999999", "currency": "KES"}}, "insufficient_funds"),
        ("disbursement-requests", {"amount": SHILLING}, "disbursement_too_large"),
    ):
        code, told = await asks(bank, "POST", f"{path}/{route}", body)
        assert (code, *refused(told)) == (422, rule, ["amount"])
    code, told = await asks(bank, "POST", f"{path}/waivers", {"amount": owed.model_dump(), "part": "interest", "reason": "All"})
    assert (code, told["after"]["outstanding"]["interest"]["amount"]) == (201, "0.00")


async def test_more_than_the_ledger_can_count_is_refused_and_the_loan_goes_on(bank: Bank) -> None:
    loan = await lent(bank, days_ago=5)
    body = {"amount": {"amount": "600000000000000.00", "currency": "KES"}, "reason": "A slip of the hand"}
    seen = [(await asks(bank, "POST", f"/loans/{loan.loan_id}/charges", body)) for _ in range(2)]
    assert [code for code, _ in seen] == [201, 422]
    assert refused(seen[1][1]) == ("balance_too_large", ["amount"])
    where = f"/loans/{loan.loan_id}/transactions/{seen[0][1]['transaction']['transaction_id']}/reverse"
    code, told = await asks(bank, "POST", where, {"reason": "A slip of the hand"})
    assert (code, told["after"]["outstanding"]["fee"]["amount"]) == (201, "0.00")


@pytest.mark.parametrize(
    ("changes", "code", "rule", "field"),
    [
        ({"principal": {"amount": "999.99", "currency": "KES"}}, 422, "loan_outside_product", "principal"),
        ({"principal": {"amount": "1000", "currency": "KES"}}, 201, "", ""),
        ({"principal": {"amount": "500000", "currency": "KES"}}, 201, "", ""),
        ({"principal": {"amount": "500000.01", "currency": "KES"}}, 422, "loan_outside_product", "principal"),
        ({"principal": {"amount": "12000", "currency": "USD"}}, 422, "currency_mismatch", "principal"),
        ({"installments": 0}, 422, "invalid", "installments"),
        ({"installments": 1}, 201, "", ""),
        ({"installments": 36}, 201, "", ""),
        ({"installments": 37}, 422, "loan_outside_product", "installments"),
        ({"annual_rate_percent": "36"}, 201, "", ""),
        ({"annual_rate_percent": "36.01"}, 422, "loan_outside_product", "annual_rate_percent"),
        ({"annual_rate_percent": "-1"}, 422, "invalid", "annual_rate_percent"),
        # 12,000 at 12 % by 400 a month is paid in 36 months, by 390 it is not: what the product does not lend for so long.
        ({"annual_rate_percent": "12", "fixed_installment": {"amount": "400", "currency": "KES"}}, 201, "", ""),
        (
            {"annual_rate_percent": "12", "fixed_installment": {"amount": "390", "currency": "KES"}},
            422,
            "loan_outside_product",
            "fixed_installment",
        ),
        ({"fixed_installment": {"amount": "1", "currency": "KES"}}, 422, "installment_too_small", "fixed_installment"),
        ({"balloon": {"amount": "12000", "currency": "KES"}}, 422, "contradictory_terms", "balloon"),
        ({"first_due": "start"}, 422, "dates_out_of_order", "first_due"),
        ({"start": "2024-02-30"}, 422, "invalid", "start"),
        ({"start": 20240101}, 422, "invalid", "start"),
        ({"start": "1969-12-31"}, 422, "invalid", "start"),
        ({"member_id": "nobody"}, 404, "member_not_found", "member_id"),
        ({"group_id": "nobody"}, 404, "group_not_found", "group_id"),
        ({"product_id": "nobody"}, 404, "loan_product_not_found", "product_id"),
        ({"settlement_account_id": "nobody"}, 404, "account_not_found", "settlement_account_id"),
        ({"member_id": "x"}, 422, "invalid", "member_id"),
        ({"purpose": "a\0b"}, 422, "invalid", "purpose"),
        ({"purpose": "x" * 201}, 422, "invalid", "purpose"),
        ({"surprise": 1}, 422, "invalid", "surprise"),
    ],
)
async def test_an_application_is_within_its_product_or_told_by_its_field(
    bank: Bank, changes: dict[str, Any], code: int, rule: str, field: str
) -> None:
    start, of, borrower = (await business_date(bank)).isoformat(), await product(bank), await member(bank)
    words = {"nobody": str(new_id()), "start": start}
    asked = {
        "member_id": str(borrower),
        "product_id": str(of.product_id),
        "principal": {"amount": "12000", "currency": "KES"},
        "start": start,
        "settlement_account_id": str((await account(bank, 1, member_id=borrower)).account_id),
        **{name: words.get(str(value), value) for name, value in changes.items()},
    }
    seen, told = await asks(bank, "POST", "/loans", asked)
    assert seen == code, told
    if rule:
        assert refused(told) == (rule, [field])


async def test_days_are_in_order(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=40), await business_date(bank)
    history = (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items
    before, tomorrow = history[0].value_date - timedelta(days=1), today + timedelta(days=1)
    for day, rule in ((before, "loan_value_date_too_early"), (tomorrow, "loan_value_date_too_late")):
        for route in ("repayments", "charges", "waivers"):
            body = {"amount": SHILLING, "value_date": day.isoformat(), **MONEY_ROUTES[route]}
            code, told = await asks(bank, "POST", f"/loans/{loan.loan_id}/{route}", body)
            assert (code, *refused(told)) == (422, rule, ["value_date"])
    for what, day, rule in (
        ("balances", tomorrow, "loan_value_date_too_late"),
        ("payoff", today - timedelta(days=1), "date_is_past"),
    ):
        code, told = await asks(bank, "GET", f"/loans/{loan.loan_id}/{what}?on={day}")
        assert (code, *refused(told)) == (422, rule, ["on"])
    body = {"kind": "rate_change", "annual_rate_percent": "5", "effective_on": str(today - timedelta(days=1)), "reason": "Late"}
    code, told = await asks(bank, "POST", f"/loans/{loan.loan_id}/reschedule-requests", body)
    assert (code, *refused(told)) == (422, "date_is_past", ["effective_on"])
    approved = await loan_that_is(bank, "approved")
    body = {"value_date": tomorrow.isoformat()}
    code, told = await asks(bank, "POST", f"/loans/{approved}/disbursement-requests", body)
    assert (code, *refused(told)) == (422, "loan_value_date_too_late", ["value_date"])


async def test_a_loan_that_is_late_for_ages_is_answered_like_any_other(bank: Bank) -> None:
    loan = await lent(bank, days_ago=40)
    code, told = await asks(bank, "GET", f"/loans/{loan.loan_id}/payoff?on=9998-12-31")
    assert code == 200, told
    # One percent a day of each installment since it was due.
    assert Decimal(told["owed"]["penalty"]["amount"]) > 12_000 * 7_900 * 365 // 100
    old = await lent(bank, days_ago=(await business_date(bank) - date(1970, 1, 1)).days)
    code, told = await asks(bank, "POST", f"/loans/{old.loan_id}/repayments", {"amount": SHILLING, "value_date": "1970-03-01"})
    assert (code, told["after"]["bucket"]) == (201, "181+")


@pytest.mark.parametrize(
    ("asked", "rule", "field"),
    [
        ({"kind": "rate_change"}, "reschedule_impossible", "annual_rate_percent"),
        ({"kind": "rate_change", "annual_rate_percent": "36.01"}, "loan_outside_product", "annual_rate_percent"),
        ({"kind": "rate_change", "annual_rate_percent": "5", "installments": 3}, "reschedule_impossible", "installments"),
        ({"kind": "new_terms"}, "reschedule_impossible", "kind"),
        ({"kind": "new_terms", "installments": 37}, "loan_outside_product", "installments"),
        ({"kind": "new_terms", "annual_rate_percent": "99"}, "loan_outside_product", "annual_rate_percent"),
        ({"kind": "new_terms", "installments": 3, "holiday_installments": 1}, "reschedule_impossible", "holiday_installments"),
        ({"kind": "new_terms", "every": {"count": 0}}, "invalid", "every.count"),
        ({"kind": "re_age", "installments": 37}, "loan_outside_product", "installments"),
        ({"kind": "re_age", "annual_rate_percent": "5"}, "reschedule_impossible", "annual_rate_percent"),
        ({"kind": "re_amortize", "installments": 3}, "reschedule_impossible", "installments"),
        ({"kind": "payment_holiday"}, "reschedule_impossible", "holiday_installments"),
        ({"kind": "payment_holiday", "holiday_installments": 1, "every": {"count": 2}}, "reschedule_impossible", "every"),
        ({"kind": "forgive"}, "invalid", "kind"),
    ],
)
async def test_a_reschedule_that_contradicts_itself_or_its_product_is_refused(
    bank: Bank, asked: dict[str, Any], rule: str, field: str
) -> None:
    loan, today = await lent(bank, days_ago=40), await business_date(bank)
    body = {"effective_on": today.isoformat(), "reason": "Drought", **asked}
    code, told = await asks(bank, "POST", f"/loans/{loan.loan_id}/reschedule-requests", body)
    assert (code, *refused(told)) == (422, rule, [field])


async def test_the_second_of_two_words_for_one_thing_is_refused(bank: Bank) -> None:
    loan = await lent(bank, days_ago=5)
    path, somebody = f"/loans/{loan.loan_id}/repayments", await account(bank, 5)
    for body, code, rule, field in (
        (
            {"in_cash": True, "paid_from": {"account_id": str(loan.account_id)}},
            422,
            "account_kind_refused",
            "paid_from.account_id",
        ),
        ({"in_cash": "yes"}, 422, "invalid", "in_cash"),
        ({"in_cash": 1}, 422, "invalid", "in_cash"),
        ({"paid_from": {"account_id": str(somebody.account_id)}}, 422, "payer_unfit", "paid_from.account_id"),
        ({"paid_from": {"account_id": str(new_id())}}, 404, "account_not_found", "paid_from.account_id"),
        ({"paid_from": {"external_payment_id": ""}}, 422, "invalid", "paid_from.external_payment_id"),
        ({"way": "sideways"}, 422, "invalid", "way"),
        ({"loan_id": str(new_id())}, 422, "invalid", "loan_id"),
    ):
        seen, told = await asks(bank, "POST", path, {"amount": SHILLING, **body})
        assert (seen, *refused(told)) == (code, rule, [field])
    sent, told = await asks(bank, "POST", path, {"amount": SHILLING, "in_cash": True}, **{"Idempotency-Key": ""})
    assert (sent, told["rule"]) == (400, "idempotency_key_malformed")
