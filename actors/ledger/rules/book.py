"""The book: an in-memory slice of the ledger, loaded for one batch, on which each message is decided in order.

    book = Book(now, accounts, entries, holds)
    booked = book.post(entry_id, [Move(a, 500, ...), Move(b, -500, ...)], Terms("transfer", ...), "user:amina")

Every decision sees what the ones before it did, and a refused one leaves the book as it was, so that a batch gives each message
the answer that it would have had alone. What has changed is read off at the end and written at once. Knows no message types:
`moving.py` and `holding.py` say what each command means.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from actors.ledger.rules.state import AccountState, Amounts, Booked, HoldState, Leg, Mark, Terms
from messages.base import Refusal
from messages.ids import AccountId, EntryId, HoldId
from messages.ledger import (
    AccountIsClosed,
    AccountIsFrozen,
    AccountNotFound,
    BalanceTooLarge,
    EntryIdReused,
    HoldNotFound,
    InsufficientFunds,
    LimitExceeded,
    ValueDateRefused,
)
from messages.money import LARGEST_MINOR, to_decimal

VALUE_DATE_AHEAD = timedelta(days=366)


class Move(NamedTuple):
    """What a posting is to do, and which fields of the command say so."""

    account: AccountState
    amount: int
    """Minor units; a debit is above zero."""
    account_field: str
    amount_field: str


class Mover(NamedTuple):
    """Who moves money, by which message."""

    entry_id: EntryId
    """The id of the entry where the command names none: the command's own."""
    posted_by: str
    near: Collection[UUID] | None
    """The members whose accounts alone they may move; None for all accounts."""


