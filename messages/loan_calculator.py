"""What is said to the loan calculator: quotes, schedules, payoffs, annual rates, explanations. It answers and keeps nothing.

    Quote(terms=LoanTerms(principal=..., annual_rate_percent="12", installments=12, start="2024-01-15"))  ->  LoanQuote

All amounts of one question are in the currency of its principal. Rates are decimal strings: "12.5" is 12.5 %. The conventions behind
each word are stated, with their sources, in the modules of `actors/loan_calculator/rules/`. Refusals stand at the end.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from messages.base import BankDay, Flag, Query, Refusal, Reply
from messages.loan_terms import MOST_ROWS, DayCountName, LoanTerms, Percent, PrepaymentWay, RoundingMode, Spoken
from messages.money import Money, PositiveMoney

MOST_FLOWS = 4_000

Number = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$", max_length=40)]
"""A decimal string."""
RowKind = Literal["installment", "down_payment", "extra_payment"]
IntervalName = Literal["years", "months", "weeks"]

# ---- what is answered ----


class Totals(Reply):
    """What a schedule comes to."""

    disbursed: Money
    principal: Money
    """What is disbursed, and capitalized fees."""
    interest: Money
    fees: Money
    """Up front and with installments."""
    paid: Money
    """All that is paid back."""
    cost_of_credit: Money
    """What is paid back less what was disbursed."""


class LoanQuote(Reply):
    """The figures of an offer."""

    installment: Money
    """The first one that repays principal; interest and principal, without fees."""
    last_installment: Money
    installments: int
    first_due: date
    last_due: date
    totals: Totals


class ScheduleRow(Reply):
    """Something that is due."""

    kind: RowKind
    number: int
    """Of the installment; of what is paid beside them, that of the next."""
    start: date
    """The first day whose interest is in it."""
    due: date
    principal: Money
    interest: Money
    fees: Money
    total: Money
    balance: Money
    """Principal left after it."""


class LoanSchedule(Reply):
    """What is due when."""

    rows: tuple[ScheduleRow, ...]
    totals: Totals


class PayoffAmount(Reply):
    """What repays the loan on the day."""

    on: date
    principal: Money
    interest: Money
    fees: Money
    charge: Money
    total: Money
    interest_saved: Money
    """What the schedule would still have cost."""


class AnnualRates(Reply):
    """The rates of a loan in percent, to six decimal places, and its cost."""

    effective_percent: str
    """The internal rate of return on days over 365 (XIRR)."""
    us_percent: str
    """Annual percentage rate, Regulation Z, appendix J, actuarial method."""
    eu_percent: str
    """Annual percentage rate of charge, Directives 2008/48/EC and (EU) 2023/2225."""
    received: Money
    paid: Money
    cost_of_credit: Money


class InterestStep(Reply):
    """balance x rate x fraction = interest, over days in which none of them changes."""

    first: date
    last: date
    days: int
    fraction: str
    """Of a year, as the convention writes it, such as `31/365`."""
    annual_rate_percent: str
    balance: Money
    interest: str
    """Unrounded, to twelve decimal places."""


class ExplainedInstallment(Reply):
    """How an installment's interest came about."""

    number: int
    due: date
    steps: tuple[InterestStep, ...]
    """None of flat interest, which is a part of the whole term's."""
    unrounded: str
    interest: Money
    """Rounded; that of the period."""
    moved: str
    """What rounding added."""
    carried: Money
    """Interest of earlier periods that is due with it; below zero where its own is due later."""
    principal: Money
    total: Money
    balance: Money


class InstallmentSetting(Reply):
    """How an installment was set: at the start, and where something changed."""

    from_number: int
    unrounded: str
    """The installment, or the equal part of principal, before rounding."""
    set: Money
    tuned_by: Money
    """What tuning for the last cent added."""


class LoanExplanation(Reply):
    """A schedule to be checked with pencil and paper."""

    day_count: DayCountName
    settings: tuple[InstallmentSetting, ...]
    installments: tuple[ExplainedInstallment, ...]
    moved: str
    """What rounding moved in all."""
    totals: Totals


