"""What it takes to repay a loan on a date: principal, interest up to that day, and a charge for paying early."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from actors.loan_calculator.rules.accrual import accrued_until
from actors.loan_calculator.rules.rounding import round_ratio
from actors.loan_calculator.rules.schedule import INSTALLMENT, Schedule
from messages.loan_calculator import DateOutsideTerm, TermsBeyondLimit


@dataclass(frozen=True, slots=True)
class PrepaymentCharge:
    """An amount, and a share of the principal that is repaid before it is due."""

    amount: int = 0
    share: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Payoff:
    """What repays the loan on the date. Amounts are minor units."""

    on: date
    principal: int
    interest: int
    """Accrued and not paid; what a grace moved to later is in it."""
    fees: int
    """Of the installment that is due on the day."""
    charge: int
    interest_saved: int
    """Interest of the schedule that will not be paid."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.principal + self.interest + self.fees + self.charge


NO_CHARGE = PrepaymentCharge()


def payoff(
    schedule: Schedule,
    on: date,
    *,
    whole_period: bool = False,
    charge: PrepaymentCharge = NO_CHARGE,
    installments_paid: int | None = None,
) -> Payoff:
    """The payoff on a date. Installments due before it count as paid, unless `installments_paid` says how many are.

    With whole_period the interest of the current period is owed to its end.
    """
    installments = schedule.installments
    if on < schedule.terms.start or not installments or on > installments[-1].due:
        raise DateOutsideTerm("It is not within the loan's term.", field="on")
    if charge.amount < 0 or not 0 <= charge.share <= 1:
        raise TermsBeyondLimit("A charge is not below zero, and at most all of the principal.", field="charge")
    paid_count = sum(row.due < on for row in installments) if installments_paid is None else installments_paid
    if not 0 <= paid_count < len(installments):
        raise TermsBeyondLimit("There are not so many installments to be paid.", field="installments_paid")
    paid = installments[:paid_count]
    principal = _lent_by(schedule, on) - sum(row.principal for row in paid) - _aside_by(schedule, on)
    interest_until = _end_of_period(schedule, on) if whole_period else on
    interest = max(accrued_until(schedule, interest_until) - sum(row.interest for row in paid), 0)
    due_now = [row for row in installments[paid_count:] if row.due <= on]
    early = max(principal - sum(row.principal for row in due_now), 0)
    return Payoff(
        on=on,
        principal=principal,
        interest=interest,
        fees=sum(row.fees for row in due_now),
        charge=charge.amount + round_ratio(charge.share.numerator * early, charge.share.denominator, schedule.terms.rounding),
        interest_saved=schedule.total_interest - sum(row.interest for row in paid) - interest,
    )


def _lent_by(schedule: Schedule, on: date) -> int:
    terms = schedule.terms
    later = sum(each.amount for each in terms.disbursements if each.on > on)
    return schedule.lent - later


def _aside_by(schedule: Schedule, on: date) -> int:
    """Down payments and extra payments that were made by the end of the day."""
    return sum(row.principal for row in schedule.rows if row.kind != INSTALLMENT and row.due <= on)


def _end_of_period(schedule: Schedule, on: date) -> date:
    index = schedule.plan.period_of(on)
    # On a due date the period that ends is the current one.
    if index and schedule.plan.starts[min(index, len(schedule.plan.starts) - 1)] == on:
        return on
    return schedule.plan.ends[min(index, len(schedule.plan.ends) - 1)]
