"""Whatever is said in whatever order: money is conserved, floors hold, holds count once, numbers have no gap, and where a batch
is cut makes no difference.
"""

from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from messages.base import Message, Refusal
from messages.ids import EntryId, HoldId
from messages.ledger import (
    Deposit,
    ExpireHold,
    PlaceHold,
    PostEntry,
    PostHold,
    PostingOrder,
    ReverseEntry,
    Transfer,
    VoidHold,
    Withdraw,
)
from tests.actors.ledger.shelf import BARAKA, NOW, SPACE, Shelf, account, account_id, cash, facts, internal, minor

USUAL = ("savings", "current", "of baraka", "limited")
NAMES = (*USUAL, "frozen", "deaf", "suspended", "loan", "fees", "nowhere")
LONGEST = 30


def a_bank() -> Shelf:
    """Accounts of every temper."""
    return Shelf(
        cash(),
        account("savings"),
        account("current", kind="current", floor=-300),
        account("of baraka", member_id=BARAKA),
        account("limited", transaction_limit=150, daily_limit=400),
        account("frozen", frozen="debit"),
        account("deaf", frozen="credit"),
        account("suspended", is_suspended=True),
        account("loan", kind="loan", normal=1, floor=None),
        internal("fees", normal=-1),
    )


def message_id(number: int) -> UUID:
    return uuid5(SPACE, f"message {number}")


def hold_id(number: int) -> HoldId:
    return HoldId(uuid5(message_id(number), "hold"))


usual = st.sampled_from(USUAL).map(account_id)
accounts = st.one_of(usual, usual, usual, st.sampled_from(NAMES).map(account_id))
amounts = st.integers(1, 250).map(minor)
entry_ids = st.none() | st.none() | st.integers(0, LONGEST).map(message_id).map(EntryId)
"""Made by the client, who may even have hit on the id of a message."""


@st.composite
def entries(draw: st.DrawFn) -> PostEntry:
    """Balanced more often than not."""
    parts = draw(st.lists(st.tuples(accounts, st.integers(-200, 200).filter(bool)), min_size=1, max_size=4))
    rest = -sum(amount for _, amount in parts)
    last = draw(st.sampled_from((rest, rest, rest, 7))) or 7
    return PostEntry(
        postings=tuple(
            PostingOrder(account_id=each, side="debit" if amount > 0 else "credit", amount=minor(abs(amount)))
            for each, amount in [*parts, (draw(accounts), last)]
        ),
        description="an entry",
        entry_id=draw(entry_ids),
    )


fresh: st.SearchStrategy[Message] = st.one_of(
    st.builds(Deposit, account_id=accounts, amount=amounts, entry_id=entry_ids),
    st.builds(Withdraw, account_id=accounts, amount=amounts, entry_id=entry_ids),
    st.builds(Transfer, from_account_id=accounts, to_account_id=accounts, amount=amounts, entry_id=entry_ids),
    entries(),
    st.builds(PlaceHold, account_id=accounts, amount=amounts, expires_at=st.sampled_from((None, NOW.replace(year=2027)))),
)


def about_hold(number: int) -> st.SearchStrategy[Message]:
    """What may be said about a hold."""
    hold = st.just(hold_id(number))
    return st.one_of(
        st.builds(PostHold, hold_id=hold, to_account_id=accounts, amount=st.none() | amounts),
        st.builds(PostHold, hold_id=hold, to_account_id=accounts),
        st.builds(VoidHold, hold_id=hold),
        st.builds(ExpireHold, hold_id=hold),
    )


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[UUID, Message]]:
    """Money is paid in, then anything is said, often about what was said before, also twice."""
    said: list[Message] = [Deposit(account_id=account_id(name), amount=minor(500)) for name in USUAL]
    for _ in range(draw(st.integers(5, LONGEST - len(said)))):
        earlier = draw(st.integers(0, len(said) - 1))
        if not draw(st.booleans()):
            said.append(draw(fresh))
        elif isinstance(said[earlier], PlaceHold):
            said.append(draw(about_hold(earlier)))
        else:
            said.append(ReverseEntry(entry_id=EntryId(message_id(earlier)), reason="a slip"))
    return [(message_id(number), message) for number, message in enumerate(said)]


