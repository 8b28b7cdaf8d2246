"""What is said to and by the loan product actor: the products that loans are made under, version by version.

    CreateLoanProduct(code="BIZ", name="Business loan", rules=ProductRules(currency="KES", ...))  ->  LoanProduct, version 1

A version is never changed: `ReviseLoanProduct` makes the next one, and a loan keeps the version that it began with. Refusals stand at
the end.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from messages.base import Command, Event, Flag, Line, NotFound, Page, Query, Refusal, Reply
from messages.ids import AccountId, LoanProductId
from messages.loan_terms import MOST_ROWS, Percent, PrepaymentWay, ScheduleRules, Spoken
from messages.money import Currency, Money, PositiveMoney

ProductCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_-]{0,29}$")]
"""A short name that does not change, such as `BIZ` or `SCHOOL-FEES`."""
ChartCode = Annotated[str, Field(pattern=r"^[0-9A-Z][0-9A-Z.-]{0,19}$")]
"""A code of the chart of accounts."""
ProductStatus = Literal["active", "retired"]
When = Literal["past_due", "due", "in_advance"]
"""Due before the day of the payment; on it, or in the current period up to it; later."""
AllocatedPart = Literal["penalty", "fee", "interest", "principal"]
AllocationPreset = Literal[
    "penalties_fees_interest_principal",
    "principal_interest_penalties_fees",
    "interest_principal_penalties_fees",
    "due_penalty_interest_principal_fee_in_advance_penalty_interest_principal_fee",
    "due_penalty_fee_interest_principal_in_advance_principal_penalty_fee_interest",
]
"""The orders that are common in the field, each for what is past due, then due, then in advance."""
STEPS = 12
"""Of an order: three times due, four parts."""
MOST_BUCKETS = 20
MOST_DOCUMENTS = 30


class AmountRange(Spoken):
    """What can be lent."""

    lowest: PositiveMoney
    highest: PositiveMoney


class InstallmentRange(Spoken):
    """How many installments there can be."""

    lowest: int = Field(ge=1, le=MOST_ROWS, strict=True)
    highest: int = Field(ge=1, le=MOST_ROWS, strict=True)
    default: int = Field(ge=1, le=MOST_ROWS, strict=True)


class RateRange(Spoken):
    """What the nominal annual rate can be."""

    lowest: Percent
    highest: Percent
    default: Percent


class PenaltyRules(Spoken):
    """What a late installment costs; each installment's penalty is counted by itself, and rounded as the schedule is."""

    amount: Money | None = None
    percent: Percent = "0"
    of: Literal["principal", "principal_and_interest", "installment"] = "principal_and_interest"
    """What of the installment it is a percentage of: overdue principal, with overdue interest, or the whole as it was due."""
    per: Literal["once", "day", "year"] = "day"
    grace_days: int = Field(0, ge=0, le=3_660, strict=True)
    """Nothing is charged until so many days after the due date have gone by."""
    charges_grace: Flag = False
    """Whether the days of grace are charged once they are over."""
    cap: Money | None = None
    """The most that one installment's penalty comes to."""


class AllocationStep(Spoken):
    """One place in an order."""

    due: When
    part: AllocatedPart


class Allocation(Spoken):
    """In what order a payment pays: by a preset's name, or by all twelve steps. In a product that is shown both are there."""

    preset: AllocationPreset | None = None
    order: tuple[AllocationStep, ...] = Field((), max_length=STEPS)
    direction: Literal["horizontal", "vertical"] = "horizontal"
    """Installment by installment, each in the order of its parts; or step by step, each over all installments."""


class AllocationRules(Spoken):
    """The order for each kind of payment."""

    repayment: Allocation = Allocation(preset="penalties_fees_interest_principal")
    charged_off_repayment: Allocation | None = None
    """Of a loan that was charged off. Absent: as every repayment."""


class Accounting(Spoken):
    """Where the loan's money is booked: internal accounts of the ledger, in the product's currency. Each stands under the kind of
    chart account that its name says: receivables and cash under assets, income under income, expenses under expenses, overpayments
    under liabilities.
    """

    basis: Literal["cash", "accrual"]
    """Whether income is what was paid, or what was earned."""
    principal_gl_code: ChartCode
    """The general-ledger account that the loans' own accounts are summed under."""
    interest_receivable: AccountId | None = None
    """This and the next two: on accrual basis only."""
    fee_receivable: AccountId | None = None
    penalty_receivable: AccountId | None = None
    interest_income: AccountId
    fee_income: AccountId
    penalty_income: AccountId
    charge_off_expense: AccountId
    write_off_expense: AccountId
    recovery_income: AccountId
    overpayment: AccountId
    """What is owed to members who paid too much."""
    cash: AccountId
    """Where cash at the counter comes to and goes from. Like the next one it is no account that loans are booked on otherwise."""
    external_payments: AccountId | None = None
    """Where a payment made elsewhere comes by if it names no account, such as mobile money: an asset or a clearing liability. Absent:
    cash."""


class GuarantorRules(Spoken):
    """Who must answer for a loan, and for how much one may."""

    lowest_number: int = Field(0, ge=0, le=50, strict=True)
    cover_percent: Percent = "0"
    """Of the principal, guaranteed by all together at least."""
    most_by_member: PositiveMoney | None = None
    """What one member may guarantee in all loans that are open. Absent: no limit."""
    most_by_group: PositiveMoney | None = None
    """What the members of a guarantor's group, as it is now, may guarantee together in all loans that are open, whoever borrowed.
    Absent: no limit."""


