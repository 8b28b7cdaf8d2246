"""Where a smooth function of one Decimal is zero: Newton's steps while they stay inside a bracket, bisection where they do not.

The bracket is found first, so there is no endless loop and no root that is none.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext

from actors.loan_calculator.rules.decimals import EXACT, ZERO, divide

Function = Callable[[Decimal], tuple[Decimal, Decimal]]
"""x -> (value, derivative)."""

MOST_STEPS = 200
"""Bisection alone gains a bit a step; forty digits are 133."""
TOLERANCE = Decimal("1e-30")


def bracket(function: Function, near: Decimal, lowest: Decimal, highest: Decimal) -> tuple[Decimal, Decimal] | None:
    """Two points around the root nearest to `near`, with values of different signs; None where the search finds none."""
    with localcontext(EXACT):
        width = Decimal("0.01")
        left = right = near
        left_value = right_value = function(near)[0]
        while left > lowest or right < highest:
            for is_right in (True, False):
                edge, value = (right, right_value) if is_right else (left, left_value)
                further = min(highest, edge + width) if is_right else max(lowest, edge - width)
                if further == edge:
                    continue
                found = function(further)[0]
                if (found <= ZERO) != (value <= ZERO) or found == ZERO:
                    return (edge, further) if is_right else (further, edge)
                if is_right:
                    right, right_value = further, found
                else:
                    left, left_value = further, found
            width *= 2
    return None


def root(function: Function, low: Decimal, high: Decimal) -> Decimal:
    """The root between two points whose values have different signs."""
    with localcontext(EXACT):
        low_value = function(low)[0]
        if low_value == ZERO:
            return low
        x = (low + high) * Decimal("0.5")
        for _ in range(MOST_STEPS):
            value, slope = function(x)
            if value == ZERO:
                return x
            if (value < ZERO) == (low_value < ZERO):
                low = x
            else:
                high = x
            step = divide(value, slope) if slope != ZERO else ZERO
            following = x - step
            if step == ZERO or not low < following < high:
                following = (low + high) * Decimal("0.5")
            if abs(following - x) <= TOLERANCE * max(abs(x), Decimal(1)):
                return following
            x = following
        return x
