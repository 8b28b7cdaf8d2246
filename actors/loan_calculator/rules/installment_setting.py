"""Setting an installment: the exact figure, rounded, and tuned where the terms say so. Also the equal parts of principal.

Tuning: the installments that rounding left unequal to the last are changed once, by what makes the last one differ least. An installment
that is less than the interest of a period to come is set anew there, so that it is no matter to the last one; it is not tuned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.level_installment import Level, Sums, level_installment
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
    sums: Callable[[], Sums] | None = None
    """Of the later periods, where they are known."""

    @property
    def first(self) -> Ratio:
        """Principal and interest of the first row."""
        above, below = self.interest
        return self.balance * below + above, below


def set_level(terms: Terms, index: int, debt: Debt) -> Setting:
    """The installment that repays the debt in equal parts, but for the balloon."""
    balloon = min(terms.balloon, debt.balance)
    level = level_installment(debt.first, debt.later, balloon, debt.sums)
    amount = level.rounded(terms.rounds_installments, terms.multiple)
    tuned = amount
    if terms.last_cent is LastCent.RETUNED and debt.later:
        tuned = _tuned(terms, debt, level, amount)
    if tuned <= 0 and debt.balance > balloon:
        raise AmountTooSmall(field="principal")
    return Setting(index, level.low, tuned, tuned - amount)


def _tuned(terms: Terms, debt: Debt, level: Level, amount: int) -> int:
    """The amount, or one beside what the error of the last row asks for, whichever leaves the last row closest."""

    @cache
    def error(installment: int) -> int | None:
        last = _last(terms, debt, installment)
        return None if last is None else last - level.balloon - installment

    untuned = error(amount)
    if untuned is None:
        return amount
    over, under = level.ending
    step = half_even(untuned * under, over * terms.multiple) * terms.multiple
    candidates = [amount, *(amount + step + aside * terms.multiple for aside in (-1, 0, 1))]
    errors = {each: abs(found) for each in candidates if each > 0 and (found := error(each)) is not None}
    return min(errors, key=errors.__getitem__, default=amount)


def _last(terms: Terms, debt: Debt, installment: int) -> int | None:
    """What the last row would pay if the others paid this; below zero where the loan would be repaid before.

    None where it will not come to that, because an earlier row's interest is more.
    """
    to_cent = ROUND[terms.rounding]
    principal = installment - to_cent(*debt.interest)
    balance = debt.balance
    if principal < 0 and terms.is_flat:
        # The interest of all rows stands in the first one here.
        balance, principal = balance - principal, 0
    for above, below in debt.later[:-1]:
        if principal < 0:
            return None
        balance -= principal
        principal = installment - to_cent(balance * above, below)
    if principal < 0:
        return None
    balance -= principal
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
