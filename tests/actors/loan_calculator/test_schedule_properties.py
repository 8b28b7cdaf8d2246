"""What holds for every schedule, over all of the terms' space."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.schedule import Schedule, make_schedule
from actors.loan_calculator.rules.terms import Amortization, Interest, LastCent, Terms
from messages.base import Refusal
from tests.actors.loan_calculator.naive import naive_rows
from tests.actors.loan_calculator.terms_space import terms

MANY = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(wanted: Terms) -> Schedule | None:
    """The schedule; None where the terms are refused by a named rule."""
    try:
        return make_schedule(wanted)
    except Refusal as refusal:
        event(f"refused: {refusal.rule}")
        return None


@MANY
@given(terms())
def test_the_principal_adds_up_and_the_balance_ends_at_zero(wanted: Terms) -> None:
    schedule = made(wanted)
    if schedule is None:
        return
    assert schedule.total_principal == schedule.lent
    assert all(row.principal >= 0 and row.interest >= 0 and row.fees >= 0 and row.balance >= 0 for row in schedule.rows)
    assert schedule.rows[-1].balance == 0
    assert schedule.total_paid - schedule.fees_upfront == sum(row.principal + row.interest + row.fees for row in schedule.rows)
    assert schedule.cost_of_credit == schedule.total_interest + schedule.total_fees + schedule.fees_capitalized


@MANY
@given(terms())
def test_due_dates_rise_and_periods_join(wanted: Terms) -> None:
    schedule = made(wanted)
    if schedule is None:
        return
    assert all(one.due < other.due for one, other in pairwise(schedule.installments))
    assert all(one.due <= other.due for one, other in pairwise(schedule.rows))
    assert [row.number for row in schedule.installments] == list(range(1, len(schedule.installments) + 1))
    assert schedule.installments[0].due > wanted.start if schedule.installments else True


@settings(parent=MANY, max_examples=60)
@given(terms())
def test_a_schedule_is_the_same_each_time(wanted: Terms) -> None:
    first, second = made(wanted), made(wanted)
    assert (first and first.rows) == (second and second.rows)


SIMPLE = {Interest.DECLINING_BALANCE, Interest.FLAT, Interest.ZERO}


@settings(parent=MANY, max_examples=150)
@given(terms(), st.integers(2, 24))
def test_a_schedule_is_what_one_would_write_down_by_hand(wanted: Terms, count: int) -> None:
    assume(wanted.interest in SIMPLE and wanted.amortization is not Amortization.FIXED_INSTALLMENT)
    plain = replace(
        wanted,
        installments=count,
        interest_grace=0,
        down_payment=0,
        disbursements=(),
        fees=(),
        rate_changes=(),
        extra_payments=(),
        multiple=1 if wanted.amortization is Amortization.EQUAL_PRINCIPAL else wanted.multiple,
        last_cent=LastCent.LAST_ABSORBS,
    )
    schedule = made(plain)
    if schedule is None:
        return
    rows = naive_rows(plain)
    # Where a long period's interest is more than the installment, the calculator sets it anew; by hand one would be stuck.
    assume(all(principal >= 0 for principal, _, _ in rows))
    assert [(row.principal, row.interest, row.balance) for row in schedule.rows] == rows
