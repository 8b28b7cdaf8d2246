"""Other terms from a day on leave the loan due on its day of the month, also where they begin in a month that has no such day."""

from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.loan.rules.book import INSTALLMENT
from actors.loan.rules.happenings import Reschedule
from actors.loan.rules.timetable import schedule_of
from actors.loan_calculator.rules.due_dates import MonthEnd, due_dates
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.base import Refusal
from messages.loan_terms import LoanTerms
from tests.actors.loan.living import ONE_DAY, Life, loan_terms, product

LAST_OF_JANUARY = date(2024, 1, 31)
ASKED = {
    "re-amortize": Reschedule("re_amortize"),
    "re-age": Reschedule("re_age", installments=11),
    "new terms": Reschedule("new_terms", installments=11, annual_rate_percent="15"),
    "holiday": Reschedule("payment_holiday", holiday_installments=1),
}


def lent(start: date, **more: Any) -> Life:
    life = Life(loan_terms(start=start, **more), product())
    life.pay_out(on=start)
    return life


def dues(life: Life, after: date) -> list[date]:
    return [each.due for each in life.book.dues if each.kind == INSTALLMENT and each.due > after]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("on", [date(2024, 2, 10), date(2024, 2, 29), date(2024, 4, 15)])
def test_a_loan_due_on_the_31st_is_so_again_after_february(name: str, on: date) -> None:
    life = lent(LAST_OF_JANUARY, every={"count": 1, "unit": "months"})
    planned = dues(life, on)
    life.close(on - ONE_DAY)
    life.say("reschedule", on=on, reschedule=ASKED[name])
    found = dues(life, on)
    assert [each for each in found if each in planned] == (planned[1:] if name == "holiday" else planned[: len(found)])
    assert len(found) >= 10
    # And once more, from the leg that has another day for its first due date.
    life.close(date(2024, 5, 9))
    life.say("reschedule", on=date(2024, 5, 10), reschedule=Reschedule("re_amortize"))
    assert dues(life, date(2024, 5, 10)) == [each for each in found if each > date(2024, 5, 10)]


@settings(max_examples=150, deadline=None)
@given(
    st.dates(date(2024, 1, 1), date(2024, 12, 31)),
    st.sampled_from(["clamp", "last_day", "first_of_next"]),
    st.sampled_from(["none", "following", "preceding"]),
    st.booleans(),
    st.sampled_from(["30E/360", "ACT/365F", "ACT/ACT ICMA"]),
    st.integers(1, 330),
    st.integers(1, 3),
)
def test_re_amortizing_moves_no_due_date(
    start: date, month_end: str, adjustment: str, accrue: bool, day_count: str, days: int, months: int
) -> None:
    business_days = {"adjustment": adjustment}
    life = lent(
        start,
        month_end=month_end,
        business_days=business_days,
        accrue_to_business_days=accrue,
        day_count=day_count,
        every={"count": months, "unit": "months"},
    )
    on = start + days * ONE_DAY
    planned = dues(life, on)
    life.close(on - ONE_DAY)
    try:
        life.say("reschedule", on=on, reschedule=Reschedule("re_amortize"))
    except Refusal:
        assume(False)
    found = dues(life, on)
    # What is due on its last day of interest is late or due by then, and its period over.
    assert found == planned[len(planned) - len(found) :]
    assert len(planned) - len(found) <= 1


def test_due_dates_go_back_to_their_day_from_the_nearest_date_on_it() -> None:
    def found(first: str, day: int, month_end: str = "clamp", count: int = 4) -> list[str]:
        said = loan_terms(start=date(2023, 12, 20), first_due=first, due_day=day, month_end=month_end)
        return [each.isoformat()[5:] for each in due_dates(terms_of(said).rhythm, said.start, count)[0]]

    assert found("2024-02-29", 31) == ["02-29", "03-31", "04-30", "05-31"]
    assert found("2024-03-01", 31, "first_of_next") == ["03-01", "03-31", "05-01", "05-31"]
    assert found("2024-02-29", 30, "last_day") == ["02-29", "03-30", "04-30", "05-30"]
    assert found("2024-09-02", 31) == ["09-02", "09-30", "10-31", "11-30"]
    assert found("2024-03-17", 15) == ["03-17", "04-15", "05-15", "06-15"]
    assert set(MonthEnd) == {MonthEnd("clamp"), MonthEnd("last_day"), MonthEnd("first_of_next")}


def test_only_months_have_days() -> None:
    said = LoanTerms.model_validate(loan_terms().model_dump() | {"due_day": 31, "every": {"count": 1, "unit": "weeks"}})
    with pytest.raises(Refusal) as refused:
        schedule_of(said)
    assert (refused.value.rule, refused.value.field) == ("contradictory_terms", "due_day")


def test_regular_periods_stay_regular_under_a_bonds_day_count() -> None:
    said = loan_terms(start=date(2024, 1, 31), first_due=date(2024, 2, 29), due_day=31, day_count="ACT/ACT ICMA")
    plan = schedule_of(said).plan
    assert {tuple(each) for each in plan.fractions} == {(1, 12)}
