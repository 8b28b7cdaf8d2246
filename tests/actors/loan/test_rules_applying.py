"""What may be done in which status, who may decide, and what a product requires before a loan is handed in."""

from typing import Any

import pytest

from actors.loan.rules.exposure import check_documents, check_guarantee, check_security, check_terms_within
from actors.loan.rules.life_cycle import Action, check_action, check_checker, moved
from messages.loan import (
    CheckerIsMaker,
    CollateralMissing,
    DocumentsMissing,
    GroupAnswersForTooMuch,
    GuarantorsMissing,
    LoanOutsideProduct,
    LoanStateForbids,
    LoanStatus,
    MemberAnswersForTooMuch,
)
from tests.actors.loan.living import loan_terms, money

RULES: dict[str, Any] = {
    "amount": {"lowest": money(10_000), "highest": money(500_000)},
    "installments": {"lowest": 3, "highest": 24, "default": 12},
    "annual_rate_percent": {"lowest": "5", "highest": "30", "default": "12"},
    "documents": ["identity", "income"],
    "guarantors": {
        "lowest_number": 2,
        "cover_percent": "50",
        "most_by_member": money(60_000),
        "most_by_group": money(100_000),
    },
    "collateral_cover_percent": "25",
}


def test_an_application_goes_from_draft_to_approved() -> None:
    status: LoanStatus = "draft"
    for action, expected in ((Action.SUBMIT, "submitted"), (Action.REVIEW, "under_review"), (Action.APPROVE, "approved")):
        status = moved(status, action)
        assert status == expected
    assert moved(status, Action.WITHDRAW) == "withdrawn"


@pytest.mark.parametrize(
    ("status", "action"),
    [
        ("draft", Action.APPROVE),
        ("approved", Action.SUBMIT),
        ("rejected", Action.WITHDRAW),
        ("approved", Action.REPAY),
        ("closed", Action.REPAY),
        ("active", Action.WITHDRAW),
        ("active", Action.RECOVER),
        ("charged_off", Action.CHARGE),
        ("charged_off", Action.CHARGE_OFF),
        ("written_off", Action.RESCHEDULE),
        ("withdrawn", Action.DISBURSE),
    ],
)
def test_what_a_status_forbids_is_refused(status: LoanStatus, action: Action) -> None:
    with pytest.raises(LoanStateForbids) as refused:
        check_action(status, action)
    assert (refused.value.status, refused.value.facts["status"]) == (409, status)


def test_who_made_it_does_not_decide_it() -> None:
    check_checker(("user:1", None), "user:2")
    with pytest.raises(CheckerIsMaker):
        check_checker((None, "user:1"), "user:1")


@pytest.mark.parametrize(
    ("principal", "percent", "installments", "field"),
    [
        (9_999, "12", 12, "principal"),
        (500_001, "12", 12, "principal"),
        (120_000, "12", 2, "installments"),
        (120_000, "30.01", 12, "annual_rate_percent"),
    ],
)
def test_terms_beyond_the_product_are_refused(principal: int, percent: str, installments: int, field: str) -> None:
    check_terms_within(RULES, loan_terms())
    with pytest.raises(LoanOutsideProduct) as refused:
        check_terms_within(RULES, loan_terms(principal, percent, installments))
    assert refused.value.field == field


def test_documents_that_were_not_seen_are_named() -> None:
    check_documents(RULES, {"income", "identity", "photograph"})
    with pytest.raises(DocumentsMissing) as refused:
        check_documents(RULES, {"identity"})
    assert refused.value.facts["missing"] == "income"


def test_a_member_and_a_group_answer_for_so_much_in_all_loans() -> None:
    check_guarantee(RULES, 30_000, answered_by_member=30_000, answered_in_group=70_000)
    check_guarantee(RULES, 30_000, answered_by_member=30_000, answered_in_group=None)
    with pytest.raises(MemberAnswersForTooMuch):
        check_guarantee(RULES, 30_001, answered_by_member=30_000, answered_in_group=None)
    with pytest.raises(GroupAnswersForTooMuch):
        check_guarantee(RULES, 30_000, answered_by_member=0, answered_in_group=70_001)


def test_guarantors_and_collateral_cover_what_the_product_says() -> None:
    check_security(RULES, 120_000, [30_000, 30_000], [30_000])
    with pytest.raises(GuarantorsMissing):
        check_security(RULES, 120_000, [60_000], [30_000])
    with pytest.raises(GuarantorsMissing):
        check_security(RULES, 120_000, [30_000, 29_999], [30_000])
    with pytest.raises(CollateralMissing):
        check_security(RULES, 120_000, [30_000, 30_000], [29_999])
