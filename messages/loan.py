"""What is said to and by the loan actor: applications, approval, money in and out, the daily close, and what a loan owes.

    RecordRepayment(loan_id=..., amount=Money(amount="500.00", currency="KES"), paid_from=PaidFrom(account_id=...))  ->  LoanTransaction

All commands about a loan have it as their key, so they are handled one at a time and in order; no loan is ever locked. Dates are the
bank's business dates. What one person asked for (`RequestDisbursement`, ...) another one decides (`DecideRequest`). Refusals stand at
the end. The file is long because a vocabulary stands in one place; it has no logic.
"""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Base64Bytes, Field

from messages.base import BankDay, Command, Event, Flag, Forbidden, Line, Note, NotFound, Page, Query, Refusal, Reply
from messages.ids import (
    AccountId,
    CollateralId,
    EntryId,
    GroupId,
    GuarantorId,
    LoanId,
    LoanProductId,
    LoanRequestId,
    LoanTransactionId,
    MemberId,
)
from messages.loan_terms import MOST_ROWS, LoanTerms, Percent, Period, PrepaymentWay, Spoken
from messages.money import Currency, Money, PositiveMoney

MOST_CLOSED_TOGETHER = 100

LoanStatus = Literal[
    "draft",
    "submitted",
    "under_review",
    "approved",
    "rejected",
    "withdrawn",
    "active",
    "in_arrears",
    "closed",
    "charged_off",
    "written_off",
]
TransactionKind = Literal[
    "disbursement",
    "repayment",
    "fee",
    "penalty",
    "waiver",
    "refund",
    "reversal",
    "charge_off",
    "write_off",
    "recovery",
    "reschedule",
]
Part = Literal["principal", "interest", "fee", "penalty"]
RequestKind = Literal["disbursement", "charge_off", "write_off", "reschedule"]
RequestStatus = Literal["open", "approved", "rejected", "lapsed"]
"""Lapsed: when it was to be carried out the loan had changed, and it was not possible any more. It is asked for anew, if at all."""
RescheduleKind = Literal["new_terms", "re_age", "re_amortize", "rate_change", "payment_holiday"]
"""Other installments from a day on; what is late is due anew over the rest; what is owed is spread anew over the rest of the term;
another rate from a day on; some installments later."""


# ---- what is answered ----


class LoanParts(Reply):
    """An amount by what it is made of."""

    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    total: Money


class ProductUsed(Reply):
    """The version of a product that the loan began with and keeps."""

    product_id: LoanProductId
    code: str
    version: int


class Guarantor(Reply):
    """Who answers for a part of the loan."""

    guarantor_id: GuarantorId
    member_id: MemberId
    amount: Money


class Collateral(Reply):
    """What secures the loan."""

    collateral_id: CollateralId
    description: str
    value: Money


class Document(Reply):
    """A document that was seen."""

    name: str
    reference: str | None


class LoanBalances(Reply):
    """What a loan owes and has seen at the end of a business date."""

    on: date
    disbursed: Money
    outstanding: LoanParts
    """Principal that is out; interest accrued, fees and penalties charged, all less what was paid, waived or written off."""
    overdue: LoanParts
    """Due before that date and not paid."""
    paid: LoanParts
    overpaid: Money
    """Paid beyond what was owed; to be refunded."""
    written_off: LoanParts
    recovered: Money
    days_past_due: int
    """Since the oldest due date that is not paid in full; 0 where nothing is late."""
    bucket: str
    """Of the product's delinquency buckets, such as `1-30`; `current` where nothing is late."""


