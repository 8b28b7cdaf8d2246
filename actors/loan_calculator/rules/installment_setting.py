"""Setting an installment: the exact figure, rounded, and tuned where the terms say so. Also the equal parts of principal.

Tuning: the installments that rounding left unequal to the last are changed once, by what makes the last one differ least.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.level_installment import Level, level_installment
from actors.loan_calculator.rules.rounding import ROUND, half_even, round_ratio
from actors.loan_calculator.rules.terms import LastCent, Terms
from messages.loan_calculator import AmountTooSmall


@dataclass(frozen=True, slots=True)
class Setting:
    """An installment (or the principal in it) as it was set, from one row on."""

    index: int
    exact: Ratio
    """Before rounding."""
    amount: int
    tuned_by: int = 0
    """How much tuning added."""


@dataclass(frozen=True, slots=True)
class Debt:
    """What is owed in the first row that repays: principal, the interest of its period, and the later periods' factors."""

    balance: int
    interest: Ratio
    later: Sequence[Ratio]

    @property
    def first(self) -> Ratio:
        """Principal and interest of the first row."""
        above, below = self.interest
        return self.balance * below + above, below


def set_level(terms: Terms, index: int, debt: Debt) -> Setting:
    """The installment that repays the debt in equal parts, but for the balloon."""
    balloon = min(terms.balloon, debt.balance)
    level = level_installment(debt.first, debt.later, balloon)
    amount = level.rounded(terms.rounds_installments, terms.multiple)
    tuned = amount
    if terms.last_cent is LastCent.RETUNED and debt.later:
        tuned = _tuned(terms, debt, level, amount)
    if tuned <= 0 and debt.balance > balloon:
        raise AmountTooSmall(field="principal")
    return Setting(index, level.low, tuned, tuned - amount)


def _tuned(terms: Terms, debt: Debt, level: Level, amount: int) -> int:
    """The amount, or one beside what the error of the last row asks for, whichever leaves the last row closest."""
    over, under = level.ending
    error = _last(terms, debt, amount) - level.balloon - amount
    step = half_even(error * under, over * terms.multiple) * terms.multiple
    candidates = [amount, *(amount + step + aside * terms.multiple for aside in (-1, 0, 1))]
    best = [each for each in candidates if each > 0]
    return min(best, key=lambda each: abs(_last(terms, debt, each) - level.balloon - each), default=amount)


def _last(terms: Terms, debt: Debt, installment: int) -> int:
    """What the last row would pay if the others paid this; below zero where the loan would be repaid before."""
    to_cent = ROUND[terms.rounding]
    balance = debt.balance - (installment - to_cent(*debt.interest))
    for above, below in debt.later[:-1]:
        balance -= installment - to_cent(balance * above, below)
    above, below = debt.later[-1]
    return balance + to_cent(balance * above, below)


def set_principal(terms: Terms, index: int, balance: int, rows: int) -> Setting:
    """The equal part of principal in so many rows, but for the balloon."""
    amount = max(balance - terms.balloon, 0)
    part = round_ratio(amount, rows, terms.rounds_installments)
    if terms.last_cent is LastCent.RETUNED:
        part = half_even(amount, rows)
    if part <= 0 < amount:
        raise AmountTooSmall(field="principal")
    return Setting(index, (amount, rows), part)
