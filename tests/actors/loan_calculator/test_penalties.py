"""Penalties: once or by the day, on principal, with interest or the installment, grace and cap."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from actors.loan_calculator.rules.penalties import Overdue, PenaltyBase, PenaltyPer, PenaltyTerms, penalty

DUE = date(2024, 3, 15)
LATE = Overdue(DUE, principal=100_000, interest=20_000, installment=130_000)
PERCENT = PenaltyTerms(share=Fraction(1, 100))


def after(days: int, terms: PenaltyTerms) -> int:
    return penalty(terms, LATE, DUE + timedelta(days=days))


def test_a_share_is_of_what_the_terms_say() -> None:
    assert after(1, PERCENT) == 1200
    assert after(1, replace(PERCENT, base=PenaltyBase.PRINCIPAL)) == 1000
    assert after(1, replace(PERCENT, base=PenaltyBase.INSTALLMENT)) == 1300


def test_grace_days_are_free_and_then_charged_or_not() -> None:
    daily = PenaltyTerms(amount=50, per=PenaltyPer.DAY, grace_days=3)
    assert [after(days, daily) for days in (0, 3, 4, 10)] == [0, 0, 50, 350]
    assert [after(days, replace(daily, charges_grace=True)) for days in (0, 3, 4, 10)] == [0, 0, 200, 500]


def test_a_yearly_share_is_charged_by_the_day_up_to_the_cap() -> None:
    yearly = PenaltyTerms(share=Fraction(365, 1000), per=PenaltyPer.YEAR)
    assert after(10, yearly) == 1200
    assert after(10, replace(yearly, cap=700)) == 700


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_penalty_never_falls_with_time(one: int, other: int) -> None:
    terms = PenaltyTerms(amount=3, share=Fraction(7, 10_000), per=PenaltyPer.DAY, grace_days=2)
    assert after(min(one, other), terms) <= after(max(one, other), terms)
