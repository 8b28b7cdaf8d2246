"""Loans whose figures can be checked by hand."""

from datetime import date, timedelta
from typing import Any

import pytest

from actors.loan.rules import figures
from actors.loan.rules.happenings import Parts
from actors.loan.rules.position import difference, position
from actors.loan.rules.replay import happenings_by, replay
from messages.loan import (
    DisbursementTooLarge,
    FirstDueTooEarly,
    LaterTransactionsDepend,
    LoanStateForbids,
    LoanValueDateTooEarly,
    RefundTooLarge,
    TooManyDisbursements,
    WaiverTooLarge,
)
from messages.loan_terms import MOST_EVENTS
from tests.actors.loan.living import CASH, START, Life, loan_terms, money, product

PENALTY = {"percent": "1", "per": "day", "grace_days": 3}
FIRST_DUE = date(2024, 2, 15)


def plain_loan(**more: Any) -> Life:
    """1,200.00 in twelve installments of 100.00 without interest; 1 % a day after three days."""
    life = Life(loan_terms(120_000, "0", 12), product(**{"penalty": PENALTY, **more}))
    life.pay_out()
    return life


def interest_loan(**more: Any) -> Life:
    """1,200.00 at 12 %, interest alone, 30E/360: 12.00 a month, 0.40 a day; the principal with the sixth."""
    life = Life(loan_terms(120_000, "12", 6, interest="interest_only"), product(**more))
    life.pay_out()
    return life


def charges(life: Life, part: int = 0) -> list[int]:
    return [due.charged[part] for due in life.book.dues]


def test_paying_out_makes_the_principal_owed_and_credits_the_account() -> None:
    life = plain_loan()
    assert charges(life) == [10_000] * 12
    assert position(life.book) == {"principal": 120_000, f"account:{CASH}": -120_000}
    assert (life.book.status, life.book.undisbursed) == ("active", 0)


def test_interest_accrues_by_the_day_and_is_receivable_until_it_is_paid() -> None:
    life = interest_loan()
    life.close(date(2024, 1, 24))
    assert position(life.book)["interest_receivable"] == 400
    assert position(life.book)["interest_income"] == -400
    assert life.pay(1_000) == Parts(principal=600, interest=400)
    assert "interest_receivable" not in position(life.book)
    assert position(life.book)["principal"] == 119_400


def test_on_cash_basis_interest_is_income_when_it_is_paid() -> None:
    life = interest_loan(basis="cash")
    life.close(date(2024, 1, 24))
    assert "interest_income" not in position(life.book)
    life.pay(400)
    assert position(life.book)["interest_income"] == -400


def test_a_late_installment_costs_its_penalty_day_by_day() -> None:
    life = plain_loan()
    life.close(FIRST_DUE + timedelta(days=3))
    assert (life.book.status, life.book.days_past_due(life.book.closed_through or START)) == ("in_arrears", 3)
    assert charges(life, 3)[0] == 0
    life.close(FIRST_DUE + timedelta(days=9))
    assert charges(life, 3)[0] == 600
    told = figures.balances(life.book, FIRST_DUE + timedelta(days=9))
    assert (told.days_past_due, told.bucket) == (9, "1-30")
    assert (told.overdue.principal.amount, told.overdue.penalty.amount) == ("100.00", "6.00")
    assert life.pay(10_600) == Parts(principal=10_000, penalty=600)
    assert life.book.status == "active"


def test_a_penalty_stops_at_its_cap_and_grace_days_can_be_charged_after_all() -> None:
    life = plain_loan(penalty={**PENALTY, "charges_grace": True, "cap": money(1_250)})
    life.close(FIRST_DUE + timedelta(days=4))
    assert charges(life, 3)[0] == 400
    life.close(FIRST_DUE + timedelta(days=20))
    assert charges(life, 3)[0] == 1_250


def test_a_partial_payment_lowers_what_later_days_cost() -> None:
    life = plain_loan()
    life.close(FIRST_DUE + timedelta(days=5))
    life.pay(5_200)
    life.close(FIRST_DUE + timedelta(days=7))
    assert charges(life, 3)[0] == 200 + 2 * 50


