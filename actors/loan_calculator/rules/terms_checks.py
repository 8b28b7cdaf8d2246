"""What makes terms nonsense: limits, contradictions, dates out of order. Each has its own refusal that names the field at fault."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from actors.loan_calculator.rules.terms import Amortization, FeeBase, FeeTiming, Interest, Terms
from messages.base import Refusal
from messages.loan_calculator import AmountTooSmall, ContradictoryTerms, DatesOutOfOrder, TermsBeyondLimit

MOST_INSTALLMENTS = 3_660
"""Ten years of daily installments."""
HIGHEST_RATE = Fraction(100)
"""A year: 10,000 %. Above it somebody typed a wrong figure."""
LARGEST_AMOUNT = 10**15
"""Minor units: a hundredth of the largest amount of money here, so that interest and sums of rows still fit."""
MOST_EVENTS = 200
"""Disbursements, rate changes and extra payments, each."""
LONGEST_PERIOD = 3_660
"""Days, weeks or months between due dates."""


def check_terms(terms: Terms) -> None:
    """Raise the refusal that belongs to the first thing that is wrong."""
    for check in (_figures, _events, _methods, _amounts, _counts, _dates):
        for wrong in check(terms):
            raise wrong


def _figures(terms: Terms) -> Iterator[Refusal]:
    if not 0 < terms.principal <= LARGEST_AMOUNT:
        yield TermsBeyondLimit("The principal must be above zero and not beyond the largest amount.", field="principal")
    if not 0 <= terms.annual_rate <= HIGHEST_RATE:
        yield TermsBeyondLimit("The rate must be from 0 to 10,000 % a year.", field="annual_rate_percent")
    if terms.installments is not None and not 1 <= terms.installments <= MOST_INSTALLMENTS:
        yield TermsBeyondLimit(f"There can be 1 to {MOST_INSTALLMENTS} installments.", field="installments")
    if not 1 <= terms.rhythm.every.count <= LONGEST_PERIOD:
        yield TermsBeyondLimit("Installments are at least one day, week or month apart.", field="every")
    if terms.rhythm.due_day is not None and not terms.rhythm.every.months:
        yield ContradictoryTerms("Only monthly due dates are on a day of the month.", field="due_day")
    if not 1 <= terms.multiple <= LARGEST_AMOUNT:
        yield TermsBeyondLimit("Installments are multiples of something above zero.", field="installment_multiple")
    if terms.multiple > max(terms.principal, 1):
        yield AmountTooSmall("Installments cannot be multiples of more than the principal.", field="installment_multiple")


def _events(terms: Terms) -> Iterator[Refusal]:
    for name in ("disbursements", "rate_changes", "extra_payments", "fees"):
        if len(getattr(terms, name)) > MOST_EVENTS:
            yield TermsBeyondLimit(f"There can be {MOST_EVENTS} of them.", field=name)
    if not all(0 < each.amount <= LARGEST_AMOUNT for each in terms.disbursements):
        yield TermsBeyondLimit("Every disbursement is above zero.", field="disbursements")
    if not all(0 < each.amount <= LARGEST_AMOUNT for each in terms.extra_payments):
        yield TermsBeyondLimit("Every extra payment is above zero.", field="extra_payments")
    if not all(0 <= each.annual_rate <= HIGHEST_RATE for each in terms.rate_changes):
        yield TermsBeyondLimit("Every rate is from 0 to 10,000 % a year.", field="rate_changes")
    if not all(0 <= each.amount <= LARGEST_AMOUNT and 0 <= each.share <= 1 for each in terms.fees):
        yield TermsBeyondLimit("A fee is not below zero, and at most all of what it is a share of.", field="fees")
    if not all(each.base is FeeBase.PRINCIPAL or each.timing is FeeTiming.INSTALLMENT for each in terms.fees):
        yield ContradictoryTerms("A fee at the start is a share of the principal.", field="fees")
    if _lent(terms) > LARGEST_AMOUNT:
        yield TermsBeyondLimit("All disbursements together are beyond the largest amount.", field="disbursements")


def _methods(terms: Terms) -> Iterator[Refusal]:
    fixed = terms.amortization is Amortization.FIXED_INSTALLMENT
    if fixed != (terms.fixed_installment is not None):
        yield ContradictoryTerms("Fixed installments need their amount, and only they have one.", field="fixed_installment")
    if terms.installments is None and (not fixed or terms.is_flat):
        yield ContradictoryTerms("The number of installments is missing.", field="installments")
    if terms.interest is Interest.ZERO and (terms.annual_rate or any(each.annual_rate for each in terms.rate_changes)):
        yield ContradictoryTerms("A loan without interest has no rate.", field="annual_rate_percent")
    if terms.interest is Interest.INTEREST_ONLY and terms.amortization is not Amortization.BULLET:
        yield ContradictoryTerms("Installments of interest alone leave the principal to a bullet.", field="amortization")
    if fixed and terms.multiple > 1:
        yield ContradictoryTerms("A fixed installment is not rounded.", field="installment_multiple")


def _amounts(terms: Terms) -> Iterator[Refusal]:
    if terms.fixed_installment is not None and not 0 < terms.fixed_installment <= LARGEST_AMOUNT:
        yield TermsBeyondLimit("The installment must be above zero.", field="fixed_installment")
    if terms.balloon < 0 or (terms.amortization is Amortization.BALLOON and terms.balloon == 0):
        yield ContradictoryTerms("A balloon loan needs a balloon above zero.", field="balloon")
    if terms.balloon and terms.amortization in {Amortization.BULLET, Amortization.FIXED_INSTALLMENT}:
        yield ContradictoryTerms("This amortization has no balloon.", field="balloon")
    if terms.balloon and terms.balloon >= terms.principal:
        yield ContradictoryTerms("The balloon leaves nothing for the other installments.", field="balloon")
    if terms.down_payment and terms.down_payment_share:
        yield ContradictoryTerms("A down payment is an amount or a share.", field="down_payment")
    if not 0 <= terms.down_payment < terms.principal:
        yield TermsBeyondLimit("A down payment leaves something of the loan.", field="down_payment")
    if not 0 <= terms.down_payment_share < 1:
        yield TermsBeyondLimit("A down payment leaves something of the loan.", field="down_payment_percent")


def _counts(terms: Terms) -> Iterator[Refusal]:
    most = terms.installments or MOST_INSTALLMENTS
    for name, highest in (("principal_grace", most - 1), ("interest_grace", most - 1), ("interest_free", most)):
        # The last installment repays everything, so it has no grace; every period may be free of interest.
        if not 0 <= getattr(terms, name) <= highest:
            yield ContradictoryTerms("There are not so many installments.", field=name)


def _dates(terms: Terms) -> Iterator[Refusal]:
    for name in ("disbursements", "rate_changes", "extra_payments"):
        before = terms.start
        for each in getattr(terms, name):
            if each.on < before:
                yield DatesOutOfOrder("From the start on, in order.", field=name)
            before = each.on
    for one, other in pairwise(terms.rate_changes):
        if one.on == other.on:
            yield DatesOutOfOrder("Two rates from the same day.", field="rate_changes")


def _lent(terms: Terms) -> int:
    return terms.principal + sum(each.amount for each in terms.disbursements)
