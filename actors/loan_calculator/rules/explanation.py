"""A schedule explained, so that a person can check it with pencil and paper: days, fraction, rate, balance, before and after rounding."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.day_counts import Surroundings, counted_days
from actors.loan_calculator.rules.installment_setting import Setting
from actors.loan_calculator.rules.schedule import Row, Schedule
from actors.loan_calculator.rules.terms import InterestPeriod


@dataclass(frozen=True, slots=True)
class Step:
    """balance x rate x fraction = interest, over days in which none of them changes."""

    first: date
    last: date
    days: int
    """As the convention counts them; of a nominal period those of the calendar."""
    fraction: Ratio
    """Of a year."""
    annual_rate: Fraction
    balance: int
    interest: Fraction
    """Unrounded."""


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """An installment, and how its interest came about."""

    row: Row
    steps: tuple[Step, ...]
    """Of flat interest none: it is a part of the term's."""
    unrounded: Fraction
    rounded: int
    moved: Fraction
    """What rounding added; below zero what it took."""
    carried: int
    """Interest of earlier periods that is due with this installment, or below zero, of this period that is due later."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All rows, how the installments were set, and what rounding moved in all."""

    rows: tuple[ExplainedRow, ...]
    settings: tuple[Setting, ...]
    moved: Fraction


def explain(schedule: Schedule) -> Explanation:
    """Every installment's interest, step by step."""
    rows = tuple(_explained(schedule, index, row) for index, row in enumerate(schedule.installments))
    return Explanation(rows, tuple(schedule.columns.settings), sum((row.moved for row in rows), Fraction(0)))


def _explained(schedule: Schedule, index: int, row: Row) -> ExplainedRow:
    rounded = schedule.columns.interest[index]
    steps = () if schedule.terms.is_flat else tuple(_steps(schedule, index))
    if not schedule.terms.is_flat:
        unrounded = sum((step.interest for step in steps), Fraction(0))
    elif index < schedule.terms.interest_free:
        unrounded = Fraction(0)
    else:
        unrounded = Fraction(*schedule.columns.flat_parts[index])
    return ExplainedRow(row, steps, unrounded, rounded, rounded - unrounded, row.interest - rounded)


def _steps(schedule: Schedule, index: int) -> list[Step]:
    plan, columns = schedule.plan, schedule.columns
    cut = plan.cuts.get(index)
    if cut is not None:
        pieces = zip(cut.pieces, columns.openings[index], strict=True)
        return [
            _step(schedule, piece.first, piece.last, piece.fraction.as_integer_ratio(), piece.annual_rate, balance)
            for piece, balance in pieces
        ]
    start, end = plan.starts[index], plan.ends[index]
    rate = Fraction(0) if index < schedule.terms.interest_free else plan.rate_on(start)
    opening = columns.balance[index] + columns.principal[index]
    return [_step(schedule, start, end, plan.fractions[index], rate, opening)]


def _step(schedule: Schedule, first: date, last: date, fraction: Ratio, rate: Fraction, balance: int) -> Step:
    terms = schedule.terms
    if terms.interest_period is InterestPeriod.DAILY:
        days = counted_days(terms.day_count, first, last, Surroundings(maturity=schedule.plan.ends[-1]))
    else:
        days = (last - first).days
    return Step(first, last, days, fraction, rate, balance, balance * rate * Fraction(*fraction))
