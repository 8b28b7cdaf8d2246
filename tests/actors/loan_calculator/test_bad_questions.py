"""Questions to the calculator over HTTP that have no answer: each is refused by a rule that names the field, and none is a fault."""

from typing import Any

import pytest

from tests.actors.loan.statuses import asks
from tests.bank import Bank

TERMS: dict[str, Any] = {
    "principal": {"amount": "12000.00", "currency": "KES"},
    "annual_rate_percent": "12",
    "installments": 12,
    "start": "2024-01-31",
}
LARGEST = "9999999999999.99"


def kes(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "KES"}


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def on(day: str, amount: str) -> list[dict[str, Any]]:
    return [{"on": day, "amount": kes(amount)}]


def rates(*days: str) -> list[dict[str, str]]:
    return [{"on": day, "annual_rate_percent": "5"} for day in days]


CONTRADICTORY: list[tuple[dict[str, Any], str, str]] = [
    ({"interest": "interest_only", "amortization": "equal_principal"}, "contradictory_terms", "amortization"),
    ({"interest": "interest_only", "balloon": kes("1000")}, "contradictory_terms", "balloon"),
    ({"interest": "flat", "installments": None, "fixed_installment": kes("2000")}, "contradictory_terms", "installments"),
    ({"interest": "zero"}, "contradictory_terms", "annual_rate_percent"),
    ({"amortization": "bullet", "balloon": kes("1000")}, "contradictory_terms", "balloon"),
    ({"amortization": "balloon"}, "contradictory_terms", "balloon"),
    ({"amortization": "balloon", "balloon": kes("12000")}, "contradictory_terms", "balloon"),
    ({"amortization": "fixed_installment"}, "contradictory_terms", "fixed_installment"),
    ({"amortization": "equal_principal", "fixed_installment": kes("2000")}, "contradictory_terms", "fixed_installment"),
    ({"fixed_installment": kes("2000"), "balloon": kes("100")}, "contradictory_terms", "balloon"),
    ({"fixed_installment": kes("2000"), "installment_multiple": kes("10")}, "contradictory_terms", "installment_multiple"),
    ({"installments": None}, "contradictory_terms", "installments"),
    ({"principal_grace": 12}, "contradictory_terms", "principal_grace"),
    ({"interest_grace": 12}, "contradictory_terms", "interest_grace"),
    ({"interest_free": 13}, "contradictory_terms", "interest_free"),
    ({"down_payment": kes("1"), "down_payment_percent": "5"}, "contradictory_terms", "down_payment"),
    ({"fees": [{"timing": "upfront", "percent": "1", "of": "installment"}]}, "contradictory_terms", "fees"),
]
BEYOND: list[tuple[dict[str, Any], str, str]] = [
    ({"principal": kes("10000000000000.01")}, "terms_beyond_limit", "principal"),
    ({"principal": kes("0.05")}, "amount_too_small", "principal"),
    ({"annual_rate_percent": "10000.01"}, "terms_beyond_limit", "annual_rate_percent"),
    ({"principal": kes(LARGEST), "annual_rate_percent": "10000", "every": {"count": 60}}, "terms_beyond_limit", "principal"),
    ({"fees": [{"timing": "installment", "amount": kes(LARGEST)}] * 50}, "terms_beyond_limit", "principal"),
    ({"fees": [{"timing": "upfront", "amount": kes("-5")}]}, "terms_beyond_limit", "fees"),
    ({"fees": [{"timing": "capitalized", "percent": "101"}]}, "terms_beyond_limit", "fees"),
    ({"down_payment_percent": "100"}, "terms_beyond_limit", "down_payment_percent"),
    ({"down_payment": kes("12000")}, "terms_beyond_limit", "down_payment"),
    ({"installment_multiple": kes("20000")}, "amount_too_small", "installment_multiple"),
    ({"installments": None, "fixed_installment": kes("100")}, "installment_too_small", "fixed_installment"),
    ({"extra_payments": on("2024-05-30", "100000")}, "extra_payment_too_large", "extra_payments"),
    ({"start": "9998-12-31"}, "term_too_long", "installments"),
    ({"every": {"count": 3660, "unit": "months"}, "installments": 3660}, "term_too_long", "installments"),
]
OUT_OF_ORDER: list[tuple[dict[str, Any], str, str]] = [
    ({"first_due": "2024-01-31"}, "dates_out_of_order", "first_due"),
    ({"disbursements": on("2024-01-30", "1")}, "dates_out_of_order", "disbursements"),
    ({"disbursements": on("2024-05-30", "1") + on("2024-04-30", "1")}, "dates_out_of_order", "disbursements"),
    ({"disbursements": on("2025-01-31", "1")}, "date_outside_term", "disbursements"),
    ({"rate_changes": rates("2023-05-30")}, "dates_out_of_order", "rate_changes"),
    ({"rate_changes": rates("2024-05-30", "2024-05-30")}, "dates_out_of_order", "rate_changes"),
    ({"extra_payments": on("2023-05-30", "1")}, "dates_out_of_order", "extra_payments"),
    ({"extra_payments": on("2033-05-30", "1")}, "date_outside_term", "extra_payments"),
    (
        {"every": {"count": 1, "unit": "days"}, "business_days": {"adjustment": "following"}},
        "due_dates_collide",
        "business_days",
    ),
]
FOREIGN: list[tuple[dict[str, Any], str, str]] = [
    ({name: usd("1")}, "two_currencies", name)
    for name in ("balloon", "fixed_installment", "down_payment", "installment_multiple")
] + [
    ({"disbursements": [{"on": "2024-05-30", "amount": usd("1")}]}, "two_currencies", "disbursements"),
    ({"extra_payments": [{"on": "2024-05-30", "amount": usd("1")}]}, "two_currencies", "extra_payments"),
    ({"fees": [{"timing": "upfront", "amount": usd("1")}]}, "two_currencies", "fees"),
]
UNSAYABLE: list[tuple[dict[str, Any], str, str]] = [
    ({name: value}, "invalid", field or name)
    for name, value, field in [
        ("principal", kes("0"), ""),
        ("principal", kes("-1"), ""),
        ("principal", kes("NaN"), ""),
        ("principal", kes("1e3"), ""),
        ("principal", kes("1.001"), ""),
        ("principal", {"amount": 12000, "currency": "KES"}, "principal.amount"),
        ("principal", {"amount": "1", "currency": "KSH"}, "principal.currency"),
        ("annual_rate_percent", "-1", ""),
        ("annual_rate_percent", 12, ""),
        ("annual_rate_percent", "NaN", ""),
        ("installments", 0, ""),
        ("installments", 1.5, ""),
        ("installments", "12", ""),
        ("installments", True, ""),
        ("installments", 3661, ""),
        ("every", {"count": 0}, "every.count"),
        ("start", "2024-02-30", ""),
        ("start", 20240131, ""),
        ("start", "1969-12-31", ""),
        ("day_count", "30/365", ""),
        ("business_days", {"weekend": [1, 2, 3, 4, 5, 6, 7]}, "business_days.weekend"),
        ("accrue_to_business_days", "true", ""),
        ("surprise", 1, ""),
    ]
]


