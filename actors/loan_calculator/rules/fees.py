"""What a fee comes to."""

from actors.loan_calculator.rules.rounding import Rounding, round_ratio
from actors.loan_calculator.rules.terms import Fee, FeeBase, FeeTiming, Terms


def fee_amount(fee: Fee, base: int, mode: Rounding) -> int:
    """The fee's amount and its share of the base, rounded by itself."""
    if not fee.share:
        return fee.amount
    return fee.amount + round_ratio(fee.share.numerator * base, fee.share.denominator, mode)


def fees_at_start(terms: Terms, timing: FeeTiming) -> int:
    """All up-front, or all capitalized fees."""
    return sum(fee_amount(fee, terms.principal, terms.rounding) for fee in terms.fees if fee.timing is timing)


def fees_with_installments(terms: Terms, due: list[int], balances: list[int]) -> list[int]:
    """The fees on top of each installment, from what is due with it (principal and interest) and what was owed before it."""
    fees = [fee for fee in terms.fees if fee.timing is FeeTiming.INSTALLMENT]
    if not fees:
        return [0] * len(due)
    base = {FeeBase.PRINCIPAL: [terms.principal] * len(due), FeeBase.INSTALLMENT: due, FeeBase.BALANCE: balances}
    return [sum(fee_amount(fee, base[fee.base][index], terms.rounding) for fee in fees) for index in range(len(due))]
