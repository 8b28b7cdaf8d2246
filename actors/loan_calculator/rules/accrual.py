"""Interest accrued between any two dates of a schedule that is paid as planned.

What has accrued by a date is rounded, not each day's interest; so what accrues from Monday to Friday is what accrues from Monday to
Wednesday and from Wednesday to Friday, to the cent, and by the end of each period it is the interest of its installment.
"""

from datetime import date
from fractions import Fraction

from actors.loan_calculator.rules.plan import Plan
from actors.loan_calculator.rules.rounding import ROUND
from actors.loan_calculator.rules.schedule import Schedule
from messages.loan_calculator import DateOutsideTerm, DatesOutOfOrder


def accrued_between(schedule: Schedule, first: date, last: date) -> int:
    """Interest from the first date (whose interest counts) to the last (whose does not)."""
    if last < first:
        raise DatesOutOfOrder("The interest runs from an earlier date to a later one.", field="last")
    return accrued_until(schedule, last) - accrued_until(schedule, first)


def accrued_until(schedule: Schedule, day: date) -> int:
    """Interest from the start to the day, that day's own not included."""
    if day < schedule.terms.start:
        raise DateOutsideTerm("It is before the start.", field="first", on=day)
    own = schedule.columns.interest
    index = schedule.plan.period_of(day)
    if index >= len(own):
        return sum(own)
    part = accrued_in_period(schedule, index, day)
    return sum(own[:index]) + ROUND[schedule.terms.rounding](part.numerator, part.denominator)


def accrued_in_period(schedule: Schedule, index: int, day: date) -> Fraction:
    """Interest of one period from its start to the day, unrounded."""
    plan, columns = schedule.plan, schedule.columns
    if schedule.terms.is_flat:
        if day == plan.starts[index]:
            return Fraction(0)
        if day >= plan.ends[index] or plan.fractions[index][0] == 0:
            return Fraction(columns.interest[index])
        return columns.interest[index] * share_of_period(plan, index, day)
    if index < schedule.terms.interest_free:
        return Fraction(0)
    cut = plan.cuts.get(index)
    if cut is None:
        opening = columns.balance[index] + columns.principal[index]
        return opening * plan.rate_on(plan.starts[index]) * Fraction(*plan.accrued(index, day))
    total, before = Fraction(0), Fraction(0)
    for piece, balance in zip(cut.pieces, columns.openings[index], strict=True):
        if day <= piece.first:
            break
        until = Fraction(*plan.accrued(index, min(day, piece.last)))
        total += balance * piece.annual_rate * (until - before)
        before = until
    return total


def share_of_period(plan: Plan, index: int, day: date) -> Fraction:
    """How much of the period has gone by, as its day count sees it."""
    until, whole = Fraction(*plan.accrued(index, day)), Fraction(*plan.fractions[index])
    return min(Fraction(until.numerator * whole.denominator, until.denominator * whole.numerator), Fraction(1))
