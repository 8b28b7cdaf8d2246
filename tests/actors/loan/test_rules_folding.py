"""Whatever happens to a loan: its books balance, and the same history gives the same book however it came about."""

from contextlib import suppress
from random import Random
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.loan.rules.book import Book
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.figures import balances, payoff
from actors.loan.rules.happenings import Happening
from actors.loan.rules.replay import apply, begin, close_day, happenings_by, replay
from messages.base import Refusal
from messages.loan_calculator import AmountTooSmall
from messages.loan_terms import LoanTerms
from tests.actors.loan.living import (
    CASH,
    ONE_DAY,
    START,
    Life,
    Step,
    any_product,
    any_steps,
    any_terms,
    live,
    loan_terms,
    money,
    product,
    same,
)

SOME = settings(max_examples=30, deadline=None)


def begun(terms: LoanTerms, conditions: Conditions, first: int = 1000) -> Life:
    life = Life(terms, conditions)
    try:
        life.pay_out(max(life.book.approved * first // 1000, 1))
    except Refusal:
        assume(False)  # a part of the principal may be too little for the balloon or the multiple
    return life


@SOME
@given(any_terms(), any_product(), st.integers(300, 1000), any_steps())
def test_whatever_happens_a_replay_gives_the_same_book(
    terms: LoanTerms, conditions: Conditions, first: int, steps: list[Step]
) -> None:
    life = begun(terms, conditions, first)
    live(life, steps)
    assert same(life.book, life.again())


@SOME
@given(any_terms(), any_product(), any_steps(), st.randoms(use_true_random=False))
def test_the_order_in_which_transactions_arrive_does_not_matter(
    terms: LoanTerms, conditions: Conditions, steps: list[Step], chance: Random
) -> None:
    life = begun(terms, conditions)
    live(life, steps)
    shuffled = list(life.happenings)
    chance.shuffle(shuffled)
    assert same(replay(terms, conditions, shuffled, life.book.closed_through), life.book)


@SOME
@given(any_terms(), any_product(), any_steps())
def test_a_stored_book_is_the_same_book(terms: LoanTerms, conditions: Conditions, steps: list[Step]) -> None:
    life = begun(terms, conditions)
    live(life, steps)
    assert Book.from_json(life.book.to_json(), conditions).to_json() == life.book.to_json()
    assert all(Happening.from_json(each.to_json()) == each for each in life.happenings)


@SOME
@given(any_terms(), any_product(), any_steps(with_ends=False), st.integers(1, 1200), st.integers(0, 30))
def test_a_repayment_that_is_reversed_never_was(
    terms: LoanTerms, conditions: Conditions, steps: list[Step], share: int, days: int
) -> None:
    life = begun(terms, conditions)
    live(life, steps)
    without = life.book.copy()
    if without.status not in {"active", "in_arrears"}:
        return
    life.pay(max(without.principal_outstanding * share // 1000, 1))
    paid = life.happenings[-1].transaction_id
    for _ in range(days):
        close_day(without, without.today)
        life.close(life.today)
    life.reverse(paid)
    assert same(life.book, without)


@SOME
@given(any_terms(), any_product(), any_steps(most=6), st.integers(1, 120))
def test_days_closed_one_by_one_from_storage_or_at_once_are_the_same(
    terms: LoanTerms, conditions: Conditions, steps: list[Step], days: int
) -> None:
    life = begun(terms, conditions)
    live(life, steps)
    at_once, stored, closed = life.book.copy(), life.book.to_json(), life.book.closed_through
    assert closed is not None
    sums = [0, 0, 0]
    for _ in range(days):
        book = Book.from_json(stored, conditions, closed)
        found = close_day(book, book.today)
        sums = [sums[0] + found.accrued, sums[1] + found.fees, sums[2] + found.penalties]
        closed = found.on
        if found.changed:
            stored = book.to_json()
    together = close_day(at_once, closed)
    assert same(Book.from_json(stored, conditions, closed), at_once)
    assert sums == [together.accrued, together.fees, together.penalties]
    assert (found.days_past_due, found.bucket, found.status) == (
        together.days_past_due,
        together.bucket,
        together.status,
    )


@SOME
@given(any_terms(most=24), any_product(only_presets=True))
def test_a_loan_that_is_paid_as_scheduled_ends_closed_without_penalties(terms: LoanTerms, conditions: Conditions) -> None:
    life = begun(terms, conditions)
    planned = [(due.due, sum(due.charged)) for due in life.book.dues]
    for day in sorted({day for day, _ in planned}):
        life.close(day - ONE_DAY)
        amount = sum(amount for due, amount in planned if due == day)
        if amount:
            parts = life.pay(amount)
            assert (parts.penalty, parts.overpaid) == (0, 0)
    assert life.book.status == "closed"
    assert life.book.overpaid == 0


@settings(max_examples=100, deadline=None)
@given(
    any_terms(),
    any_product(),
    any_steps(with_ends=False),
    st.integers(0, 60),
    st.sampled_from([None, "shorten", "lower", "advance"]),
)
def test_what_the_payoff_says_closes_the_loan_and_one_less_does_not(
    terms: LoanTerms, conditions: Conditions, steps: list[Step], days: int, way: str | None
) -> None:
    life = begun(terms, conditions)
    live(life, steps)
    if life.book.status not in {"active", "in_arrears"}:
        return
    on = life.today + days * ONE_DAY
    told = payoff(life.book, on)
    life.close(on - ONE_DAY)
    assert payoff(life.book, on) == told
    short = replay(terms, conditions, life.happenings, life.book.closed_through)
    with suppress(AmountTooSmall):  # what is left may be too little for so many lower installments
        apply(short, Happening(999, UUID(int=1), "repayment", on, on, told.total.minor - 1, CASH, way=way))
    # Flat interest is spread anew over what is left whenever principal is paid, so that in two steps it may come to a cent less.
    assert short.status != "closed" or terms.interest == "flat"
    assert short.overpaid == 0
    parts = life.pay(told.total.minor, way=way)
    assert parts.overpaid == life.book.overpaid == 0
    assert parts.as_list() == [
        each.minor for each in (told.owed.principal, told.owed.interest, told.owed.fee, told.owed.penalty)
    ]
    assert life.status() == "closed"
    life.close(on + ONE_DAY * 400)
    assert life.status() == "closed"


def test_what_was_paid_ahead_is_no_part_of_the_payoff() -> None:
    fees = [{"timing": "installment", "amount": money(500)}]
    life = Life(loan_terms(fees=fees), product(prepayment="advance"))
    life.pay_out()
    life.close(START + 9 * ONE_DAY)
    paid = life.pay(5_000)
    # The whole month's interest, of which what the principal saves of it went on to principal; ten days have gone by.
    assert (paid.interest, paid.fee) == (1_178, 500)
    owed = payoff(life.book, life.today)
    assert (owed.owed.interest.amount, owed.owed.fee.amount) == ("-7.78", "0.00")
    assert owed.total.minor == 120_000 - paid.principal - 778
    change = life.pay(owed.total.minor)
    assert (life.status(), change.overpaid, sum(life.book.paid)) == ("closed", 0, 120_000 + 400 + 500)


@SOME
@given(any_terms(), any_product(), any_steps(with_back_dating=False), any_steps(with_back_dating=False), st.integers(0, 30))
def test_the_balances_of_a_past_date_stay_what_they_were(
    terms: LoanTerms, conditions: Conditions, early: list[Step], later: list[Step], days: int
) -> None:
    life = begun(terms, conditions)
    live(life, [each for each in early if each.kind != "reversal"])
    on = life.today + days * ONE_DAY
    life.close(on)
    told, known = balances(life.book, on), len(life.happenings)
    live(life, [each for each in later if each.kind != "reversal"])
    assert balances(replay(terms, conditions, happenings_by(life.happenings, on), on), on) == told
    if known < len(life.happenings):
        life.reverse(life.happenings[-1].transaction_id)
        assert balances(replay(terms, conditions, happenings_by(life.happenings, on), on), on) == told


def test_a_book_of_which_nothing_is_paid_out_owes_nothing() -> None:
    book = begin(loan_terms(), product())
    assert (book.status, book.undisbursed, book.principal_outstanding, book.today) == ("approved", 120_000, 0, START)
