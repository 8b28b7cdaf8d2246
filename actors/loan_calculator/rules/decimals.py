"""The one Decimal context of the calculator, and division in it. Money never comes here; rates and unrounded figures do.

Division is a function, because a bare slash between integers would make a float.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction

PRECISION = 40
"""Digits in a calculation: twelve more than the 28 that are shown, for what sums of thousands of terms lose."""

EXACT = Context(
    prec=PRECISION, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999, traps=[DivisionByZero, InvalidOperation, Overflow]
)

ZERO, ONE = Decimal(0), Decimal(1)


def divide(above: Decimal | int, below: Decimal | int) -> Decimal:
    """The quotient, to the context's digits."""
    return EXACT.divide(Decimal(above), Decimal(below))


def decimal_of(ratio: Fraction) -> Decimal:
    """A fraction as a decimal, to the context's digits."""
    return EXACT.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))


def shown(value: Decimal, places: int) -> Decimal:
    """The value to so many decimal places, half up."""
    return value.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_UP", context=EXACT)
