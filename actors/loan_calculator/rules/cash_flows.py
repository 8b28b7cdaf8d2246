"""What a loan's borrower receives and pays, by date: the stuff that annual rates are found from. Received is above zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from actors.loan_calculator.rules.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Flow:
    """An amount on a date, in minor units."""

    on: date
    amount: int


def flows_of(schedule: Schedule) -> list[Flow]:
    """Each disbursement, less what is paid on its day; each payment. Up-front fees reduce what is received at the start."""
    by_date: dict[date, int] = {schedule.terms.start: schedule.terms.principal - schedule.fees_upfront}
    for disbursement in schedule.terms.disbursements:
        by_date[disbursement.on] = by_date.get(disbursement.on, 0) + disbursement.amount
    for row in schedule.rows:
        by_date[row.due] = by_date.get(row.due, 0) - row.total
    return [Flow(on, amount) for on, amount in sorted(by_date.items()) if amount]


def in_order(flows: Sequence[Flow]) -> list[Flow]:
    """By date."""
    return sorted(flows, key=lambda flow: flow.on)
