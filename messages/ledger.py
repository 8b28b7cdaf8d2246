"""What is said to and by the ledger: accounts, the chart, entries, transfers, cash, holds, statements and the trial balance.

    Transfer(from_account_id=a, to_account_id=b, amount=Money(amount="250.00", currency="KES"))  ->  Entry

All commands of the ledger form one ordered stream, so none has a key. Refusals stand at the end.
A `debit` or `credit` is meant as bookkeepers mean it: a member's savings are the bank's debt, so a credit raises them.
Balances are told on the account's own side (savings as credits less debits, cash as debits less credits): what one has is
above zero. The file is long because a vocabulary stands in one place; it has no logic.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from messages.base import BankDay, Command, Event, Line, NotFound, Page, Query, Refusal, Reply
from messages.ids import AccountId, EntryId, HoldId, MemberId
from messages.money import LARGEST_MINOR, Currency, Money, PositiveMoney

MOST_POSTINGS = 100
"""Postings of one entry: a payroll's worth; more are more entries, so that one entry never holds up the stream."""
MOST_ENTRIES = 100
"""Entries of one command."""

AccountKind = Literal["savings", "current", "share_capital", "loan", "internal"]
ChartKind = Literal["asset", "liability", "equity", "income", "expense"]
Side = Literal["debit", "credit"]
FreezeSide = Literal["debit", "credit", "both"]
AccountStatus = Literal["open", "closed"]
EntryKind = Literal["entry", "transfer", "deposit", "withdrawal", "hold", "reversal"]
HoldStatus = Literal["pending", "posted", "voided", "expired"]

ChartCode = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Z][0-9A-Z.-]*$")]
"""The code of a general-ledger account, such as `2010`."""
Instant = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(9998, 12, 31, tzinfo=UTC))]


def _not_below_zero(money: Money) -> Money:
    if money.minor < 0:
        raise PydanticCustomError("amount", "the amount must not be below zero")
    return money


MoneyFromZero = Annotated[Money, AfterValidator(_not_below_zero)]
"""Money of zero or more."""


# ---- what is answered ----


class ChartAccount(Reply):
    """An account of the general ledger: a line of the trial balance that accounts are summed under."""

    code: ChartCode
    name: Line
    kind: ChartKind


class ChartPage(Page[ChartAccount]):
    """A page of the chart of accounts, by code."""


class Account(Reply):
    """An account, with what it holds now."""

    account_id: AccountId
    member_id: MemberId | None
    """The owner; absent for the institution's own (internal) accounts."""
    kind: AccountKind
    currency: Currency
    gl_code: ChartCode
    """The general-ledger account that this one is summed under."""
    name: str
    status: AccountStatus
    balance: Money
    held: Money
    """What pending holds reserve."""
    available: Money | None
    """Balance, less holds, plus overdraft: what can be taken out. Absent where nothing limits it."""
    overdraft_limit: Money | None
    """How far below zero the account may go; absent: without a floor (internal and loan accounts)."""
    transaction_limit: Money | None
    """The most that one posting may take out."""
    daily_limit: Money | None
    """The most that may be taken out in one day (UTC)."""
    freeze: FreezeSide | None
    freeze_reason: str | None
    last_seq: int
    """The number of the latest posting; an account's postings are numbered from 1 without a gap."""
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    version: int
    """Rises with every change, also of the balance."""


class AccountPage(Page[Account]):
    """A page of accounts, in the order of their ids."""


class Posting(Reply):
    """One line of an entry, as booked."""

    account_id: AccountId
    side: Side
    amount: Money
    seq: int | None
    """The posting's number in its account; hidden from a member on accounts that are not theirs."""
    balance_after: Money | None
    """The account's balance after this posting; hidden from a member on accounts that are not theirs."""


