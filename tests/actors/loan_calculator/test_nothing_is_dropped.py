"""What is said about a loan counts in its schedule, or is refused by name; nothing is left out without a word."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from actors.loan_calculator.rules.asked_schedule import asked_schedule
from actors.loan_calculator.rules.fees import fee_amount
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import FeeTiming, Terms
from messages.base import Refusal
from messages.loan_terms import LoanTerms
from tests.actors.loan_calculator.terms_space import terms

LOAN = {
    "principal": {"amount": "1000.00", "currency": "KES"},
    "annual_rate_percent": "12",
    "start": "2024-01-15",
}
FIXED = {"fixed_installment": {"amount": "250.00", "currency": "KES"}}
LATE, LATER = "2024-09-01", "2034-09-01"
SMALL = {"amount": "10.00", "currency": "KES"}


@settings(max_examples=300, deadline=None)
@given(terms())
def test_every_event_counts_or_is_refused(said: Terms) -> None:
    try:
        schedule = make_schedule(said)
    except Refusal:
        return
    assert schedule.lent == schedule.total_principal
    extras = [(row.due, row.principal) for row in schedule.rows if row.kind == "extra_payment"]
    assert sorted(extras) == sorted((each.on, each.amount) for each in said.extra_payments)
    rows = len(schedule.columns.interest)
    begun = {piece.first for index, cut in schedule.plan.cuts.items() if index < rows for piece in cut.pieces}
    assert {each.on for each in said.disbursements} <= begun
    assert {each.on for each in said.rate_changes if each.on < schedule.plan.ends[rows - 1]} <= begun
    fixed = sum(fee_amount(fee, said.principal, said.rounding) for fee in said.fees if fee.timing is FeeTiming.INSTALLMENT)
    assert sum(row.fees for row in schedule.rows) == fixed * rows


@pytest.mark.parametrize("on", [LATE, LATER])
@pytest.mark.parametrize("how", [FIXED, {"installments": 12, **FIXED}, {"installments": 4}])
@pytest.mark.parametrize(
    ("field", "event"),
    [
        ("rate_changes", {"annual_rate_percent": "15"}),
        ("extra_payments", {"amount": SMALL}),
        ("extra_payments", {"amount": SMALL, "way": "lower"}),
        ("extra_payments", {"amount": SMALL, "way": "advance"}),
    ],
)
def test_what_comes_after_a_loan_is_repaid_is_refused(on: str, how: dict[str, Any], field: str, event: dict[str, Any]) -> None:
    said = LoanTerms.model_validate({**LOAN, **how, field: [{"on": on, **event}]})
    with pytest.raises(Refusal) as refused:
        asked_schedule(said)
    assert (refused.value.field, refused.value.rule) in {
        (field, "date_outside_term"),
        (field, "extra_payment_too_large"),
    }
    before = LoanTerms.model_validate({**LOAN, **how, field: [{"on": "2024-03-01", **event}]})
    assert asked_schedule(before).rows


def test_a_payment_that_ends_the_loan_leaves_nothing_to_a_later_rate() -> None:
    end = {"on": "2024-03-01", "amount": {"amount": "500.00", "currency": "KES"}}
    said = LoanTerms.model_validate(
        {
            **LOAN,
            "installments": 12,
            "extra_payments": [end],
            "rate_changes": [{"on": "2024-12-01", "annual_rate_percent": "9"}],
        }
    )
    with pytest.raises(Refusal) as refused:
        asked_schedule(said)
    assert (refused.value.field, refused.value.rule) == ("rate_changes", "date_outside_term")


def test_money_that_is_lent_later_is_repaid_even_so() -> None:
    said = LoanTerms.model_validate({**LOAN, **FIXED, "disbursements": [{"on": LATE, "amount": SMALL}]})
    schedule = asked_schedule(said)
    assert schedule.total_principal == 1_010_00
    assert schedule.rows[-1].due > date.fromisoformat(LATE)
