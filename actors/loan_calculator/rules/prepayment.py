"""A part of the principal paid early, in each of three ways, beside the schedule without it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from actors.loan_calculator.rules.schedule import Schedule, make_schedule
from actors.loan_calculator.rules.terms import ExtraEffect, ExtraPayment, Terms


@dataclass(frozen=True, slots=True)
class Prepayment:
    """The schedule after an early payment, and what it changes against the one before."""

    before: Schedule
    after: Schedule

    @property
    def interest_saved(self) -> int:
        """In minor units."""
        return self.before.total_interest - self.after.total_interest

    @property
    def installments_saved(self) -> int:
        """How many fewer there are."""
        return len(self.before.installments) - len(self.after.installments)


def prepay(terms: Terms, extra: ExtraPayment) -> Prepayment:
    """The loan with one more extra payment."""
    return _with(make_schedule(terms), extra)


def _with(before: Schedule, extra: ExtraPayment) -> Prepayment:
    extras = tuple(sorted((*before.terms.extra_payments, extra), key=lambda each: each.on))
    return Prepayment(before, make_schedule(replace(before.terms, extra_payments=extras)))


def prepay_each_way(before: Schedule, on: date, amount: int) -> Mapping[ExtraEffect, Prepayment]:
    """The same payment: ending earlier, lower installments, the next ones paid in advance."""
    return {effect: _with(before, ExtraPayment(on, amount, effect)) for effect in ExtraEffect}
