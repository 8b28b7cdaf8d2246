"""What is decided about a loan's money: a plan, and all that follows from it, as it is kept until it is done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from actors.loan.handlers.loading import Held
from actors.loan.kept import MoneyKept, PendingKept, Standing
from actors.loan.rules import figures
from actors.loan.rules.book import Book
from actors.loan.rules.happenings import Happening, Parts
from actors.loan.rules.life_cycle import Action
from actors.loan.rules.owing import outstanding
from actors.loan.rules.position import ACCOUNT
from actors.loan.store import Reads
from messages.base import Event
from messages.ids import AccountId, EntryId, LoanId, LoanTransactionId
from messages.ledger import EntryOrder, PostingOrder
from messages.loan import LoanChange, LoanStatusChanged, LoanTransaction, LoanTransactionBooked
from messages.loan_product import Accounting
from messages.money import Money

NO_ID = UUID(int=0)

Lines = list[tuple[str, UUID | None, int]]
"""Role, account (None: the loan's own, which is to be opened), amount."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction that somebody wants, before it is judged."""

    action: Action
    happening: Happening
    """Its number, dates and id are filled in."""
    value_date: date | None = None
    """Default: the business date."""
    asked: Money | None = None
    """As the client wrote it, for its currency."""
    account_field: str = "account_id"
    """The client's name for the counter account."""
    reference: str | None = None
    note: str | None = None
    reason: str | None = None
    """Goes to the loan."""
    external_payment_id: str | None = None
    request_id: UUID | None = None
    takes_back: LoanTransaction | None = None


Planner = Callable[[Reads, Held], Awaitable[Plan]]


@dataclass(frozen=True, slots=True)
class Pending:
    """What is kept of a decision until it is done: what it follows from, and the money that it moves."""

    plan: Plan
    today: date
    """The business date of the decision."""
    by: str
    lines: Lines
    account_id: UUID | None = None
    """The loan's own account, where it was opened for this."""


PENDING = TypeAdapter(Pending)
"""To and from JSON."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that follows from a plan."""

    loan_id: UUID
    member_id: UUID
    transaction_id: UUID
    version: int
    """Of the loan while it is pending."""
    status_before: str
    entry_id: UUID | None
    opens_under: str | None
    """The general-ledger code to open the loan's own account under, where it has none."""
    account_id: UUID | None
    lines: Lines
    happening: dict[str, Any]
    change: LoanChange
    book: dict[str, Any]
    standing: Standing
    account_field: str
    reason: str | None
    request_id: UUID | None
    frees_payment_of: UUID | None
    """The transaction whose external payment may count again."""
    by: str

    @property
    def opens_account(self) -> bool:
        """Whether the loan's own account is to be opened first."""
        return self.opens_under is not None and self.account_id is None


def happening_of(kind: Any, today: date, **fields: Any) -> Happening:
    """A transaction that is not yet numbered, named and dated."""
    return Happening(0, NO_ID, kind, today, today, **fields)


def standing_of(book: Book, on: date, account_id: UUID | None, since: date | None) -> Standing:
    """What a loan's row says of its book on the day that is open or the last one closed; `since`: when it was first paid out."""
    principal, interest, fees, penalties = outstanding(book, on) if book.disbursed else (0, 0, 0, 0)
    bucket = book.conditions.bucket(book.days_past_due(on))
    return Standing(
        status=book.status,
        account_id=account_id,
        disbursed_on=since if book.disbursed else None,
        closed_through=book.closed_through,
        principal_disbursed=book.disbursed,
        principal_outstanding=principal,
        interest_outstanding=interest,
        fees_outstanding=fees,
        penalties_outstanding=penalties,
        past_due_since=book.past_due_since(on),
        bucket=bucket.name,
        provision_percent=Decimal(bucket.provision_percent),
    )


def lines_of(moved: Mapping[str, int], accounting: Accounting, own_account: UUID | None) -> Lines:
    """What moves, on which account of the ledger."""
    return [(role, _account(role, accounting, own_account), amount) for role, amount in moved.items()]


def _account(role: str, accounting: Accounting, own_account: UUID | None) -> UUID | None:
    if role == "principal":
        return own_account
    if role.startswith(ACCOUNT):
        return UUID(role.removeprefix(ACCOUNT))
    account: UUID | None = getattr(accounting, role)
    assert account is not None, f"the product says where {role} is booked"
    return account


def charged_by(happening: Happening) -> Parts | None:
    """What a transaction charges by itself."""
    if happening.kind == "fee":
        return Parts(fee=happening.amount)
    return Parts(penalty=happening.amount) if happening.kind == "penalty" else None


def transaction_of(
    held: Held, happening: Happening, parts: Parts, entry_id: UUID | None, plan: Plan, by: str
) -> LoanTransaction:
    """The transaction as it is told."""
    currency, of = held.kept.currency, plan.takes_back
    return LoanTransaction(
        transaction_id=LoanTransactionId(happening.transaction_id),
        loan_id=LoanId(held.loan_id),
        number=happening.number,
        kind=happening.kind,
        value_date=happening.value_date,
        booked_on=happening.booked_on,
        amount=of.amount if of is not None else Money.of(happening.amount or parts.total + parts.overpaid, currency),
        parts=of.parts if of is not None else figures.told_parts(parts, currency),
        overpaid=of.overpaid if of is not None else Money.of(parts.overpaid, currency),
        entry_id=None if entry_id is None else EntryId(entry_id),
        reference=plan.reference,
        note=plan.note,
        reverses=None if happening.reverses is None else LoanTransactionId(happening.reverses),
        reversed_by=None,
        by=by,
    )


def pending_of(decision: Decision, plan: Plan, today: date, message_id: UUID) -> PendingKept:
    """What is written down before the ledger is asked."""
    pending = Pending(plan, today, decision.by, decision.lines)
    return PendingKept(
        loan_id=decision.loan_id,
        version=decision.version - 1,
        message_id=message_id,
        decision=PENDING.dump_python(pending, mode="json", exclude_defaults=True),
        external_payment_id=plan.external_payment_id,
        transaction_id=decision.transaction_id,
        entry_id=decision.entry_id,
    )


def money_of(decision: Decision, message_id: UUID, *, whole: bool) -> MoneyKept:
    """What is written down when the ledger has booked it. `whole`: with the answer, for a message that is not answered yet; what
    changes how much is written off is always kept whole, for whoever looks back (`reporting.loan_write_offs`).
    """
    change, told = decision.change, decision.change.transaction
    is_kept_whole = whole or change.before.written_off != change.after.written_off
    return MoneyKept(
        loan_id=decision.loan_id,
        version=decision.version,
        message_id=message_id,
        now=replace(decision.standing, account_id=decision.account_id),
        book=decision.book,
        number=told.number,
        transaction_id=decision.transaction_id,
        kind=told.kind,
        value_date=told.value_date,
        booked_on=told.booked_on,
        happening=decision.happening,
        change=to_jsonable_python(change if is_kept_whole else {"transaction": told}),
        reverses=told.reverses,
        entry_id=decision.entry_id,
        lines=[(role, account or decision.account_id, amount) for role, account, amount in decision.lines],
    )


def events_of(decision: Decision) -> list[Event]:
    """What is told when it is done."""
    told, now = decision.change.transaction, decision.standing.status
    events: list[Event] = [LoanTransactionBooked(transaction=told)]
    if now != decision.status_before:
        changed = {"loan_id": decision.loan_id, "member_id": decision.member_id, "status": now, "on": told.booked_on}
        events.append(LoanStatusChanged.model_validate(changed))
    return events


def by_account(lines: Lines) -> dict[UUID | None, int]:
    """The lines summed; accounts that come to nothing left out."""
    sums: dict[UUID | None, int] = {}
    for _, account, amount in lines:
        sums[account] = sums.get(account, 0) + amount
    return {account: amount for account, amount in sums.items() if amount}


def entry_of(decision: Decision) -> EntryOrder:
    """The entry that tells a decision to the ledger."""
    told = decision.change.transaction
    assert told.entry_id is not None, "it moves money"
    postings = tuple(
        PostingOrder(
            account_id=_known(account or decision.account_id),
            side="debit" if amount > 0 else "credit",
            amount=Money.of(abs(amount), told.amount.currency),
        )
        for account, amount in by_account(decision.lines).items()
    )
    return EntryOrder(
        entry_id=told.entry_id,
        postings=postings,
        description=f"Loan {told.kind.replace('_', ' ')} {told.number}",
        reference=told.reference,
        value_date=told.booked_on,
    )


def _known(account_id: UUID | None) -> AccountId:
    assert account_id is not None, "the loan's own account is opened before it is posted to"
    return AccountId(account_id)
