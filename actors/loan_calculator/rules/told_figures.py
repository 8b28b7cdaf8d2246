"""Figures as they are worked with -> figures as they are told: money, decimal strings, percentages."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.decimals import decimal_of, shown
from actors.loan_calculator.rules.explanation import ExplainedRow, Explanation, Step
from actors.loan_calculator.rules.prepayment import Prepayment
from actors.loan_calculator.rules.rounding import half_up
from actors.loan_calculator.rules.schedule import Row, Schedule
from actors.loan_calculator.rules.terms import ExtraEffect
from messages.loan_calculator import (
    ExplainedInstallment,
    InstallmentSetting,
    InterestStep,
    LoanExplanation,
    LoanQuote,
    LoanSchedule,
    PrepaymentResult,
    ScheduleRow,
    Totals,
)
from messages.money import MINOR_UNITS, Money

FIGURE_PLACES = 12
"""Of an unrounded amount: enough for a person, and for telling apart what rounds up from what rounds down."""


def plain(value: Decimal, places: int) -> str:
    """A decimal string with so many places, never in powers of ten, nothing never below zero."""
    return f"{shown(value, places) + 0:f}"  # what is shown as nothing has no sign


def in_percent(rate: Fraction) -> str:
    """12/100 is "12"; at most twelve places."""
    text = plain(decimal_of(rate * 100), FIGURE_PLACES)
    return text.rstrip("0").rstrip(".")


def unrounded(minor: Fraction, currency: str) -> str:
    """An amount in the currency's major unit, to twelve places."""
    return unrounded_ratio(minor.as_integer_ratio(), currency)


def unrounded_ratio(minor: Ratio, currency: str) -> str:
    """The same of a ratio that may have thousands of digits, which is why it is not reduced first."""
    above, below = minor
    shifted = half_up(above * 10**FIGURE_PLACES, below * 10 ** MINOR_UNITS[currency])
    whole, decimals = divmod(abs(shifted), 10**FIGURE_PLACES)
    return f"{'-' if shifted < 0 else ''}{whole}.{decimals:0{FIGURE_PLACES}d}"


def as_written(fraction: Ratio) -> str:
    """31/365."""
    return f"{fraction[0]}/{fraction[1]}"


def totals(schedule: Schedule, currency: str) -> Totals:
    """What it comes to."""
    return Totals.model_construct(
        disbursed=Money.of(schedule.disbursed, currency),
        principal=Money.of(schedule.total_principal, currency),
        interest=Money.of(schedule.total_interest, currency),
        fees=Money.of(schedule.total_fees, currency),
        paid=Money.of(schedule.total_paid, currency),
        cost_of_credit=Money.of(schedule.cost_of_credit, currency),
    )


def rows(found: Iterable[Row], currency: str) -> tuple[ScheduleRow, ...]:
    """The rows."""
    return tuple(
        ScheduleRow.model_construct(
            kind=row.kind,
            number=row.number,
            start=row.start,
            due=row.due,
            principal=Money.of(row.principal, currency),
            interest=Money.of(row.interest, currency),
            fees=Money.of(row.fees, currency),
            total=Money.of(row.total, currency),
            balance=Money.of(row.balance, currency),
        )
        for row in found
    )


def told_schedule(schedule: Schedule, currency: str) -> LoanSchedule:
    """All of it."""
    return LoanSchedule.model_construct(rows=rows(schedule.rows, currency), totals=totals(schedule, currency))


def regular_installment(schedule: Schedule, number: int = 0) -> int:
    """Interest and principal of the first installment from that number on that repays principal; else of the first."""
    installments = schedule.installments
    found = next(
        (row for row in installments if row.principal and row.number >= number), installments[0] if installments else None
    )
    return 0 if found is None else found.principal + found.interest


def told_quote(schedule: Schedule, currency: str) -> LoanQuote:
    """The figures of an offer."""
    first, last = schedule.rows[0], schedule.rows[-1]
    installments = schedule.installments
    return LoanQuote.model_construct(
        installment=Money.of(regular_installment(schedule), currency),
        last_installment=Money.of(last.principal + last.interest, currency),
        installments=len(installments),
        first_due=installments[0].due if installments else first.due,
        last_due=last.due,
        totals=totals(schedule, currency),
    )


def told_prepayment(effect: ExtraEffect, found: Prepayment, currency: str) -> PrepaymentResult:
    """One way."""
    after = found.after
    extra = max(row.number for row in after.rows if row.kind == "extra_payment")
    return PrepaymentResult(
        way=effect.value,
        installment=Money.of(regular_installment(after, extra), currency),
        installments=len(after.installments),
        last_due=after.rows[-1].due,
        interest_saved=Money.of(found.interest_saved, currency),
        rows=rows(after.rows, currency),
    )


def told_explanation(schedule: Schedule, found: Explanation, currency: str) -> LoanExplanation:
    """Pencil and paper."""
    settings = tuple(
        InstallmentSetting(
            from_number=setting.index + 1,
            unrounded=unrounded_ratio(setting.exact, currency),
            set=Money.of(setting.amount, currency),
            tuned_by=Money.of(setting.tuned_by, currency),
        )
        for setting in found.settings
    )
    return LoanExplanation.model_construct(
        day_count=schedule.terms.day_count.value,
        settings=settings,
        installments=tuple(_told_row(row, currency) for row in found.rows),
        moved=unrounded(found.moved, currency),
        totals=totals(schedule, currency),
    )


def _told_row(explained: ExplainedRow, currency: str) -> ExplainedInstallment:
    row = explained.row
    return ExplainedInstallment.model_construct(
        number=row.number,
        due=row.due,
        steps=tuple(_told_step(step, currency) for step in explained.steps),
        unrounded=unrounded(explained.unrounded, currency),
        interest=Money.of(explained.rounded, currency),
        moved=unrounded(explained.moved, currency),
        carried=Money.of(explained.carried, currency),
        principal=Money.of(row.principal, currency),
        total=Money.of(row.total, currency),
        balance=Money.of(row.balance, currency),
    )


def _told_step(step: Step, currency: str) -> InterestStep:
    return InterestStep.model_construct(
        first=step.first,
        last=step.last,
        days=step.days,
        fraction=as_written(step.fraction),
        annual_rate_percent=in_percent(step.annual_rate),
        balance=Money.of(step.balance, currency),
        interest=unrounded(step.interest, currency),
    )
