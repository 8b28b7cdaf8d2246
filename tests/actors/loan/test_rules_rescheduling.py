"""Other terms from a day on: what is late and what is to come, and the figures that a request for it shows."""

from datetime import date, timedelta

import pytest

from actors.loan.rules.happenings import Reschedule
from actors.loan.rules.position import position
from actors.loan.rules.replay import replay
from actors.loan.rules.rescheduling import compare
from messages.loan import LoanValueDateTooEarly, RescheduleImpossible
from tests.actors.loan.living import Life, loan_terms, product, same

FIRST_DUE = date(2024, 2, 15)
SECOND_DUE = date(2024, 3, 15)


def late_loan() -> Life:
    """1,200.00 over twelve installments of 100.00 without interest; two are late, with 1.00 of penalty each."""
    once = {"percent": "1", "per": "once"}
    life = Life(loan_terms(120_000, "0", 12), product(penalty=once))
    life.pay_out()
    life.close(date(2024, 3, 31))
    return life


def rows(life: Life) -> list[tuple[date, int]]:
    return [(due.due, sum(due.owed(part) for part in range(4))) for due in life.book.dues if due.is_owed]


def test_re_ageing_makes_what_is_late_due_anew() -> None:
    life = late_loan()
    life.say("reschedule", reschedule=Reschedule("re_age", installments=6))
    assert life.book.status == "active"
    assert sum(amount for _, amount in rows(life)) == 120_200
    assert [due.charged[0] for due in life.book.dues if due.kind == "installment"] == [20_000] * 6
    assert rows(life)[-1][0] == date(2024, 9, 15)
    assert position(life.book)["penalty_receivable"] == 200


def test_re_amortizing_keeps_the_dates_that_are_left() -> None:
    life = late_loan()
    life.say("reschedule", reschedule=Reschedule("re_amortize"))
    assert [due.charged[0] for due in life.book.dues if due.kind == "installment"] == [12_000] * 10
    assert rows(life)[-1][0] == date(2025, 1, 15)


def test_new_terms_leave_what_is_late_late() -> None:
    life = late_loan()
    life.say("reschedule", reschedule=Reschedule("new_terms", installments=5))
    assert life.book.status == "in_arrears"
    assert rows(life)[:2] == [(FIRST_DUE, 10_100), (SECOND_DUE, 10_100)]
    assert [amount for _, amount in rows(life)[2:]] == [20_000] * 5


def test_a_payment_holiday_moves_what_is_to_come() -> None:
    life = late_loan()
    life.say("reschedule", reschedule=Reschedule("payment_holiday", holiday_installments=3))
    assert rows(life)[2] == (date(2024, 7, 15), 10_000)
    assert len(rows(life)) == 12


def test_interest_goes_on_in_a_holiday_and_is_due_with_the_first_installment_after_it() -> None:
    life = Life(loan_terms(120_000, "12", 6, interest="interest_only"), product())
    life.pay_out()
    life.close(FIRST_DUE - timedelta(days=1))
    life.pay(1_200)
    life.say("reschedule", reschedule=Reschedule("payment_holiday", holiday_installments=2))
    assert rows(life)[0] == (date(2024, 5, 15), 3_600)


def test_a_rate_change_counts_from_its_day_on() -> None:
    life = Life(loan_terms(120_000, "12", 6, interest="interest_only"), product())
    life.pay_out()
    life.close(date(2024, 1, 24))
    life.say("reschedule", reschedule=Reschedule("rate_change", annual_rate_percent="24"))
    # Ten days at 0.40 and twenty at 0.80.
    assert life.book.dues[0].charged[1] == 10 * 40 + 20 * 80


def test_what_accrued_before_is_due_with_the_first_new_installment() -> None:
    life = Life(loan_terms(120_000, "12", 6, interest="interest_only"), product())
    life.pay_out()
    life.close(date(2024, 1, 24))
    life.say("reschedule", reschedule=Reschedule("new_terms", every_count=1, every_unit="months"))
    # Ten days that were not due, and the month that follows.
    assert rows(life)[0] == (date(2024, 2, 25), 10 * 40 + 30 * 40)
    before = position(life.book)["interest_receivable"]
    life.close(life.today)
    assert position(life.book)["interest_receivable"] - before == 40


def test_a_reschedule_of_a_day_to_come_waits_for_it() -> None:
    life = late_loan()
    on = life.today + timedelta(days=5)
    life.say("reschedule", on=on, reschedule=Reschedule("re_age", installments=6))
    life.close(on - timedelta(days=1))
    assert life.status() == "in_arrears"
    life.close(on)
    assert life.status() == "active"
    assert same(life.book, life.again())


def test_a_reschedule_is_shown_before_it_is_asked_for() -> None:
    life = late_loan()
    before, after = compare(life.book, Reschedule("re_age", installments=6), life.today)
    assert (before.installments, before.installment.amount, before.last_due) == (12, "100.00", date(2025, 1, 15))
    assert (after.installments, after.installment.amount, after.last_due) == (6, "200.00", date(2024, 9, 15))
    assert before.principal == after.principal
    # Without a rate an amount to come is worth what it is.
    assert before.present_value.amount == after.present_value.amount == "1202.00"
    assert (before.effective_percent, after.effective_percent) == ("0", "0")
    assert life.book.leg == 0


def test_a_dearer_rate_is_worth_more_and_shows() -> None:
    life = Life(loan_terms(120_000, "12", 1), product())
    life.pay_out()
    asked = Reschedule("rate_change", annual_rate_percent="24")
    before, after = compare(life.book, asked, life.today)
    assert (before.interest.amount, after.interest.amount) == ("12.00", "24.00")
    # 1,212.00 in 31 days at 12 % a year: 1,212 / 1.12 ^ (31 / 365).
    assert before.present_value.amount == "1200.39"
    assert float(before.effective_percent) == pytest.approx((1.01 ** (365 / 31) - 1) * 100, abs=1e-5)


@pytest.mark.parametrize(
    "asked",
    [
        Reschedule("rate_change"),
        Reschedule("payment_holiday"),
    ],
)
def test_a_reschedule_says_what_it_needs(asked: Reschedule) -> None:
    with pytest.raises(RescheduleImpossible):
        compare(late_loan().book, asked, date(2024, 4, 1))


def test_after_the_last_due_date_only_a_re_ageing_is_possible() -> None:
    life = late_loan()
    life.close(date(2025, 6, 1))
    for asked in (Reschedule("re_amortize"), Reschedule("re_age"), Reschedule("new_terms", installments=3)):
        with pytest.raises(RescheduleImpossible):
            compare(life.book, asked, life.today)
    life.say("reschedule", reschedule=Reschedule("re_age", installments=12))
    assert life.book.status == "active"
    with pytest.raises(LoanValueDateTooEarly):
        compare(life.book, Reschedule("re_amortize"), date(2025, 1, 1))


def test_what_is_booked_for_a_day_before_a_reschedule_finds_the_loan_without_it() -> None:
    life = late_loan()
    life.say("reschedule", reschedule=Reschedule("re_amortize"))
    then = replay(life.terms, life.conditions, life.happenings, date(2024, 2, 10))
    assert (then.closed_through, then.leg) == (date(2024, 2, 10), 0)
    assert life.again().leg == 1