class Loan(Reply):
    """A loan."""

    loan_id: LoanId
    member_id: MemberId
    group_id: GroupId | None
    product: ProductUsed
    currency: Currency
    status: LoanStatus
    terms: LoanTerms
    """As they are now; disbursements, rate changes and reschedules change them."""
    purpose: str | None
    settlement_account_id: AccountId | None
    """Where the loan is paid out to, and paid from, unless a command says otherwise."""
    account_id: AccountId | None
    """The loan's own account in the ledger, which holds the principal; opened with the first disbursement."""
    documents: tuple[Document, ...]
    guarantors: tuple[Guarantor, ...]
    collateral: tuple[Collateral, ...]
    submitted_by: str | None
    approved_by: str | None
    reason: str | None
    """Why it was rejected, withdrawn, charged off or written off."""
    undisbursed: Money
    """Approved and not yet paid out."""
    balances: LoanBalances
    closed_through: date | None
    """The last business date whose close counted."""
    created_at: AwareDatetime
    version: int


class LoanPage(Page[Loan]):
    """A page of loans, newest first."""


class LoanInstallment(Reply):
    """An installment, with what was due and what became of it."""

    kind: Literal["installment", "down_payment", "charge"]
    """A charge is a fee or penalty that is due by itself, up-front fees among them."""
    number: int
    """Of the installment; of a down payment that of the installment after it; 0 of a charge."""
    start: date
    """The first day whose interest is in it."""
    due: date
    charged: LoanParts
    paid: LoanParts
    waived: LoanParts
    outstanding: LoanParts
    balance: Money
    """Principal left after it, by schedule."""
    paid_on: date | None
    """The value date on which nothing of it was left."""


class LoanInstallments(Reply):
    """The schedule as it stands."""

    loan_id: LoanId
    on: date
    installments: tuple[LoanInstallment, ...]
    totals: LoanParts


class LoanSchedulePicture(Reply):
    """A picture of a loan's schedule."""

    media_type: Literal["image/svg+xml", "image/png"]
    content: Base64Bytes


class LoanScheduleDocument(Reply):
    """A loan's schedule to be printed."""

    media_type: Literal["application/pdf"]
    content: Base64Bytes


class LoanTransaction(Reply):
    """Something that happened to a loan's money. It is never changed; taken back only by a reversal."""

    transaction_id: LoanTransactionId
    loan_id: LoanId
    number: int
    """From 1 without a gap."""
    kind: TransactionKind
    value_date: date
    """The day from which it counts."""
    booked_on: date
    """The business date on which it was booked."""
    amount: Money
    parts: LoanParts
    """What of the amount went where; of a repayment the rest is overpaid."""
    overpaid: Money
    entry_id: EntryId | None
    """The ledger's entry; absent where no money moved."""
    reference: str | None
    note: str | None
    reverses: LoanTransactionId | None
    reversed_by: LoanTransactionId | None
    by: str
    """The principal that made it."""


class LoanTransactionPage(Page[LoanTransaction]):
    """A page of a loan's transactions, oldest first."""


class LoanChange(Reply):
    """What a transaction did, or would do: the loan before and after it."""

    transaction: LoanTransaction
    before: LoanBalances
    after: LoanBalances
    corrections: LoanParts
    """What a back-dated transaction changes in interest, fees and penalties that were booked since; posted as a correcting entry."""
    is_dry_run: bool


class ScheduleFigures(Reply):
    """A schedule in figures, for comparison."""

    installments: int
    installment: Money
    """The next regular one."""
    last_due: date
    principal: Money
    interest: Money
    present_value: Money
    """Of all that is still to be paid, at the loan's rate before the change."""
    effective_percent: str
    """The effective annual rate of what is outstanding against what is still to be paid."""


class LoanRequest(Reply):
    """What one person asked for and another decides."""

    request_id: LoanRequestId
    loan_id: LoanId
    kind: RequestKind
    status: RequestStatus
    amount: Money | None
    reason: str | None
    reschedule: RescheduleKind | None
    before: ScheduleFigures | None
    after: ScheduleFigures | None
    requested_by: str
    requested_at: AwareDatetime
    decided_by: str | None
    decided_at: AwareDatetime | None
    transaction_id: LoanTransactionId | None
    """What carried it out."""
    lapsed_because: str | None
    """The rule that stood in its way, such as `loan_state_forbids`; absent where it did not lapse."""
    lapsed_detail: str | None
    """The same as a sentence."""


