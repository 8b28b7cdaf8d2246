"""Accrual that may be split anywhere, payoffs that agree with the schedule, prepayment three ways, explanations that add up."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.accrual import accrued_between, accrued_until
from actors.loan_calculator.rules.explanation import explain
from actors.loan_calculator.rules.payoff import PrepaymentCharge, payoff
from actors.loan_calculator.rules.prepayment import prepay_each_way
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import ExtraEffect, Terms
from messages.base import Refusal
from messages.loan_calculator import DateOutsideTerm, ExtraPaymentTooLarge
from tests.actors.loan_calculator.terms_space import terms

FEW = settings(max_examples=100, deadline=None)
LOAN = Terms(1_000_000, Fraction(12, 100), 12, date(2024, 1, 15))


def made(wanted: Terms):  # noqa: ANN201 - a schedule or nothing
    try:
        return make_schedule(wanted)
    except Refusal:
        return None


@FEW
@given(terms(), st.lists(st.integers(0, 800), min_size=3, max_size=3).map(sorted))
def test_splitting_an_accrual_changes_nothing(wanted: Terms, days: list[int]) -> None:
    schedule = made(wanted)
    if schedule is None:
        return
    first, middle, last = (wanted.start + timedelta(days=each) for each in days)
    assert accrued_between(schedule, first, last) == accrued_between(schedule, first, middle) + accrued_between(
        schedule, middle, last
    )


@FEW
@given(terms())
def test_what_has_accrued_by_the_ends_of_periods_is_the_rows_interest(wanted: Terms) -> None:
    schedule = made(wanted)
    if schedule is None:
        return
    paid = 0
    for index, interest in enumerate(schedule.columns.interest):
        paid += interest
        assert accrued_until(schedule, schedule.plan.ends[index]) == paid
    assert paid == schedule.total_interest


@FEW
@given(terms())
def test_an_explanation_tells_what_rounding_moved(wanted: Terms) -> None:
    schedule = made(wanted)
    if schedule is None:
        return
    found = explain(schedule)
    assert len(found.rows) == len(schedule.installments)
    assert sum(row.unrounded for row in found.rows) + found.moved == schedule.total_interest
    assert sum(row.carried for row in found.rows) == 0
    if not wanted.is_flat:
        assert all(abs(row.moved) < 1 for row in found.rows)
        assert all(
            step.balance * step.annual_rate * Fraction(*step.fraction) == step.interest
            for row in found.rows
            for step in row.steps
        )


def test_payoff_on_a_due_date_is_what_was_owed_before_it_and_its_interest() -> None:
    schedule = make_schedule(LOAN)
    second, third = schedule.installments[1:3]
    found = payoff(schedule, third.due)
    assert (found.principal, found.interest) == (second.balance, third.interest)
    between = payoff(schedule, third.due - timedelta(days=10))
    assert between.principal == second.balance
    assert between.interest == round(second.balance * Fraction(12, 100) * Fraction(20, 360))
    whole = payoff(schedule, third.due - timedelta(days=10), whole_period=True)
    assert whole.interest == third.interest
    charged = payoff(schedule, third.due, charge=PrepaymentCharge(share=Fraction(1, 100)))
    assert charged.charge == round(Fraction(third.balance, 100))
    assert charged.total == found.total + charged.charge


def test_payoff_on_the_first_day_is_the_amount_and_on_the_last_the_last_installment() -> None:
    schedule = make_schedule(LOAN)
    assert payoff(schedule, LOAN.start).total == 1_000_000
    last = schedule.installments[-1]
    assert payoff(schedule, last.due).total == last.total
    assert payoff(schedule, last.due, installments_paid=10).total == last.total + schedule.installments[-2].total
    with pytest.raises(DateOutsideTerm):
        payoff(schedule, last.due + timedelta(days=1))


def test_a_prepayment_shortens_lowers_or_pays_ahead() -> None:
    ways = prepay_each_way(make_schedule(LOAN), date(2024, 6, 15), 300_000)
    shorter, lower, ahead = (ways[effect] for effect in (ExtraEffect.SHORTEN, ExtraEffect.LOWER, ExtraEffect.ADVANCE))
    regular = shorter.before.installments[0].total
    assert shorter.installments_saved == 3
    assert {row.total for row in shorter.after.installments[:-1]} == {regular}
    assert lower.installments_saved == ahead.installments_saved == 0
    assert {row.total for row in lower.after.installments[5:-1]} == {lower.after.installments[5].total}
    assert lower.after.installments[5].total < regular
    assert [row.principal for row in ahead.after.installments[5:8]] == [0, 0, 0]
    assert ahead.after.installments[-2].total == regular
    assert shorter.interest_saved > lower.interest_saved > 0
    assert all(way.after.total_principal == 1_000_000 for way in ways.values())
    with pytest.raises(ExtraPaymentTooLarge):
        prepay_each_way(make_schedule(LOAN), date(2024, 6, 15), 900_000)
