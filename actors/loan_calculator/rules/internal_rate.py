"""The rate at which amounts at different times are worth nothing together: IRR, XIRR, and the equation under the EU's annual rate.

    xirr([Flow(date(2024, 1, 1), 1000_00), Flow(date(2025, 1, 1), -1100_00)])  ->  0.0999...  (366 days over 365)

Solved for the force of interest d = ln(1 + x), in which the sum of a exp(-d t) is smooth everywhere and needs no power of a negative
number; Newton's steps inside a bracket, bisection where they leave it.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import lcm

from actors.loan_calculator.rules.cash_flows import Flow, in_order
from actors.loan_calculator.rules.decimals import EXACT, ONE, ZERO, decimal_of
from actors.loan_calculator.rules.root_finding import bracket, root
from messages.loan_calculator import NoRate

LOWEST_FORCE, HIGHEST_FORCE = Decimal(-12), Decimal(60)
"""From losing all but six millionths in a year to doubling every four days."""
START = Decimal("0.1")
DAYS_OF_A_YEAR = 365


def rate_of_return(times: Sequence[Fraction], amounts: Sequence[int]) -> Decimal:
    """The rate for one unit of time; of several the one nearest to a tenth. Times are in years for an annual rate."""
    if not any(amount > 0 for amount in amounts) or not any(amount < 0 for amount in amounts):
        raise NoRate("There must be something received and something paid.")
    unit = lcm(*(time.denominator for time in times))
    terms = sorted(
        (time.numerator * (unit // time.denominator), Decimal(amount)) for time, amount in zip(times, amounts, strict=True)
    )

    def worth(force: Decimal) -> tuple[Decimal, Decimal]:
        step = EXACT.divide(-force, Decimal(unit)).exp(EXACT)
        steps: dict[int, Decimal] = {}
        value, slope, discount, before = ZERO, ZERO, ONE, terms[0][0]
        if before:
            discount = step**before
        for time, amount in terms:
            if time != before:
                # Months have few lengths, so few powers are raised.
                gap = time - before
                if gap not in steps:
                    steps[gap] = step**gap
                discount *= steps[gap]
                before = time
            now = amount * discount
            value += now
            slope -= now * time
        return value, EXACT.divide(slope, Decimal(unit))

    with localcontext(EXACT):
        ends = bracket(worth, START, LOWEST_FORCE, HIGHEST_FORCE)
        if ends is None:
            raise NoRate
        return root(worth, *ends).exp(EXACT) - ONE


def irr(amounts: Sequence[int]) -> Decimal:
    """IRR: the rate per period of amounts that are one period apart."""
    return rate_of_return([Fraction(index) for index in range(len(amounts))], amounts)


def xirr(flows: Sequence[Flow]) -> Decimal:
    """XIRR: the annual rate of amounts by date; a year has 365 days, always, as in spreadsheets."""
    ordered = in_order(flows)
    first = ordered[0].on if ordered else None
    times = [Fraction((flow.on - first).days, DAYS_OF_A_YEAR) for flow in ordered if first is not None]
    return rate_of_return(times, [flow.amount for flow in ordered])


def effective_rate(nominal: Fraction, periods: int) -> Decimal:
    """The effective annual rate of a nominal one that is compounded so many times a year."""
    with localcontext(EXACT):
        return (ONE + decimal_of(Fraction(nominal, periods))) ** periods - ONE


def nominal_rate(effective: Decimal, periods: int) -> Decimal:
    """The nominal annual rate that, compounded so many times a year, comes to the effective one."""
    with localcontext(EXACT):
        return (EXACT.divide((ONE + effective).ln(EXACT), Decimal(periods)).exp(EXACT) - ONE) * periods