class Entry(Reply):
    """A booked journal entry. It is never changed."""

    entry_id: EntryId
    kind: EntryKind
    description: str
    reference: str | None
    booked_at: AwareDatetime
    value_date: date
    reverses: EntryId | None
    """The entry that this one takes back."""
    reversed_by: EntryId | None = None
    """The entry that took this one back, as far as known when this was told."""
    postings: tuple[Posting, ...]


class Hold(Reply):
    """Reserved money: counted out of what is available until it is posted, voided or expires."""

    hold_id: HoldId
    account_id: AccountId
    amount: Money
    status: HoldStatus
    description: str
    placed_at: AwareDatetime
    expires_at: AwareDatetime | None
    settled_at: AwareDatetime | None
    """When it was posted, voided or expired."""
    posted_amount: Money | None
    """How much of it was posted; the rest was released."""
    entry_id: EntryId | None
    """The entry that posted it."""


class HoldPage(Page[Hold]):
    """A page of holds, newest first."""


class Balance(Reply):
    """What an account holds or held."""

    account_id: AccountId
    balance: Money
    seq: int | None
    """The number of the last posting counted; absent for a balance by value date, which follows another order."""
    held: Money | None
    """What is reserved now; absent for a moment in the past."""
    available: Money | None
    """What can be taken out now; absent for a moment in the past and where nothing limits it."""


class StatementLine(Reply):
    """One posting of an account, with what its entry says."""

    seq: int
    entry_id: EntryId
    kind: EntryKind
    booked_at: AwareDatetime
    value_date: date
    description: str
    reference: str | None
    side: Side
    amount: Money
    balance_after: Money


class Statement(Page[StatementLine]):
    """A page of an account's postings, with the balances at both ends of the dates asked for."""

    account_id: AccountId
    opening_balance: Money
    """Before the first day asked for; zero when no first day was given."""
    closing_balance: Money
    """After the last day asked for; the balance now when no last day was given."""


class TrialBalanceRow(Reply):
    """All accounts of one general-ledger account and currency. Amounts are decimal strings and may be of any size."""

    gl_code: ChartCode
    name: str
    kind: ChartKind
    currency: Currency
    accounts: int
    debits: str
    """All debits ever posted."""
    credits: str
    """All credits ever posted."""
    net: str
    """Debits less credits: above zero is a debit balance."""


class TrialBalanceTotal(Reply):
    """The sums of one currency; `net` of a sound ledger is zero."""

    currency: Currency
    debits: str
    credits: str
    net: str


class BookDifference(Reply):
    """Something that does not agree with itself."""

    what: Literal["balance", "sequence", "running_balance", "held", "value_date", "entry", "orphan"]
    """`balance`: postings do not add up to the stored balance; `sequence`: a gap or a missing posting; `running_balance`: the
    balance after a posting does not follow from the one before; `held`: pending holds do not add up; `value_date`: shifts by
    value date do not add up; `entry`: an entry's postings do not add up to zero; `orphan`: a posting without its entry."""
    account_id: AccountId | None = None
    entry_id: EntryId | None = None
    seq: int | None = None
    """The first posting at fault, where one is."""
    stored: str | None = None
    recomputed: str | None = None


class BooksProof(Reply):
    """The ledger recomputed from its postings and compared with what is stored."""

    proven: bool
    """No difference was found."""
    accounts: int
    postings: int
    differences: tuple[BookDifference, ...]
    """At most 1,000 of them."""


class TrialBalance(Reply):
    """Debits and credits of every general-ledger account, recomputed from the postings and compared with what is stored."""

    at: AwareDatetime
    rows: tuple[TrialBalanceRow, ...]
    totals: tuple[TrialBalanceTotal, ...]
    balanced: bool
    """Every currency's net is zero and no stored balance differs from its postings."""
    differences: tuple[BookDifference, ...]
    """Accounts whose stored balance or sequence differs from their postings, at most 1,000."""


class Chart(Reply):
    """The chart and the institution's accounts that a currency works with."""

    currency: Currency
    chart: tuple[ChartAccount, ...]
    cash_account_id: AccountId
    """Debited by deposits and credited by withdrawals that name no channel account."""
    accounts: tuple[Account, ...]