def told(answers: list[Any]) -> list[Any]:
    """Answers as a client sees them."""
    return [each.to_wire() if isinstance(each, Refusal) else each.model_dump(mode="json") for each in answers]


@given(said=conversations(), cuts=st.lists(st.integers(1, LONGEST), max_size=8))
def test_a_batch_cut_anywhere_gives_the_same_answers(said: list[tuple[UUID, Message]], cuts: list[int]) -> None:
    whole, alone, cut = a_bank(), a_bank(), a_bank()
    expected = told([answer for each in said for answer in alone.batch([each])])
    assert told(whole.batch(said)) == expected
    places = [0, *sorted(cuts), LONGEST]
    assert told([answer for a, b in pairwise(places) for answer in cut.batch(said[a:b])]) == expected
    for shelf in (whole, cut):
        assert [facts(each) | {"version_loaded": 0} for each in shelf.accounts.values()] == [
            facts(each) | {"version_loaded": 0} for each in alone.accounts.values()
        ]
        assert shelf.shifts == alone.shifts
        assert shelf.holds == alone.holds


@given(said=conversations())
def test_money_is_conserved_and_every_entry_balances(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    shelf.batch(said)
    assert sum(each.balance for each in shelf.accounts.values()) == 0
    for entry in shelf.order:
        assert sum(leg.amount for leg in entry.legs) == 0
        assert len(entry.legs) >= 2
        assert all(leg.amount for leg in entry.legs)


@given(said=conversations())
def test_an_accounts_postings_are_numbered_without_a_gap_and_follow_each_other(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    shelf.batch(said)
    for each in shelf.accounts.values():
        legs = shelf.legs(each.account_id)
        balance = 0
        for number, leg in enumerate(legs, 1):
            balance += leg.amount
            assert (leg.seq, leg.balance_after) == (number, balance)
        assert (each.seq, each.balance) == (len(legs), balance)


@given(said=conversations())
def test_no_floor_is_ever_passed_and_holds_count_once(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    for one in said:
        shelf.batch([one])
        for each in shelf.accounts.values():
            pending = [
                hold.amount for hold in shelf.holds.values() if hold.account_id == each.account_id and hold.status == "pending"
            ]
            assert each.held == sum(pending)
            if each.floor is not None:
                assert each.available >= 0
    for each in shelf.accounts.values():
        for leg in shelf.legs(each.account_id):
            assert each.floor is None or leg.balance_after * each.normal >= each.floor


@given(said=conversations())
def test_a_refused_message_leaves_no_trace(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    for one in said:
        accounts_before = {each: facts(state) | {"version_loaded": 0} for each, state in shelf.accounts.items()}
        rest_before = (dict(shelf.holds), dict(shelf.shifts), len(shelf.order))
        (answer,) = shelf.batch([one])
        if isinstance(answer, Refusal):
            after = {each: facts(state) | {"version_loaded": 0} for each, state in shelf.accounts.items()}
            assert (after, dict(shelf.holds), dict(shelf.shifts), len(shelf.order)) == (accounts_before, *rest_before)


@given(said=conversations())
def test_what_is_said_twice_under_one_entry_id_is_booked_once(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    shelf.batch(said)
    booked = [entry.entry_id for entry in shelf.order]
    assert len(booked) == len(set(booked))
    for number, (_, message) in enumerate(said):
        entry_id = getattr(message, "entry_id", None)
        if isinstance(message, ReverseEntry) or entry_id not in shelf.entries:
            continue
        (again,) = shelf.batch([(message_id(LONGEST + number), message)])
        if isinstance(again, Refusal):
            assert again.rule in {"entry_id_reused", "account_not_found"}
        else:
            assert told([again])[0]["entry_id"] == str(entry_id)
        assert len(shelf.order) == len(booked)


@given(said=conversations())
def test_an_account_that_is_shut_is_not_touched(said: list[tuple[UUID, Message]]) -> None:
    shelf = a_bank()
    shelf.batch(said)
    assert all(leg.amount < 0 for leg in shelf.legs(account_id("frozen")))
    of_suspended = [entry for entry in shelf.order if any(leg.account_id == account_id("suspended") for leg in entry.legs)]
    assert all(
        leg.amount < 0 or entry.kind in {"entry", "reversal"}
        for entry in of_suspended
        for leg in entry.legs
        if leg.account_id == account_id("suspended")
    )