class AccruedInterest(Reply):
    """Interest between two dates."""

    first: date
    last: date
    interest: Money


class PrepaymentResult(Reply):
    """What an early payment changes in one of three ways."""

    way: PrepaymentWay
    installment: Money
    """The first regular one after it."""
    installments: int
    last_due: date
    interest_saved: Money
    rows: tuple[ScheduleRow, ...]


class PrepaymentResults(Reply):
    """The three ways beside each other."""

    ways: tuple[PrepaymentResult, ...]


class PenaltyAmount(Reply):
    """A penalty up to a day."""

    penalty: Money
    days_late: int


class DayCounted(Reply):
    """What a convention makes of two dates."""

    days: int
    fraction: str
    """Of a year, as the convention writes it."""
    years: str
    """The same to fifteen decimal places."""


class TimeValueResult(Reply):
    """The figure that was asked for, to twelve decimal places."""

    value: str


class SchedulePicture(Reply):
    """A picture of a schedule."""

    media_type: Literal["image/svg+xml", "image/png"]
    content: Base64Bytes


class ScheduleDocument(Reply):
    """A schedule to be printed."""

    media_type: Literal["application/pdf"]
    content: Base64Bytes


# ---- what is asked ----


class Quote(Query[LoanQuote], wire="loan_calculator.quote.v1"):
    """Quote a loan. The installment, its number and what the loan costs."""

    terms: LoanTerms


class Schedule(Query[LoanSchedule], wire="loan_calculator.schedule.v1"):
    """Make the schedule of a loan. Every row that is due, and the totals."""

    terms: LoanTerms


class Explain(Query[LoanExplanation], wire="loan_calculator.explain.v1"):
    """Explain a schedule. For each row the days, the fraction, the rate, the figure before and after rounding."""

    terms: LoanTerms


class Payoff(Query[PayoffAmount], wire="loan_calculator.payoff.v1"):
    """Tell what repays a loan on a day. Installments due before it count as paid."""

    terms: LoanTerms
    on: BankDay
    whole_period: Flag = False
    """Whether interest is owed to the end of the current period."""
    charge: Money | None = None
    charge_percent: Percent = "0"
    """Of the principal that is repaid before it is due."""
    installments_paid: int | None = Field(None, ge=0, le=MOST_ROWS, strict=True)
    """How many installments are paid, where not all that were due are."""


class Flow(Spoken):
    """An amount on a day."""

    on: BankDay
    amount: PositiveMoney


class AnnualRate(Query[AnnualRates], wire="loan_calculator.annual_rate.v1"):
    """Find the annual rates of a loan. From its terms, or from what was received and what is paid."""

    terms: LoanTerms | None = None
    received: tuple[Flow, ...] = Field((), max_length=MOST_FLOWS)
    paid: tuple[Flow, ...] = Field((), max_length=MOST_FLOWS)
    interval: IntervalName | None = None
    """What the European rate counts whole periods in. Absent: as the terms say, else months."""


class Accrual(Query[AccruedInterest], wire="loan_calculator.accrual.v1"):
    """Tell the interest between two days. Of a loan that is paid as scheduled."""

    terms: LoanTerms
    first: BankDay
    """Its interest is included."""
    last: BankDay
    """Its interest is not."""


class Prepayment(Query[PrepaymentResults], wire="loan_calculator.prepayment.v1"):
    """Show three ways of a partial early payment. Ending earlier, lower installments, the next ones paid in advance."""

    terms: LoanTerms
    on: BankDay
    amount: PositiveMoney


