"""Printed schedules: every row once and in order, heads and page numbers on every page, the sums never alone, the same bytes again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.loan_calculator.rules.paper import pages, shown
from actors.loan_calculator.rules.paper_of_terms import HEADS, paper_of
from actors.loan_calculator.rules.paper_pdf import pdf
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.loan_terms import LoanTerms
from tests.actors.loan_calculator.printed import drawn, texts

LOAN = {
    "principal": {"amount": "10000.00", "currency": "KES"},
    "annual_rate_percent": "18",
    "installments": 24,
    "start": "2024-01-31",
    "day_count": "ACT/365F",
}


def terms(**changes: Any) -> LoanTerms:
    return LoanTerms.model_validate(LOAN | changes)


@given(st.integers(1, 4000), st.integers(2, 12), st.integers(0, 60), st.integers(20, 60))
def test_every_row_stands_on_one_page_and_the_sums_below_one(rows: int, tail: int, on_first: int, on_others: int) -> None:
    found = pages(rows, tail, on_first, on_others)
    assert [row for page in found for row in page] == list(range(rows))
    assert all(len(page) <= (on_first if number == 0 else on_others) for number, page in enumerate(found))
    assert len(found[-1]) + tail <= (on_first if len(found) == 1 else on_others)
    assert found[-1]


@pytest.mark.parametrize("count", [1, 24, 26, 27, 60, 400])
def test_a_document_shows_the_whole_schedule(count: int) -> None:
    said = terms(installments=count, every={"count": 1, "unit": "weeks"}, fees=[{"timing": "upfront", "percent": "2"}])
    found = texts(pdf(paper_of(said)))
    text = [each for page in found for each in page]
    schedule = make_schedule(terms_of(said))
    dues = [row.due.isoformat() for row in schedule.rows]
    assert [each for each in text if each in dues][-len(dues) :] == dues  # after those of the plot
    for number, page in enumerate(found, 1):
        assert page[-1] == f"Page {number} of {len(found)}"
        assert tuple(page[page.index(HEADS[0]) :][: len(HEADS)]) == HEADS
    for minor in (schedule.total_interest, schedule.total_fees, schedule.total_paid, schedule.cost_of_credit):
        assert f"{shown(minor, 'KES')} KES" in text
    assert "Up-front fees of 200.00 KES are paid at the start, in no row." in text
    assert any(each.startswith("Rounding moved ") for each in text)
    assert "APR, US Regulation Z" in text


def test_the_plot_is_drawn_in_lines_and_boxes() -> None:
    page = drawn(pdf(paper_of(terms())))[0]
    assert page.count(" re f") > 2 * 24
    assert ".168627 .423529 .690196 rg" in page  # principal
    assert "/Image" not in page


def test_the_same_terms_are_the_same_bytes() -> None:
    assert pdf(paper_of(terms())) == pdf(paper_of(terms()))
    assert pdf(paper_of(terms())) != pdf(paper_of(terms(installments=23)))


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "10000"), ("BHD", "9999999999.999"), ("KES", "9999999999999.99")])
def test_the_largest_amounts_stay_within_their_columns(currency: str, amount: str) -> None:
    fees = [{"timing": "capitalized", "percent": "100"}, {"timing": "installment", "percent": "50", "of": "balance"}]
    said = terms(principal={"amount": amount, "currency": currency}, fees=fees[1:] if currency == "KES" else fees)
    paper = paper_of(said)
    assert {len(row) for row in (*paper.rows, paper.totals)} == {len(HEADS)}
    assert pdf(paper).startswith(b"%PDF")
