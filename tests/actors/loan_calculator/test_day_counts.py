"""The day counts against published tables, against pyxirr, and by their properties."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
import pyxirr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.coupon_day_counts import Grid
from actors.loan_calculator.rules.day_counts import DayCount, Surroundings, year_fraction

DAYS = st.dates(date(1999, 1, 1), date(2033, 12, 31))
SPANS = st.tuples(DAYS, DAYS).map(sorted)


def fraction(convention: DayCount, first: date, last: date, around: Surroundings | None = None) -> Fraction:
    return Fraction(*year_fraction(convention, first, last, around or Surroundings()))


ISDA_TABLE = [
    # The 30/360 example sheet that ISDA published with the 2006 Definitions: dates, days by bond basis, 30E/360, 30E/360 ISDA.
    ("2007-01-15", "2007-01-30", 15, 15, 15),
    ("2007-01-15", "2007-02-15", 30, 30, 30),
    ("2007-01-15", "2007-07-15", 180, 180, 180),
    ("2007-09-30", "2008-03-31", 180, 180, 180),
    ("2007-09-30", "2007-10-31", 30, 30, 30),
    ("2007-09-30", "2008-09-30", 360, 360, 360),
    ("2007-01-15", "2007-01-31", 16, 15, 15),
    ("2007-01-31", "2007-02-28", 28, 28, 30),
    ("2007-02-28", "2007-03-31", 33, 32, 30),
    ("2006-08-31", "2007-02-28", 178, 178, 180),
    ("2007-02-28", "2007-08-31", 183, 182, 180),
    ("2007-02-14", "2007-02-28", 14, 14, 16),
    ("2007-02-26", "2008-02-29", 363, 363, 364),
    ("2008-02-29", "2009-02-28", 359, 359, 360),
    ("2008-02-29", "2008-03-30", 31, 31, 30),
    ("2008-02-29", "2008-03-31", 32, 31, 30),
    ("2007-02-28", "2007-03-05", 7, 7, 5),
    ("2007-10-31", "2007-11-28", 28, 28, 28),
    ("2007-08-31", "2008-02-29", 179, 179, 180),
    ("2008-02-29", "2008-08-31", 182, 181, 180),
    ("2008-08-31", "2009-02-28", 178, 178, 180),
    ("2009-02-28", "2009-08-31", 183, 182, 180),
]


@pytest.mark.parametrize(("first", "last", "bond", "european", "german"), ISDA_TABLE)
def test_thirty_day_months_are_counted_as_isda_s_sheet_counts_them(
    first: str, last: str, bond: int, european: int, german: int
) -> None:
    a, b = date.fromisoformat(first), date.fromisoformat(last)
    assert fraction(DayCount.THIRTY_360, a, b) == Fraction(bond, 360)
    assert fraction(DayCount.THIRTY_E_360, a, b) == Fraction(european, 360)
    assert fraction(DayCount.THIRTY_E_360_ISDA, a, b) == Fraction(german, 360)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [("2006-08-31", "2007-02-28", 178), ("2008-02-14", "2008-02-29", 15), ("2008-08-31", "2009-02-28", 178)],
)
def test_the_termination_date_in_february_stays_its_own_day(first: str, last: str, days: int) -> None:
    a, b = date.fromisoformat(first), date.fromisoformat(last)
    assert fraction(DayCount.THIRTY_E_360_ISDA, a, b, Surroundings(maturity=b)) == Fraction(days, 360)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2011-02-28", "2012-02-29", 360),  # both the last of February
        ("2012-02-29", "2013-02-28", 360),
        ("2011-02-28", "2011-03-31", 30),  # the first is, so it counts as the 30th, and the 31st follows it
        ("2012-02-28", "2012-03-31", 33),  # not the last day in a leap year
        ("2011-08-31", "2012-02-29", 179),
        ("2011-01-30", "2011-03-31", 60),
        ("2011-01-29", "2011-03-31", 62),
    ],
)
def test_the_us_rules_for_february(first: str, last: str, days: int) -> None:
    assert fraction(DayCount.THIRTY_360_US, date.fromisoformat(first), date.fromisoformat(last)) == Fraction(days, 360)


ISDA_MEMORANDUM = [
    # "EMU and market conventions", ISDA, November 1998: period, grid, ISDA, ICMA, AFB.
    ("2003-11-01", "2004-05-01", Grid(date(2003, 11, 1), 6), Fraction(61, 365) + Fraction(121, 366), "1/2", "182/366"),
    ("1999-02-01", "1999-07-01", Grid(date(1999, 7, 1), 12), Fraction(150, 365), "150/365", "150/365"),
    ("1999-07-01", "2000-07-01", Grid(date(1999, 7, 1), 12), Fraction(184, 365) + Fraction(182, 366), "1", "1"),
    (
        "2002-08-15",
        "2003-07-15",
        Grid(date(2003, 7, 15), 6),
        Fraction(334, 365),
        Fraction(181, 362) + Fraction(153, 368),
        "334/365",
    ),
    ("2003-07-15", "2004-01-15", Grid(date(2003, 7, 15), 6), Fraction(170, 365) + Fraction(14, 366), "1/2", "184/365"),
    ("1999-07-30", "2000-01-30", Grid(date(2000, 1, 30), 6), Fraction(155, 365) + Fraction(29, 366), "1/2", "184/365"),
    ("2000-01-30", "2000-06-30", Grid(date(2000, 1, 30), 6), Fraction(152, 366), "152/364", "152/366"),
    (
        "1999-11-30",
        "2000-04-30",
        Grid(date(1999, 11, 30), 3, keep_month_end=True),
        Fraction(32, 365) + Fraction(120, 366),
        Fraction(91, 364) + Fraction(61, 368),
        "152/366",
    ),
]


@pytest.mark.parametrize(("first", "last", "grid", "isda", "icma", "afb"), ISDA_MEMORANDUM)
def test_actual_actual_is_counted_as_isda_s_memorandum_counts_it(
    first: str, last: str, grid: Grid, isda: Fraction, icma: str | Fraction, afb: str
) -> None:
    a, b = date.fromisoformat(first), date.fromisoformat(last)
    assert fraction(DayCount.ACT_ACT_ISDA, a, b) == isda
    assert fraction(DayCount.ACT_ACT_ICMA, a, b, Surroundings(grid=grid)) == Fraction(icma)
    assert fraction(DayCount.ACT_ACT_AFB, a, b) == Fraction(afb)


def test_a_year_of_afb_is_counted_back_from_the_28th_to_the_29th_of_february() -> None:
    assert fraction(DayCount.ACT_ACT_AFB, date(2004, 2, 29), date(2009, 2, 28)) == 5
    assert fraction(DayCount.ACT_ACT_AFB, date(2004, 2, 28), date(2009, 2, 28)) == 5 + Fraction(1, 365)
    assert fraction(DayCount.ACT_ACT_AFB, date(1994, 2, 10), date(1997, 6, 30)) == 3 + Fraction(140, 365)


def test_actual_365_l_looks_at_the_period_s_end() -> None:
    half_year = Surroundings(period_end=date(2012, 7, 1))
    assert fraction(DayCount.ACT_365L, date(2012, 1, 1), date(2012, 2, 1), half_year) == Fraction(31, 366)
    assert fraction(DayCount.ACT_365L, date(2011, 8, 1), date(2012, 2, 1)) == Fraction(184, 366)
    assert fraction(DayCount.ACT_365L, date(2011, 8, 1), date(2012, 2, 1), Surroundings(annual=True)) == Fraction(184, 365)
    year = Surroundings(period_end=date(2012, 8, 1), annual=True)
    assert fraction(DayCount.ACT_365L, date(2011, 8, 1), date(2012, 2, 1), year) == Fraction(184, 366)


def test_part_months_count_their_actual_days() -> None:
    actual = DayCount.THIRTY_360_ACTUAL_PART
    assert fraction(actual, date(2024, 1, 10), date(2024, 3, 25)) == Fraction(75, 360)
    assert fraction(actual, date(2024, 1, 31), date(2024, 2, 29)) == Fraction(30, 360)
    assert fraction(actual, date(2024, 1, 15), date(2024, 2, 10)) == Fraction(26, 360)


SAME_IN_PYXIRR = {
    DayCount.THIRTY_360_US: pyxirr.DayCount.THIRTY_U_360,
    DayCount.THIRTY_360: pyxirr.DayCount.THIRTY_360_ISDA,
    DayCount.THIRTY_E_360: pyxirr.DayCount.THIRTY_E_360,
    DayCount.THIRTY_E_360_ISDA: pyxirr.DayCount.THIRTY_E_360_ISDA,
    DayCount.ACT_360: pyxirr.DayCount.ACT_360,
    DayCount.ACT_364: pyxirr.DayCount.ACT_364,
    DayCount.ACT_365F: pyxirr.DayCount.ACT_365F,
    DayCount.ACT_ACT_ISDA: pyxirr.DayCount.ACT_ACT_ISDA,
    DayCount.NL_365: pyxirr.DayCount.NL_365,
}


@pytest.mark.parametrize("convention", SAME_IN_PYXIRR)
@settings(max_examples=60, deadline=None)
@given(span=SPANS)
def test_another_library_counts_the_same(convention: DayCount, span: list[date]) -> None:
    assume(span[0] < span[1])  # no days on a 29th of February are -1 of 365 to it
    theirs = pyxirr.year_fraction(*span, SAME_IN_PYXIRR[convention])
    assert abs(float(fraction(convention, *span)) - theirs) < 1e-12


ADDITIVE = (
    DayCount.ACT_360,
    DayCount.ACT_364,
    DayCount.ACT_365F,
    DayCount.ACT_ACT_ISDA,
    DayCount.NL_365,
    DayCount.THIRTY_E_360,
)


@pytest.mark.parametrize("convention", ADDITIVE)
@settings(max_examples=40, deadline=None)
@given(days=st.tuples(DAYS, DAYS, DAYS).map(sorted))
def test_additive_conventions_add_up(convention: DayCount, days: list[date]) -> None:
    first, middle, last = days
    assert fraction(convention, first, middle) + fraction(convention, middle, last) == fraction(convention, first, last)


@settings(max_examples=40, deadline=None)
@given(days=st.tuples(DAYS, DAYS, DAYS).map(sorted), anchor=DAYS, months=st.sampled_from([1, 2, 3, 6, 12]))
def test_notional_periods_add_up(days: list[date], anchor: date, months: int) -> None:
    around = Surroundings(grid=Grid(anchor, months))
    first, middle, last = days
    icma = DayCount.ACT_ACT_ICMA
    assert fraction(icma, first, middle, around) + fraction(icma, middle, last, around) == fraction(icma, first, last, around)


@pytest.mark.parametrize("convention", DayCount)
@settings(max_examples=40, deadline=None)
@given(first=DAYS, length=st.integers(0, 4000))
def test_no_span_is_below_zero_or_far_from_its_calendar_length(convention: DayCount, first: date, length: int) -> None:
    years = fraction(convention, first, first + timedelta(days=length))
    assert years >= 0
    assert abs(years - Fraction(length, 365)) < Fraction(5, 360) + Fraction(length, 365) / 60
