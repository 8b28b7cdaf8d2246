"""Schedules that can be checked by hand or were printed elsewhere: each method, grace, fees, events, last cents, refusals."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from actors.loan_calculator.rules.business_days import Adjustment
from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.due_dates import Every, MonthEnd, Rhythm, Unit, due_dates
from actors.loan_calculator.rules.rounding import Rounding
from actors.loan_calculator.rules.schedule import Schedule, make_schedule
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
from messages.base import Refusal

LOAN = Terms(10_000_00, Fraction(12, 100), 12, date(2024, 1, 15))
MONTH = Every(1, Unit.MONTHS)


def totals(schedule: Schedule) -> list[int]:
    return [row.total for row in schedule.installments]


def interest(schedule: Schedule) -> list[int]:
    return [row.interest for row in schedule.installments]


def test_an_annuity_is_the_spreadsheet_s_and_its_last_cent_is_absorbed() -> None:
    schedule = make_schedule(LOAN)
    assert totals(schedule) == [88849] * 11 + [88847]
    assert schedule.total_interest == 661_86


def test_a_mortgage_of_thirty_years_pays_what_every_table_says() -> None:
    schedule = make_schedule(Terms(100_000_00, Fraction(6, 100), 360, date(2024, 1, 1)))
    assert totals(schedule)[0] == 599_55
    assert schedule.total_interest == pytest.approx(115_838_19, abs=250)
    assert abs(totals(schedule)[-1] - 599_55) < 500


def test_equal_principal_and_interest_alone_and_bullet() -> None:
    equal = make_schedule(replace(LOAN, amortization=Amortization.EQUAL_PRINCIPAL))
    assert [row.principal for row in equal.rows] == [83333] * 11 + [83337]
    assert interest(equal)[:3] == [10000, 9167, 8333]
    bullet = make_schedule(replace(LOAN, amortization=Amortization.BULLET))
    assert interest(bullet) == [10000] * 12
    assert [row.principal for row in bullet.rows] == [0] * 11 + [1_000_000]
    assert make_schedule(replace(LOAN, amortization=Amortization.BULLET, interest=Interest.INTEREST_ONLY)).rows == bullet.rows


def test_a_balloon_is_left_for_the_last() -> None:
    schedule = make_schedule(replace(LOAN, amortization=Amortization.BALLOON, balloon=400_000))
    assert len(set(totals(schedule)[:-1])) == 1
    assert totals(schedule)[-1] == pytest.approx(400_000 + totals(schedule)[0], abs=10)


def test_flat_interest_is_the_same_in_every_installment() -> None:
    schedule = make_schedule(replace(LOAN, interest=Interest.FLAT))
    assert schedule.total_interest == 120_000
    assert interest(schedule) == [10000] * 12
    assert totals(schedule) == [93333] * 11 + [93337]


def test_fixed_installments_run_until_nothing_is_left() -> None:
    terms = replace(LOAN, amortization=Amortization.FIXED_INSTALLMENT, fixed_installment=200_000, installments=None)
    schedule = make_schedule(terms)
    assert totals(schedule)[:-1] == [200_000] * 5
    assert 0 < totals(schedule)[-1] <= 200_000
    assert totals(make_schedule(replace(terms, installments=3)))[-1] > 200_000


def test_a_nominal_period_counts_the_same_whatever_its_days() -> None:
    nominal = replace(LOAN, interest_period=InterestPeriod.SAME_AS_REPAYMENT, day_count=DayCount.ACT_365F)
    assert make_schedule(nominal).rows == make_schedule(LOAN).rows
    weekly = replace(nominal, rhythm=Rhythm(Every(2, Unit.WEEKS)))
    assert interest(make_schedule(weekly))[0] == round(Fraction(1_000_000 * 12 * 2, 100 * 52))


def test_days_are_counted_as_the_convention_says() -> None:
    schedule = make_schedule(replace(LOAN, day_count=DayCount.ACT_365F, amortization=Amortization.BULLET))
    assert interest(schedule)[:2] == [round(Fraction(120_000 * 31, 365)), round(Fraction(120_000 * 29, 365))]


def test_graces_move_principal_and_interest() -> None:
    principal = make_schedule(replace(LOAN, principal_grace=3))
    assert [row.principal for row in principal.rows[:3]] == [0, 0, 0]
    assert totals(principal)[:3] == [10000] * 3
    assert len(set(totals(principal)[3:-1])) == 1
    moved = make_schedule(replace(LOAN, interest_grace=2))
    plain = make_schedule(LOAN)
    assert interest(moved)[:3] == [0, 0, sum(interest(plain)[:3])]
    assert [row.principal for row in moved.rows] == [row.principal for row in plain.rows]
    free = make_schedule(replace(LOAN, interest_free=2))
    assert interest(free)[:2] == [0, 0]
    assert len(set(totals(free)[:-1])) == 1


def test_a_down_payment_is_paid_on_the_first_day() -> None:
    schedule = make_schedule(replace(LOAN, down_payment_share=Fraction(1, 4)))
    assert (schedule.rows[0].kind, schedule.rows[0].due, schedule.rows[0].total) == ("down_payment", LOAN.start, 250_000)
    assert totals(schedule) == totals(make_schedule(replace(LOAN, principal=750_000)))


def test_fees_up_front_capitalized_and_with_installments() -> None:
    fees = (
        Fee(FeeTiming.UPFRONT, share=Fraction(1, 100)),
        Fee(FeeTiming.CAPITALIZED, amount=5_000),
        Fee(FeeTiming.INSTALLMENT, amount=100),
        Fee(FeeTiming.INSTALLMENT, share=Fraction(1, 1000), base=FeeBase.BALANCE),
    )
    schedule = make_schedule(replace(LOAN, fees=fees))
    assert schedule.fees_upfront == 10_000
    assert schedule.lent == schedule.total_principal == 1_005_000
    assert schedule.rows[0].fees == 100 + 1005
    assert schedule.cost_of_credit == schedule.total_interest + schedule.total_fees + 5_000


def test_a_new_rate_counts_from_its_first_day() -> None:
    terms = replace(
        LOAN,
        amortization=Amortization.BULLET,
        day_count=DayCount.ACT_365F,
        rate_changes=(RateChange(date(2024, 2, 1), Fraction(24, 100)),),
    )
    first = interest(make_schedule(terms))[0]
    assert first == round(1_000_000 * (Fraction(12, 100) * Fraction(17, 365) + Fraction(24, 100) * Fraction(14, 365)))
    level = make_schedule(replace(LOAN, rate_changes=(RateChange(date(2024, 7, 15), Fraction(6, 100)),)))
    assert len(set(totals(level)[:6])) == len(set(totals(level)[6:-1])) == 1
    assert totals(level)[6] < totals(level)[5]


def test_a_second_disbursement_bears_interest_from_its_day() -> None:
    terms = replace(LOAN, amortization=Amortization.BULLET, disbursements=(Disbursement(date(2024, 1, 25), 500_000),))
    schedule = make_schedule(terms)
    assert interest(schedule)[0] == 10_000 + round(Fraction(500_000 * 12 * 20, 36_000))
    assert schedule.total_principal == 1_500_000


def test_multiples_and_last_cents() -> None:
    tens = make_schedule(replace(LOAN, multiple=1000))
    assert totals(tens)[:-1] == [89000] * 11
    rounded_up = replace(LOAN, installment_rounding=Rounding.UP, multiple=100)
    assert totals(make_schedule(rounded_up))[:-1] == [88900] * 11
    long = Terms(123_456_78, Fraction(99, 1000), 348, date(2024, 1, 15), installment_rounding=Rounding.UP)
    absorbs, tuned = make_schedule(long), make_schedule(replace(long, last_cent=LastCent.RETUNED))
    off = [abs(totals(each)[-1] - totals(each)[0]) for each in (absorbs, tuned)]
    assert off[1] < off[0]
    for aside in (-1, 1):
        other = replace(
            long, amortization=Amortization.FIXED_INSTALLMENT, fixed_installment=totals(tuned)[0] + aside, installments=348
        )
        rows = totals(make_schedule(other))
        assert len(rows) < 348 or abs(rows[-1] - rows[0]) >= off[1]


@pytest.mark.parametrize("effect", [ExtraEffect.SHORTEN, ExtraEffect.ADVANCE])
def test_an_extra_payment_in_the_first_period_does_not_lower_the_installments_after_it(effect: ExtraEffect) -> None:
    installment = make_schedule(LOAN).rows[-2].principal + make_schedule(LOAN).rows[-2].interest
    found = make_schedule(replace(LOAN, extra_payments=(ExtraPayment(LOAN.start, 100_000, effect),)))
    row = found.installments[-2]
    assert row.principal + row.interest == installment


def test_an_extra_payment_during_a_period_lowers_its_interest_from_that_day() -> None:
    extra = ExtraPayment(date(2024, 1, 25), 400_000, ExtraEffect.LOWER)
    schedule = make_schedule(replace(LOAN, extra_payments=(extra,)))
    assert schedule.rows[0].kind == "extra_payment"
    assert interest(schedule)[0] == round(Fraction(12, 100) * (1_000_000 * Fraction(10, 360) + 600_000 * Fraction(20, 360)))


def test_month_ends() -> None:
    start = date(2024, 1, 31)
    days = {rule: [day.isoformat()[5:] for day in due_dates(Rhythm(MONTH, month_end=rule), start, 3)[0]] for rule in MonthEnd}
    assert days[MonthEnd.CLAMP] == ["02-29", "03-31", "04-30"]
    assert days[MonthEnd.FIRST_OF_NEXT] == ["03-01", "03-31", "05-01"]
    april = due_dates(Rhythm(MONTH, month_end=MonthEnd.LAST_DAY), date(2024, 4, 30), 2)[0]
    assert april == [date(2024, 5, 31), date(2024, 6, 30)]


def test_due_dates_move_to_business_days() -> None:
    def due(adjustment: Adjustment) -> date:
        return due_dates(Rhythm(MONTH, adjustment=adjustment), date(2024, 7, 31), 1)[1][0]  # 31 August 2024 is a Saturday

    assert due(Adjustment.FOLLOWING) == date(2024, 9, 2)
    assert due(Adjustment.MODIFIED_FOLLOWING) == due(Adjustment.PRECEDING) == date(2024, 8, 30)


NONSENSE = [
    ("terms_beyond_limit", {"principal": 0}),
    ("terms_beyond_limit", {"installments": 0}),
    ("terms_beyond_limit", {"annual_rate": Fraction(-1, 100)}),
    ("terms_beyond_limit", {"rhythm": Rhythm(Every(0, Unit.DAYS))}),
    ("contradictory_terms", {"interest": Interest.ZERO}),
    ("contradictory_terms", {"interest": Interest.INTEREST_ONLY}),
    ("contradictory_terms", {"amortization": Amortization.BALLOON}),
    ("contradictory_terms", {"balloon": 1_000_000}),
    ("contradictory_terms", {"principal_grace": 12}),
    ("contradictory_terms", {"installments": None}),
    ("contradictory_terms", {"amortization": Amortization.FIXED_INSTALLMENT}),
    (
        "installment_too_small",
        {"amortization": Amortization.FIXED_INSTALLMENT, "fixed_installment": 10_000, "installments": None},
    ),
    ("dates_out_of_order", {"rhythm": Rhythm(MONTH, first_due=date(2024, 1, 15))}),
    ("dates_out_of_order", {"rate_changes": (RateChange(date(2024, 1, 1), Fraction(1, 10)),)}),
    ("date_outside_term", {"disbursements": (Disbursement(date(2026, 1, 1), 1),)}),
    ("due_dates_collide", {"rhythm": Rhythm(Every(1, Unit.DAYS), adjustment=Adjustment.FOLLOWING)}),
    ("extra_payment_too_large", {"extra_payments": (ExtraPayment(date(2024, 2, 1), 2_000_000),)}),
    ("amount_too_small", {"principal": 3, "annual_rate": Fraction(0)}),
    ("term_too_long", {"rhythm": Rhythm(Every(3000, Unit.MONTHS)), "installments": 600}),
]


@pytest.mark.parametrize(("rule", "changes"), NONSENSE)
def test_nonsense_is_refused_by_name(rule: str, changes: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        make_schedule(replace(LOAN, **changes))
    assert refused.value.rule == rule
    assert refused.value.field


@pytest.mark.parametrize("day", [date(2019, 1, 4), date(2019, 3, 2), date(2020, 3, 3)])
def test_what_is_paid_out_after_all_was_repaid_is_repaid_too(day: date) -> None:
    daily = Rhythm(Every(1, Unit.DAYS))
    fixed = Terms(
        2, Fraction(0), None, date(2019, 1, 1), daily, amortization=Amortization.FIXED_INSTALLMENT, fixed_installment=1
    )
    schedule = make_schedule(replace(fixed, disbursements=(Disbursement(day, 1),)))
    assert schedule.total_principal == 3
    assert (schedule.rows[-1].due - day).days == 1
