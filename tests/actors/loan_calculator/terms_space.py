"""All of the terms' space, for properties: every method with every other, odd dates, events, fees, graces."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from actors.loan_calculator.rules.business_days import Adjustment, WorkingDays
from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.due_dates import Every, MonthEnd, Rhythm, Unit
from actors.loan_calculator.rules.rounding import Rounding
from actors.loan_calculator.rules.terms import (
    Amortization,
    Disbursement,
    ExtraEffect,
    ExtraPayment,
    Fee,
    FeeBase,
    FeeTiming,
    Interest,
    InterestPeriod,
    LastCent,
    RateChange,
    Terms,
)

STARTS = st.dates(date(2019, 1, 1), date(2025, 12, 31))
SHARES = st.integers(0, 4000).map(lambda basis_points: Fraction(basis_points, 10_000))
RATES = st.one_of(SHARES, st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(2), Fraction("0.129"), Fraction(1, 1000)]))


@st.composite
def rhythms(draw: Any, start: date) -> Rhythm:
    every = Every(draw(st.integers(1, 14)), draw(st.sampled_from(Unit)))
    first_due = draw(st.none() | st.integers(1, 120).map(lambda days: start + timedelta(days=days)))
    holidays = draw(st.frozensets(st.integers(0, 700).map(lambda days: start + timedelta(days=days)), max_size=4))
    month_end = draw(st.sampled_from(MonthEnd))
    return Rhythm(every, first_due, month_end, draw(st.sampled_from(Adjustment)), WorkingDays(holidays))


def in_term(start: date) -> Any:
    return st.integers(0, 500).map(lambda days: start + timedelta(days=days))


def by_date(things: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted({each.on: each for each in things}.values(), key=lambda each: each.on))


FEES = st.builds(
    Fee,
    st.sampled_from(FeeTiming),
    st.integers(0, 5000),
    SHARES.map(lambda share: share * Fraction(1, 10)),
    st.just(FeeBase.PRINCIPAL),
)


@st.composite
def terms(draw: Any) -> Terms:
    """Mostly sensible, and every so often a refusal."""
    start = draw(STARTS)
    principal = draw(st.integers(1, 10**9) | st.integers(5000, 10**7))
    interest = draw(st.sampled_from(Interest))
    amortization = Amortization.BULLET if interest is Interest.INTEREST_ONLY else draw(st.sampled_from(Amortization))
    zero = interest is Interest.ZERO
    fixed = amortization is Amortization.FIXED_INSTALLMENT
    count = draw(st.integers(1, 40))
    events = draw(st.booleans())
    days = in_term(start)
    return Terms(
        principal=principal,
        annual_rate=Fraction(0) if zero else draw(RATES),
        installments=count if not fixed or draw(st.booleans()) else None,
        start=start,
        rhythm=draw(rhythms(start)),
        interest=interest,
        amortization=amortization,
        interest_period=draw(st.sampled_from(InterestPeriod)),
        day_count=draw(st.sampled_from(DayCount)),
        accrue_to_business_days=draw(st.booleans()),
        balloon=draw(st.integers(1, principal)) if amortization is Amortization.BALLOON else 0,
        fixed_installment=principal // draw(st.integers(2, 30)) if fixed else None,
        principal_grace=draw(st.integers(0, 3)),
        interest_grace=draw(st.integers(0, 3)),
        interest_free=draw(st.integers(0, 3)),
        down_payment=draw(st.sampled_from([0, 0, principal // 10])),
        disbursements=by_date(draw(st.lists(st.builds(Disbursement, days, st.integers(1, principal)), max_size=2)))
        if events
        else (),
        fees=tuple(draw(st.lists(FEES, max_size=2))),
        rate_changes=by_date(draw(st.lists(st.builds(RateChange, days, RATES), max_size=2))) if events and not zero else (),
        extra_payments=by_date(
            draw(
                st.lists(
                    st.builds(ExtraPayment, days, st.integers(1, max(principal // 4, 1)), st.sampled_from(ExtraEffect)),
                    max_size=2,
                )
            )
        )
        if events
        else (),
        rounding=draw(st.sampled_from(Rounding)),
        installment_rounding=draw(st.none() | st.sampled_from(Rounding)),
        multiple=1 if fixed else draw(st.sampled_from([1, 1, 5, 100])),
        last_cent=draw(st.sampled_from(LastCent)),
    )