# ---- the chart ----


class CreateChartAccount(Command[ChartAccount], wire="ledger.create_chart_account.v1", permission="chart:write"):
    """Add an account to the general ledger. The same again is answered the same."""

    code: ChartCode
    name: Line
    kind: ChartKind


class AdoptStandardChart(Command[Chart], wire="ledger.adopt_standard_chart.v1", permission="chart:write"):
    """Create the standard chart and the institution's own accounts in a currency; what exists stays as it is."""

    currency: Currency


class ListChart(Query[ChartPage], wire="ledger.list_chart.v1", permission="chart:read", cached=("chart",)):
    """The chart of accounts, by code."""

    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- accounts ----


class OpenAccount(Command[Account], wire="ledger.open_account.v1", permission="accounts:open"):
    """Open an account for an active member or the institution itself; an overdraft is granted later, by who may change limits."""

    member_id: MemberId | None = None
    """The owner; required for every kind but `internal`, which has none."""
    kind: AccountKind
    currency: Currency
    name: Line | None = None
    """Default: the kind in words."""
    gl_code: ChartCode | None = None
    """The general-ledger account to sum it under. Default: the standard chart's for the kind; required for `internal`."""
    transaction_limit: PositiveMoney | None = None
    daily_limit: PositiveMoney | None = None


class FreezeAccount(Command[Account], wire="ledger.freeze_account.v1", permission="accounts:freeze"):
    """Stop debits, credits or both. Freezing again replaces side and reason."""

    account_id: AccountId
    side: FreezeSide
    reason: Line
    expected_version: int | None = None


class UnfreezeAccount(Command[Account], wire="ledger.unfreeze_account.v1", permission="accounts:freeze"):
    """Let money move again. An account that is not frozen stays as it is."""

    account_id: AccountId
    reason: Line
    expected_version: int | None = None


class ChangeLimits(Command[Account], wire="ledger.change_limits.v1", permission="accounts:limits"):
    """Replace all limits of an account; a limit left out is none (for the overdraft: zero)."""

    account_id: AccountId
    overdraft_limit: MoneyFromZero | None = None
    transaction_limit: PositiveMoney | None = None
    daily_limit: PositiveMoney | None = None
    expected_version: int | None = None


class CloseAccount(Command[Account], wire="ledger.close_account.v1", permission="accounts:close"):
    """Close an account for good: its balance is zero and nothing is held."""

    account_id: AccountId
    reason: Line
    expected_version: int | None = None


class GetAccount(Query[Account], wire="ledger.get_account.v1", permission="accounts:read"):
    """One account."""

    account_id: AccountId


class ListAccounts(Query[AccountPage], wire="ledger.list_accounts.v1", permission="accounts:read"):
    """Accounts, in the order of their ids. A member gets only their own."""

    member_id: MemberId | None = None
    kind: AccountKind | None = None
    status: AccountStatus | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- moving money ----


class PostingOrder(BaseModel):
    """One line of an entry to post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: AccountId
    side: Side
    amount: PositiveMoney


class PostEntry(Command[Entry], wire="ledger.post_entry.v1", permission="entries:post"):
    """Post a balanced entry: debits equal credits in each currency. An entry id that is known is answered with that entry."""

    entry_id: EntryId | None = None
    """Made by the client: the same id twice is one entry. Default: the id of this command."""
    postings: tuple[PostingOrder, ...] = Field(min_length=2, max_length=MOST_POSTINGS)
    description: Line
    reference: Line | None = None
    value_date: BankDay | None = None
    """The day from which the money counts for interest; at most a year ahead. Default: today (UTC)."""

    def amounts(self) -> Iterable[Money]:
        """Its debits, by currency."""
        return _debits(self.postings)


class EntryOrder(BaseModel):
    """One of many entries to post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry_id: EntryId
    """Made by whoever posts it: the same id twice is one entry."""
    postings: tuple[PostingOrder, ...] = Field(min_length=2, max_length=MOST_POSTINGS)
    description: Line
    reference: Line | None = None
    value_date: BankDay | None = None
    """The day from which the money counts for interest; at most a year ahead. Default: today (UTC)."""


