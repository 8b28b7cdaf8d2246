"""The schedule once more, as one would write it down by hand: slow, in fractions, without events. The calculator must agree."""

from fractions import Fraction

from actors.loan_calculator.rules.plan import make_plan
from actors.loan_calculator.rules.rounding import Rounding, round_ratio
from actors.loan_calculator.rules.terms import Amortization, Interest, Terms

Row = tuple[int, int, int]
"""Principal, interest, balance after them."""


def rounded(value: Fraction, mode: Rounding, multiple: int = 1) -> int:
    return round_ratio(value.numerator, value.denominator, mode, multiple=multiple)


def naive_rows(terms: Terms) -> list[Row]:
    """Declining balance or flat, equal installments or equal principal, balloon, bullet; graces."""
    count = terms.installments or 0
    shares = [Fraction(*fraction) for fraction in make_plan(terms, count).fractions]
    factors = [Fraction(0) if index < terms.interest_free else terms.annual_rate * share for index, share in enumerate(shares)]
    first = min(terms.principal_grace, count - 1)
    flat = terms.interest is Interest.FLAT
    whole = terms.principal * sum(factors)
    bearing = max(count - terms.interest_free, 1)
    installment = rounded(_installment(terms, factors, first, whole), terms.rounds_installments, terms.multiple)
    balance, rows, charged = terms.principal, [], 0
    for index, factor in enumerate(factors):
        interest = rounded(balance * factor, terms.rounding)
        if flat:
            last_part = rounded(whole, terms.rounding) - charged
            part = min(rounded(whole / bearing, terms.rounding), last_part)
            interest = 0 if index < terms.interest_free else last_part if index == count - 1 else part
            charged += interest
        if index == count - 1:
            principal = balance
        elif index < first or terms.amortization is Amortization.BULLET:
            principal = 0
        elif terms.amortization is Amortization.EQUAL_PRINCIPAL:
            principal = rounded(Fraction(terms.principal - terms.balloon, count - first), terms.rounds_installments)
        else:
            principal = installment - interest
        principal = min(principal, balance - (0 if index == count - 1 else terms.balloon))
        balance -= principal
        rows.append((principal, interest, balance))
        if balance == 0:
            break
    return rows


def _installment(terms: Terms, factors: list[Fraction], first: int, whole: Fraction) -> Fraction:
    if terms.interest is Interest.FLAT:
        bearing = max(len(factors) - terms.interest_free, 1)
        paid_before = whole / bearing * max(0, first - terms.interest_free)
        return (terms.principal - terms.balloon + whole - paid_before) / (len(factors) - first)
    worth, annuity = Fraction(1), Fraction(0)
    for factor in factors[first:]:
        worth /= 1 + factor
        annuity += worth
    return (terms.principal - terms.balloon * worth) / annuity
