"""The terms of a loan: everything that decides its schedule. Amounts are minor units of one currency, rates are fractions a year.

    Terms(principal=10_000_00, annual_rate=Fraction(12, 100), installments=12, start=date(2024, 1, 15), rhythm=MONTHLY)

What contradicts itself is refused in terms_checks.py, not here.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum
from fractions import Fraction

from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.due_dates import Every, Rhythm, Unit
from actors.loan_calculator.rules.rounding import Rounding

MONTHLY = Rhythm(Every(1, Unit.MONTHS))


class Interest(Enum):
    """What interest is charged on."""

    DECLINING_BALANCE = "declining_balance"
    """On the principal that is left."""
    FLAT = "flat"
    """On the amount lent, for the whole term, in equal parts on the installments."""
    INTEREST_ONLY = "interest_only"
    """On the amount lent; the installments are interest alone, the principal is due with the last."""
    ZERO = "zero"


class Amortization(Enum):
    """How the principal is repaid."""

    EQUAL_INSTALLMENTS = "equal_installments"
    EQUAL_PRINCIPAL = "equal_principal"
    BALLOON = "balloon"
    """Equal installments that leave the balloon, which is due with the last."""
    BULLET = "bullet"
    """All with the last installment."""
    FIXED_INSTALLMENT = "fixed_installment"
    """By installments of a given amount, until nothing is left."""


class InterestPeriod(Enum):
    """How long a period counts."""

    DAILY = "daily"
    """By its days, under the day count."""
    SAME_AS_REPAYMENT = "same_as_repayment"
    """As its nominal part of a year, whatever its days: N months N/12, N weeks N/52, N days N/365. An irregular first period is divided
    into nominal periods and the days of a broken one, as under ACT/ACT ICMA."""


class LastCent(Enum):
    """Where it goes that rounded installments do not add up."""

    LAST_ABSORBS = "last_absorbs"
    """Into the last installment."""
    RETUNED = "retuned"
    """The installment is changed once, so that the last one differs least from the others; the rest goes into the last."""


class ExtraEffect(Enum):
    """What an extra payment of principal does to the installments after it."""

    SHORTEN = "shorten"
    """They stay as they are; the loan ends earlier."""
    LOWER = "lower"
    """They are calculated anew; the loan ends when it would have."""
    ADVANCE = "advance"
    """The next ones are lower by what was paid, one after the other; then they are as before."""


class FeeTiming(Enum):
    """When a fee is paid."""

    UPFRONT = "upfront"
    """At the start, beside the loan."""
    CAPITALIZED = "capitalized"
    """With the loan: it is added to the principal at the start."""
    INSTALLMENT = "installment"
    """With each installment, on top of it."""


class FeeBase(Enum):
    """What a fee in percent is a percentage of."""

    PRINCIPAL = "principal"
    """The first amount lent, without capitalized fees."""
    INSTALLMENT = "installment"
    """The installment's principal and interest. For fees with each installment only."""
    BALANCE = "balance"
    """The principal owed before the installment. For fees with each installment only."""


@dataclass(frozen=True, slots=True)
class Fee:
    """An amount, or a share of something, or both added."""

    timing: FeeTiming
    amount: int = 0
    share: Fraction = Fraction(0)
    base: FeeBase = FeeBase.PRINCIPAL


@dataclass(frozen=True, slots=True)
class Disbursement:
    """A further part of the loan, paid out on a date after the start."""

    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class RateChange:
    """A new rate; the date is the first day at it."""

    on: date
    annual_rate: Fraction


@dataclass(frozen=True, slots=True)
class ExtraPayment:
    """Principal paid beside the installments."""

    on: date
    amount: int
    effect: ExtraEffect = ExtraEffect.SHORTEN


@dataclass(frozen=True, slots=True)
class Terms:
    """A loan's terms."""

    principal: int
    """What is paid out at the start."""
    annual_rate: Fraction
    """Nominal, a year: 12 % is 12/100."""
    installments: int | None
    """Graces included. None with fixed installments: as many as it takes."""
    start: date
    rhythm: Rhythm = MONTHLY
    interest: Interest = Interest.DECLINING_BALANCE
    amortization: Amortization = Amortization.EQUAL_INSTALLMENTS
    interest_period: InterestPeriod = InterestPeriod.DAILY
    day_count: DayCount = DayCount.THIRTY_E_360
    accrue_to_business_days: bool = True
    """Whether daily interest runs to the adjusted due date, or to the nominal one."""
    balloon: int = 0
    """What is left for the last installment. With equal installments (balloon) or equal principal."""
    fixed_installment: int | None = None
    principal_grace: int = 0
    """So many first installments repay no principal."""
    interest_grace: int = 0
    """So many first installments pay no interest; it is due, without interest on it, with the next one after them."""
    interest_free: int = 0
    """In so many first periods no interest is charged."""
    down_payment: int = 0
    """Paid back at the start."""
    down_payment_share: Fraction = Fraction(0)
    """The same as a share of each amount paid out."""
    disbursements: tuple[Disbursement, ...] = ()
    """Further ones, after the first."""
    fees: tuple[Fee, ...] = ()
    rate_changes: tuple[RateChange, ...] = ()
    extra_payments: tuple[ExtraPayment, ...] = ()
    rounding: Rounding = Rounding.HALF_EVEN
    installment_rounding: Rounding | None = None
    """Of the installment itself; without it as everything else."""
    multiple: int = 1
    """Installments (principal and interest) are multiples of so many minor units, but the last."""
    last_cent: LastCent = LastCent.LAST_ABSORBS

    @property
    def is_level(self) -> bool:
        """Whether the installments, not the principal in them, are set."""
        return self.amortization in _LEVEL and self.interest is not Interest.INTEREST_ONLY

    @property
    def is_flat(self) -> bool:
        """Whether interest is spread over the installments instead of accruing on the balance."""
        return self.interest is Interest.FLAT

    @property
    def rounds_installments(self) -> Rounding:
        """How the installment is rounded."""
        return self.installment_rounding or self.rounding


_LEVEL = {Amortization.EQUAL_INSTALLMENTS, Amortization.BALLOON, Amortization.FIXED_INSTALLMENT}
