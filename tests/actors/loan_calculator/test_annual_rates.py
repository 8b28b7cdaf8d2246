"""Annual rates against the examples that the regulations print, against pyxirr, and against the terms they come from."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.calendar_months import add_months
from actors.loan_calculator.rules.cash_flows import Flow, flows_of
from actors.loan_calculator.rules.eu_annual_rate import Interval, eu_annual_rate, in_percent, years_between
from actors.loan_calculator.rules.internal_rate import effective_rate, irr, nominal_rate, xirr
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import Fee, FeeTiming, Terms
from actors.loan_calculator.rules.us_annual_rate import UnitPeriod, unit_period_among, us_annual_rate
from messages.loan_calculator import NoRate

Step = Callable[[date, int], date]


def months(count: int) -> Step:
    return lambda first, index: add_months(first, count * index)


def weeks(count: int) -> Step:
    return lambda first, index: first + timedelta(weeks=count * index)


def half_months(first: date, index: int) -> date:
    month = add_months(first, index // 2)
    return month if index % 2 == 0 else month.replace(day=16)


APPENDIX_J = [
    # Appendix J (c): advance, its date, payment, number of payments, first payment, step, the rate in the book.
    (5000_00, date(1978, 1, 10), 230_00, 24, date(1978, 2, 10), months(1), "9.69"),
    (6000_00, date(1978, 2, 10), 200_00, 36, date(1978, 4, 1), months(1), "11.82"),
    (5000_00, date(1978, 2, 23), 219_17, 24, date(1978, 3, 1), half_months, "10.34"),
    (10000_00, date(1978, 5, 23), 385_00, 40, date(1978, 10, 1), months(3), "8.97"),
    (500_00, date(1978, 3, 20), 17_60, 30, date(1978, 4, 21), weeks(1), "14.96"),
    (1000_00, date(1978, 1, 3), 1080_00, 1, date(1978, 9, 15), months(1), "11.45"),
]


@pytest.mark.parametrize(("advance", "on", "payment", "count", "first", "step", "published"), APPENDIX_J)
def test_appendix_j_s_examples_come_out(
    advance: int, on: date, payment: int, count: int, first: date, step: Step, published: str
) -> None:
    flows = [Flow(on, advance), *(Flow(step(first, index), -payment) for index in range(count))]
    assert in_percent(us_annual_rate(flows)) == Decimal(published)


ODD_PAYMENTS = [
    # Appendix J (c)(2) to (c)(4): advance, its date, first payment, the others, last payment, their number, first date, step, rate.
    (5000_00, date(1978, 1, 10), 250_00, 230_00, 230_00, 24, date(1978, 2, 10), months(1), "10.08"),
    (400_00, date(1978, 3, 18), 39_50, 38_31, 38_31, 12, date(1978, 4, 20), weeks(4), "28.50"),
    (5000_00, date(1978, 1, 10), 230_00, 230_00, 280_00, 24, date(1978, 2, 10), months(1), "10.50"),
    (200_00, date(1978, 4, 3), 9_50, 9_50, 30_00, 20, date(1978, 4, 11), weeks(2), "12.22"),
    (8000_00, date(1978, 1, 10), 449_36, 465_00, 200_00, 20, date(1978, 3, 1), months(2), "7.30"),
]


@pytest.mark.parametrize(("advance", "on", "first", "other", "last", "count", "begins", "step", "published"), ODD_PAYMENTS)
def test_appendix_j_s_odd_payments_and_periods_come_out(
    advance: int, on: date, first: int, other: int, last: int, count: int, begins: date, step: Step, published: str
) -> None:
    amounts = [first, *[other] * (count - 2), last]
    flows = [Flow(on, advance), *(Flow(step(begins, index), -amount) for index, amount in enumerate(amounts))]
    assert in_percent(us_annual_rate(flows)) == Decimal(published)


def test_a_loan_of_two_weeks_counts_its_days_not_its_weeks() -> None:
    flows = [Flow(date(2024, 3, 1), 100_00), Flow(date(2024, 3, 15), -117_60)]
    assert in_percent(us_annual_rate(flows)) == Decimal("458.86")


def test_where_no_period_occurs_twice_the_average_is_rounded_to_a_standard_one() -> None:
    days = [date(2024, 1, 1) + timedelta(days=each) for each in (0, 28, 57, 91)]
    assert unit_period_among([Flow(day, 1) for day in days]) == UnitPeriod(months=1)


DIRECTIVE = [
    # Directive 98/7/EC, annex II, whose equation annex I of 2008/48/EC kept: months after the start, payments, the rate.
    (1000_00, [(18, 1200_00)], "12.92"),
    (950_00, [(18, 1200_00)], "16.85"),
    (1000_00, [(12, 600_00), (24, 600_00)], "13.07"),
    (1000_00, [(3, 272_00), (6, 272_00), (12, 544_00)], "13.19"),
]


@pytest.mark.parametrize(("lent", "payments", "published"), DIRECTIVE)
def test_the_directive_s_examples_come_out(lent: int, payments: list[tuple[int, int]], published: str) -> None:
    start = date(1994, 1, 1)
    flows = [Flow(start, lent), *(Flow(add_months(start, month), -amount) for month, amount in payments)]
    assert in_percent(eu_annual_rate(flows, Interval.MONTHS)) == Decimal(published)


def test_intervals_are_counted_back_from_the_payment() -> None:
    # From 12 January to 15 March: two months back to 15 January, and three days of the year that ends then.
    assert years_between(date(2023, 1, 12), date(2023, 3, 15), Interval.MONTHS) == Fraction(2, 12) + Fraction(3, 365)
    assert years_between(date(2024, 1, 31), date(2024, 2, 29), Interval.MONTHS) == Fraction(1, 12)
    assert years_between(date(2024, 2, 20), date(2024, 3, 5), Interval.MONTHS) == Fraction(14, 366)
    assert years_between(date(2024, 1, 1), date(2024, 1, 25), Interval.WEEKS) == Fraction(3, 52) + Fraction(3, 365)
    assert years_between(date(2023, 1, 1), date(2024, 1, 1), Interval.YEARS) == 1


FLOWS = st.lists(
    st.tuples(st.integers(1, 2000), st.integers(1, 10**6)), min_size=1, max_size=12, unique_by=lambda each: each[0]
)


@settings(max_examples=60, deadline=None)
@given(FLOWS, st.integers(10**5, 3 * 10**6))
def test_pyxirr_finds_the_same_rate(payments: list[tuple[int, int]], lent: int) -> None:
    start = date(2023, 5, 17)
    flows = [Flow(start, lent), *(Flow(start + timedelta(days=days), -amount) for days, amount in payments)]
    theirs = pyxirr.xirr([flow.on for flow in flows], [float(flow.amount) for flow in flows])
    if theirs is not None and -0.99 < theirs < 1000:
        assert float(xirr(flows)) == pytest.approx(theirs, rel=1e-7, abs=1e-9)


def test_irr_of_the_same_payments_every_period() -> None:
    assert float(irr([-100_00, 39_00, 59_00, 55_00, 20_00])) == pytest.approx(0.2809484, abs=1e-7)
    with pytest.raises(NoRate):
        irr([100, 200])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5000).map(lambda basis_points: Fraction(basis_points, 10_000)), st.sampled_from([1, 2, 4, 12, 52, 365]))
def test_effective_and_nominal_rates_undo_each_other(nominal: Fraction, periods: int) -> None:
    again = nominal_rate(effective_rate(nominal, periods), periods)
    assert abs(again - Decimal(nominal.numerator) / nominal.denominator) < Decimal("1e-24")


def test_without_fees_the_annual_rate_is_that_of_the_terms() -> None:
    terms = Terms(10**9, Fraction(12, 100), 36, date(2024, 3, 15))
    flows = flows_of(make_schedule(terms))
    assert in_percent(us_annual_rate(flows)) == Decimal("12.00")
    assert in_percent(eu_annual_rate(flows, Interval.MONTHS)) == in_percent(effective_rate(Fraction(12, 100), 12))
    with_fee = Terms(10**9, Fraction(12, 100), 36, date(2024, 3, 15), fees=(Fee(FeeTiming.UPFRONT, amount=10**7),))
    assert us_annual_rate(flows_of(make_schedule(with_fee))) > us_annual_rate(flows)
