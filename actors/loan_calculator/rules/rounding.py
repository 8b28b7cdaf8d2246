"""Rounding of exact ratios to whole minor units. Everything that becomes money here passes through one of these functions.

    round_ratio(5, 2, Rounding.HALF_EVEN)  ->  2

Figures are ratios of integers until then, so that a tie is a tie and no digit was lost on the way.
"""

from collections.abc import Callable
from enum import Enum


class Rounding(Enum):
    """How a figure between two minor units becomes one of them. The modes are those of IEEE 754-2019, 4.3, by their trade names."""

    HALF_EVEN = "half_even"
    """To the nearest; a tie to the even one (banker's rounding)."""
    HALF_UP = "half_up"
    """To the nearest; a tie away from zero (commercial rounding)."""
    UP = "up"
    """Away from zero."""
    DOWN = "down"
    """Towards zero."""


RoundRatio = Callable[[int, int], int]
"""(numerator, denominator above zero) -> the rounded integer."""


def half_even(numerator: int, denominator: int) -> int:
    """To the nearest integer, ties to even."""
    quotient, rest = divmod(numerator, denominator)
    rest += rest
    if rest > denominator or (rest == denominator and quotient & 1):
        return quotient + 1
    return quotient


def half_up(numerator: int, denominator: int) -> int:
    """To the nearest integer, ties away from zero."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def up(numerator: int, denominator: int) -> int:
    """To the integer farther from zero."""
    return -(-numerator // denominator) if numerator > 0 else numerator // denominator


def down(numerator: int, denominator: int) -> int:
    """To the integer nearer to zero."""
    return numerator // denominator if numerator > 0 else -(-numerator // denominator)


ROUND: dict[Rounding, RoundRatio] = {
    Rounding.HALF_EVEN: half_even,
    Rounding.HALF_UP: half_up,
    Rounding.UP: up,
    Rounding.DOWN: down,
}


def round_ratio(numerator: int, denominator: int, mode: Rounding, *, multiple: int = 1) -> int:
    """The multiple of `multiple` that the mode picks for numerator over denominator."""
    return ROUND[mode](numerator, denominator * multiple) * multiple
