"""What a loan's terms are, wherever they are said: to the calculator, in a product, in an application. No vocabulary of its own.

All amounts of one set of terms are in the currency of its principal. Rates are decimal strings: "12.5" is 12.5 %. The conventions
behind each word are stated, with their sources, in the modules of `actors/loan_calculator/rules/`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from messages.base import BankDay, Flag
from messages.money import Money, PositiveMoney

MOST_ROWS = 3_660
"""Installments of one loan: ten years of daily ones."""
MOST_EVENTS = 200
"""Disbursements, rate changes, extra payments: each."""
MOST_HOLIDAYS = 1_000

Percent = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,12})?$", max_length=20)]
"""A percentage as a decimal string, not below zero."""
InterestMethod = Literal["declining_balance", "flat", "interest_only", "zero"]
AmortizationMethod = Literal["equal_installments", "equal_principal", "balloon", "bullet", "fixed_installment"]
DayCountName = Literal[
    "30/360 US",
    "30/360",
    "30E/360",
    "30E/360 ISDA",
    "30/360 actual part periods",
    "ACT/360",
    "ACT/364",
    "ACT/365F",
    "ACT/365L",
    "ACT/ACT ISDA",
    "ACT/ACT ICMA",
    "ACT/ACT AFB",
    "NL/365",
]
RoundingMode = Literal["half_even", "half_up", "up", "down"]
PrepaymentWay = Literal["shorten", "lower", "advance"]


class Spoken(BaseModel):
    """A part of a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(Spoken):
    """How far apart due dates are."""

    count: int = Field(1, ge=1, le=3_660, strict=True)
    unit: Literal["days", "weeks", "months"] = "months"


class BusinessDays(Spoken):
    """Where a due date goes that is no business day."""

    adjustment: Literal["none", "following", "modified_following", "preceding"] = "none"
    holidays: tuple[BankDay, ...] = Field((), max_length=MOST_HOLIDAYS)
    weekend: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field((6, 7), max_length=6)
    """ISO weekdays: 1 is Monday."""


class LoanFee(Spoken):
    """An amount, a percentage, or both added. Each is rounded by itself."""

    timing: Literal["upfront", "capitalized", "installment"]
    """Paid at the start; added to the principal; with each installment."""
    amount: Money | None = None
    percent: Percent = "0"
    of: Literal["principal", "installment", "balance"] = "principal"
    """What it is a percentage of; the latter two only with installments."""


class FurtherDisbursement(Spoken):
    """A later part of the loan."""

    on: BankDay
    amount: PositiveMoney


class NewRate(Spoken):
    """A rate from a day on; that day is the first at it."""

    on: BankDay
    annual_rate_percent: Percent


class PrincipalPaid(Spoken):
    """Principal paid beside the installments."""

    on: BankDay
    amount: PositiveMoney
    way: PrepaymentWay = "shorten"
    """Ending earlier; lower installments; the next ones lower by what was paid."""


class ScheduleRules(Spoken):
    """What decides a schedule beside the amounts, the rate and the dates: what loans of a kind have in common."""

    every: Period = Period()
    month_end: Literal["clamp", "last_day", "first_of_next"] = "clamp"
    """Where a due date goes in a month without its day: its last day; always the last day if the first one is; the next month's first."""
    business_days: BusinessDays = BusinessDays()
    interest: InterestMethod = "declining_balance"
    amortization: AmortizationMethod | None = None
    """Absent: equal installments, or a bullet where the installments are interest alone."""
    interest_period: Literal["daily", "same_as_repayment"] = "daily"
    """By the days of the period, or by its nominal part of a year: N months N/12, N weeks N/52, N days N/365."""
    day_count: DayCountName = "30E/360"
    accrue_to_business_days: Flag = True
    """Whether daily interest runs to the business day on which it is due, or to the date before it was moved."""
    principal_grace: int = Field(0, ge=0, le=MOST_ROWS, strict=True)
    """So many first installments repay no principal."""
    interest_grace: int = Field(0, ge=0, le=MOST_ROWS, strict=True)
    """So many first installments pay no interest; it is due with the next one, without interest on it."""
    interest_free: int = Field(0, ge=0, le=MOST_ROWS, strict=True)
    """So many first periods bear no interest."""
    down_payment_percent: Percent = "0"
    """Of each disbursement."""
    fees: tuple[LoanFee, ...] = Field((), max_length=50)
    rounding: RoundingMode = "half_even"
    installment_rounding: RoundingMode | None = None
    """Of the installment alone; absent: as everything."""
    installment_multiple: PositiveMoney | None = None
    """Installments (principal and interest) are multiples of this, but the last."""
    last_cent: Literal["last_absorbs", "retuned"] = "last_absorbs"
    """The last installment absorbs what rounding left; or the installment is changed once so that the last differs least."""


class LoanTerms(ScheduleRules):
    """The terms of a loan."""

    principal: PositiveMoney
    """What is paid out at the start; its currency is everything's."""
    annual_rate_percent: Percent
    """Nominal, a year."""
    installments: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    """Graces included. Absent with a fixed installment: as many as it takes."""
    start: BankDay
    first_due: BankDay | None = None
    """An irregular first due date; the others follow from it."""
    due_day: int | None = Field(None, ge=1, le=31, strict=True)
    """The day of the month of monthly due dates, where the first one is not on it: in a month that is too short, say. The others follow
    from the nearest date on that day. Absent: the first due date's, else the start's."""
    balloon: Money | None = None
    fixed_installment: PositiveMoney | None = None
    down_payment: Money | None = None
    disbursements: tuple[FurtherDisbursement, ...] = Field((), max_length=MOST_EVENTS)
    rate_changes: tuple[NewRate, ...] = Field((), max_length=MOST_EVENTS)
    extra_payments: tuple[PrincipalPaid, ...] = Field((), max_length=MOST_EVENTS)