class LoanRequestPage(Page[LoanRequest]):
    """A page of requests, newest first."""


class LoanPayoff(Reply):
    """What closes the loan on a day."""

    on: date
    owed: LoanParts
    """A part is below zero where it was paid ahead and is not owed when the loan ends on the day."""
    total: Money


class DayClosed(Reply):
    """What the close of a business date did to a loan."""

    loan_id: LoanId
    on: date
    counted: bool
    """Whether this close was the one that counted; false where the date was closed before."""
    accrued: Money
    """Interest of the day."""
    penalties: Money
    days_past_due: int
    bucket: str
    status: LoanStatus


class LoanDaysClosed(Reply):
    """What the close of a business date did to many loans."""

    closed: tuple[DayClosed, ...]
    left: tuple[LoanId, ...]
    """Somebody is at work on them, or something is wrong with them: each is to be closed by itself."""


class OpenLoans(Reply):
    """Some of the loans whose date is not closed."""

    loan_ids: tuple[LoanId, ...]
    next_cursor: str | None = None


class AccrualsPosted(Reply):
    """What was told to the ledger of the closes' accruals."""

    lines: int
    entry_ids: tuple[EntryId, ...]


# ---- applying ----


class ApplyForLoan(Command[Loan], wire="loan.apply_for_loan.v1", permission="loans:apply", amount="principal"):
    """Draft a loan for a member under the current version of a product."""

    member_id: MemberId
    product_id: LoanProductId
    group_id: GroupId | None = None
    principal: PositiveMoney
    installments: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    """Default: the product's."""
    annual_rate_percent: Percent | None = None
    """Default: the product's."""
    fixed_installment: PositiveMoney | None = None
    balloon: PositiveMoney | None = None
    start: BankDay
    """When it is expected to be paid out first."""
    first_due: BankDay | None = None
    settlement_account_id: AccountId | None = None
    """An account of the member."""
    purpose: Line | None = None


class ChangeApplication(
    Command[Loan], wire="loan.change_application.v1", key="loan_id", permission="loans:apply", amount="principal"
):
    """Change the amounts and dates of a draft; what is left out stays."""

    loan_id: LoanId
    principal: PositiveMoney | None = None
    installments: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    annual_rate_percent: Percent | None = None
    fixed_installment: PositiveMoney | None = None
    balloon: PositiveMoney | None = None
    start: BankDay | None = None
    first_due: BankDay | None = None
    settlement_account_id: AccountId | None = None
    purpose: Line | None = None
    expected_version: int | None = None


class RecordDocument(Command[Loan], wire="loan.record_document.v1", key="loan_id", permission="loans:apply"):
    """Note that a document was seen; one of the product's required ones, or another. What secures a loan is noted by staff."""

    loan_id: LoanId
    name: Line
    reference: Line | None = None


class AddGuarantor(Command[Loan], wire="loan.add_guarantor.v1", key="loan_id", permission="loans:apply"):
    """Let a member answer for a part of the loan, within what the product lets one member answer for in all loans, and all members of
    the group that the member is in.
    """

    loan_id: LoanId
    member_id: MemberId
    amount: PositiveMoney


class RemoveGuarantor(Command[Loan], wire="loan.remove_guarantor.v1", key="loan_id", permission="loans:apply"):
    """Free a guarantor of a loan that is not yet approved."""

    loan_id: LoanId
    guarantor_id: GuarantorId


class AddCollateral(Command[Loan], wire="loan.add_collateral.v1", key="loan_id", permission="loans:apply"):
    """Note what secures the loan."""

    loan_id: LoanId
    description: Line
    value: PositiveMoney


class RemoveCollateral(Command[Loan], wire="loan.remove_collateral.v1", key="loan_id", permission="loans:apply"):
    """Give collateral back of a loan that is not yet approved, or closed."""

    loan_id: LoanId
    collateral_id: CollateralId