class EntryRefused(Reply):
    """An entry that is not posted."""

    entry_id: EntryId
    problem: dict[str, Any]
    """Rule, status, detail, and the field at fault, as if it had been posted alone."""


class EntriesPosted(Reply):
    """What became of many entries."""

    posted: tuple[EntryId, ...]
    refused: tuple[EntryRefused, ...]


class PostEntries(Command[EntriesPosted], wire="ledger.post_entries.v1", permission="entries:post"):
    """Post balanced entries, in this order, each as if it were alone: one that is refused stops none of the others."""

    entries: tuple[EntryOrder, ...] = Field(min_length=1, max_length=MOST_ENTRIES)

    def amounts(self) -> Iterable[Money]:
        """The debits of all, by currency."""
        return _debits(order for entry in self.entries for order in entry.postings)


def _debits(postings: Iterable[PostingOrder]) -> Iterable[Money]:
    sums: dict[str, int] = {}
    for posting in postings:
        if posting.side == "debit":
            currency = posting.amount.currency
            sums[currency] = sums.get(currency, 0) + posting.amount.minor
    return [Money.of(min(minor, LARGEST_MINOR), currency) for currency, minor in sums.items()]


class ReverseEntry(Command[Entry], wire="ledger.reverse_entry.v1", permission="entries:reverse"):
    """Take an entry back by a linked counter-entry; once, and not a reversal itself. Answers the counter-entry."""

    entry_id: EntryId
    """The entry to take back."""
    reason: Line
    value_date: BankDay | None = None
    """The day from which the money counts for interest; at most a year ahead. Default: today (UTC)."""


class Transfer(Command[Entry], wire="ledger.transfer.v1", permission="transfers:make", amount="amount"):
    """Debit one account and credit another of the same currency. A member transfers from their own accounts only."""

    from_account_id: AccountId
    to_account_id: AccountId
    amount: PositiveMoney
    description: Line = "Transfer"
    reference: Line | None = None
    value_date: BankDay | None = None
    """The day from which the money counts for interest; at most a year ahead. Default: today (UTC)."""
    entry_id: EntryId | None = None
    """Made by the client: the same id twice is one entry. Default: the id of this command."""


class Deposit(Command[Entry], wire="ledger.deposit.v1", permission="cash:deposit", amount="amount"):
    """Pay money in: credit the account, debit the channel it came by."""

    account_id: AccountId
    amount: PositiveMoney
    channel_account_id: AccountId | None = None
    """The internal account that the money came by. Default: the institution's cash account of the currency."""
    description: Line = "Deposit"
    reference: Line | None = None
    value_date: BankDay | None = None
    entry_id: EntryId | None = None


class Withdraw(Command[Entry], wire="ledger.withdraw.v1", permission="cash:withdraw", amount="amount"):
    """Pay money out: debit the account, credit the channel it leaves by."""

    account_id: AccountId
    amount: PositiveMoney
    channel_account_id: AccountId | None = None
    """The internal account that the money leaves by. Default: the institution's cash account of the currency."""
    description: Line = "Withdrawal"
    reference: Line | None = None
    value_date: BankDay | None = None
    entry_id: EntryId | None = None


class GetEntry(Query[Entry], wire="ledger.get_entry.v1", permission="entries:read"):
    """One entry. A member sees entries that touch an account of theirs."""

    entry_id: EntryId


# ---- holds ----


class PlaceHold(Command[Hold], wire="ledger.place_hold.v1", permission="accounts:hold", amount="amount"):
    """Reserve money of a savings, current or share capital account."""

    account_id: AccountId
    amount: PositiveMoney
    description: Line = "Hold"
    expires_at: Instant | None = None
    """When it lapses by itself. Default: never."""


