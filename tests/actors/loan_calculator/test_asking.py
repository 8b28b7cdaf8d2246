"""The calculator asked by message and over HTTP: the same figures, refusals by name, pictures as pictures."""

import asyncio
from typing import Any

import pytest

from http_edge.examples import EXAMPLES
from messages import loan_calculator as calculator
from messages.base import Query
from messages.loan_calculator import AnnualRate, Explain, Payoff, Plot, PrintSchedule, Quote, Schedule
from messages.loan_terms import LoanTerms
from tests.actors.loan_calculator.printed import texts
from tests.bank import Bank

TERMS = LoanTerms.model_validate(
    {
        "principal": {"amount": "10000.00", "currency": "KES"},
        "annual_rate_percent": "12",
        "installments": 12,
        "start": "2024-01-15",
    }
)


def changed(**changes: Any) -> LoanTerms:
    return LoanTerms.model_validate(TERMS.model_dump() | changes)


async def test_a_quote_and_its_schedule_agree(bank: Bank) -> None:
    quote = await bank.says(Quote(terms=TERMS))
    schedule = await bank.says(Schedule(terms=TERMS))
    assert (quote.installment.amount, quote.last_installment.amount, quote.installments) == ("888.49", "888.47", 12)
    assert quote.totals == schedule.totals
    assert schedule.rows[0].interest.amount == "100.00"
    assert schedule.rows[-1].balance.amount == "0.00"


async def test_an_explanation_shows_every_step(bank: Bank) -> None:
    told = await bank.says(Explain(terms=changed(day_count="ACT/365F")))
    step = told.installments[0].steps[0]
    assert (step.days, step.fraction, step.annual_rate_percent, step.balance.amount) == (31, "31/365", "12", "10000.00")
    assert told.installments[0].unrounded == "101.917808219178"
    assert told.installments[0].interest.amount == "101.92"
    assert told.installments[0].moved == "0.002191780822"


async def test_rates_and_payoff(bank: Bank) -> None:
    rates = await bank.says(AnnualRate(terms=TERMS))
    assert rates.us_percent.startswith("12.00")
    assert rates.eu_percent.startswith("12.68")
    payoff = await bank.says(Payoff(terms=TERMS, on="2024-02-15", charge_percent="1"))
    assert (payoff.principal.amount, payoff.interest.amount, payoff.charge.amount) == ("10000.00", "100.00", "92.12")


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("two_currencies", {"balloon": {"amount": "1.00", "currency": "EUR"}, "amortization": "balloon"}),
        ("contradictory_terms", {"interest": "zero"}),
        ("dates_out_of_order", {"first_due": "2023-01-01"}),
    ],
)
async def test_nonsense_is_refused_by_name(bank: Bank, rule: str, changes: dict[str, Any]) -> None:
    with bank.refuses(rule):
        await bank.says(Schedule(terms=changed(**changes)))


@pytest.mark.parametrize("question", [each for each in EXAMPLES if each.__module__ == calculator.__name__])
async def test_the_documented_examples_are_answered(bank: Bank, question: type[Query[Any]]) -> None:
    assert await bank.says(question.model_validate(EXAMPLES[question]))


async def test_a_picture_survives_the_wire(bank: Bank) -> None:
    png = await bank.says(Plot(terms=TERMS, format="png"))
    assert png.content.startswith(b"\x89PNG")
    svg = await bank.says(Plot(terms=TERMS))
    assert svg.content.startswith(b"<svg")
    assert svg.content.endswith(b"</svg>\n")


async def over_http(bank: Bank, path: str, body: dict[str, Any]) -> tuple[int, str, bytes]:
    async with bank.http.post(f"/api/v1/loan-calculator/{path}", json=body, headers=bank.root) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.read()


async def test_a_browser_gets_a_picture(bank: Bank) -> None:
    terms = TERMS.model_dump(mode="json", exclude_defaults=True)
    status, media_type, body = await over_http(bank, "plot", {"terms": terms, "format": "png"})
    assert (status, media_type) == (200, "image/png")
    assert body.startswith(b"\x89PNG")
    assert (await over_http(bank, "plot", {"terms": terms}))[1] == "image/svg+xml"


async def test_a_browser_gets_a_document(bank: Bank) -> None:
    terms = TERMS.model_dump(mode="json", exclude_defaults=True)
    status, media_type, body = await over_http(bank, "document", {"terms": terms})
    assert (status, media_type) == (200, "application/pdf")
    assert [page[-1] for page in texts(body)] == ["Page 1 of 1"]
    assert (await bank.says(PrintSchedule(terms=TERMS))).content == body
    status, _, body = await over_http(bank, "document", {"terms": {**terms, "first_due": "2023-01-01"}})
    assert status == 422
    assert b"dates_out_of_order" in body


async def test_long_documents_are_made_beside_other_answers(bank: Bank) -> None:
    long = PrintSchedule(terms=changed(every={"count": 1, "unit": "days"}, installments=3660))
    printing = [asyncio.create_task(bank.says(long)) for _ in range(2)]
    quote = await bank.says(Quote(terms=TERMS))
    assert quote.installments == 12
    assert not any(task.done() for task in printing)
    one, other = await asyncio.gather(*printing)
    assert one.content == other.content
    assert texts(one.content)[-1][-1] == "Page 70 of 70"


async def test_the_longest_schedule_comes_over_http(bank: Bank) -> None:
    terms = changed(every={"count": 1, "unit": "days"}, installments=3660).model_dump(mode="json", exclude_defaults=True)
    status, _, body = await over_http(bank, "schedule", {"terms": terms})
    assert status == 200
    assert body.count(b'"installment"') == 3660
    status, _, body = await over_http(bank, "schedule", {"terms": {**terms, "annual_rate_percent": 12.5}})
    assert status == 422
    assert b"terms.annual_rate_percent" in body