class SubmitLoan(Command[Loan], wire="loan.submit_loan.v1", key="loan_id", permission="loans:apply"):
    """Hand a draft in: documents, guarantors and collateral are as the product requires. Who submits is its maker."""

    loan_id: LoanId
    expected_version: int | None = None


class ReviewLoan(Command[Loan], wire="loan.review_loan.v1", key="loan_id", permission="loans:review"):
    """Take a submitted loan under review."""

    loan_id: LoanId
    expected_version: int | None = None


class ApproveLoan(Command[Loan], wire="loan.approve_loan.v1", key="loan_id", permission="loans:approve"):
    """Approve a loan that is submitted or under review. Not by its maker."""

    loan_id: LoanId
    note: Note | None = None
    expected_version: int | None = None


class RejectLoan(Command[Loan], wire="loan.reject_loan.v1", key="loan_id", permission="loans:approve"):
    """Reject a loan that is submitted or under review."""

    loan_id: LoanId
    reason: Line
    expected_version: int | None = None


class WithdrawLoan(Command[Loan], wire="loan.withdraw_loan.v1", key="loan_id", permission="loans:apply"):
    """Withdraw a loan that is not paid out."""

    loan_id: LoanId
    reason: Line
    expected_version: int | None = None


# ---- one asks, another decides ----


class RequestDisbursement(
    Command[LoanRequest], wire="loan.request_disbursement.v1", key="loan_id", permission="loans:disburse", amount="amount"
):
    """Ask to pay out an approved loan, whole or a part of it."""

    loan_id: LoanId
    amount: PositiveMoney | None = None
    """Default: all that is not yet paid out."""
    to_account_id: AccountId | None = None
    """The ledger's account that is credited: the member's, or the institution's cash. Default: the settlement account."""
    value_date: BankDay | None = None
    """Default: the business date on which it is approved."""


class RequestChargeOff(Command[LoanRequest], wire="loan.request_charge_off.v1", key="loan_id", permission="loans:write-off"):
    """Ask to take a loan off the earning books: nothing accrues any more, what is owed stays owed."""

    loan_id: LoanId
    reason: Line


class RequestWriteOff(Command[LoanRequest], wire="loan.request_write_off.v1", key="loan_id", permission="loans:write-off"):
    """Ask to give up what a loan still owes."""

    loan_id: LoanId
    reason: Line


class RequestReschedule(Command[LoanRequest], wire="loan.request_reschedule.v1", key="loan_id", permission="loans:reschedule"):
    """Ask for other terms from a day on. The answer shows the schedule before and after it, in figures."""

    loan_id: LoanId
    kind: RescheduleKind
    effective_on: BankDay
    """The first day under the new terms; not before the business date."""
    annual_rate_percent: Percent | None = None
    """Of a rate change, and of new terms where the rate changes."""
    installments: int | None = Field(None, ge=1, le=MOST_ROWS, strict=True)
    """How many remain, of new terms and of a re-ageing."""
    every: Period | None = None
    """Of new terms."""
    holiday_installments: int | None = Field(None, ge=1, le=60, strict=True)
    """How many installments a payment holiday moves; interest goes on and is due with the first one after it."""
    reason: Line


class DecideRequest(Command[LoanRequest], wire="loan.decide_request.v1", key="loan_id", permission="loans:approve"):
    """Approve what somebody else asked for, which carries it out, or reject it. Not by who asked. A reschedule that the loan, as it is by
    now, does not allow any more is refused by `loan_request_lapsed`, and the request says so from then on.
    """

    loan_id: LoanId
    request_id: LoanRequestId
    approve: Flag
    note: Note | None = None


# ---- money ----


class PaidFrom(Spoken):
    """Where money comes from or goes to: an account of the ledger, cash, or a payment made elsewhere."""

    account_id: AccountId | None = None
    """An account of the borrower or of a guarantor, or the institution's account that an external payment came by. Default of an
    external payment: where the product says such payments come by."""
    external_payment_id: Line | None = None
    """The id of a payment made elsewhere, such as a mobile money receipt; it counts once."""