class PostHold(Command[Hold], wire="ledger.post_hold.v1", permission="accounts:hold", amount="amount"):
    """Pay a pending hold to an account, in whole or in part; the rest is released."""

    hold_id: HoldId
    to_account_id: AccountId
    amount: PositiveMoney | None = None
    """Default: all of it."""
    reference: Line | None = None


class VoidHold(Command[Hold], wire="ledger.void_hold.v1", permission="accounts:hold"):
    """Release a pending hold."""

    hold_id: HoldId


class ExpireHold(Command[Hold], wire="ledger.expire_hold.v1"):
    """Let a hold lapse whose time has come. The ledger says it to itself; a hold that is settled already stays as it is."""

    hold_id: HoldId


class GetHold(Query[Hold], wire="ledger.get_hold.v1", permission="accounts:read"):
    """One hold."""

    hold_id: HoldId


class ListHolds(Query[HoldPage], wire="ledger.list_holds.v1", permission="accounts:read"):
    """The holds of an account, newest first."""

    account_id: AccountId
    status: HoldStatus | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- looking ----


class GetBalance(Query[Balance], wire="ledger.get_balance.v1", permission="accounts:read"):
    """The balance now, as it was at an instant (`at`), or as it counts for interest at the end of a day (`value_date`)."""

    account_id: AccountId
    at: Instant | None = None
    """All that was booked up to and at this instant."""
    value_date: BankDay | None = None
    """All that has this value date or an earlier one."""

    @model_validator(mode="after")
    def _one_point_in_time(self) -> Self:
        if self.at is not None and self.value_date is not None:
            raise PydanticCustomError("point_in_time", "give `at` or `value_date`, not both")
        return self


class GetStatement(Query[Statement], wire="ledger.get_statement.v1", permission="accounts:read"):
    """The postings of an account, by the day they were booked (UTC), a page at a time."""

    account_id: AccountId
    from_date: BankDay | None = None
    """The first day. Default: from the start."""
    to_date: BankDay | None = None
    """The last day, included. Default: up to now."""
    order: Literal["newest", "oldest"] = "newest"
    """Which come first."""
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)

    @model_validator(mode="after")
    def _from_before_to(self) -> Self:
        if self.from_date is not None and self.to_date is not None and self.to_date < self.from_date:
            raise PydanticCustomError("dates", "`to_date` is before `from_date`")
        return self


class GetTrialBalance(Query[TrialBalance], wire="ledger.get_trial_balance.v1", permission="trial-balance:read"):
    """Debits, credits and net of every general-ledger account and currency, checked against the stored balances."""


class ProveBooks(Query[BooksProof], wire="ledger.prove_books.v1", permission="trial-balance:read"):
    """Recompute accounts, sequences, running balances, holds and entries from all postings, and list what differs."""


# ---- what happened ----


class ChartChanged(Event, wire="ledger.chart_changed.v1", renews=("chart",)):
    """The general ledger has these accounts, which it may not have had before."""

    codes: tuple[ChartCode, ...]


class AccountOpened(Event, wire="ledger.account_opened.v1"):
    """An account was opened."""

    account: Account


class AccountFrozen(Event, wire="ledger.account_frozen.v1"):
    """An account was frozen: debits, credits or both."""

    account: Account


class AccountUnfrozen(Event, wire="ledger.account_unfrozen.v1"):
    """An account was set free again."""

    account: Account
    reason: str


class AccountLimitsChanged(Event, wire="ledger.account_limits_changed.v1"):
    """An account's limits were replaced."""

    account: Account


class AccountClosed(Event, wire="ledger.account_closed.v1"):
    """An account was closed for good."""

    account: Account
    reason: str


class EntryPosted(Event, wire="ledger.entry_posted.v1"):
    """An entry was booked. A reversal is an entry too: its `reverses` names the one that it takes back."""

    entry: Entry


class HoldPlaced(Event, wire="ledger.hold_placed.v1"):
    """Money was reserved."""

    hold: Hold