@pytest.mark.parametrize(("changes", "rule", "field"), CONTRADICTORY + BEYOND + OUT_OF_ORDER + FOREIGN + UNSAYABLE)
async def test_impossible_terms_are_refused_by_their_field(bank: Bank, changes: dict[str, Any], rule: str, field: str) -> None:
    code, told = await asks(bank, "POST", "/loan-calculator/schedule", {"terms": {**TERMS, **changes}})
    assert (code, told["rule"], [each["field"] for each in told["errors"]]) == (422, rule, [f"terms.{field}"])


@pytest.mark.parametrize(
    ("path", "body", "rule", "field"),
    [
        ("payoff", {"terms": TERMS, "on": "2024-01-30"}, "date_outside_term", "on"),
        ("payoff", {"terms": TERMS, "on": "2025-02-01"}, "date_outside_term", "on"),
        ("payoff", {"terms": TERMS, "on": "2024-05-15", "charge_percent": "101"}, "terms_beyond_limit", "charge"),
        ("payoff", {"terms": TERMS, "on": "2024-05-15", "charge": usd("1")}, "two_currencies", "charge"),
        ("payoff", {"terms": TERMS, "on": "2024-05-15", "installments_paid": 12}, "terms_beyond_limit", "installments_paid"),
        ("accrual", {"terms": TERMS, "first": "2024-05-15", "last": "2024-05-14"}, "dates_out_of_order", "last"),
        ("accrual", {"terms": TERMS, "first": "2023-05-15", "last": "2024-05-14"}, "date_outside_term", "first"),
        ("prepayment", {"terms": TERMS, "on": "2024-05-15", "amount": kes("99999")}, "extra_payment_too_large", "amount"),
        ("prepayment", {"terms": TERMS, "on": "2033-05-15", "amount": kes("1")}, "date_outside_term", "on"),
        ("prepayment", {"terms": TERMS, "on": "2023-05-15", "amount": kes("1")}, "dates_out_of_order", "on"),
        ("prepayment", {"terms": TERMS, "on": "2024-05-15", "amount": usd("1")}, "two_currencies", "amount"),
        ("annual-rate", {}, "contradictory_terms", "terms"),
        (
            "annual-rate",
            {"received": on("2024-01-01", "1000"), "paid": on("2024-01-01", "1000")},
            "no_rate",
            "paid",
        ),
        (
            "annual-rate",
            {"received": on("2024-01-02", "1000"), "paid": on("2024-01-01", "1100")},
            "dates_out_of_order",
            "paid",
        ),
        ("time-value", {"function": "PMT", "nper": 10}, "no_term", "rate"),
        ("time-value", {"function": "PMT", "rate": "-1", "nper": 10}, "terms_beyond_limit", "rate"),
        ("time-value", {"function": "IPMT", "rate": "0.1", "nper": 3, "per": 4}, "no_term", "per"),
        ("time-value", {"function": "NPER", "rate": "0.01", "pmt": "-9", "pv": "1000"}, "no_term", "pmt"),
        ("time-value", {"function": "FV", "rate": "1000", "nper": 3660, "pmt": "-1"}, "terms_beyond_limit", "rate"),
        ("day-fraction", {"day_count": "ACT/360", "first": "2024-02-01", "last": "2024-01-01"}, "dates_out_of_order", "last"),
        (
            "day-fraction",
            {"day_count": "ACT/365L", "first": "2024-01-01", "last": "2024-02-01", "period_end": "2024-01-15"},
            "dates_out_of_order",
            "period_end",
        ),
        (
            "day-fraction",
            {"day_count": "30E/360 ISDA", "first": "2024-01-01", "last": "2024-02-01", "maturity": "2024-01-15"},
            "dates_out_of_order",
            "maturity",
        ),
        (
            "penalty",
            {"due": "2024-01-01", "on": "2024-02-01", "principal": kes("-1"), "interest": kes("0")},
            "terms_beyond_limit",
            "principal",
        ),
        (
            "penalty",
            {
                "due": "1970-01-01",
                "on": "9998-02-01",
                "principal": kes(LARGEST),
                "interest": kes("0"),
                "percent": "1",
                "per": "day",
            },
            "terms_beyond_limit",
            "on",
        ),
    ],
)
async def test_impossible_questions_are_refused_by_their_field(
    bank: Bank, path: str, body: dict[str, Any], rule: str, field: str
) -> None:
    code, told = await asks(bank, "POST", f"/loan-calculator/{path}", body)
    assert (code, told["rule"], [each["field"] for each in told["errors"]]) == (422, rule, [field])