class RecordRepayment(
    Command[LoanChange], wire="loan.record_repayment.v1", key="loan_id", permission="loans:repay", amount="amount"
):
    """Take a repayment: allocated in the product's order; what is left over pays in advance, or is overpaid."""

    loan_id: LoanId
    amount: PositiveMoney
    paid_from: PaidFrom | None = None
    """Default: the settlement account."""
    in_cash: Flag = False
    """Whether it was paid at the counter; then `paid_from` names no account."""
    value_date: BankDay | None = None
    """The day from which it counts; a past one replays the loan from then on. Default: the business date."""
    way: PrepaymentWay | None = None
    """What principal paid in advance does to the schedule. Default: the product's."""
    reference: Line | None = None
    dry_run: bool = False
    """Show what it would change, and change nothing."""


class ChargeFee(Command[LoanChange], wire="loan.charge_fee.v1", key="loan_id", permission="loans:charge", amount="amount"):
    """Charge a fee or a penalty; due at once."""

    loan_id: LoanId
    amount: PositiveMoney
    part: Literal["fee", "penalty"] = "fee"
    reason: Line
    value_date: BankDay | None = None
    dry_run: bool = False


class WaiveDue(Command[LoanChange], wire="loan.waive_due.v1", key="loan_id", permission="loans:waive", amount="amount"):
    """Waive interest, fees or penalties that are owed, the oldest first."""

    loan_id: LoanId
    part: Literal["interest", "fee", "penalty"]
    amount: PositiveMoney
    reason: Line
    value_date: BankDay | None = None
    dry_run: bool = False


class RefundOverpayment(
    Command[LoanChange], wire="loan.refund_overpayment.v1", key="loan_id", permission="loans:repay", amount="amount"
):
    """Pay back what was overpaid."""

    loan_id: LoanId
    amount: PositiveMoney | None = None
    """Default: all of it."""
    to_account_id: AccountId | None = None
    """Default: the settlement account."""
    in_cash: Flag = False
    dry_run: bool = False


class RecordRecovery(
    Command[LoanChange], wire="loan.record_recovery.v1", key="loan_id", permission="loans:repay", amount="amount"
):
    """Take money for a loan that was written off: it is income."""

    loan_id: LoanId
    amount: PositiveMoney
    paid_from: PaidFrom | None = None
    in_cash: Flag = False
    value_date: BankDay | None = None
    reference: Line | None = None
    dry_run: bool = False


class ReverseTransaction(Command[LoanChange], wire="loan.reverse_transaction.v1", key="loan_id", permission="loans:reverse"):
    """Take a transaction back: the loan is replayed without it, and the difference posted."""

    loan_id: LoanId
    transaction_id: LoanTransactionId
    reason: Line
    dry_run: bool = False


# ---- the daily close: said by the close of business ----


class CloseLoanDay(Command[DayClosed], wire="loan.close_loan_day.v1", key="loan_id", permission="close-of-business:run"):
    """Close a business date for a loan, and the dates before it that are open: accrual, penalties, days past due, bucket, state."""

    loan_id: LoanId
    on: BankDay
    dry_run: bool = False


class CloseLoanDays(Command[LoanDaysClosed], wire="loan.close_loan_days.v1", permission="close-of-business:run"):
    """Close a business date for many loans in one transaction, as `CloseLoanDay` would each. It waits for nobody: a loan that a user is
    at work on is left.
    """

    loan_ids: tuple[LoanId, ...] = Field(min_length=1, max_length=MOST_CLOSED_TOGETHER)
    on: BankDay
    dry_run: bool = False


class PostAccruals(Command[AccrualsPosted], wire="loan.post_accruals.v1", permission="close-of-business:run"):
    """Tell the ledger what the closes up to a date accrued, summed by account and date. What was told is not told again."""

    through: BankDay


class ListOpenLoans(Query[OpenLoans], wire="loan.list_open_loans.v1", permission="close-of-business:run"):
    """The loans for which a business date is not closed yet, in the order of their ids."""

    on: BankDay
    cursor: str | None = None
    limit: int = Field(1000, ge=1, le=5000)