def test_a_back_dated_payment_takes_the_penalties_back() -> None:
    life = plain_loan()
    life.close(FIRST_DUE + timedelta(days=9))
    before = life.book.copy()
    assert life.pay(10_000, FIRST_DUE) == Parts()
    assert figures.corrections(before, life.book) == Parts(penalty=-600)
    assert difference(position(life.book), position(before)) == {
        f"account:{CASH}": 10_000,
        "principal": -10_000,
        "penalty_receivable": -600,
        "penalty_income": 600,
    }
    assert life.book.status == "active"


def test_a_payment_that_is_reversed_leaves_the_penalties_it_would_have_spared() -> None:
    life = plain_loan()
    life.close(FIRST_DUE - timedelta(days=1))
    life.pay(10_000)
    life.close(FIRST_DUE + timedelta(days=9))
    life.reverse(life.happenings[-1].transaction_id)
    assert charges(life, 3)[0] == 600
    assert life.book.status == "in_arrears"


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("shorten", [10_000] * 9),
        ("lower", [7_500] * 12),
        ("advance", [0, 0, 0, *[10_000] * 9]),
    ],
)
def test_principal_paid_in_advance_does_what_the_product_says(way: str, expected: list[int]) -> None:
    life = plain_loan(prepayment=way)
    assert life.pay(30_000) == Parts(principal=30_000)
    assert charges(life) == expected


def test_an_installment_that_is_paid_early_is_paid_under_the_way_advance() -> None:
    life = Life(loan_terms(120_000, "12", 12), product(prepayment="advance", penalty=PENALTY))
    life.pay_out()
    life.close(date(2024, 2, 11))
    life.pay(sum(life.book.dues[0].charged))
    life.close(date(2024, 3, 10))
    assert life.book.status == "active"
    assert not life.book.dues[0].is_owed


def test_the_payoff_closes_the_loan_and_more_is_overpaid_and_refunded() -> None:
    life = interest_loan()
    life.close(date(2024, 1, 24))
    owed = figures.payoff(life.book, date(2024, 1, 25))
    assert (owed.owed.interest.amount, owed.total.amount) == ("4.00", "1204.00")
    assert life.pay(121_000) == Parts(principal=120_000, interest=400, overpaid=600)
    assert position(life.book)["overpayment"] == -600
    life.close(date(2024, 12, 31))
    assert life.status() == "closed"
    with pytest.raises(RefundTooLarge):
        life.say("refund", 601)
    life.say("refund", 600)
    assert "overpayment" not in position(life.book)
    with pytest.raises(LaterTransactionsDepend):
        life.reverse(life.happenings[1].transaction_id)


def test_fees_are_due_at_once_and_waived_no_further_than_they_are_owed() -> None:
    life = plain_loan()
    life.say("fee", 700)
    assert position(life.book)["fee_receivable"] == 700
    with pytest.raises(WaiverTooLarge):
        life.say("waiver", 701, part="fee")
    life.say("waiver", 300, part="fee")
    assert position(life.book)["fee_income"] == -400
    assert life.pay(1_000) == Parts(principal=600, fee=400)


def test_fees_of_the_terms_are_due_up_front_with_installments_or_in_the_principal() -> None:
    fees = [
        {"timing": "upfront", "percent": "1"},
        {"timing": "installment", "amount": money(100)},
        {"timing": "capitalized", "amount": money(1_200)},
    ]
    life = Life(loan_terms(120_000, "0", 12, fees=fees), product())
    life.pay_out()
    assert life.book.principal_outstanding == 121_200
    assert position(life.book)["fee_income"] == -1_200 - 1_200
    assert life.pay(1_200) == Parts(fee=1_200)
    life.close(FIRST_DUE)
    assert position(life.book)["fee_receivable"] == 100
    assert life.pay(10_200) == Parts(principal=10_100, fee=100)


