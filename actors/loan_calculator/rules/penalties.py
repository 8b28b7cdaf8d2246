"""Penalties on what is overdue: an amount or a share of it, once or by the day, after days of grace, up to a cap."""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from fractions import Fraction

from actors.loan_calculator.rules.rounding import Rounding, round_ratio
from messages.loan_calculator import TermsBeyondLimit

DAYS_OF_A_YEAR = 365


class PenaltyBase(Enum):
    """What a share is a share of."""

    PRINCIPAL = "principal"
    """The overdue principal."""
    PRINCIPAL_AND_INTEREST = "principal_and_interest"
    """The overdue principal and interest."""
    INSTALLMENT = "installment"
    """The whole installment as it was due, however much of it is paid."""


class PenaltyPer(Enum):
    """For what the amount and the share are."""

    ONCE = "once"
    """For being late at all."""
    DAY = "day"
    """For each day."""
    YEAR = "year"
    """For a year; each day is its 365th part."""


@dataclass(frozen=True, slots=True)
class PenaltyTerms:
    """How lateness is charged."""

    amount: int = 0
    share: Fraction = Fraction(0)
    base: PenaltyBase = PenaltyBase.PRINCIPAL_AND_INTEREST
    per: PenaltyPer = PenaltyPer.ONCE
    grace_days: int = 0
    """Nothing is charged until so many days after the due date have gone by."""
    charges_grace: bool = False
    """Whether the days of grace are charged after all once they are over."""
    cap: int | None = None
    """The most that one installment's penalty comes to."""
    rounding: Rounding = Rounding.HALF_EVEN


@dataclass(frozen=True, slots=True)
class Overdue:
    """An installment that is late. Amounts are minor units."""

    due: date
    principal: int
    """Unpaid."""
    interest: int
    """Unpaid."""
    installment: int
    """As it was due: principal, interest and fees."""

    def base(self, base: PenaltyBase) -> int:
        """What the share is taken of."""
        if base is PenaltyBase.PRINCIPAL:
            return self.principal
        return self.principal + self.interest if base is PenaltyBase.PRINCIPAL_AND_INTEREST else self.installment


def penalty(terms: PenaltyTerms, overdue: Overdue, on: date) -> int:
    """All penalty for this installment up to a date, if what is unpaid was unpaid since it was due.

    Rounded once for all days, so that a day more is the difference of two figures and no cent is made by counting daily.
    """
    if terms.amount < 0 or terms.share < 0 or terms.grace_days < 0 or (terms.cap is not None and terms.cap < 0):
        raise TermsBeyondLimit("A penalty's figures are not below zero.", field="penalty")
    if min(overdue.principal, overdue.interest, overdue.installment) < 0:
        raise TermsBeyondLimit("What is overdue is not below zero.", field="principal")
    late = (on - overdue.due).days
    if late <= terms.grace_days or overdue.principal + overdue.interest == 0:
        return 0
    days = late if terms.charges_grace else late - terms.grace_days
    times = {
        PenaltyPer.ONCE: Fraction(1),
        PenaltyPer.DAY: Fraction(days),
        PenaltyPer.YEAR: Fraction(days, DAYS_OF_A_YEAR),
    }[terms.per]
    exact = times * (terms.amount + terms.share * overdue.base(terms.base))
    found = round_ratio(exact.numerator, exact.denominator, terms.rounding)
    return found if terms.cap is None else min(found, terms.cap)
