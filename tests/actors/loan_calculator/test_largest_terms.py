"""The largest terms that are accepted are worked out in about a second each; what they come to is what few rows show as well."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.coupon_day_counts import Grid
from actors.loan_calculator.rules.explanation import explain
from actors.loan_calculator.rules.level_installment import level_installment, sums_from
from actors.loan_calculator.rules.prepayment import prepay_each_way
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from actors.loan_calculator.rules.told_figures import told_explanation
from actors.loan_calculator.rules.told_rates import annual_rates
from messages.loan_calculator import AnnualRate
from messages.loan_terms import MOST_EVENTS, MOST_ROWS, LoanTerms

START = date(1970, 1, 31)


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "KES"}


def largest(unit: str, **more: Any) -> LoanTerms:
    """As many rows as there can be, and as many rates, over all of the term."""
    apart = MOST_ROWS * {"days": 1, "weeks": 7, "months": 30}[unit] // (MOST_EVENTS + 1)
    days = [START + timedelta(days=1 + number * apart) for number in range(MOST_EVENTS)]
    terms = {
        "principal": money("9000000000.00"),
        "annual_rate_percent": "18.123456789012",
        "installments": MOST_ROWS,
        "start": START,
        "every": {"count": 1, "unit": unit},
        "last_cent": "retuned",
        "rate_changes": [
            {"on": day, "annual_rate_percent": f"{10 + number % 7}.{123456789012 + number * 7919}"}
            for number, day in enumerate(days)
        ],
    }
    return LoanTerms.model_validate(terms | more)


@pytest.mark.timeout(15)
@pytest.mark.parametrize(
    ("unit", "more"),
    [
        ("days", {"day_count": "ACT/365F"}),
        ("days", {"interest_period": "same_as_repayment"}),
        ("days", {"day_count": "ACT/ACT ISDA", "interest": "flat"}),
        ("weeks", {"day_count": "30E/360"}),
        ("weeks", {"day_count": "30/360 US", "installment_multiple": money("1.00")}),
        ("weeks", {"day_count": "ACT/365L", "amortization": "balloon", "balloon": money("1000000.00")}),
        ("months", {"day_count": "NL/365", "principal_grace": 1_000, "interest_grace": 500}),
        ("days", {"day_count": "ACT/ACT ICMA", "first_due": date(7000, 1, 1), "rate_changes": []}),
    ],
)
def test_the_largest_terms_take_no_time_to_speak_of(unit: str, more: dict[str, Any]) -> None:
    said = largest(unit, **more)
    schedule = make_schedule(terms_of(said))
    assert schedule.rows[-1].balance == 0
    assert schedule.total_principal == schedule.lent
    assert told_explanation(schedule, explain(schedule), "KES").totals.paid.minor == schedule.total_paid


@pytest.mark.timeout(30)
def test_what_asks_for_several_schedules_of_them_takes_little_more() -> None:
    said = largest("weeks", day_count="30E/360")
    assert len(prepay_each_way(make_schedule(terms_of(said)), START + timedelta(days=1), 100)) == 3
    assert annual_rates(AnnualRate(terms=said)).received == said.principal


@given(
    st.builds(
        Grid,
        st.dates(date(2000, 1, 1), date(2030, 12, 31)),
        st.integers(1, 12),
        keep_month_end=st.booleans(),
    )
    | st.builds(Grid, st.dates(date(2000, 1, 1), date(2030, 12, 31)), days=st.integers(1, 40)),
    st.dates(date(2010, 1, 1), date(2020, 12, 31)),
    st.integers(0, 900),
)
def test_a_span_is_the_sum_of_its_notional_periods(grid: Grid, first: date, days: int) -> None:
    last, parts = first + timedelta(days=days), Fraction(0)
    for number in range(grid.index_of(first), grid.index_of(last) + 1):
        start, end = grid.boundary(number), grid.boundary(number + 1)
        within = (min(end, last) - max(start, first)).days
        parts += Fraction(max(within, 0), (end - start).days)
    assert Fraction(*grid.fraction(first, last)) == parts * Fraction(*grid.nominal)


@settings(deadline=None)
@given(
    st.integers(1, 10**9),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([360, 1000, 36500, 133590])), min_size=2, max_size=40),
    st.integers(0, 10**6),
    st.data(),
)
def test_sums_that_are_kept_set_the_same_installment(
    balance: int, factors: list[tuple[int, int]], balloon: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(factors) - 1))
    debt, later = (balance * (factors[0][0] + 360), 360), factors[index:]
    balloon = min(balloon, balance)
    alone = level_installment(debt, later, balloon)
    kept = level_installment(debt, later, balloon, lambda: sums_from(factors)[index])
    exact = alone.exact()
    assert kept.exact() == exact
    for level in (alone, kept):
        assert Fraction(*level.low) <= exact <= Fraction(*level.high)
