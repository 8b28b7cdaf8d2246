"""The installment that repays a debt in equal parts: the annuity, exact, also where the periods differ in length.

With the first row's debt X (principal and its interest), later interest factors f2...fn and a balloon B that stays until the last row:

    A = (X - B v) : (1 + v2 + v2 v3 + ... + v),   v = v2 v3 ... vn,   vk = 1 : (1 + fk)

Where all factors are alike this is the formula of PMT. A is rounded from the exact ratio: sums are kept to 256 bits with a bound of their
error, and where that bound leaves a doubt which cent it is, the ratio is calculated in full.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.rounding import Rounding, round_ratio

_BITS = 256
_SCALE = 1 << _BITS
_GUARD = 1 << 40
"""Beyond the square of the most installments: how many units in the last place all truncations together can lose."""
Sums = tuple[int, int]
"""(1 + v2 + v2 v3 + ... + v, v) of some factors, in units of 2 to the power of -256."""


@dataclass(frozen=True, slots=True)
class Level:
    """An installment before rounding, between two ratios that are equal or differ by less than 2 to the power of -150 of it."""

    low: Ratio
    high: Ratio
    debt: Ratio
    factors: Sequence[Ratio]
    balloon: int
    ending: Ratio
    """By how much the last row's debt falls for each unit that the installment is higher; for tuning, not exact."""

    def rounded(self, mode: Rounding, multiple: int) -> int:
        """The installment."""
        low = round_ratio(*self.low, mode, multiple=multiple)
        if self.low == self.high or low == round_ratio(*self.high, mode, multiple=multiple):
            return low
        exact = self.exact()
        return round_ratio(exact.numerator, exact.denominator, mode, multiple=multiple)

    def exact(self) -> Fraction:
        """The ratio in full: thousands of digits for a long loan."""
        if self.low == self.high:
            return Fraction(*self.low)
        discount = annuity = Fraction(1)
        for above, below in self.factors:
            discount *= Fraction(below, above + below)
            annuity += discount
        return Fraction(Fraction(*self.debt) - self.balloon * discount, annuity)


def sums_from(factors: Sequence[Ratio]) -> list[Sums]:
    """For each factor, and for none at last: the sums over it and those after it. All of them cost thrice what the first alone would."""
    annuity = discount = _SCALE
    found = [(annuity, discount)]
    for above, below in reversed(factors):
        # Each truncation loses less than a unit, and what was lost before shrinks.
        annuity, discount = _SCALE + annuity * below // (above + below), discount * below // (above + below)
        found.append((annuity, discount))
    found.reverse()
    return found


def _sums_of(factors: Sequence[Ratio]) -> Sums:
    discount = annuity = _SCALE
    for above, below in factors:
        discount = discount * below // (above + below)
        annuity += discount
    return annuity, discount


def level_installment(debt: Ratio, factors: Sequence[Ratio], balloon: int = 0, sums: Callable[[], Sums] | None = None) -> Level:
    """For a first row's debt and the later rows' factors, whose sums may be known (`sums_from`)."""
    if not factors:
        ratio = (debt[0] - balloon * debt[1], debt[1])
        return Level(ratio, ratio, debt, factors, balloon, (1, 1))
    if factors.count(factors[-1]) == len(factors):
        return _of_equal_periods(debt, factors, balloon)
    annuity, discount = _sums_of(factors) if sums is None else sums()
    owed, unit = debt
    low = (owed * _SCALE - balloon * (discount + _GUARD) * unit, (annuity + _GUARD) * unit)
    high = (owed * _SCALE - balloon * discount * unit, annuity * unit)
    return Level(low, high, debt, factors, balloon, (annuity, max(discount, 1)))


def _of_equal_periods(debt: Ratio, factors: Sequence[Ratio], balloon: int) -> Level:
    above, below = factors[-1]
    owed, unit = debt
    count = len(factors) + 1
    if above == 0:
        ratio = (owed - balloon * unit, count * unit)
        return Level(ratio, ratio, debt, factors, balloon, (count, 1))
    grown = (above + below) ** (count - 1)
    flat = below ** (count - 1)
    all_grown = grown * (above + below) - flat * below
    ratio = ((owed * grown - balloon * unit * flat) * above, all_grown * unit)
    return Level(ratio, ratio, debt, factors, balloon, (all_grown, above * flat))
