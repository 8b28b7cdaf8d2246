"""What an amount pays: all of it, in the order that the product says."""

from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.loan.rules.allocation import spend
from actors.loan.rules.conditions import Conditions, preset
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY, PRINCIPAL, Parts
from messages.loan_product import STEPS, AllocationPreset
from messages.loan_terms import LoanTerms
from tests.actors.loan.living import Life, Step, any_product, any_steps, any_terms, live, loan_terms, product

TWO_LATE = date(2024, 3, 20)


def late_loan(**allocation: Any) -> Life:
    """Two installments of 94.62 + 12.00 and 95.57 + 11.05 are late, each with its penalty of 1.00."""
    once = {"percent": "0", "amount": {"amount": "1.00", "currency": "KES"}, "per": "once"}
    life = Life(loan_terms(), product(allocation={"repayment": allocation}, penalty=once))
    life.pay_out()
    life.close(TWO_LATE - timedelta(days=1))
    return life


def test_horizontally_the_oldest_installment_is_paid_first() -> None:
    life = late_loan(preset="penalties_fees_interest_principal")
    assert life.pay(100 + 1_200 + 9_462 + 100 + 50) == Parts(principal=9_462, interest=1_250, penalty=200)


def test_vertically_a_part_is_paid_over_all_installments_before_the_next_part() -> None:
    life = late_loan(preset="penalties_fees_interest_principal", direction="vertical")
    assert life.pay(200 + 2_305 + 1) == Parts(principal=1, interest=2_305, penalty=200)


def test_a_preset_says_which_part_comes_first() -> None:
    life = late_loan(preset="principal_interest_penalties_fees")
    assert life.pay(9_462 + 1) == Parts(principal=9_462, interest=1)


def test_an_order_of_its_own_may_pay_ahead_before_what_is_due() -> None:
    order = [
        {"due": when, "part": part} for when in ("in_advance", "past_due", "due") for part in ("principal", "interest", "fee")
    ]
    order += [{"due": when, "part": "penalty"} for when in ("in_advance", "past_due", "due")]
    life = late_loan(order=order)
    assert life.pay(50_000) == Parts(principal=50_000)
    assert life.book.days_past_due(TWO_LATE) == 34


@pytest.mark.parametrize("name", get_args(AllocationPreset))
def test_every_preset_is_a_whole_order(name: str) -> None:
    assert len(set(preset(name))) == STEPS


def test_a_preset_may_have_another_order_in_advance() -> None:
    found = preset("due_penalty_fee_interest_principal_in_advance_principal_penalty_fee_interest")
    assert [part for when, part in found if when == "due"] == [PENALTY, FEE, INTEREST, PRINCIPAL]
    assert [part for when, part in found if when == "in_advance"] == [PRINCIPAL, PENALTY, FEE, INTEREST]


@settings(max_examples=40, deadline=None)
@given(any_terms(), any_product(), any_steps(most=5, with_ends=False), st.integers(1, 20_000_000))
def test_all_of_an_amount_goes_somewhere(terms: LoanTerms, conditions: Conditions, steps: list[Step], amount: int) -> None:
    life = Life(terms, conditions)
    life.pay_out()
    live(life, steps)
    book = life.book.copy()
    before = list(book.paid), book.overpaid
    parts = spend(book, amount, book.today)
    assert parts.total + parts.overpaid == amount
    assert [now - then for now, then in zip(book.paid, before[0], strict=True)] == parts.as_list()
    assert book.overpaid - before[1] == parts.overpaid
