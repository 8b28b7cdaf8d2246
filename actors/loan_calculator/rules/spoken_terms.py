"""Terms as they are said (decimal strings, money, words) -> terms as they are worked with (minor units, fractions, enums)."""

from decimal import Decimal
from fractions import Fraction

from actors.loan_calculator.rules.business_days import Adjustment, WorkingDays
from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.due_dates import Every, MonthEnd, Rhythm, Unit
from actors.loan_calculator.rules.rounding import Rounding
from actors.loan_calculator.rules.terms import (
    Amortization,
    Disbursement,
    ExtraEffect,
    ExtraPayment,
    Fee,
    FeeBase,
    FeeTiming,
    Interest,
    InterestPeriod,
    LastCent,
    RateChange,
    Terms,
)
from messages.loan_calculator import TwoCurrencies
from messages.loan_terms import LoanTerms
from messages.money import Money


def share_of(percent: str) -> Fraction:
    """An eighth, of "12.5"."""
    return Fraction(Decimal(percent).scaleb(-2))


def minor_in(currency: str, money: Money | None, field: str) -> int:
    """Minor units, 0 for nothing. Refuses another currency."""
    if money is None:
        return 0
    if money.currency != currency:
        raise TwoCurrencies(field=field, expected=currency)
    return money.minor


def terms_of(said: LoanTerms) -> Terms:
    """The terms. Refuses amounts of several currencies; what makes no sense is refused when they are used."""
    currency = said.principal.currency
    interest = Interest(said.interest)
    fixed = said.fixed_installment
    return Terms(
        principal=said.principal.minor,
        annual_rate=share_of(said.annual_rate_percent),
        installments=said.installments,
        start=said.start,
        rhythm=_rhythm(said),
        interest=interest,
        amortization=_amortization(said, interest),
        interest_period=InterestPeriod(said.interest_period),
        day_count=DayCount(said.day_count),
        accrue_to_business_days=said.accrue_to_business_days,
        balloon=minor_in(currency, said.balloon, "balloon"),
        fixed_installment=None if fixed is None else minor_in(currency, fixed, "fixed_installment"),
        principal_grace=said.principal_grace,
        interest_grace=said.interest_grace,
        interest_free=said.interest_free,
        down_payment=minor_in(currency, said.down_payment, "down_payment"),
        down_payment_share=share_of(said.down_payment_percent),
        disbursements=tuple(
            Disbursement(each.on, minor_in(currency, each.amount, "disbursements")) for each in said.disbursements
        ),
        fees=_fees(said),
        rate_changes=tuple(RateChange(each.on, share_of(each.annual_rate_percent)) for each in said.rate_changes),
        extra_payments=tuple(
            ExtraPayment(each.on, minor_in(currency, each.amount, "extra_payments"), ExtraEffect(each.way))
            for each in said.extra_payments
        ),
        rounding=Rounding(said.rounding),
        installment_rounding=None if said.installment_rounding is None else Rounding(said.installment_rounding),
        multiple=minor_in(currency, said.installment_multiple, "installment_multiple") or 1,
        last_cent=LastCent(said.last_cent),
    )


def _rhythm(said: LoanTerms) -> Rhythm:
    days = said.business_days
    return Rhythm(
        Every(said.every.count, Unit(said.every.unit)),
        said.first_due,
        MonthEnd(said.month_end),
        Adjustment(days.adjustment),
        WorkingDays(frozenset(days.holidays), frozenset(days.weekend)),
        said.due_day,
    )


def _amortization(said: LoanTerms, interest: Interest) -> Amortization:
    if said.amortization is not None:
        return Amortization(said.amortization)
    if interest is Interest.INTEREST_ONLY:
        return Amortization.BULLET
    return Amortization.EQUAL_INSTALLMENTS if said.fixed_installment is None else Amortization.FIXED_INSTALLMENT


def _fees(said: LoanTerms) -> tuple[Fee, ...]:
    currency = said.principal.currency
    return tuple(
        Fee(FeeTiming(fee.timing), minor_in(currency, fee.amount, "fees"), share_of(fee.percent), FeeBase(fee.of))
        for fee in said.fees
    )
