"""The level installment repays the debt exactly before it is rounded, and is rounded right where only the exact figure can tell."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.level_installment import level_installment
from actors.loan_calculator.rules.rounding import Rounding, round_ratio

FACTORS = st.tuples(st.integers(0, 400), st.sampled_from([360, 1000, 36500, 36600, 133590]))


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 10**9),
    FACTORS,
    st.lists(FACTORS, max_size=25) | FACTORS.map(lambda each: [each] * 12),
    st.integers(0, 10**6),
)
def test_paid_in_every_row_it_leaves_the_balloon(
    balance: int, first: tuple[int, int], later: list[tuple[int, int]], balloon: int
) -> None:
    debt = balance * (first[0] + first[1]), first[1]
    level = level_installment(debt, later, balloon)
    exact = level.exact()
    left = Fraction(*debt) - exact
    for above, below in later:
        left = left * (1 + Fraction(above, below)) - exact
    assert left == balloon if not later else abs(left - balloon) < Fraction(1, 10**30)
    assert level.rounded(Rounding.HALF_UP, 1) == round_ratio(*exact.as_integer_ratio(), Rounding.HALF_UP)
    assert level.rounded(Rounding.UP, 100) == round_ratio(*exact.as_integer_ratio(), Rounding.UP, multiple=100)


def test_a_tie_is_seen_as_one() -> None:
    unlike = [(0, 1), (0, 7), (0, 1)]  # no interest, but the rows do not look alike
    assert level_installment((10, 1), unlike).rounded(Rounding.HALF_EVEN, 1) == 2
    assert level_installment((10, 1), unlike).rounded(Rounding.HALF_UP, 1) == 3
    assert level_installment((12, 1), unlike).rounded(Rounding.UP, 1) == 3
