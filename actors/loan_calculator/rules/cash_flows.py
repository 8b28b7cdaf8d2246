"""What a loan's borrower receives and pays, by date: the stuff that annual rates are found from. Received is above zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from actors.loan_calculator.rules.schedule import INSTALLMENT, Schedule


@dataclass(frozen=True, slots=True)
class Flow:
    """An amount on a date, in minor units."""

    on: date
    amount: int


def flows_of(schedule: Schedule, *, nominal: bool = False) -> list[Flow]:
    """Each disbursement, less what is paid on its day; each payment. Up-front fees reduce what is received at the start.

    With nominal dates installments are paid where they were due before they moved to business days.
    """
    by_date: dict[date, int] = {schedule.terms.start: schedule.terms.principal - schedule.fees_upfront}
    for disbursement in schedule.terms.disbursements:
        by_date[disbursement.on] = by_date.get(disbursement.on, 0) + disbursement.amount
    for row in schedule.rows:
        due = schedule.plan.nominal[row.number - 1] if nominal and row.kind == INSTALLMENT else row.due
        by_date[due] = by_date.get(due, 0) - row.total
    return [Flow(on, amount) for on, amount in sorted(by_date.items()) if amount]


def in_order(flows: Sequence[Flow]) -> list[Flow]:
    """By date."""
    return sorted(flows, key=lambda flow: flow.on)