# ---- looking ----


class GetLoan(Query[Loan], wire="loan.get_loan.v1", permission="loans:read"):
    """One loan."""

    loan_id: LoanId


class ListLoans(Query[LoanPage], wire="loan.list_loans.v1", permission="loans:read"):
    """Loans, newest first. A member gets only their own."""

    member_id: MemberId | None = None
    status: LoanStatus | None = None
    product_id: LoanProductId | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class GetLoanSchedule(Query[LoanInstallments], wire="loan.get_loan_schedule.v1", permission="loans:read"):
    """The schedule of a loan, with what was paid of each installment."""

    loan_id: LoanId


class PlotLoanSchedule(Query[LoanSchedulePicture], wire="loan.plot_loan_schedule.v1", permission="loans:read"):
    """A loan's schedule as a picture: principal against interest in each installment, and the balance."""

    loan_id: LoanId
    format: Literal["svg", "png"] = "svg"


class PrintLoanSchedule(Query[LoanScheduleDocument], wire="loan.print_loan_schedule.v1", permission="loans:read"):
    """A loan's schedule as pages of A4: what it is and owes, its rates, the plot, what is due when and what was paid of it."""

    loan_id: LoanId


class ListLoanTransactions(Query[LoanTransactionPage], wire="loan.list_loan_transactions.v1", permission="loans:read"):
    """The transactions of a loan, oldest first."""

    loan_id: LoanId
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class GetLoanBalances(Query[LoanBalances], wire="loan.get_loan_balances.v1", permission="loans:read"):
    """What a loan owed at the end of a date, from all that is known now with a value date up to it."""

    loan_id: LoanId
    on: BankDay | None = None
    """Default: the business date."""


class GetLoanPayoff(Query[LoanPayoff], wire="loan.get_loan_payoff.v1", permission="loans:read"):
    """What closes the loan on a day from the business date on."""

    loan_id: LoanId
    on: BankDay | None = None
    """Default: the business date."""


class ListLoanRequests(Query[LoanRequestPage], wire="loan.list_loan_requests.v1", permission="loans:read"):
    """The requests about a loan, newest first."""

    loan_id: LoanId
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- what happened ----


class LoanSubmitted(Event, wire="loan.loan_submitted.v1"):
    """A loan was handed in."""

    loan_id: LoanId
    member_id: MemberId
    by: str


class LoanApproved(Event, wire="loan.loan_approved.v1"):
    """A loan was approved."""

    loan_id: LoanId
    member_id: MemberId
    by: str


class LoanRejected(Event, wire="loan.loan_rejected.v1"):
    """A loan was rejected."""

    loan_id: LoanId
    member_id: MemberId
    reason: str


class LoanWithdrawn(Event, wire="loan.loan_withdrawn.v1"):
    """A loan was withdrawn."""

    loan_id: LoanId
    member_id: MemberId
    reason: str


class LoanTransactionBooked(Event, wire="loan.loan_transaction_booked.v1"):
    """Money of a loan moved, or its terms changed."""

    transaction: LoanTransaction


class LoanStatusChanged(Event, wire="loan.loan_status_changed.v1"):
    """A loan that was paid out has another status: in arrears, active again, closed, charged off, written off."""

    loan_id: LoanId
    member_id: MemberId
    status: LoanStatus
    on: date


class RequestMade(Event, wire="loan.request_made.v1"):
    """Somebody asked for what another must decide."""

    request: LoanRequest


class RequestDecided(Event, wire="loan.request_decided.v1"):
    """A request was approved and carried out, or rejected."""

    request: LoanRequest


# ---- refusals ----


class LoanNotFound(NotFound):
    """There is no such loan, or it is not yours to see."""

    rule = "loan_not_found"


class LoanTransactionNotFound(NotFound):
    """The loan has no such transaction."""

    rule = "loan_transaction_not_found"


class LoanRequestNotFound(NotFound):
    """The loan has no such request."""

    rule = "loan_request_not_found"


