"""Whether schedules can be made for the loans that a product allows: tried at the corners of its ranges."""

from collections.abc import Iterator
from datetime import date
from itertools import product

from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.base import Refusal
from messages.loan_product import ProductRules, ProductScheduleImpossible
from messages.loan_terms import LoanTerms
from messages.money import Money


def try_schedules(rules: ProductRules, start: date) -> None:
    """Make a schedule for each combination of lowest and highest amount, number of installments and rate."""
    for terms in _corners(rules, start):
        try:
            make_schedule(terms_of(terms))
        except Refusal as no:
            asked = (
                f"{terms.principal.amount} {terms.principal.currency} in {terms.installments} at {terms.annual_rate_percent} %"
            )
            raise ProductScheduleImpossible(f"{asked}: {no.detail}", field="rules.schedule", why=no.rule, of=no.field) from None


def _corners(rules: ProductRules, start: date) -> Iterator[LoanTerms]:
    amounts, counts, rates = rules.amount, rules.installments, rules.annual_rate_percent
    said = {name: getattr(rules.schedule, name) for name in type(rules.schedule).model_fields}
    corners = product(
        dict.fromkeys((amounts.lowest, amounts.highest)),
        dict.fromkeys((counts.lowest, counts.highest)),
        dict.fromkeys((rates.lowest, rates.highest)),
    )
    for amount, installments, rate in corners:
        yield LoanTerms(
            principal=amount,
            installments=installments,
            annual_rate_percent=rate,
            start=start,
            fixed_installment=amount if rules.schedule.amortization == "fixed_installment" else None,
            balloon=_half(amount) if rules.schedule.amortization == "balloon" else None,
            **said,
        )


def _half(amount: Money) -> Money:
    """A balloon in the middle of what an application may ask for."""
    return Money.of(max(amount.minor // 2, 1), amount.currency)
