"""The values that the book decides on: accounts, holds and booked entries, as plain integers and slots.

A debit is above zero and a credit below, in minor units. `normal` turns a sum to the side on which its owner reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from messages.ids import AccountId, EntryId, HoldId, MemberId
from messages.ledger import AccountKind, EntryKind, HoldStatus

TAKEN_AT_MOST = 2**62
"""Where counting what was taken in a day stops, so that no number of postings overflows a bigint; no limit is that high."""


Mark = tuple[int, date | None, int, int, datetime | None, int]
"""What a posting changes of an account."""


@dataclass(slots=True)
class AccountState:
    """An account while a batch is decided. The first fields come from the store in this order."""

    account_id: AccountId
    member_id: MemberId | None
    kind: AccountKind
    currency: str
    normal: int
    balance: int
    held: int
    floor: int | None
    transaction_limit: int | None
    daily_limit: int | None
    taken_on: date | None
    taken: int
    frozen: str | None
    is_open: bool
    seq: int
    last_booked_at: datetime | None
    version: int
    is_suspended: bool
    """Its owner is."""
    version_loaded: int = field(init=False)

    def __post_init__(self) -> None:
        self.version_loaded = self.version

    @property
    def available(self) -> int:
        """What can be taken out, on the owner's side; meaningless where there is no floor."""
        return self.balance * self.normal - self.held - (self.floor or 0)

    def mark(self) -> Mark:
        """To come back to by `restore`."""
        return self.balance, self.taken_on, self.taken, self.seq, self.last_booked_at, self.version

    def restore(self, mark: Mark) -> None:
        """As it was."""
        self.balance, self.taken_on, self.taken, self.seq, self.last_booked_at, self.version = mark

    def take(self, amount: int, day: date) -> None:
        """Count an amount towards the day's limit."""
        if self.taken_on != day:
            self.taken_on = day
            self.taken = 0
        self.taken = min(self.taken + amount, TAKEN_AT_MOST)

    def give_back(self, amount: int, day: date) -> None:
        """What was counted on that day was not taken after all."""
        if self.taken_on == day:
            self.taken = max(self.taken - amount, 0)


@dataclass(slots=True)
class HoldState:
    """A hold while a batch is decided. The first fields come from the store in this order."""

    hold_id: HoldId
    account_id: AccountId
    amount: int
    status: HoldStatus
    description: str
    placed_at: datetime
    expires_at: datetime | None
    settled_at: datetime | None = None
    posted_amount: int | None = None
    entry_id: EntryId | None = None
    is_new: bool = False
    is_changed: bool = False


Amounts = Sequence[tuple[AccountId, int]]
"""Accounts and what is posted to them, in order."""


class Leg(NamedTuple):
    """A booked posting. The first nine are its row in the store."""

    account_id: AccountId
    seq: int
    entry_id: EntryId
    line: int
    amount: int
    balance_after: int
    currency: str
    booked_at: datetime
    value_date: date
    normal: int
    member_id: MemberId | None


class Terms(NamedTuple):
    """What an entry says besides its postings."""

    kind: EntryKind
    description: str
    reference: str | None
    value_date: date | None
    """None: the day on which it is booked."""


@dataclass(slots=True)
class Booked:
    """A booked entry with its postings. The fields before those come from the store in this order."""

    entry_id: EntryId
    kind: EntryKind
    description: str
    reference: str | None
    booked_at: datetime
    value_date: date
    reverses: EntryId | None
    posted_by: str
    reversed_by: EntryId | None
    legs: list[Leg]

    def says(self, amounts: Amounts, terms: Terms) -> bool:
        """Whether it is the entry that is asked for."""
        return (
            self.kind == terms.kind
            and self.description == terms.description
            and self.reference == terms.reference
            and self.value_date == (terms.value_date or self.booked_at.date())
            and [(leg.account_id, leg.amount) for leg in self.legs] == list(amounts)
        )