@pytest.mark.parametrize(
    ("said", "value"),
    [
        # As spreadsheets answer them.
        ({"function": "PMT", "rate": "0", "nper": 10, "pv": "1000", "type": 1}, "-100.000000000000"),
        ({"function": "IPMT", "rate": "0.1", "per": 1, "nper": 3, "pv": "8000", "type": 1}, "0.000000000000"),
        ({"function": "IPMT", "rate": "0", "per": 1, "nper": 3, "pv": "8000"}, "0.000000000000"),
        ({"function": "PPMT", "rate": "0.1", "per": 1, "nper": 3, "pv": "8000", "type": 1}, "-2924.471299093656"),
        ({"function": "RATE", "nper": 10, "pmt": "-100", "pv": "1000"}, "0.000000000000"),
        ({"function": "RATE", "nper": 10, "pmt": "-90", "pv": "1000"}, "-0.018711665423"),
        ({"function": "NPER", "rate": "0", "pmt": "-100", "pv": "1000"}, "10.000000000000"),
        ({"function": "NPER", "rate": "-0.01", "pmt": "-100", "pv": "1000"}, "9.483283065722"),
    ],
)
async def test_the_edges_of_time_value(bank: Bank, said: dict[str, Any], value: str) -> None:
    assert await asks(bank, "POST", "/loan-calculator/time-value", said) == (200, {"value": value})


async def test_a_loan_without_interest_has_rates_of_nothing(bank: Bank) -> None:
    code, told = await asks(bank, "POST", "/loan-calculator/annual-rate", {"terms": {**TERMS, "annual_rate_percent": "0"}})
    assert (code, {told[f"{name}_percent"] for name in ("effective", "us", "eu")}) == (200, {"0.000000"})


async def test_of_two_rates_the_one_nearest_to_a_tenth_is_told(bank: Bank) -> None:
    # 1,000 - 2,300 v + 1,320 v^2 is nothing at 10 % and at 20 %.
    flows = {"received": on("2022-01-01", "1000") + on("2024-01-01", "1320"), "paid": on("2023-01-01", "2300")}
    code, told = await asks(bank, "POST", "/loan-calculator/annual-rate", flows)
    assert (code, told["effective_percent"], told["eu_percent"]) == (200, "10.000000", "10.000000")
    flows["received"][1]["amount"] = kes("2000")
    code, told = await asks(bank, "POST", "/loan-calculator/annual-rate", flows)
    assert (code, told["rule"]) == (422, "no_rate")
