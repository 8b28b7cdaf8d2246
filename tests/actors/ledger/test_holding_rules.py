"""A hold reserves money once, is settled once, and gives back what was not used."""

from datetime import timedelta
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.ledger import Deposit, ExpireHold, PlaceHold, PostHold, VoidHold, Withdraw
from tests.actors.ledger.shelf import AMINA, BARAKA, NOW, SPACE, Shelf, account, account_id, cash, internal, minor
from tests.actors.ledger.test_moving_rules import refuses

SAVINGS, SHOP = account_id("savings"), account_id("shop")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(cash(), account("savings", balance=-1000), account("shop", member_id=BARAKA), internal("fees", normal=-1))


def test_held_money_is_not_there_for_others(shelf: Shelf) -> None:
    shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700)))
    with refuses("insufficient_funds", "amount"):
        shelf.says(Withdraw(account_id=SAVINGS, amount=minor(301)))
    with refuses("insufficient_funds", "amount"):
        shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(301)))
    shelf.says(Withdraw(account_id=SAVINGS, amount=minor(300)))


@given(held=st.integers(1, 1000), paid=st.integers(1, 1000))
def test_a_part_is_paid_and_the_rest_is_free_again(held: int, paid: int) -> None:
    shelf = Shelf(cash(), account("savings", balance=-1000), account("shop", member_id=BARAKA))
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(held)))
    message = PostHold(hold_id=hold.hold_id, to_account_id=SHOP, amount=minor(paid))
    if paid > held:
        with refuses("more_than_held", "amount"):
            shelf.says(message)
        assert (shelf["savings"].balance, shelf["savings"].held) == (-1000, held)
        return
    told = shelf.says(message)
    assert (told.status, told.posted_amount) == ("posted", minor(paid))
    assert (shelf["savings"].balance, shelf["savings"].held, shelf["shop"].balance) == (paid - 1000, 0, -paid)
    assert shelf.entries[told.entry_id].kind == "hold"


def test_a_hold_is_settled_once(shelf: Shelf) -> None:
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700)))
    assert shelf.says(VoidHold(hold_id=hold.hold_id)).status == "voided"
    with refuses("hold_not_pending", "hold_id"):
        shelf.says(VoidHold(hold_id=hold.hold_id))
    with refuses("hold_not_pending", "hold_id"):
        shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=SHOP))
    assert shelf.says(ExpireHold(hold_id=hold.hold_id)).status == "voided"
    assert shelf["savings"].held == 0


def test_a_hold_lapses_at_its_time_and_not_before(shelf: Shelf) -> None:
    with refuses("hold_lapsed", "expires_at"):
        shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(1), expires_at=NOW))
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700), expires_at=NOW + timedelta(hours=1)))
    with refuses("hold_not_due", "hold_id"):
        shelf.says(ExpireHold(hold_id=hold.hold_id))
    shelf.later(hours=1)
    with refuses("hold_lapsed", "hold_id"):
        shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=SHOP))
    assert shelf.says(ExpireHold(hold_id=hold.hold_id)).status == "expired"
    assert shelf["savings"].held == 0


def test_a_hold_counts_towards_the_days_limit_once_and_what_is_released_is_given_back(shelf: Shelf) -> None:
    shelf["savings"].daily_limit = 500
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(400)))
    with refuses("limit_exceeded", "amount"):
        shelf.says(Withdraw(account_id=SAVINGS, amount=minor(101)))
    shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=SHOP, amount=minor(250)))
    with refuses("limit_exceeded", "amount"):
        shelf.says(Withdraw(account_id=SAVINGS, amount=minor(251)))
    shelf.says(Withdraw(account_id=SAVINGS, amount=minor(250)))


def test_where_a_hold_goes_is_checked_as_a_transfer_is(shelf: Shelf) -> None:
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700)))
    for target, rule in ((SAVINGS, "same_account"), (account_id("nowhere"), "account_not_found")):
        with refuses(rule, "to_account_id"):
            shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=target))
    shelf["shop"].frozen = "credit"
    with refuses("account_frozen", "to_account_id"):
        shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=SHOP))
    assert shelf["savings"].held == 700
    shelf.says(PostHold(hold_id=hold.hold_id, to_account_id=account_id("fees")))


def test_a_hold_that_could_not_be_paid_stays_whole_within_its_batch(shelf: Shelf) -> None:
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700)))
    shelf["shop"].frozen = "credit"
    not_paid, not_there = shelf.batch(
        [
            (uuid5(SPACE, "paying"), PostHold(hold_id=hold.hold_id, to_account_id=SHOP)),
            (uuid5(SPACE, "taking"), Withdraw(account_id=SAVINGS, amount=minor(301))),
        ]
    )
    assert [getattr(each, "rule", "taken") for each in (not_paid, not_there)] == ["account_frozen", "insufficient_funds"]


def test_only_members_money_is_held_and_only_by_those_who_see_it(shelf: Shelf) -> None:
    with refuses("account_kind_refused", "account_id"):
        shelf.says(PlaceHold(account_id=account_id("fees"), amount=minor(1)))
    with refuses("account_not_found", "account_id"):
        shelf.says(PlaceHold(account_id=SHOP, amount=minor(1)), own=AMINA)
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(1)))
    with refuses("hold_not_found", "hold_id"):
        shelf.says(VoidHold(hold_id=hold.hold_id), own=BARAKA)


def test_a_frozen_or_suspended_account_takes_no_holds_but_lets_them_go(shelf: Shelf) -> None:
    hold = shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(700)))
    shelf["savings"].is_suspended = True
    with refuses("member_suspended", "account_id"):
        shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(1)))
    shelf["savings"].is_suspended, shelf["savings"].frozen = False, "debit"
    with refuses("account_frozen", "account_id"):
        shelf.says(PlaceHold(account_id=SAVINGS, amount=minor(1)))
    shelf.says(VoidHold(hold_id=hold.hold_id))
    shelf.says(Deposit(account_id=SAVINGS, amount=minor(1)))
