"""What each command that moves money may and may not do, and which field is named."""

import contextlib
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from messages.base import Message, Refusal
from messages.ids import EntryId
from messages.ledger import (
    AccountKind,
    Deposit,
    PostEntry,
    PostingOrder,
    ReverseEntry,
    Side,
    Transfer,
    Withdraw,
)
from messages.money import LARGEST_MINOR, Money
from tests.actors.ledger.shelf import AMINA, BARAKA, NOW, Shelf, account, account_id, cash, facts, internal, minor


@contextlib.contextmanager
def refuses(rule: str, field: str | None = None) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert (caught.value.rule, caught.value.field) == (rule, field)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(
        cash(),
        account("savings", balance=-1000),
        account("current", kind="current"),
        account("of baraka", member_id=BARAKA, balance=-500),
        account("frozen", frozen="both"),
        account("closed", is_open=False),
        account("dollars", currency="USD"),
        account("loan", kind="loan", normal=1, floor=None),
        internal("fees", normal=-1),
    )


def transfer(source: str, target: str, amount: int = 100, **rest: object) -> Transfer:
    return Transfer.model_validate(
        {"from_account_id": account_id(source), "to_account_id": account_id(target), "amount": minor(amount), **rest}
    )


def entry(*postings: tuple[str, Side, int], **rest: object) -> PostEntry:
    orders = [PostingOrder(account_id=account_id(name), side=side, amount=minor(amount)) for name, side, amount in postings]
    return PostEntry.model_validate({"postings": orders, "description": "an entry", **rest})


