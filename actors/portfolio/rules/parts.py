"""Parts of a whole, in whole numbers: ratios as decimal strings, percentages of an amount. No binary floats on the way."""

from decimal import Decimal

PLACES = 6


def ratio(part: int, whole: int) -> str:
    """The part over the whole, rounded half to even at six places; 0.000000 of nothing."""
    if whole == 0:
        return f"0.{'0' * PLACES}"
    scaled = _half_even(part * 10**PLACES, whole)
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(PLACES + 1, "0")
    return f"{sign}{digits[:-PLACES]}.{digits[-PLACES:]}"


def percent_of(percent: str, amount: int) -> int:
    """So many hundredths of an amount in minor units, rounded half to even."""
    numerator, denominator = Decimal(percent).as_integer_ratio()
    return _half_even(amount * numerator, 100 * denominator)


def _half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
