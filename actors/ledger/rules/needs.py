"""What must be loaded before a batch is decided: the accounts, entries and holds that its messages name; and what they move by that."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from actors.ledger.rules.book import Book
from actors.ledger.rules.moving import channel_of
from messages.base import Message
from messages.ledger import (
    Deposit,
    EntryOrder,
    ExpireHold,
    PlaceHold,
    PostEntries,
    PostEntry,
    PostHold,
    ReverseEntry,
    Transfer,
    VoidHold,
    Withdraw,
)
from messages.money import Money


@dataclass(slots=True)
class Needs:
    """Ids to load. The accounts behind holds and entries are found when those are loaded."""

    accounts: set[UUID] = field(default_factory=set)
    entries: set[UUID] = field(default_factory=set)
    holds: set[UUID] = field(default_factory=set)


def needs_of(messages: Iterable[tuple[UUID, Message]]) -> Needs:
    """The needs of messages, each with its id: the id an entry has that names none."""
    needs = Needs()
    for message_id, message in messages:
        _NEEDS[type(message)](needs, message_id, message)
    return needs


def amount_inside(book: Book, message: Message) -> tuple[Money, UUID | None] | None:
    """The amount that a message moves without saying it, and whose it is; None where it says it, or where nothing is known of it."""
    if isinstance(message, PostHold) and message.amount is None and (hold := book.holds.get(message.hold_id)) is not None:
        account = book.accounts[hold.account_id]
        return Money.of(hold.amount, account.currency), account.member_id
    if isinstance(message, ReverseEntry) and (entry := book.entries.get(message.entry_id)) is not None:
        debits: dict[str, int] = {}
        for leg in entry.legs:
            debits[leg.currency] = debits.get(leg.currency, 0) + max(leg.amount, 0)
        currency, minor = max(debits.items(), key=lambda each: each[1])
        owners = [leg.member_id for leg in entry.legs]
        return Money.of(minor, currency), None if None in owners else owners[0]
    return None


def _of_transfer(needs: Needs, message_id: UUID, message: Transfer) -> None:
    needs.accounts.add(message.from_account_id)
    needs.accounts.add(message.to_account_id)
    needs.entries.add(message.entry_id or message_id)


def _of_cash(needs: Needs, message_id: UUID, message: Deposit | Withdraw) -> None:
    needs.accounts.add(message.account_id)
    needs.accounts.add(channel_of(message))
    needs.entries.add(message.entry_id or message_id)


def _of_entry(needs: Needs, message_id: UUID, message: PostEntry | EntryOrder) -> None:
    needs.accounts.update(order.account_id for order in message.postings)
    needs.entries.add(message.entry_id or message_id)


def _of_entries(needs: Needs, message_id: UUID, message: PostEntries) -> None:
    for order in message.entries:
        _of_entry(needs, message_id, order)


def _of_reversal(needs: Needs, message_id: UUID, message: ReverseEntry) -> None:
    needs.entries.add(message.entry_id)
    needs.entries.add(message_id)


def _of_new_hold(needs: Needs, _message_id: UUID, message: PlaceHold) -> None:
    needs.accounts.add(message.account_id)


def _of_paid_hold(needs: Needs, message_id: UUID, message: PostHold) -> None:
    needs.holds.add(message.hold_id)
    needs.accounts.add(message.to_account_id)
    needs.entries.add(message_id)


def _of_hold(needs: Needs, _message_id: UUID, message: VoidHold | ExpireHold) -> None:
    needs.holds.add(message.hold_id)


_NEEDS: dict[type[Message], Callable[[Needs, UUID, Any], None]] = {
    Transfer: _of_transfer,
    Deposit: _of_cash,
    Withdraw: _of_cash,
    PostEntry: _of_entry,
    PostEntries: _of_entries,
    ReverseEntry: _of_reversal,
    PlaceHold: _of_new_hold,
    PostHold: _of_paid_hold,
    VoidHold: _of_hold,
    ExpireHold: _of_hold,
}
