"""Reschedules that wait for their day while the loan changes: what became of them is told, and follows from the transactions alone."""

from datetime import date, timedelta
from uuid import UUID

from actors.loan.rules.happenings import Reschedule
from actors.loan.rules.lapses import Lapse, lapses, stands_in_the_way
from tests.actors.loan.living import START, Life, loan_terms, product, same

LOWER = Reschedule("rate_change", annual_rate_percent="6")
DAY = START + timedelta(days=50)


def waiting_loan(day: date = DAY) -> tuple[Life, UUID]:
    """1,200.00 over twelve installments, its rate to be lower from a day on; and the transaction that waits for it."""
    life = Life(loan_terms(120_000, "12", 12), product())
    life.pay_out()
    life.close(START + timedelta(days=40))
    life.say("reschedule", on=day, reschedule=LOWER)
    return life, life.happenings[-1].transaction_id


def told(life: Life, on: date) -> dict[UUID, str]:
    return {transaction_id: lapse.rule for transaction_id, lapse in lapses(life.book, on).items()}


def test_nothing_lapses_of_a_loan_that_goes_on() -> None:
    life, _ = waiting_loan()
    life.close(DAY)
    assert told(life, DAY) == {}
    assert life.book.terms.rate_changes


def test_a_loan_that_is_paid_off_needs_no_other_rate_once_the_day_has_come() -> None:
    life, waits = waiting_loan()
    life.pay(130_000)
    assert life.status() == "closed"
    assert told(life, DAY - timedelta(days=1)) == {}
    assert told(life, DAY) == {waits: "loan_state_forbids"}, "though no close passes over it"


def test_what_is_not_possible_on_its_day_lapses_and_comes_back_with_what_made_it_so() -> None:
    day = START + timedelta(days=75)
    life, waits = waiting_loan(day)
    life.say("reschedule", reschedule=Reschedule("re_age", installments=1))  # the one that is left is due before the day
    spoiled_by = life.happenings[-1].transaction_id
    life.close(day)
    assert told(life, life.today) == {waits: "reschedule_impossible"}
    assert same(life.again(), life.book)
    life.reverse(spoiled_by)
    assert told(life, life.today) == {}


def test_one_that_was_carried_out_lapses_with_a_back_dated_payoff() -> None:
    life, waits = waiting_loan()
    life.close(DAY + timedelta(days=5))
    life.pay(130_000, DAY - timedelta(days=5))
    assert told(life, life.today) == {waits: "loan_state_forbids"}
    assert same(life.again(), life.book)


def test_what_stands_in_the_way_is_known_before_anything_is_booked() -> None:
    life, _ = waiting_loan()
    assert stands_in_the_way(life.book, LOWER, DAY) is None
    assert stands_in_the_way(life.book, LOWER, START) is None, "it waited for its decision: it is carried out on the open day"
    all_due = START + timedelta(days=3_000)
    found = stands_in_the_way(life.book, LOWER, all_due)
    assert found == Lapse("reschedule_impossible", "All installments are due.")
