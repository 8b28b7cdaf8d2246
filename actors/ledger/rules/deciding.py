"""One message on the book: which rule decides it, what is answered and told. Single messages and batches use nothing else."""

from collections.abc import Callable
from typing import Any

from actors.ledger.rules import answers, holding, moving
from actors.ledger.rules.book import Book, Mover
from actors.ledger.rules.state import Booked
from messages.base import Event, Message, Refusal, Reply
from messages.ids import EntryId, HoldId
from messages.ledger import (
    Deposit,
    EntriesPosted,
    EntryRefused,
    ExpireHold,
    Hold,
    HoldExpired,
    HoldPlaced,
    HoldPosted,
    HoldVoided,
    PlaceHold,
    PostEntries,
    PostEntry,
    PostHold,
    ReverseEntry,
    Transfer,
    VoidHold,
    Withdraw,
)

Decided = tuple[Reply, list[Event]]

MOVING: tuple[type[Message], ...] = (
    PostEntry,
    PostEntries,
    ReverseEntry,
    Transfer,
    Deposit,
    Withdraw,
    PlaceHold,
    PostHold,
    VoidHold,
    ExpireHold,
)
"""Everything that moves or reserves money."""


def decide(book: Book, message: Message, mover: Mover, hold_id: HoldId) -> Decided:
    """The reply and the events of one message; `hold_id` is the id of the hold that it may place. Raises a Refusal."""
    move = _ENTRIES.get(type(message))
    if move is not None:
        known = len(book.new_entries)
        booked = move(book, message, mover)
        whole = answers.entry(booked)
        events: list[Event] = [answers.entry_posted(whole)] if len(book.new_entries) > known else []
        return whole if mover.near is None else answers.entry(booked, mover.near), events
    return _OTHERS[type(message)](book, message, mover, hold_id)


def _post_all(book: Book, message: PostEntries, mover: Mover, _: HoldId) -> Decided:
    posted: list[EntryId] = []
    refused: list[EntryRefused] = []
    events: list[Event] = []
    for order in message.entries:
        known = len(book.new_entries)
        try:
            booked = moving.post_entry(book, order, mover)
        except Refusal as no:
            refused.append(EntryRefused(entry_id=order.entry_id, problem=no.to_wire()))
            continue
        posted.append(order.entry_id)
        if len(book.new_entries) > known:
            events.append(answers.entry_posted(answers.entry(booked)))
    return EntriesPosted(posted=tuple(posted), refused=tuple(refused)), events


def _place(book: Book, message: PlaceHold, mover: Mover, hold_id: HoldId) -> Decided:
    hold = _told(book, holding.place_hold(book, message, mover, hold_id).hold_id)
    return hold, [HoldPlaced.model_construct(hold=hold)]


def _post(book: Book, message: PostHold, mover: Mover, _: HoldId) -> Decided:
    state, booked = holding.post_hold(book, message, mover)
    hold = _told(book, state.hold_id)
    return hold, [answers.entry_posted(answers.entry(booked)), HoldPosted.model_construct(hold=hold)]


def _void(book: Book, message: VoidHold, mover: Mover, _: HoldId) -> Decided:
    hold = _told(book, holding.void_hold(book, message, mover).hold_id)
    return hold, [HoldVoided.model_construct(hold=hold)]


def _expire(book: Book, message: ExpireHold, mover: Mover, _: HoldId) -> Decided:
    state, has_lapsed = holding.expire_hold(book, message, mover)
    hold = _told(book, state.hold_id)
    return hold, [HoldExpired.model_construct(hold=hold)] if has_lapsed else []


def _told(book: Book, hold_id: HoldId) -> Hold:
    state = book.holds[hold_id]
    return answers.hold(state, book.accounts[state.account_id].currency)


_ENTRIES: dict[type[Message], Callable[[Book, Any, Mover], Booked]] = {
    PostEntry: moving.post_entry,
    ReverseEntry: moving.reverse_entry,
    Transfer: moving.transfer,
    Deposit: moving.deposit,
    Withdraw: moving.withdraw,
}
_OTHERS: dict[type[Message], Callable[[Book, Any, Mover, HoldId], Decided]] = {
    PostEntries: _post_all,
    PlaceHold: _place,
    PostHold: _post,
    VoidHold: _void,
    ExpireHold: _expire,
}
