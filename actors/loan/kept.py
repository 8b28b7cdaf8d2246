"""What is kept of a loan, as values: rows as they are read, and what is to be written. How is the store's business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Kept:
    """A loan as it is kept. Amounts are minor units."""

    loan_id: UUID
    seq: int
    member_id: UUID
    group_id: UUID | None
    product_id: UUID
    product_version: int
    currency: str
    status: Any
    approved: int
    settlement_account_id: UUID | None
    account_id: UUID | None
    disbursed_on: date | None
    closed_through: date | None
    last_number: int
    version: int
    terms: dict[str, Any]
    purpose: str | None
    submitted_by: str | None
    approved_by: str | None
    reason: str | None
    created_at: datetime
    book: dict[str, Any] | None
    pending_message_id: UUID | None
    pending: dict[str, Any] | None
    done: dict[str, Any] | None
    """The change of the transaction that was looked for, where it is done already."""
    business_date: date | None
    """The institution's; none before it is set for the first time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a loan's row says of its book."""

    status: str
    account_id: UUID | None
    disbursed_on: date | None
    closed_through: date | None
    principal_disbursed: int
    principal_outstanding: int
    interest_outstanding: int
    fees_outstanding: int
    penalties_outstanding: int
    past_due_since: date | None
    bucket: str
    provision_percent: Decimal

    def values(self) -> tuple[Any, ...]:
        """In the order of the fields, which is that of the statements."""
        return tuple(getattr(self, name) for name in self.__slots__)


Lines = Sequence[tuple[str, UUID | None, int]]
"""Role, account, amount. No account is refused by the database."""


@dataclass(frozen=True, slots=True)
class PendingKept:
    """What is decided about a loan, before the ledger is asked."""

    loan_id: UUID
    version: int
    """Of the loan that was looked at."""
    message_id: UUID
    decision: Mapping[str, Any]
    external_payment_id: str | None
    transaction_id: UUID
    entry_id: UUID | None


@dataclass(frozen=True, slots=True)
class MoneyKept:
    """A transaction for good, and what it leaves of its loan."""

    loan_id: UUID
    version: int
    """Of the loan since the decision was written down."""
    message_id: UUID
    now: Standing
    book: Mapping[str, Any]
    number: int
    transaction_id: UUID
    kind: str
    value_date: date
    booked_on: date
    happening: Mapping[str, Any]
    change: Mapping[str, Any]
    reverses: UUID | None
    entry_id: UUID | None
    lines: Lines


@dataclass(frozen=True, slots=True)
class DayKept:
    """What the close of a day leaves of a loan."""

    loan_id: UUID
    currency: str
    now: Standing
    book: Mapping[str, Any] | None
    """Where it says more than another date."""
    lines: Lines


@dataclass(frozen=True, slots=True)
class Attached:
    """What belongs to a loan and stands in rows of its own."""

    documents: Sequence[Any]
    guarantors: Sequence[Any]
    collateral: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of summed lines."""

    entry_id: UUID
    on_date: date
    currency: str
    lines: int
    postings: list[dict[str, Any]]
