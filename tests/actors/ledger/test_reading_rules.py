"""Statement pages, balances by value date, and replies made without validation."""

from datetime import date, timedelta
from typing import Literal
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.rules import answers, chart, proof, settings
from actors.ledger.rules.pages import page_range
from messages.base import Refusal
from messages.ids import MemberId
from messages.ledger import (
    Account,
    AccountKind,
    ChangeLimits,
    ChartAccount,
    Deposit,
    Entry,
    EntryPosted,
    OpenAccount,
    Transfer,
)
from messages.money import Money
from tests.actors.ledger.shelf import AMINA, BARAKA, NOW, SPACE, Shelf, account, account_id, cash, minor
from tests.actors.ledger.test_moving_rules import refuses

Order = Literal["newest", "oldest"]
orders: st.SearchStrategy[Order] = st.sampled_from(("newest", "oldest"))


@given(first=st.integers(1, 30), count=st.integers(0, 60), limit=st.integers(1, 20), order=orders)
def test_the_pages_of_a_statement_show_every_posting_once_and_in_order(
    first: int, count: int, limit: int, order: Order
) -> None:
    last = first + count - 1
    shown: list[int] = []
    cursor: int | None = None
    while True:
        page = page_range(first, last, order, cursor, limit)
        numbers = list(range(page.first, page.last + 1))
        assert len(numbers) <= limit
        shown += reversed(numbers) if order == "newest" else numbers
        cursor = page.cursor
        if cursor is None:
            break
    expected = list(range(first, last + 1))
    assert shown == (expected[::-1] if order == "newest" else expected)


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 3), st.none() | st.integers(-5, 5), st.integers(1, 100), st.booleans()), max_size=30
    ),
    asked=st.integers(-8, 40),
)
def test_a_balance_by_value_date_is_the_booked_balance_and_the_shifts(
    moves: list[tuple[int, int | None, int, bool]], asked: int
) -> None:
    shelf = Shelf(cash(), account("savings", balance=-10_000), account("current"))
    for number, (days, ahead, amount, is_transfer) in enumerate(moves):
        shelf.later(days=days)
        value_date = None if ahead is None else shelf.now.date() + timedelta(days=ahead)
        savings, current, money = account_id("savings"), account_id("current"), minor(amount)
        message: Transfer | Deposit
        if is_transfer:
            message = Transfer(from_account_id=savings, to_account_id=current, amount=money, value_date=value_date)
        else:
            message = Deposit(account_id=current, amount=money, value_date=value_date)
        shelf.batch([(uuid5(SPACE, f"move {number}"), message)])
    day = NOW.date() + timedelta(days=asked)
    for name in ("savings", "current"):
        legs = shelf.legs(account_id(name))
        booked = sum(leg.amount for leg in legs if leg.booked_at.date() <= day)
        shifted = sum(amount for (each, on), amount in shelf.shifts.items() if each == account_id(name) and on <= day)
        assert booked + shifted == sum(leg.amount for leg in legs if leg.value_date <= day)


def test_replies_made_without_validation_are_what_validation_makes() -> None:
    shelf = Shelf(cash(), account("savings"), account("of baraka", member_id=BARAKA))
    shelf.says(Deposit(account_id=account_id("savings"), amount=minor(100)))
    shelf.says(Transfer(from_account_id=account_id("savings"), to_account_id=account_id("of baraka"), amount=minor(40)))
    for near in (None, {AMINA}):
        told = answers.entry(shelf.order[-1], near)
        validated = Entry.model_validate(told.model_dump())
        assert told == validated
        assert told.model_dump_json(exclude_defaults=True) == validated.model_dump_json(exclude_defaults=True)
        assert told.model_fields_set == validated.model_fields_set
        assert told.model_copy() == validated
        assert repr(told) == repr(validated)
    event = answers.entry_posted(answers.entry(shelf.order[-1]))
    assert EntryPosted.model_validate_json(event.model_dump_json()) == event


def an_account(**changes: object) -> Account:
    row = {
        "account_id": account_id("savings"),
        "member_id": AMINA,
        "kind": "savings",
        "currency": "KES",
        "gl_code": "2010",
        "name": "Savings",
        "status": "open",
        "normal": -1,
        "balance": -1000,
        "held": 200,
        "floor": -50,
        "transaction_limit": None,
        "daily_limit": 500,
        "frozen": None,
        "freeze_reason": None,
        "seq": 3,
        "opened_at": NOW,
        "closed_at": None,
        "version": 7,
    }
    return answers.account({**row, **changes})


def test_an_account_is_told_from_its_owners_side() -> None:
    told = an_account()
    assert told == Account.model_validate(told.model_dump())
    assert (told.balance, told.held, told.available, told.overdraft_limit) == (minor(1000), minor(200), minor(850), minor(50))