class Book:
    """Accounts, known entries and holds of one batch, and what has become of them."""

    __slots__ = ("accounts", "entries", "holds", "new_entries", "now", "shifts", "today")

    def __init__(
        self, now: datetime, accounts: Iterable[AccountState], entries: Iterable[Booked] = (), holds: Iterable[HoldState] = ()
    ) -> None:
        self.now = now
        self.today = now.date()
        self.accounts: dict[AccountId, AccountState] = {account.account_id: account for account in accounts}
        self.entries: dict[EntryId, Booked] = {entry.entry_id: entry for entry in entries}
        self.holds: dict[HoldId, HoldState] = {hold.hold_id: hold for hold in holds}
        self.new_entries: list[Booked] = []
        self.shifts: dict[tuple[AccountId, date], int] = {}

    def account(self, account_id: AccountId, field: str, near: Collection[UUID] | None = None) -> AccountState:
        """The account; refused where there is none, or where it belongs to nobody of those whose accounts may be moved."""
        account = self.accounts.get(account_id)
        if account is None or (near is not None and account.member_id not in near):
            raise AccountNotFound(field=field, account_id=account_id)
        return account

    def hold(self, hold_id: HoldId, near: Collection[UUID] | None) -> tuple[HoldState, AccountState]:
        """The hold and its account."""
        hold = self.holds.get(hold_id)
        account = None if hold is None else self.accounts.get(hold.account_id)
        if hold is None or account is None or (near is not None and account.member_id not in near):
            raise HoldNotFound(field="hold_id", hold_id=hold_id)
        return hold, account

    def owners(self) -> set[UUID]:
        """The members to whom its accounts belong."""
        return {account.member_id for account in self.accounts.values() if account.member_id is not None}

    def known(self, entry_id: EntryId, amounts: Amounts, terms: Terms) -> Booked | None:
        """The entry of this id, if it is booked already; refused where it says something else."""
        booked = self.entries.get(entry_id)
        if booked is not None and not booked.says(amounts, terms):
            raise EntryIdReused(field="entry_id", entry_id=entry_id)
        return booked

    def check_new(self, entry_id: EntryId) -> None:
        """Refuse an id that an entry has already."""
        if entry_id in self.entries:
            raise EntryIdReused(entry_id=entry_id)

    def post(
        self,
        entry_id: EntryId,
        moves: Sequence[Move],
        terms: Terms,
        posted_by: str,
        *,
        reverses: EntryId | None = None,
        counts: bool = True,
    ) -> Booked:
        """Book an entry whose moves sum to zero. `counts`: towards the limits of what may be taken."""
        booked_at, day = self._moment(moves)
        value_date = terms.value_date or day
        if value_date > day + VALUE_DATE_AHEAD:
            raise ValueDateRefused(field="value_date")
        legs: list[Leg] = []
        undo: list[tuple[AccountState, Mark]] = []
        try:
            for line, move in enumerate(moves, 1):
                account, amount = move.account, move.amount
                _check(move, day, counts=counts)
                undo.append((account, account.mark()))
                account.balance += amount
                account.seq += 1
                account.version += 1
                account.last_booked_at = booked_at
                if counts and amount * account.normal < 0:
                    account.take(abs(amount), day)
                legs.append(
                    Leg(
                        account.account_id,
                        account.seq,
                        entry_id,
                        line,
                        amount,
                        account.balance,
                        account.currency,
                        booked_at,
                        value_date,
                        account.normal,
                        account.member_id,
                    )
                )
        except Refusal:
            for account, mark in reversed(undo):
                account.restore(mark)
            raise
        if value_date != day:
            self._shift(legs, day)
        booked = Booked(
            entry_id, terms.kind, terms.description, terms.reference, booked_at, value_date, reverses, posted_by, None, legs
        )
        self.entries[entry_id] = booked
        self.new_entries.append(booked)
        return booked

    def changed_accounts(self) -> list[AccountState]:
        """The accounts that are to be written, in the order of their ids, which is the order of locks."""
        changed = [account for account in self.accounts.values() if account.version != account.version_loaded]
        changed.sort(key=lambda account: account.account_id.int)
        return changed

    def _moment(self, moves: Sequence[Move]) -> tuple[datetime, date]:
        # Within an account time does not run back, even where a clock does.
        booked_at = self.now
        for move in moves:
            last = move.account.last_booked_at
            if last is not None and last > booked_at:
                booked_at = last
        return booked_at, self.today if booked_at is self.now else booked_at.date()

    def _shift(self, legs: list[Leg], booked_day: date) -> None:
        for leg in legs:
            for day, amount in ((leg.value_date, leg.amount), (booked_day, -leg.amount)):
                place = (leg.account_id, day)
                self.shifts[place] = self.shifts.get(place, 0) + amount


def _check(move: Move, day: date, *, counts: bool) -> None:
    """Refuse what the account does not bear."""
    account, amount = move.account, move.amount
    if not account.is_open:
        raise AccountIsClosed(field=move.account_field, account_id=account.account_id)
    if account.frozen is not None and account.frozen != ("credit" if amount > 0 else "debit"):
        raise AccountIsFrozen(field=move.account_field, account_id=account.account_id, frozen=account.frozen)
    if abs(account.balance + amount) > LARGEST_MINOR:
        raise BalanceTooLarge(field=move.amount_field, account_id=account.account_id)
    if amount * account.normal < 0:
        check_taking(account, abs(amount), day, move.amount_field, counts=counts)


def check_taking(account: AccountState, amount: int, day: date, field: str, *, counts: bool) -> None:
    """Refuse what is more than the account has, or than may be taken at once or in a day."""
    if account.floor is not None and amount > account.available:
        raise InsufficientFunds(
            field=field,
            account_id=account.account_id,
            available=to_decimal(account.available, account.currency),
            currency=account.currency,
        )
    if not counts:
        return
    if account.transaction_limit is not None and amount > account.transaction_limit:
        raise LimitExceeded(
            field=field,
            limit="transaction",
            at_most=to_decimal(account.transaction_limit, account.currency),
            currency=account.currency,
        )
    if account.daily_limit is not None:
        left = account.daily_limit - (account.taken if account.taken_on == day else 0)
        if amount > left:
            raise LimitExceeded(
                field=field, limit="daily", left_today=to_decimal(max(left, 0), account.currency), currency=account.currency
            )
