"""PMT, IPMT, PPMT, PV, FV, NPER and RATE with the meaning that spreadsheets give them, on Decimal.

    pmt(Decimal("0.01"), 12, Decimal(1000))  ->  Decimal("-88.848788...")

They solve  pv (1 + r)^n + pmt (1 + r w) ((1 + r)^n - 1) : r + fv = 0,  for r = 0:  pv + pmt n + fv = 0, where w is 1 for payments at
the beginning of a period and 0 for those at its end; what is received is above zero, what is paid below. This is the equation of the
HP-12C and of the OpenDocument formula specification (OpenFormula 1.2, section 6.12), which Excel and numpy-financial follow.
"""

from decimal import Decimal, localcontext
from enum import IntEnum

from actors.loan_calculator.rules.decimals import EXACT, ONE, ZERO, divide
from actors.loan_calculator.rules.root_finding import bracket, root
from messages.loan_calculator import NoRate, NoTerm

LOWEST_RATE, HIGHEST_RATE = Decimal("-0.999999"), Decimal(1_000_000)


class When(IntEnum):
    """When in its period a payment is made; the number is the spreadsheets' `type`."""

    END = 0
    BEGIN = 1


def _growth(rate: Decimal, periods: Decimal) -> Decimal:
    """(1 + rate) to the power of periods."""
    return EXACT.power(ONE + rate, periods)


def _annuity(rate: Decimal, periods: Decimal, when: When) -> Decimal:
    """What a payment of one in every period has grown to at the end."""
    if rate == ZERO:
        return periods
    return divide((ONE + rate * when) * (_growth(rate, periods) - ONE), rate)


def pmt(rate: Decimal, nper: Decimal | int, pv: Decimal, fv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """PMT: the payment in each of nper periods that turns pv into fv."""
    periods = Decimal(nper)
    if periods == ZERO:
        raise NoTerm(field="nper")
    with localcontext(EXACT):
        growth = _growth(rate, periods) if rate != ZERO else ONE
        return -divide(fv + pv * growth, _annuity(rate, periods, when))


def fv(rate: Decimal, nper: Decimal | int, pmt: Decimal, pv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """FV: what pv and the payments have become after nper periods."""
    periods = Decimal(nper)
    with localcontext(EXACT):
        growth = _growth(rate, periods) if rate != ZERO else ONE
        return -(pv * growth + pmt * _annuity(rate, periods, when))


def pv(rate: Decimal, nper: Decimal | int, pmt: Decimal, fv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """PV: what the payments and fv are worth now."""
    periods = Decimal(nper)
    with localcontext(EXACT):
        growth = _growth(rate, periods) if rate != ZERO else ONE
        return -divide(fv + pmt * _annuity(rate, periods, when), growth)


def ipmt(rate: Decimal, per: int, nper: Decimal | int, pv: Decimal, fv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """IPMT: the interest in payment number per, counted from 1. Nothing in the first one at the beginning of its period."""
    if not 1 <= per <= nper:
        raise NoTerm("The period must be one of 1 to nper.", field="per")
    if when is When.BEGIN and per == 1:
        return ZERO
    with localcontext(EXACT):
        payment = pmt(rate, nper, pv, fv, when)
        balance = _future(rate, per - 1, payment, pv, when)
        interest = balance * rate
        return divide(interest, ONE + rate) if when is When.BEGIN else interest


def _future(rate: Decimal, nper: int, payment: Decimal, present: Decimal, when: When) -> Decimal:
    return fv(rate, nper, payment, present, when)


def ppmt(rate: Decimal, per: int, nper: Decimal | int, pv: Decimal, fv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """PPMT: the principal in payment number per."""
    with localcontext(EXACT):
        return pmt(rate, nper, pv, fv, when) - ipmt(rate, per, nper, pv, fv, when)


def nper(rate: Decimal, pmt: Decimal, pv: Decimal, fv: Decimal = ZERO, when: When = When.END) -> Decimal:
    """NPER: how many payments turn pv into fv; not a whole number as a rule."""
    with localcontext(EXACT):
        if rate == ZERO:
            if pmt == ZERO:
                raise NoTerm(field="pmt")
            return -divide(pv + fv, pmt)
        each = divide(pmt * (ONE + rate * when), rate)
        above, below = each - fv, each + pv
        if below == ZERO or rate <= -ONE or above == ZERO or (above < ZERO) != (below < ZERO):
            raise NoTerm(field="pmt")
        return divide(divide(above, below).ln(), (ONE + rate).ln())


def rate(
    nper: int, pmt: Decimal, pv: Decimal, fv: Decimal = ZERO, when: When = When.END, guess: Decimal = Decimal("0.1")
) -> Decimal:
    """RATE: the rate per period at which the payments turn pv into fv; the root nearest to the guess."""
    if nper < 1:
        raise NoTerm(field="nper")

    def residual(x: Decimal) -> tuple[Decimal, Decimal]:
        if x == ZERO:
            return pv + pmt * nper + fv, pv * nper + pmt * (divide(nper * (nper - 1), 2) + nper * when)
        grown = _growth(x, Decimal(nper))
        slope_of_growth = divide(grown * nper, ONE + x)
        annuity = divide(grown - ONE, x)
        slope_of_annuity = divide(slope_of_growth - annuity, x)
        due = ONE + x * when
        return pv * grown + pmt * due * annuity + fv, pv * slope_of_growth + pmt * (annuity * when + due * slope_of_annuity)

    with localcontext(EXACT):
        ends = bracket(residual, guess, LOWEST_RATE, HIGHEST_RATE)
        if ends is None:
            raise NoRate
        return root(residual, *ends)