class Penalty(Query[PenaltyAmount], wire="loan_calculator.penalty.v1"):
    """Tell the penalty on a late installment. An amount, a percentage, or both; once, by the day, or by the year's days."""

    due: BankDay
    on: BankDay
    principal: Money
    """Overdue."""
    interest: Money
    """Overdue."""
    installment: Money | None = None
    """The whole installment as it was due. Absent: overdue principal and interest."""
    amount: Money | None = None
    percent: Percent = "0"
    of: Literal["principal", "principal_and_interest", "installment"] = "principal_and_interest"
    per: Literal["once", "day", "year"] = "once"
    grace_days: int = Field(0, ge=0, le=3_660, strict=True)
    charges_grace: Flag = False
    """Whether the days of grace are charged once they are over."""
    cap: Money | None = None
    rounding: RoundingMode = "half_even"


class DayFraction(Query[DayCounted], wire="loan_calculator.day_fraction.v1"):
    """Count the days between two dates. Under a convention, as days and as a fraction of a year."""

    day_count: DayCountName
    first: BankDay
    last: BankDay
    maturity: BankDay | None = None
    """30E/360 ISDA: the termination date."""
    period_end: BankDay | None = None
    """ACT/365L: the end of the interest period. Absent: the last date."""
    anchor: BankDay | None = None
    """ACT/ACT ICMA: a regular date that notional periods are laid from. Absent: the last date."""
    months: int = Field(12, ge=1, le=12, strict=True)
    """ACT/ACT ICMA and ACT/365L: the months of a period."""
    keep_month_end: Flag = False
    """ACT/ACT ICMA: whether periods from the last day of a month end on last days."""


class TimeValue(Query[TimeValueResult], wire="loan_calculator.time_value.v1"):
    """Work a time value function. With the meaning of the spreadsheets' functions of these names."""

    function: Literal["PMT", "IPMT", "PPMT", "PV", "FV", "NPER", "RATE"]
    rate: Number | None = None
    """Per period, as a fraction: "0.01" is one percent."""
    nper: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    per: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    pmt: Number | None = None
    pv: Number = "0"
    fv: Number = "0"
    type: Literal[0, 1] = 0
    """1: payments at the beginning of periods."""


class Plot(Query[SchedulePicture], wire="loan_calculator.plot.v1"):
    """Draw a schedule. Principal against interest in each installment, and the balance."""

    terms: LoanTerms
    format: Literal["svg", "png"] = "svg"


class PrintSchedule(Query[ScheduleDocument], wire="loan_calculator.print_schedule.v1"):
    """Print a schedule. Pages of A4 with the terms, the totals, the annual rates, the plot, every row, and what rounding moved."""

    terms: LoanTerms


# ---- refusals ----


class ContradictoryTerms(Refusal):
    """Two of the terms contradict each other."""

    rule = "contradictory_terms"


class TermsBeyondLimit(Refusal):
    """A figure of the terms is outside what a loan can have."""

    rule = "terms_beyond_limit"


class TwoCurrencies(Refusal):
    """All amounts of one loan are in one currency."""

    rule = "two_currencies"


class DatesOutOfOrder(Refusal):
    """The dates are not in an order that makes sense."""

    rule = "dates_out_of_order"


class DueDatesCollide(Refusal):
    """Two due dates fall on one business day, or one on the start."""

    rule = "due_dates_collide"


class NoBusinessDay(Refusal):
    """The calendar has no business day near a due date."""

    rule = "no_business_day"


class TermTooLong(Refusal):
    """The loan would last longer than can be counted."""

    rule = "term_too_long"


class AmountTooSmall(Refusal):
    """The amount is too small for so many installments: each would be nothing."""

    rule = "amount_too_small"


class InstallmentTooSmall(Refusal):
    """The installment does not cover the interest, so the loan would never be repaid."""

    rule = "installment_too_small"


class ExtraPaymentTooLarge(Refusal):
    """An extra payment is more than the principal that is left."""

    rule = "extra_payment_too_large"


class NoRate(Refusal):
    """No rate makes these payments worth what was received."""

    rule = "no_rate"


class NoTerm(Refusal):
    """No number of periods solves this."""

    rule = "no_term"


class DateOutsideTerm(Refusal):
    """The date is before the loan's start, or after it is repaid."""

    rule = "date_outside_term"
