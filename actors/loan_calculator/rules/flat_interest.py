"""Flat interest: what the amount lent bears over the whole term, in equal parts on the installments.

Periods that are free of interest add nothing and get no part. Where a rate or the amount lent changes, what the term then bears in all,
less what was charged, is spread over the installments that are left.
"""

from collections.abc import Sequence
from fractions import Fraction

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.rounding import RoundRatio


class FlatInterest:
    """The account of one loan's flat interest."""

    def __init__(self, to_cent: RoundRatio, rows: int, free_rows: int) -> None:
        self._to_cent, self._rows, self._free = to_cent, rows, free_rows
        self._borne = Fraction(0)
        self._charged = 0
        self._total = 0
        self._part: Ratio = (0, 1)
        self.left: Ratio = (0, 1)
        """What was left to charge when it was spread last."""

    def bear(self, interest: Ratio) -> None:
        """A period's own interest on the amount lent."""
        self._borne += Fraction(*interest)

    def spread(self, index: int, lent: int, later: Sequence[Ratio]) -> None:
        """Spread anew from the row on, whose own interest is borne already."""
        total = self._borne + lent * _sum_of(later)
        rows = self._rows - max(index, self._free)
        left = max(total - self._charged, Fraction(0))
        self.left = left.numerator, left.denominator
        self._total = self._charged + self._to_cent(*self.left)
        self._part = (left.numerator, left.denominator * rows) if rows > 0 else (0, 1)

    @property
    def part(self) -> Ratio:
        """One installment's interest before rounding."""
        return self._part

    def charge(self, index: int) -> int:
        """The interest with the row; the last takes what is left."""
        if index < self._free:
            return 0
        left = self._total - self._charged
        interest = left if index == self._rows - 1 else min(self._to_cent(*self._part), left)
        self._charged += interest
        return interest


def _sum_of(factors: Sequence[Ratio]) -> Fraction:
    """Thousands of ratios have few denominators."""
    by_denominator: dict[int, int] = {}
    for above, below in factors:
        by_denominator[below] = by_denominator.get(below, 0) + above
    return sum((Fraction(above, below) for below, above in by_denominator.items()), Fraction(0))
