"""The time value functions against the examples in Excel's manual, against pyxirr, and against each other."""

from decimal import Decimal

import pytest
import pyxirr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.loan_calculator.rules.time_value import When, fv, ipmt, nper, pmt, ppmt, pv, rate
from messages.loan_calculator import NoRate, NoTerm

D = Decimal
MONTH_8 = D("0.08") / 12
MONTH_10 = D("0.1") / 12
MONTH_11 = D("0.11") / 12

EXCEL = [
    (pmt(MONTH_8, 10, D(10000)), "-1037.03"),
    (pmt(MONTH_8, 10, D(10000), when=When.BEGIN), "-1030.16"),
    (pmt(D("0.005"), 216, D(0), D(50000)), "-129.08"),
    (ipmt(MONTH_10, 1, 36, D(8000)), "-66.67"),
    (ipmt(D("0.1"), 3, 3, D(8000)), "-292.45"),
    (ppmt(MONTH_10, 1, 24, D(2000)), "-75.62"),
    (ppmt(D("0.08"), 10, 10, D(200000)), "-27598.05"),
    (pv(MONTH_8, 240, D(500)), "-59777.15"),
    (fv(D("0.005"), 10, D(-200), D(-500), When.BEGIN), "2581.40"),
    (fv(D("0.01"), 12, D(-1000)), "12682.50"),
    (fv(MONTH_11, 35, D(-2000), when=When.BEGIN), "82846.25"),
    (nper(D("0.01"), D(-100), D(-1000), D(10000), When.BEGIN), "59.6738657"),
    (nper(D("0.01"), D(-100), D(-1000), D(10000)), "60.0821229"),
    (nper(D("0.01"), D(-100), D(-1000)), "-9.57859404"),
    (rate(48, D(-200), D(8000)), "0.007701472"),
]


@pytest.mark.parametrize(("found", "published"), EXCEL)
def test_the_manual_s_examples_come_out(found: Decimal, published: str) -> None:
    assert round(found, -D(published).as_tuple().exponent) == D(published)


RATES = st.integers(-500, 5000).map(lambda basis_points: D(basis_points) / 10_000)
AMOUNTS = st.integers(-100_000, 100_000).map(D)


@settings(max_examples=80, deadline=None)
@given(RATES, st.integers(1, 120), AMOUNTS, AMOUNTS, st.sampled_from(When))
def test_pyxirr_finds_the_same(r: Decimal, n: int, present: Decimal, future: Decimal, when: When) -> None:
    begin = when is When.BEGIN
    assert float(pmt(r, n, present, future, when)) == pytest.approx(
        pyxirr.pmt(float(r), n, float(present), float(future), pmt_at_beginning=begin), rel=1e-8, abs=1e-6
    )
    assert float(fv(r, n, present, future, when)) == pytest.approx(
        pyxirr.fv(float(r), n, float(present), float(future), pmt_at_beginning=begin), rel=1e-8, abs=1e-6
    )
    assert float(pv(r, n, present, future, when)) == pytest.approx(
        pyxirr.pv(float(r), n, float(present), float(future), pmt_at_beginning=begin), rel=1e-8, abs=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(RATES, st.integers(1, 60), AMOUNTS, AMOUNTS, st.sampled_from(When))
def test_interest_and_principal_make_the_payment(r: Decimal, n: int, present: Decimal, future: Decimal, when: When) -> None:
    payment = pmt(r, n, present, future, when)
    principal = sum(ppmt(r, period, n, present, future, when) for period in range(1, n + 1))
    assert abs(ipmt(r, 1, n, present, future, when) + ppmt(r, 1, n, present, future, when) - payment) < D("1e-20")
    assert abs(principal + present + future) < D("1e-9") or when is When.BEGIN


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3000).map(lambda basis_points: D(basis_points) / 10_000), st.integers(2, 360), st.integers(100, 10**6).map(D)
)
def test_rate_and_nper_undo_pmt(r: Decimal, n: int, present: Decimal) -> None:
    payment = pmt(r, n, present)
    assume(abs(payment) > present * r * (1 + D("1e-12")))
    assert abs(rate(n, payment, present) - r) < D("1e-18")
    assert abs(nper(r, payment, present) - n) < D("1e-9")


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(NoTerm):
        nper(D("0.01"), D(-5), D(1000))  # less than the interest
    with pytest.raises(NoRate):
        rate(12, D(100), D(1000))  # only received, never paid
    with pytest.raises(NoTerm):
        pmt(D("0.01"), 0, D(1000))