class CheckerIsMaker(Forbidden):
    """Who asked for it may not decide it."""

    rule = "checker_is_maker"


class GuarantorNotFound(NotFound):
    """The loan has no such guarantor."""

    rule = "guarantor_not_found"


class CollateralNotFound(NotFound):
    """The loan has no such collateral."""

    rule = "collateral_not_found"


class BorrowerNotActive(Refusal):
    """Only an active member applies for a loan."""

    rule = "borrower_not_active"


class GuarantorUnfit(Refusal):
    """A guarantor is an active member, another one than the borrower."""

    rule = "guarantor_unfit"


class GuarantorTwice(Refusal):
    """The member answers for this loan already."""

    rule = "guarantor_twice"
    status = 409


class LoanRequestDecided(Refusal):
    """The request is decided already."""

    rule = "loan_request_decided"
    status = 409


class LoanRequestLapsed(Refusal):
    """The loan changed since it was asked for, and it is not possible any more."""

    rule = "loan_request_lapsed"
    status = 409


class NoAccountNamed(Refusal):
    """Say which account the money comes from or goes to; the loan has no settlement account."""

    rule = "no_account_named"


class PayerUnfit(Refusal):
    """A loan is paid from an account of the borrower or of a guarantor. Anybody else pays in cash, or transfers to them first."""

    rule = "payer_unfit"


class DateIsPast(Refusal):
    """The date lies before the business date."""

    rule = "date_is_past"


class ExternalPaymentCounted(Refusal):
    """This payment made elsewhere has been counted already."""

    rule = "external_payment_counted"
    status = 409


class LoanStateForbids(Refusal):
    """The loan's status does not allow it."""

    rule = "loan_state_forbids"
    status = 409


class LoanValueDateTooEarly(Refusal):
    """Nothing happens to a loan before it is paid out."""

    rule = "loan_value_date_too_early"


class LoanValueDateTooLate(Refusal):
    """The value date is after the business date."""

    rule = "loan_value_date_too_late"


class LoanCurrencyDiffers(Refusal):
    """The amount is not in the loan's currency."""

    rule = "loan_currency_differs"


class DisbursementTooLarge(Refusal):
    """More would be paid out than was approved."""

    rule = "disbursement_too_large"


class TooManyDisbursements(Refusal):
    """The product does not let a loan be paid out in so many parts."""

    rule = "too_many_disbursements"


class FirstDueTooEarly(Refusal):
    """The first due date must be after the day on which the loan is paid out."""

    rule = "first_due_too_early"


class WaiverTooLarge(Refusal):
    """More would be waived than is owed."""

    rule = "waiver_too_large"


class RefundTooLarge(Refusal):
    """More would be refunded than was overpaid, or nothing was."""

    rule = "refund_too_large"


class TransactionReversed(Refusal):
    """The transaction was reversed before, or is a reversal itself."""

    rule = "transaction_reversed"
    status = 409


class LaterTransactionsDepend(Refusal):
    """What happened to the loan later could not have happened without it; reverse that first."""

    rule = "later_transactions_depend"
    status = 409


class RescheduleImpossible(Refusal):
    """The loan cannot be rescheduled so."""

    rule = "reschedule_impossible"


class LoanOutsideProduct(Refusal):
    """It is beyond what the product allows."""

    rule = "loan_outside_product"


class DocumentsMissing(Refusal):
    """The product requires documents that were not seen."""

    rule = "documents_missing"


class GuarantorsMissing(Refusal):
    """The product requires more guarantors, or guarantors for more of the principal."""

    rule = "guarantors_missing"


class CollateralMissing(Refusal):
    """The product requires collateral for more of the principal."""

    rule = "collateral_missing"


class MemberAnswersForTooMuch(Refusal):
    """The member would answer for more than the product lets one member answer for."""

    rule = "member_answers_for_too_much"


class GroupAnswersForTooMuch(Refusal):
    """The members of the group would answer for more than the product lets one group answer for."""

    rule = "group_answers_for_too_much"