class DelinquencyBucket(Spoken):
    """From how many days past due a loan belongs here, and what is provided for it."""

    name: Line
    from_days: int = Field(ge=0, le=36_600, strict=True)
    provision_percent: Percent = "0"
    """Of the outstanding principal."""


BUCKETS = (
    DelinquencyBucket(name="current", from_days=0, provision_percent="1"),
    DelinquencyBucket(name="1-30", from_days=1, provision_percent="10"),
    DelinquencyBucket(name="31-60", from_days=31, provision_percent="25"),
    DelinquencyBucket(name="61-90", from_days=61, provision_percent="50"),
    DelinquencyBucket(name="91-180", from_days=91, provision_percent="75"),
    DelinquencyBucket(name="181+", from_days=181, provision_percent="100"),
)


class ProductRules(Spoken):
    """What a version of a product says of every loan under it. All amounts are in its currency."""

    currency: Currency
    amount: AmountRange
    installments: InstallmentRange
    annual_rate_percent: RateRange
    schedule: ScheduleRules = ScheduleRules()
    disbursements: int = Field(1, ge=1, le=50, strict=True)
    """In how many parts a loan may be paid out."""
    prepayment: PrepaymentWay = "shorten"
    """What principal paid in advance does to the schedule, unless the payment says otherwise."""
    penalty: PenaltyRules | None = None
    """Absent: being late costs nothing."""
    allocation: AllocationRules = AllocationRules()
    accounting: Accounting
    documents: tuple[Line, ...] = Field((), max_length=MOST_DOCUMENTS)
    """The names of those that must be seen before a loan is handed in."""
    guarantors: GuarantorRules = GuarantorRules()
    collateral_cover_percent: Percent = "0"
    """Of the principal, in collateral at least."""
    buckets: tuple[DelinquencyBucket, ...] = Field(BUCKETS, min_length=1, max_length=MOST_BUCKETS)
    """Rising; the first from 0 days, which is where a loan belongs that is not late."""


# ---- what is answered ----


class LoanProduct(Reply):
    """A product, in one of its versions."""

    product_id: LoanProductId
    code: ProductCode
    name: str
    version: int
    """Of what is shown here."""
    latest_version: int
    """What new loans are made under."""
    status: ProductStatus
    """Of the product, whatever the version. Under a retired one no loan is applied for."""
    currency: Currency
    rules: ProductRules
    by: str
    """Who made this version."""
    created_at: AwareDatetime
    """When this version was made."""


class LoanProductPage(Page[LoanProduct]):
    """A page of products in their latest versions, by code."""


# ---- what is asked ----


class CreateLoanProduct(Command[LoanProduct], wire="loan_product.create_loan_product.v1", permission="products:write"):
    """Create a product; this is its version 1."""

    code: ProductCode
    name: Line
    rules: ProductRules


class ReviseLoanProduct(
    Command[LoanProduct], wire="loan_product.revise_loan_product.v1", key="product_id", permission="products:write"
):
    """Make the next version of a product, for loans applied for from now on. Its currency stays."""

    product_id: LoanProductId
    name: Line | None = None
    """Absent: as before."""
    rules: ProductRules
    expected_version: int | None = None


class RetireLoanProduct(
    Command[LoanProduct], wire="loan_product.retire_loan_product.v1", key="product_id", permission="products:write"
):
    """Make no more loans under a product. Those that there are go on."""

    product_id: LoanProductId
    expected_version: int | None = None


class GetLoanProduct(
    Query[LoanProduct],
    wire="loan_product.get_loan_product.v1",
    permission="products:read",
    cached=("loan_product/{product_id}",),
):
    """One product, in its latest version or another. A member finds only what can be applied for."""

    product_id: LoanProductId
    product_version: int | None = Field(None, ge=1, le=1_000_000)
    """Default: the latest."""


class ListLoanProducts(
    Query[LoanProductPage],
    wire="loan_product.list_loan_products.v1",
    permission="products:read",
    cached=("loan_products",),
):
    """The products in their latest versions, by code. A member gets only those that can be applied for."""

    status: ProductStatus | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- what happened ----


class LoanProductChanged(
    Event,
    wire="loan_product.loan_product_changed.v1",
    key="product_id",
    renews=("loan_product/{product_id}", "loan_products"),
):
    """A product was made, has another version, or was retired."""

    product_id: LoanProductId
    code: ProductCode
    latest_version: int
    status: ProductStatus


# ---- refusals ----


class LoanProductNotFound(NotFound):
    """There is no such product, or not in this version."""

    rule = "loan_product_not_found"


class ProductCodeTaken(Refusal):
    """Another product has this code."""

    rule = "product_code_taken"
    status = 409


class ProductRetired(Refusal):
    """The product was retired."""

    rule = "product_retired"
    status = 409


class ProductContradictory(Refusal):
    """Two of the product's rules contradict each other."""

    rule = "product_contradictory"


class ProductAllocationIncomplete(Refusal):
    """An order of allocation names each of its twelve steps once, or a preset."""

    rule = "product_allocation_incomplete"


class ProductAccountUnfit(Refusal):
    """The account is not one that this can be booked to: it must be internal, open, in the product's currency, and under the kind of
    chart account that fits what is booked there.
    """

    rule = "product_account_unfit"


class ProductScheduleImpossible(Refusal):
    """Within its limits the product allows loans that no schedule can be made for."""

    rule = "product_schedule_impossible"
