"""Ratios, percentages and months, in whole numbers."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from actors.portfolio.rules.cells import Cell, at_risk_rows, outstanding_totals, provision_rows, provision_totals
from actors.portfolio.rules.parts import percent_of, ratio
from actors.portfolio.rules.vintages import first_month

amounts = st.integers(0, 10**15)
cells = st.lists(
    st.builds(
        Cell,
        currency=st.sampled_from(["KES", "UGX"]),
        product=st.sampled_from(["BIZ", "SCHOOL"]),
        bucket=st.sampled_from(["current", "1-30"]),
        from_days=st.sampled_from([0, 1]),
        percent=st.sampled_from(["0", "2.5", "100"]),
        loans=st.integers(1, 9),
        principal=amounts,
    ),
    max_size=8,
)


@given(amounts, st.integers(1, 10**15))
def test_a_ratio_is_the_fraction_rounded_half_even_at_six_places(part: int, whole: int) -> None:
    exact = Fraction(part, whole) * 10**6
    assert Decimal(ratio(part, whole)) * 10**6 == round(exact)
    assert len(ratio(part, whole).partition(".")[2]) == 6


def test_nothing_of_nothing_is_zero() -> None:
    assert ratio(0, 0) == "0.000000"


@given(amounts, st.decimals(0, 100, places=3))
def test_a_percentage_is_rounded_half_even(amount: int, percent: Decimal) -> None:
    expected = (Decimal(amount) * percent / 100).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert percent_of(str(percent), amount) == expected


@given(cells)
def test_no_principal_is_lost_or_counted_twice(known: list[Cell]) -> None:
    gross = {row.currency: row.principal.minor for row in outstanding_totals(known)}
    assert gross == {row.currency: row.gross.minor for row in at_risk_rows(known)}
    rows = provision_rows(known)
    totals = provision_totals(rows)
    assert gross == {row.currency: row.principal.minor for row in totals}
    assert sum(row.provision.minor for row in totals) == sum(row.provision.minor for row in rows)


def test_months_are_counted_back_over_the_year() -> None:
    assert first_month(date(2026, 1, 31), 1) == date(2026, 1, 1)
    assert first_month(date(2026, 1, 31), 2) == date(2025, 12, 1)
    assert first_month(date(2026, 12, 1), 24) == date(2025, 1, 1)
    assert first_month(date(1, 3, 1), 120).year == 1
