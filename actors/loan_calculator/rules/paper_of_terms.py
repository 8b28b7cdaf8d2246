"""A schedule of terms as a paper: what was asked for, what it comes to, its annual rates, and every row."""

from collections.abc import Iterator

from actors.loan_calculator.rules.asked_schedule import asked_schedule
from actors.loan_calculator.rules.explanation import explain
from actors.loan_calculator.rules.paper import Paper, shown
from actors.loan_calculator.rules.plot_shapes import shapes_of
from actors.loan_calculator.rules.schedule import INSTALLMENT, Row, Schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from actors.loan_calculator.rules.told_figures import in_percent, regular_installment, unrounded
from actors.loan_calculator.rules.told_rates import annual_rates
from messages.loan_calculator import AnnualRate, NoRate
from messages.loan_terms import LoanTerms

HEADS = ("No.", "Due", "Principal", "Interest", "Fees", "Total", "Balance")


def paper_of(said: LoanTerms) -> Paper:
    """The paper. Refuses what a schedule refuses."""
    schedule, currency = asked_schedule(said), said.principal.currency
    return Paper(
        title=f"Loan schedule, {shown(said.principal.minor, currency)} {currency} from {said.start}",
        facts=[*_asked(said, schedule), *_comes_to(schedule, currency), *told_rates(said)],
        plot=shapes_of(schedule.rows, currency),
        heads=HEADS,
        texts=2,
        rows=[_cells(row, currency) for row in schedule.rows],
        totals=_totals(schedule, currency),
        notes=[*_notes(schedule, currency), moved(schedule, currency)],
    )


def told_rates(said: LoanTerms) -> list[tuple[str, str]]:
    """The annual rates, or nothing where no rate makes the payments worth what was received."""
    try:
        rates = annual_rates(AnnualRate(terms=said))
    except NoRate:
        return []
    return [
        ("Effective annual rate (XIRR)", f"{rates.effective_percent} %"),
        ("APR, US Regulation Z", f"{rates.us_percent} %"),
        ("APR, EU Directive 2023/2225", f"{rates.eu_percent} %"),
    ]


def told_method(said: LoanTerms) -> list[tuple[str, str]]:
    """How interest and installments come about, in words."""
    terms = terms_of(said)
    unit = said.every.unit.removesuffix("s")
    return [
        ("Interest", f"{terms.interest.value.replace('_', ' ')}, {said.day_count}"),
        ("Repaid by", terms.amortization.value.replace("_", " ")),
        ("Due every", unit if said.every.count == 1 else f"{said.every.count} {said.every.unit}"),
    ]


def moved(schedule: Schedule, currency: str) -> str:
    """A sentence on what rounding moved, in the currency's major unit."""
    exact = unrounded(explain(schedule).moved, currency)
    return f"Rounding moved {exact} {currency} of interest in all: each period's interest is rounded by itself."


def _asked(said: LoanTerms, schedule: Schedule) -> Iterator[tuple[str, str]]:
    currency = said.principal.currency
    yield "Principal", f"{shown(said.principal.minor, currency)} {currency}"
    yield "Annual rate, nominal", f"{in_percent(schedule.terms.annual_rate)} %"
    yield from told_method(said)
    for what, number in (
        ("Further disbursements", len(said.disbursements)),
        ("Rate changes", len(said.rate_changes)),
        ("Extra payments", len(said.extra_payments)),
    ):
        if number:
            yield what, str(number)
    yield "First and last due", f"{schedule.rows[0].due} to {schedule.rows[-1].due}"


def _comes_to(schedule: Schedule, currency: str) -> Iterator[tuple[str, str]]:
    yield "Installments", str(len(schedule.installments))
    for what, minor in (
        ("Installment", regular_installment(schedule)),
        ("Disbursed", schedule.disbursed),
        ("Interest", schedule.total_interest),
        ("Fees", schedule.total_fees),
        ("Paid back", schedule.total_paid),
        ("Cost of credit", schedule.cost_of_credit),
    ):
        yield what, f"{shown(minor, currency)} {currency}"


def _cells(row: Row, currency: str) -> tuple[str, ...]:
    name = str(row.number) if row.kind == INSTALLMENT else row.kind.replace("_", " ").capitalize()
    amounts = (row.principal, row.interest, row.fees, row.total, row.balance)
    return (name, row.due.isoformat(), *(shown(amount, currency) for amount in amounts))


def _totals(schedule: Schedule, currency: str) -> tuple[str, ...]:
    fees, paid = schedule.total_fees - schedule.fees_upfront, schedule.total_paid - schedule.fees_upfront
    amounts = (schedule.total_principal, schedule.total_interest, fees, paid)
    return ("Total", "", *(shown(amount, currency) for amount in amounts), "")


def _notes(schedule: Schedule, currency: str) -> Iterator[str]:
    if schedule.fees_upfront:
        yield f"Up-front fees of {shown(schedule.fees_upfront, currency)} {currency} are paid at the start, in no row."
    if schedule.fees_capitalized:
        yield f"Fees of {shown(schedule.fees_capitalized, currency)} {currency} are lent with the principal."
