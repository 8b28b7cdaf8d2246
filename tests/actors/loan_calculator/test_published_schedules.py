"""Schedules that other lenders' systems print, to the cent: 100.00 and its like over half a year, with and without a change of rate."""

from datetime import date
from fractions import Fraction

import pytest

from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import LastCent, RateChange, Terms

SEVEN = Terms(100_00, Fraction(7, 100), 6, date(2024, 1, 1))


def printed(terms: Terms) -> list[tuple[int, int, int]]:
    return [(row.balance, row.interest, row.total) for row in make_schedule(terms).rows]


def test_seven_percent_on_thirty_day_months() -> None:
    assert printed(SEVEN) == [
        (83_57, 58, 17_01),
        (67_05, 49, 17_01),
        (50_43, 39, 17_01),
        (33_71, 29, 17_01),
        (16_90, 20, 17_01),
        (0, 10, 17_00),
    ]


def test_a_lower_rate_from_a_due_date() -> None:
    terms = Terms(100_00, Fraction(7, 100), 6, date(2024, 1, 1), rate_changes=(RateChange(date(2024, 2, 1), Fraction(4, 100)),))
    assert printed(terms) == [
        (83_57, 58, 17_01),
        (66_97, 28, 16_88),
        (50_31, 22, 16_88),
        (33_60, 17, 16_88),
        (16_83, 11, 16_88),
        (0, 6, 16_89),
    ]


def test_twelve_percent() -> None:
    terms = Terms(100_00, Fraction(12, 100), 6, date(2024, 1, 1))
    assert [total for _, _, total in printed(terms)] == [17_25] * 5 + [17_28]


@pytest.mark.parametrize(
    ("last_cent", "installment", "last"), [(LastCent.LAST_ABSORBS, 68_13, 68_16), (LastCent.RETUNED, 68_14, 68_12)]
)
def test_tuning_moves_the_installment_by_a_cent(last_cent: LastCent, installment: int, last: int) -> None:
    terms = Terms(331_77, Fraction("0.1065"), 5, date(2023, 12, 12), day_count=DayCount.ACT_ACT_ISDA, last_cent=last_cent)
    assert [total for _, _, total in printed(terms)] == [installment] * 4 + [last]