def test_an_account_is_closed_only_when_nothing_is_left_on_it() -> None:
    settings.check_closable(an_account(balance=0, held=0))
    with refuses("account_has_holds", "account_id"):
        settings.check_closable(an_account())
    with refuses("account_not_empty", "account_id"):
        settings.check_closable(an_account(held=0))


def test_settings_change_only_on_what_the_caller_saw() -> None:
    settings.check_changeable(an_account(), None)
    settings.check_changeable(an_account(), 7)
    with refuses("version_conflict"):
        settings.check_changeable(an_account(), 6)
    with refuses("account_closed", "account_id"):
        settings.check_changeable(an_account(status="closed"), None)


def test_an_overdraft_limit_is_not_set_below_what_is_drawn() -> None:
    drawn = an_account(balance=30, held=10)
    assert settings.new_floor(drawn, minor(40)) == -40
    for limit in (minor(39), None):
        with refuses("limit_exceeded", "overdraft_limit"):
            settings.new_floor(drawn, limit)
    with refuses("account_kind_refused", "overdraft_limit"):
        settings.new_floor(an_account(kind="internal", floor=None), minor(1))
    assert settings.new_floor(an_account(kind="loan", floor=None), None) is None


def test_limits_are_in_the_accounts_currency() -> None:
    dollars = Money(amount="1", currency="USD")
    for field in ("overdraft_limit", "transaction_limit", "daily_limit"):
        with refuses("currency_mismatch", field):
            settings.check_limits(ChangeLimits.model_validate({"account_id": account_id("savings"), field: dollars}), "KES")
    settings.check_limits(OpenAccount(member_id=AMINA, kind="savings", currency="USD", daily_limit=dollars), "USD")


@pytest.mark.parametrize(
    ("standing", "rule"),
    [
        ("closed", "member_closed"),
        ("suspended", "member_suspended"),
        ("pending", "member_not_active"),
        (None, "member_not_active"),
    ],
)
def test_only_an_active_member_opens_accounts(standing: str | None, rule: str) -> None:
    settings.check_member("active")
    with refuses(rule, "member_id"):
        settings.check_member(standing)


def test_the_standard_chart_is_whole() -> None:
    codes = {row.code: row for row in chart.STANDARD_CHART}
    assert len(codes) == len(chart.STANDARD_CHART)
    assert {row.kind for row in chart.STANDARD_CHART} == {"asset", "liability", "equity", "income", "expense"}
    assert {own.gl_code for own in chart.OWN_ACCOUNTS} <= set(codes)
    for kind in ("savings", "current", "share_capital", "loan"):
        chart.check_kind(kind, codes[chart.gl_code_for(kind, None)])
    assert chart.to_create(codes) == []
    with pytest.raises(Refusal, match="another name or kind"):
        chart.to_create({"1010": ChartAccount(code="1010", name="Cash", kind="liability")})


def test_kinds_of_account_stand_where_they_belong() -> None:
    liability, asset = (ChartAccount(code="9", name="x", kind=kind) for kind in ("liability", "asset"))
    misplaced: tuple[tuple[AccountKind, ChartAccount], ...] = (("savings", asset), ("loan", liability))
    for kind, row in misplaced:
        with refuses("account_kind_refused", "gl_code"):
            chart.check_kind(kind, row)
    with refuses("unknown_chart_account", "gl_code"):
        chart.gl_code_for("internal", None)
    mismatched: tuple[tuple[AccountKind, MemberId | None], ...] = (("internal", AMINA), ("savings", None))
    for kind, owner in mismatched:
        with refuses("owner_mismatch", "member_id"):
            chart.check_owner(kind, owner)


def test_a_trial_balance_is_balanced_when_every_currency_is_and_nothing_differs() -> None:
    def row(code: str, currency: str, debits: int, credited: int) -> dict[str, object]:
        return {
            "code": code,
            "name": code,
            "kind": "asset",
            "currency": currency,
            "accounts": 1,
            "debits": debits,
            "credits": credited,
        }

    rows = [row("1", "KES", 500, 0), row("2", "KES", 0, 500), row("1", "JPY", 10**20, 0), row("2", "JPY", 0, 10**20)]
    told = proof.trial_balance(NOW, rows, [])
    assert told.balanced
    assert [(total.currency, total.debits, total.net) for total in told.totals] == [
        ("JPY", "100000000000000000000", "0"),
        ("KES", "5.00", "0.00"),
    ]
    assert not proof.trial_balance(NOW, [*rows, row("3", "KES", 1, 0)], []).balanced
    wrong = {"what": "balance", "account_id": account_id("savings"), "entry_id": None, "seq": 3, "currency": "KES", "stored": 5}
    told = proof.trial_balance(NOW, rows, [{**wrong, "recomputed": 7}])
    assert not told.balanced
    assert (told.differences[0].stored, told.differences[0].recomputed) == ("0.05", "0.07")
    assert date(2026, 3, 2) == told.at.date()
