"""A product that makes no sense is refused, and the field at fault is named."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.loan_product.rules.allocation_orders import EVERY_STEP, ORDERS, spelled_out
from actors.loan_product.rules.chart_kinds import KINDS_OF_ROLES
from actors.loan_product.rules.contradictions import check_rules
from actors.loan_product.rules.trial_schedules import try_schedules
from messages.base import Refusal
from messages.ids import AccountId, new_id
from messages.loan_product import Accounting, Allocation, AllocationRules, AllocationStep, ProductRules
from tests.actors.loan_product.catalogue import accounting, money, rules_of

START = date(2026, 1, 31)
RANGE = {"lowest": 3, "highest": 36, "default": 12}


def check(rules: ProductRules) -> None:
    check_rules(rules)
    spelled_out(rules.allocation)
    try_schedules(rules, START)


def refused(changes: dict[str, Any]) -> Refusal:
    rules = rules_of(**changes)
    with pytest.raises(Refusal) as caught:
        check(rules)
    return caught.value


@pytest.mark.parametrize("basis", ["cash", "accrual"])
def test_a_product_that_makes_sense_is_taken(basis: str) -> None:
    check(rules_of(accounting=accounting(basis)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": {"lowest": money("5"), "highest": money("4")}}, "rules.amount.highest"),
        ({"installments": {"lowest": 9, "highest": 3, "default": 6}}, "rules.installments.highest"),
        ({"installments": RANGE | {"default": 60}}, "rules.installments.default"),
        ({"annual_rate_percent": {"lowest": "20", "highest": "9.5", "default": "9.5"}}, "rules.annual_rate_percent.highest"),
        ({"annual_rate_percent": {"lowest": "5", "highest": "9", "default": "10"}}, "rules.annual_rate_percent.default"),
        ({"amount": {"lowest": money("5", "UGX"), "highest": money("9")}}, "rules.amount.lowest"),
        ({"penalty": {"amount": money("5", "UGX")}}, "rules.penalty.amount"),
        ({"guarantors": {"most_by_group": money("5", "UGX")}}, "rules.guarantors.most_by_group"),
        ({"schedule": {"fees": [{"timing": "upfront", "amount": money("5", "UGX")}]}}, "rules.schedule.fees.0.amount"),
        ({"schedule": {"installment_multiple": money("5", "UGX")}}, "rules.schedule.installment_multiple"),
        ({"penalty": {}}, "rules.penalty"),
        ({"penalty": {"percent": "101", "per": "day"}}, "rules.penalty.percent"),
        ({"penalty": {"percent": "1", "cap": money("0")}}, "rules.penalty.cap"),
        ({"penalty": {"percent": "1", "per": "once", "charges_grace": True}}, "rules.penalty.charges_grace"),
        ({"documents": ["ID", "ID"]}, "rules.documents"),
        ({"collateral_cover_percent": "1001"}, "rules.collateral_cover_percent"),
        ({"buckets": [{"name": "current", "from_days": 1}]}, "rules.buckets.0.from_days"),
        ({"buckets": [{"name": "a", "from_days": 0}, {"name": "b", "from_days": 0}]}, "rules.buckets.1.from_days"),
        ({"buckets": [{"name": "a", "from_days": 0}, {"name": "a", "from_days": 9}]}, "rules.buckets"),
        ({"buckets": [{"name": "a", "from_days": 0, "provision_percent": "101"}]}, "rules.buckets.0.provision_percent"),
    ],
)
def test_contradictory_rules_are_refused(changes: dict[str, Any], field: str) -> None:
    refusal = refused(changes)
    assert (refusal.rule, refusal.field) == ("product_contradictory", field)


@pytest.mark.parametrize("role", ["interest_receivable", "fee_receivable", "penalty_receivable"])
def test_receivables_are_for_the_accrual_basis_alone(role: str) -> None:
    missing = accounting("accrual")
    del missing[role]
    needless = accounting("cash") | {role: AccountId(new_id())}
    for accounts in (missing, needless):
        refusal = refused({"accounting": accounts})
        assert (refusal.rule, refusal.field) == ("product_contradictory", f"rules.accounting.{role}")


def test_every_role_has_its_kinds_of_chart_accounts() -> None:
    assert set(KINDS_OF_ROLES) == set(Accounting.model_fields) - {"basis"}


@pytest.mark.parametrize("channel", ["cash", "external_payments"])
def test_money_comes_by_no_account_that_loans_are_proven_by(channel: str) -> None:
    accounts = accounting("accrual")
    refusal = refused({"accounting": accounts | {channel: accounts["interest_receivable"]}})
    assert (refusal.rule, refusal.field) == ("product_contradictory", f"rules.accounting.{channel}")


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": {"principal_grace": 3}, "installments": RANGE},
        {"schedule": {"interest": "zero"}},
        {"schedule": {"interest": "interest_only", "amortization": "equal_principal"}},
        {"schedule": {"installment_multiple": money("5000")}},
        {"schedule": {"every": {"count": 1, "unit": "days"}, "business_days": {"adjustment": "following"}}},
        {"amount": {"lowest": money("0.01"), "highest": money("10")}},
    ],
)
def test_a_product_under_which_some_loan_has_no_schedule_is_refused(changes: dict[str, Any]) -> None:
    refusal = refused(changes)
    assert (refusal.rule, refusal.field) == ("product_schedule_impossible", "rules.schedule")
    assert "why" in refusal.facts


@pytest.mark.parametrize("amortization", ["equal_installments", "equal_principal", "balloon", "bullet", "fixed_installment"])
def test_every_amortization_can_be_a_products(amortization: str) -> None:
    try_schedules(rules_of(schedule={"amortization": amortization}, installments=RANGE), START)


def test_every_preset_is_a_whole_order_that_begins_with_what_is_past_due() -> None:
    for order in ORDERS.values():
        assert set(order) == EVERY_STEP and len(order) == len(EVERY_STEP)
        assert [step.due for step in order] == ["past_due"] * 4 + ["due"] * 4 + ["in_advance"] * 4
    assert len(set(ORDERS.values())) == len(ORDERS)


@given(st.permutations(sorted(EVERY_STEP, key=str)))
def test_an_order_of_all_twelve_steps_is_taken_as_it_is(order: list[AllocationStep]) -> None:
    said = AllocationRules(repayment=Allocation(order=tuple(order), direction="vertical"))
    assert spelled_out(said) == said


@given(st.permutations(sorted(EVERY_STEP, key=str)), st.integers(0, 11), st.integers(0, 11))
def test_an_order_that_misses_a_step_or_names_one_twice_is_refused(order: list[AllocationStep], lost: int, twice: int) -> None:
    shorter = order[:lost] + order[lost + 1 :]
    doubled = [*shorter, shorter[twice % len(shorter)]]
    for wrong in (shorter, doubled):
        with pytest.raises(Refusal) as caught:
            spelled_out(AllocationRules(charged_off_repayment=Allocation(order=tuple(wrong))))
        assert caught.value.rule == "product_allocation_incomplete"
        assert caught.value.field == "rules.allocation.charged_off_repayment.order"
        assert f"{order[lost].due} {order[lost].part}" in str(caught.value.facts["missing"])


def test_a_presets_name_is_spelled_out_and_may_be_said_with_its_order() -> None:
    for preset, order in ORDERS.items():
        shown = spelled_out(AllocationRules(repayment=Allocation(preset=preset)))
        assert shown.repayment.order == order
        assert spelled_out(shown) == shown
    for one, other in permutations(ORDERS, 2):
        with pytest.raises(Refusal) as caught:
            spelled_out(AllocationRules(repayment=Allocation(preset=one, order=ORDERS[other])))
        assert caught.value.field == "rules.allocation.repayment.order"
