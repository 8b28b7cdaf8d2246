"""A store in memory: books are loaded from it and written back as the real one does, so that batches can be cut anywhere."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from actors.ledger.rules.book import Book, Mover
from actors.ledger.rules.chart import cash_account_id
from actors.ledger.rules.deciding import decide
from actors.ledger.rules.needs import needs_of
from actors.ledger.rules.state import AccountState, Booked, HoldState, Leg
from messages.base import Message, Refusal, Reply
from messages.ids import AccountId, EntryId, HoldId, MemberId
from messages.money import Money

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SPACE = UUID("00000000-0000-4000-8000-000000000000")
AMINA, BARAKA = MemberId(uuid5(SPACE, "amina")), MemberId(uuid5(SPACE, "baraka"))
STAFF = "user:teller"


def shillings(amount: object) -> Money:
    return Money(amount=str(amount), currency="KES")


def minor(amount: int) -> Money:
    return Money.of(amount, "KES")


def account_id(name: str) -> AccountId:
    return AccountId(uuid5(SPACE, name))


def account(name: str, **changes: Any) -> AccountState:
    """An open, empty savings account of Amina's in KES."""
    known: dict[str, Any] = {
        "account_id": account_id(name),
        "member_id": AMINA,
        "kind": "savings",
        "currency": "KES",
        "normal": -1,
        "balance": 0,
        "held": 0,
        "floor": 0,
        "transaction_limit": None,
        "daily_limit": None,
        "taken_on": None,
        "taken": 0,
        "frozen": None,
        "is_open": True,
        "seq": 0,
        "last_booked_at": None,
        "version": 1,
        "is_suspended": False,
    }
    return AccountState(**{**known, **changes})


def internal(name: str, **changes: Any) -> AccountState:
    """An account of the institution's, without a floor."""
    return account(name, **{"member_id": None, "kind": "internal", "normal": 1, "floor": None, **changes})


def cash() -> AccountState:
    return internal("cash", account_id=cash_account_id("KES"))


def facts(state: Any) -> dict[str, Any]:
    """All fields, for comparing."""
    return {field.name: getattr(state, field.name) for field in fields(state)}


class Shelf:
    """Accounts, entries and holds as stored."""

    def __init__(self, *accounts: AccountState, now: datetime = NOW) -> None:
        self.accounts = {each.account_id: each for each in accounts}
        self.entries: dict[EntryId, Booked] = {}
        self.holds: dict[HoldId, HoldState] = {}
        self.shifts: dict[tuple[AccountId, date], int] = {}
        self.order: list[Booked] = []
        self.now = now
        self._said = 0

    def __getitem__(self, name: str) -> AccountState:
        return self.accounts[account_id(name)]

    def load(self, said: Iterable[tuple[UUID, Message]]) -> Book:
        """The book that the messages need, and nothing more."""
        needs = needs_of(said)
        entries = [copy(self.entries[each]) for each in map(EntryId, needs.entries) if each in self.entries]
        holds = [copy(self.holds[each]) for each in map(HoldId, needs.holds) if each in self.holds]
        wanted = (
            needs.accounts | {leg.account_id for each in entries for leg in each.legs} | {each.account_id for each in holds}
        )
        accounts = [copy(self.accounts[each]) for each in map(AccountId, wanted) if each in self.accounts]
        for each in accounts:
            each.version_loaded = each.version
        return Book(self.now, accounts, entries, holds)

    def store(self, book: Book) -> None:
        """What the book has changed. Fails where the real store would: somebody else's version, an id twice."""
        for each in book.changed_accounts():
            assert self.accounts[each.account_id].version == each.version_loaded
            self.accounts[each.account_id] = each
        for entry in book.new_entries:
            assert entry.entry_id not in self.entries
            self.entries[entry.entry_id] = copy(entry)
            self.order.append(entry)
            if entry.reverses is not None:
                self.entries[entry.reverses].reversed_by = entry.entry_id
        for hold in book.holds.values():
            if hold.is_new or hold.is_changed:
                self.holds[hold.hold_id] = copy(hold)
                self.holds[hold.hold_id].is_new = self.holds[hold.hold_id].is_changed = False
        for place, amount in book.shifts.items():
            self.shifts[place] = self.shifts.get(place, 0) + amount

    def batch(self, said: Sequence[tuple[UUID, Message]], own: MemberId | None = None) -> list[Reply | Refusal]:
        """The answers to messages decided in one book."""
        book = self.load(said)
        answers: list[Reply | Refusal] = []
        for message_id, message in said:
            mover = Mover(EntryId(message_id), STAFF, None if own is None else {own})
            try:
                answers.append(decide(book, message, mover, HoldId(uuid5(message_id, "hold")))[0])
            except Refusal as refusal:
                answers.append(refusal)
        self.store(book)
        return answers

    def says(self, message: Message, own: MemberId | None = None, message_id: UUID | None = None) -> Any:
        """The reply to one message; a refusal is raised."""
        self._said += 1
        (answer,) = self.batch([(message_id or uuid5(SPACE, f"said {self._said}"), message)], own)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def legs(self, of: AccountId) -> list[Leg]:
        """The postings of an account in the order they were booked."""
        return [leg for entry in self.order for leg in entry.legs if leg.account_id == of]

    def later(self, **span: float) -> None:
        """Time passes."""
        self.now += timedelta(**span)