def test_charged_off_a_loan_earns_nothing_and_its_repayments_lower_the_expense() -> None:
    life = interest_loan(penalty=PENALTY)
    life.close(date(2024, 2, 29))
    life.say("charge_off")
    # 46 days of 30/360 at 0.40; the first installment of 12.00 is 14 days late, of which 11 cost 0.12.
    expense = 120_000 + 46 * 40 + 11 * 12
    assert position(life.book) == {
        f"account:{CASH}": -120_000,
        "interest_income": -46 * 40,
        "penalty_income": -11 * 12,
        "charge_off_expense": expense,
    }
    life.close(date(2024, 12, 31))
    assert position(life.book)["charge_off_expense"] == expense
    life.pay(1_000)
    assert position(life.book)["charge_off_expense"] == expense - 1_000
    life.pay(expense - 1_000)
    assert life.status() == "closed"


def test_written_off_a_loan_owes_nothing_and_what_comes_is_recovery() -> None:
    life = plain_loan()
    life.pay(20_000)
    life.say("write_off")
    assert position(life.book) == {f"account:{CASH}": -100_000, "write_off_expense": 100_000}
    life.say("recovery", 500)
    assert position(life.book)["recovery_income"] == -500
    told = figures.balances(life.book, life.today)
    assert (told.outstanding.total.amount, told.written_off.principal.amount, told.recovered.amount) == (
        "0.00",
        "1000.00",
        "5.00",
    )


def test_what_is_not_written_off_is_not_recovered() -> None:
    life = plain_loan()
    with pytest.raises(LoanStateForbids):
        life.say("recovery", 500)


def test_a_loan_is_paid_out_in_parts_up_to_what_was_approved() -> None:
    life = Life(loan_terms(120_000, "0", 12), product(disbursements=2))
    life.pay_out(60_000)
    assert charges(life) == [5_000] * 12
    life.close(FIRST_DUE - timedelta(days=1))
    life.pay(5_000)
    with pytest.raises(DisbursementTooLarge):
        life.say("disbursement", 60_001)
    life.say("disbursement", 55_000)
    assert charges(life) == [5_000] + [10_000] * 11
    assert life.book.undisbursed == 5_000
    with pytest.raises(TooManyDisbursements):
        life.say("disbursement", 5_000)


def test_nothing_happens_before_the_loan_is_paid_out() -> None:
    life = Life(loan_terms(120_000, "0", 12, first_due=FIRST_DUE), product())
    with pytest.raises(LoanValueDateTooEarly):
        life.pay(100)
    with pytest.raises(FirstDueTooEarly):
        life.pay_out(on=FIRST_DUE)
    life.pay_out(on=START + timedelta(days=3))
    assert life.book.dues[0].due == FIRST_DUE
    life.close(FIRST_DUE)
    with pytest.raises(LoanValueDateTooEarly):
        life.pay(100, START)


def test_taking_the_only_disbursement_back_undoes_everything() -> None:
    life = interest_loan()
    life.close(FIRST_DUE)
    life.reverse(life.happenings[0].transaction_id)
    assert position(life.book) == {}
    assert (life.book.status, life.book.undisbursed) == ("approved", 120_000)


def test_more_prepayments_than_a_schedule_has_begin_a_leg() -> None:
    life = Life(loan_terms(10_000_000, "12", 36), product(prepayment="lower"))
    life.pay_out()
    for _ in range(MOST_EVENTS + 30):
        life.close(life.today)
        due = sum(due.owed(part) for due in life.book.dues if due.due <= life.today for part in range(4))
        life.pay(due + 10_000)
    assert life.book.leg == 1
    assert life.book.status == "active"


def test_a_payment_that_was_reversed_later_is_not_in_the_balances_of_days_between() -> None:
    life = plain_loan()
    life.pay(10_000)
    between = life.today + timedelta(days=2)
    life.close(between + timedelta(days=2))
    life.reverse(life.happenings[-1].transaction_id)
    then = replay(life.terms, life.conditions, happenings_by(life.happenings, between), between)
    assert figures.balances(then, between).outstanding.total.amount == "1200.00"


def test_a_schedule_is_told_with_what_became_of_it() -> None:
    life = plain_loan()
    life.close(FIRST_DUE - timedelta(days=1))
    life.pay(14_000)
    told = figures.installments(life.book, CASH, life.today)
    first = told.installments[0]
    assert (first.kind, first.number, first.paid.total.amount, first.paid_on) == ("installment", 1, "100.00", FIRST_DUE)
    assert told.totals.principal.amount == "1060.00"
