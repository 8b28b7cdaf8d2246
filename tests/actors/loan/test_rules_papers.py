"""A loan's schedule on paper, whatever happened to the loan: every due once, with what was paid of it and what is left."""

from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.loan.rules import papers
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.owing import outstanding
from actors.loan_calculator.rules.paper import shown
from messages.base import Refusal
from messages.loan_terms import LoanTerms
from tests.actors.loan.living import CURRENCY, START, Life, Step, any_product, any_steps, any_terms, live, loan_terms, product
from tests.actors.loan_calculator.printed import texts

FACTS = [("Loan", "a loan"), ("Status", "active")]


@settings(max_examples=60, deadline=None)
@given(any_terms(), any_product(), any_steps(6), st.integers(1, 1000))
def test_any_loan_is_drawn_and_printed(terms: LoanTerms, conditions: Conditions, steps: list[Step], thousandths: int) -> None:
    life = Life(terms, conditions)
    try:
        life.pay_out(max(life.book.approved * thousandths // 1000, 1))
    except Refusal:
        assume(False)
    live(life, steps)
    kept = life.book.to_json()
    printed = [papers.document(life.book, terms, FACTS, life.today, is_paid_out=True) for _ in range(2)]
    assert printed[0] == printed[1]
    said = [text for page in texts(printed[0]) for text in page]
    dues = [each.due.isoformat() for each in life.book.dues]
    place = said.index("No.")
    assert [text for text in said[place:] if text in dues] == dues
    assert f"{shown(sum(outstanding(life.book, life.today)), CURRENCY)} {CURRENCY}" in said
    assert papers.picture(life.book, "a loan", "png")[1].startswith(b"\x89PNG")
    assert papers.picture(life.book, "a loan", "svg")[1].startswith(b"<svg")
    assert life.book.to_json() | {"accruals": None} == kept | {"accruals": None}


def test_what_no_row_shows_is_said_below_them() -> None:
    life = Life(loan_terms(), product(prepayment="lower"))
    life.pay_out()
    life.close(START + timedelta(days=40))
    life.pay(60_000)
    said = texts(papers.document(life.book, life.terms, FACTS, life.today, is_paid_out=True))[0]
    ahead = life.book.paid[0] - sum(each.paid[0] for each in life.book.dues)
    assert f"{shown(ahead, CURRENCY)} {CURRENCY} principal were paid in advance, in no row." in said
    assert f"{shown(sum(life.book.paid), CURRENCY)} {CURRENCY}" in said