class HoldPosted(Event, wire="ledger.hold_posted.v1"):
    """A hold was paid; its entry is told on its own."""

    hold: Hold


class HoldVoided(Event, wire="ledger.hold_voided.v1"):
    """A hold was released."""

    hold: Hold


class HoldExpired(Event, wire="ledger.hold_expired.v1"):
    """A hold lapsed."""

    hold: Hold


# ---- refusals ----


class AccountNotFound(NotFound):
    """There is no such account, or it is not yours to see."""

    rule = "account_not_found"


class EntryNotFound(NotFound):
    """There is no such entry, or it is not yours to see."""

    rule = "entry_not_found"


class HoldNotFound(NotFound):
    """There is no such hold, or it is not yours to see."""

    rule = "hold_not_found"


class UnknownChartAccount(Refusal):
    """The chart of accounts has no such code."""

    rule = "unknown_chart_account"


class ChartAccountExists(Refusal):
    """The chart has this code already, with another name or kind."""

    rule = "chart_account_exists"
    status = 409


class CurrencyNotAdopted(Refusal):
    """The institution has no cash account in this currency; adopt the standard chart in it, or name a channel account."""

    rule = "currency_not_adopted"


class MemberNotActive(Refusal):
    """Only an active member opens accounts."""

    rule = "member_not_active"


class MemberIsClosed(Refusal):
    """A closed member opens no accounts."""

    rule = "member_closed"


class MemberIsSuspended(Refusal):
    """A suspended member opens no accounts, and nothing is paid out of theirs."""

    rule = "member_suspended"


class OwnerMismatch(Refusal):
    """Internal accounts have no owner; all others have one."""

    rule = "owner_mismatch"


class AccountKindRefused(Refusal):
    """This kind of account does not take part in this."""

    rule = "account_kind_refused"


class AccountIsClosed(Refusal):
    """The account is closed."""

    rule = "account_closed"


class AccountIsFrozen(Refusal):
    """The account is frozen for this side."""

    rule = "account_frozen"


class AccountNotEmpty(Refusal):
    """An account is closed only at a zero balance."""

    rule = "account_not_empty"


class AccountHasHolds(Refusal):
    """An account is closed only when nothing is held on it."""

    rule = "account_has_holds"


class SameAccount(Refusal):
    """Money does not move from an account to itself."""

    rule = "same_account"


class CurrencyMismatch(Refusal):
    """The amount is in another currency than the account."""

    rule = "currency_mismatch"


class EntryUnbalanced(Refusal):
    """The debits and credits of an entry are equal in each currency."""

    rule = "entry_unbalanced"


class InsufficientFunds(Refusal):
    """The account does not have that much available."""

    rule = "insufficient_funds"


class LimitExceeded(Refusal):
    """The amount is over a limit of the account."""

    rule = "limit_exceeded"


class BalanceTooLarge(Refusal):
    """The balance would become larger than the ledger can count."""

    rule = "balance_too_large"


class ValueDateRefused(Refusal):
    """A value date lies at most a year ahead."""

    rule = "value_date_refused"


class EntryIdReused(Refusal):
    """This entry id belongs to another entry; the same id twice means the same entry."""

    rule = "entry_id_reused"
    status = 409


class AlreadyReversed(Refusal):
    """An entry is reversed once."""

    rule = "already_reversed"
    status = 409


class ReversalIsFinal(Refusal):
    """A reversal is not reversed; post a new entry instead."""

    rule = "reversal_is_final"


class HoldNotPending(Refusal):
    """The hold is settled already."""

    rule = "hold_not_pending"
    status = 409


class HoldNotDue(Refusal):
    """The hold has not reached its time."""

    rule = "hold_not_due"


class HoldLapsed(Refusal):
    """The hold's time has passed, or the time asked for is not ahead."""

    rule = "hold_lapsed"


class MoreThanHeld(Refusal):
    """No more can be posted than is held."""

    rule = "more_than_held"