@pytest.mark.parametrize(
    ("message", "rule", "field"),
    [
        (transfer("savings", "savings"), "same_account", "to_account_id"),
        (transfer("savings", "nowhere"), "account_not_found", "to_account_id"),
        (transfer("nowhere", "savings"), "account_not_found", "from_account_id"),
        (transfer("savings", "frozen"), "account_frozen", "to_account_id"),
        (transfer("frozen", "savings"), "account_frozen", "from_account_id"),
        (transfer("savings", "closed"), "account_closed", "to_account_id"),
        (transfer("closed", "savings"), "account_closed", "from_account_id"),
        (transfer("savings", "dollars"), "currency_mismatch", "to_account_id"),
        (transfer("dollars", "savings"), "currency_mismatch", "amount"),
        (transfer("savings", "current", 1001), "insufficient_funds", "amount"),
        (transfer("savings", "loan"), "account_kind_refused", "to_account_id"),
        (transfer("savings", "current", value_date=NOW.date() + timedelta(days=367)), "value_date_refused", "value_date"),
        (entry(("savings", "debit", 5), ("fees", "credit", 6)), "entry_unbalanced", "postings"),
        (entry(("savings", "debit", 5), ("savings", "credit", 5)), "same_account", "postings.1.account_id"),
        (entry(("savings", "debit", 5), ("closed", "credit", 5)), "account_closed", "postings.1.account_id"),
        (entry(("fees", "credit", 2000), ("savings", "debit", 2000)), "insufficient_funds", "postings.1.amount"),
        (entry(("dollars", "debit", 5), ("fees", "credit", 5)), "currency_mismatch", "postings.0.amount"),
        (Deposit(account_id=account_id("fees"), amount=minor(5)), "account_kind_refused", "account_id"),
        (Deposit(account_id=account_id("loan"), amount=minor(5)), "account_kind_refused", "account_id"),
        (Deposit(account_id=account_id("dollars"), amount=minor(5)), "currency_mismatch", "amount"),
        (
            Deposit(account_id=account_id("dollars"), amount=Money(amount="1", currency="USD")),
            "currency_not_adopted",
            "amount",
        ),
        (
            Deposit(account_id=account_id("savings"), amount=minor(5), channel_account_id=account_id("current")),
            "account_kind_refused",
            "channel_account_id",
        ),
        (Withdraw(account_id=account_id("savings"), amount=minor(1001)), "insufficient_funds", "amount"),
        (ReverseEntry(entry_id=EntryId(account_id("nothing")), reason="a slip"), "entry_not_found", "entry_id"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(shelf: Shelf, message: Message, rule: str, field: str) -> None:
    before = {name: facts(state) for name, state in shelf.accounts.items()}
    with refuses(rule, field):
        shelf.says(message)
    assert {name: facts(state) for name, state in shelf.accounts.items()} == before


def test_a_balance_stays_countable(shelf: Shelf) -> None:
    most = minor(LARGEST_MINOR)
    shelf.says(Deposit(account_id=account_id("current"), amount=most))
    with refuses("balance_too_large", "amount"):
        shelf.says(Deposit(account_id=account_id("savings"), amount=minor(1)))


def test_a_member_moves_only_their_own_money_and_does_not_see_the_institutions(shelf: Shelf) -> None:
    with refuses("account_not_found", "from_account_id"):
        shelf.says(transfer("of baraka", "savings"), own=AMINA)
    with refuses("account_not_found", "to_account_id"):
        shelf.says(transfer("savings", "fees"), own=AMINA)
    told = shelf.says(transfer("savings", "of baraka"), own=AMINA)
    mine, theirs = told.postings
    assert mine.balance_after == minor(900)
    assert (theirs.balance_after, theirs.seq) == (None, None)


def test_an_entry_id_said_twice_is_one_entry_and_never_another(shelf: Shelf) -> None:
    entry_id = EntryId(account_id("an id"))
    first = shelf.says(transfer("savings", "current", entry_id=entry_id))
    shelf["savings"].frozen = "both"
    assert shelf.says(transfer("savings", "current", entry_id=entry_id)) == first
    shelf.later(days=1)
    assert shelf.says(transfer("savings", "current", entry_id=entry_id, value_date=NOW.date())) == first
    for other in (
        transfer("savings", "current", 101, entry_id=entry_id),
        transfer("savings", "of baraka", entry_id=entry_id),
        transfer("savings", "current", entry_id=entry_id, description="Rent"),
        transfer("savings", "current", entry_id=entry_id, reference="R1"),
        transfer("savings", "current", entry_id=entry_id, value_date=date(2026, 1, 1)),
        entry(("savings", "debit", 100), ("current", "credit", 100), entry_id=entry_id),
    ):
        with refuses("entry_id_reused", "entry_id"):
            shelf.says(other)
    assert len(shelf.order) == 1


def test_a_reversal_takes_back_once_and_is_final(shelf: Shelf) -> None:
    booked = shelf.says(transfer("savings", "current"))
    back = shelf.says(ReverseEntry(entry_id=booked.entry_id, reason="a slip"))
    assert back.reverses == booked.entry_id
    assert (shelf["savings"].balance, shelf["current"].balance) == (-1000, 0)
    with refuses("already_reversed", "entry_id"):
        shelf.says(ReverseEntry(entry_id=booked.entry_id, reason="again"))
    with refuses("reversal_is_final", "entry_id"):
        shelf.says(ReverseEntry(entry_id=back.entry_id, reason="again"))


def test_a_reversal_does_not_pass_a_floor_but_passes_limits(shelf: Shelf) -> None:
    shelf["current"].transaction_limit = 10
    booked = shelf.says(transfer("savings", "current"))
    shelf.says(entry(("current", "debit", 10), ("fees", "credit", 10)))
    with refuses("insufficient_funds", "entry_id"):
        shelf.says(ReverseEntry(entry_id=booked.entry_id, reason="a slip"))
    shelf.says(Deposit(account_id=account_id("current"), amount=minor(10)))
    shelf.says(ReverseEntry(entry_id=booked.entry_id, reason="a slip"))


def test_limits_bound_what_is_taken_at_once_and_in_a_day(shelf: Shelf) -> None:
    shelf["savings"].transaction_limit, shelf["savings"].daily_limit = 100, 250
    with refuses("limit_exceeded", "amount"):
        shelf.says(transfer("savings", "current", 101))
    shelf.says(transfer("savings", "current", 100))
    shelf.says(transfer("savings", "current", 100))
    with refuses("limit_exceeded", "amount"):
        shelf.says(transfer("savings", "current", 51))
    shelf.says(transfer("savings", "current", 50))
    shelf.later(days=1)
    shelf.says(transfer("savings", "current", 100))


@pytest.mark.parametrize(("side", "refused"), [("debit", "out"), ("credit", "in"), ("both", "in"), ("both", "out")])
def test_a_freeze_stops_the_side_it_names(shelf: Shelf, side: str, refused: str) -> None:
    shelf["savings"].frozen = side
    messages = {"out": transfer("savings", "current"), "in": Deposit(account_id=account_id("savings"), amount=minor(5))}
    with refuses("account_frozen", "from_account_id" if refused == "out" else "account_id"):
        shelf.says(messages[refused])


def test_nothing_is_paid_out_for_a_suspended_member_but_paid_in_and_posted_by_staff(shelf: Shelf) -> None:
    shelf["savings"].is_suspended = True
    with refuses("member_suspended", "from_account_id"):
        shelf.says(transfer("savings", "current"))
    with refuses("member_suspended", "account_id"):
        shelf.says(Withdraw(account_id=account_id("savings"), amount=minor(1)))
    shelf.says(Deposit(account_id=account_id("savings"), amount=minor(1)))
    shelf.says(entry(("savings", "debit", 1), ("fees", "credit", 1)))


def test_an_entry_of_several_currencies_balances_in_each(shelf: Shelf) -> None:
    dollars = Money(amount="3.00", currency="USD")
    shelf.accounts[account_id("dollar clearing")] = internal("dollar clearing", currency="USD")
    postings = (
        PostingOrder(account_id=account_id("savings"), side="debit", amount=minor(400)),
        PostingOrder(account_id=account_id("fees"), side="credit", amount=minor(400)),
        PostingOrder(account_id=account_id("dollar clearing"), side="debit", amount=dollars),
        PostingOrder(account_id=account_id("dollars"), side="credit", amount=dollars),
    )
    shelf.says(PostEntry(postings=postings, description="exchange"))
    assert shelf["dollars"].balance == -300
    with refuses("entry_unbalanced", "postings"):
        shelf.says(PostEntry(postings=(postings[0], postings[3]), description="not an exchange"))


def test_time_within_an_account_does_not_run_back_where_a_clock_does(shelf: Shelf) -> None:
    first = shelf.says(transfer("savings", "current"))
    shelf.later(hours=-5)
    second = shelf.says(transfer("savings", "of baraka"))
    elsewhere = shelf.says(Deposit(account_id=account_id("of baraka"), amount=minor(5)))
    assert second.booked_at == first.booked_at
    assert elsewhere.booked_at >= second.booked_at


@pytest.mark.parametrize("kind", ["savings", "current", "share_capital"])
def test_cash_goes_in_and_out_of_every_kind_of_members_money(shelf: Shelf, kind: AccountKind) -> None:
    shelf["savings"].kind = kind
    shelf.says(Deposit(account_id=account_id("savings"), amount=minor(7)))
    told = shelf.says(Withdraw(account_id=account_id("savings"), amount=minor(1007)))
    assert [(each.side, each.balance_after) for each in told.postings] == [("debit", minor(0)), ("credit", minor(-1000))]
