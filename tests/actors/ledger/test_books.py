"""What is read from the journal: statements, balances in time, the trial balance; and damage is refused, or found and named."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Literal

import asyncpg
import pytest

from messages.ledger import (
    Account,
    AdoptStandardChart,
    Deposit,
    GetBalance,
    GetStatement,
    GetTrialBalance,
    PlaceHold,
    ProveBooks,
    StatementLine,
    Transfer,
)
from messages.money import Money
from tests.actors.ledger.customers import account, now, shillings
from tests.bank import Bank


async def paid_in(bank: Bank, amounts: Iterable[int], **rest: Any) -> Account:
    """An account with these deposits."""
    savings = await account(bank)
    for amount in amounts:
        await bank.says(Deposit(account_id=savings.account_id, amount=shillings(amount), **rest))
    return savings


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_statements_pages_show_every_posting_once(bank: Bank, order: Literal["newest", "oldest"]) -> None:
    savings = await paid_in(bank, range(1, 8))
    seen: list[StatementLine] = []
    cursor = None
    while True:
        page = await bank.says(GetStatement(account_id=savings.account_id, order=order, limit=3, cursor=cursor))
        assert (page.opening_balance, page.closing_balance) == (shillings(0), shillings(28))
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    numbers = [line.seq for line in seen]
    assert numbers == (list(range(7, 0, -1)) if order == "newest" else list(range(1, 8)))
    assert all(line.balance_after == shillings(line.seq * (line.seq + 1) // 2) for line in seen)


async def test_a_statement_of_some_days_opens_and_closes_with_the_balances_at_their_ends(bank: Bank) -> None:
    savings = await account(bank)
    days = []
    for amount in (1, 2, 3):
        await bank.says(Deposit(account_id=savings.account_id, amount=shillings(amount)))
        days.append(bank.clock.now().date())
        bank.clock.advance(seconds=86_400)
    page = await bank.says(GetStatement(account_id=savings.account_id, from_date=days[1], to_date=days[1]))
    assert [line.amount for line in page.items] == [shillings(2)]
    assert (page.opening_balance, page.closing_balance) == (shillings(1), shillings(3))
    empty = await bank.says(GetStatement(account_id=savings.account_id, to_date=days[0] - timedelta(days=1)))
    assert (empty.items, empty.closing_balance) == ((), shillings(0))


async def test_a_balance_is_known_as_of_any_moment(bank: Bank) -> None:
    savings, other = await account(bank), await account(bank)
    entries = []
    for amount in range(1, 12):
        entries.append(await bank.says(Deposit(account_id=savings.account_id, amount=shillings(amount))))
        bank.clock.advance(seconds=10)
    entries.append(
        await bank.says(Transfer(from_account_id=savings.account_id, to_account_id=other.account_id, amount=shillings(6)))
    )
    at = {"account_id": savings.account_id}
    for number, entry in enumerate(entries, 1):
        then = await bank.says(GetBalance(**at, at=entry.booked_at))
        (own,) = [each for each in entry.postings if each.account_id == savings.account_id]
        assert (then.balance, then.seq) == (own.balance_after, number)
    before = await bank.says(GetBalance(**at, at=entries[0].booked_at - timedelta(microseconds=1)))
    assert (before.balance, before.seq) == (shillings(0), 0)
    assert (await bank.says(GetBalance(**at))).balance == shillings(60)


async def test_a_balance_by_value_date_counts_what_had_value_by_that_day(bank: Bank) -> None:
    savings = await account(bank)
    today = bank.clock.now().date()
    for amount, ahead in ((1, None), (2, -3), (4, 5), (8, -3), (16, 0)):
        value_date = None if ahead is None else today + timedelta(days=ahead)
        await bank.says(Deposit(account_id=savings.account_id, amount=shillings(amount), value_date=value_date))
    for ahead, expected in ((-4, 0), (-3, 10), (-1, 10), (0, 27), (4, 27), (5, 31), (300, 31)):
        asked = GetBalance(account_id=savings.account_id, value_date=today + timedelta(days=ahead))
        assert (await bank.says(asked)).balance == shillings(expected), ahead
    with bank.refuses("value_date_refused", field="value_date"):
        await paid_in(bank, [1], value_date=today + timedelta(days=400))


async def test_the_trial_balance_nets_to_zero_in_every_currency(bank: Bank) -> None:
    await paid_in(bank, [10, 20])
    chart = await bank.says(AdoptStandardChart(currency="JPY"))
    assert chart.cash_account_id in {each.account_id for each in chart.accounts}
    told = await bank.says(GetTrialBalance())
    assert told.balanced
    assert {"KES", "JPY"} <= {total.currency for total in told.totals}
    assert all(Money(amount=total.net, currency=total.currency).minor == 0 for total in told.totals)
    kes = {row.gl_code: Money(amount=row.net, currency="KES").minor for row in told.rows if row.currency == "KES"}
    assert kes["1010"] > 0 > kes["2010"]
    assert sum(kes.values()) == 0


@asynccontextmanager
async def damaged(bank: Bank, do: str, undo: str, *arguments: Any) -> AsyncIterator[None]:
    """A ledger damaged past its triggers, and healed afterwards."""
    async with bank.database.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(do, *arguments)
    try:
        yield
    finally:
        async with bank.database.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(undo, *arguments)


@pytest.mark.parametrize(
    ("column", "table", "what", "in_trial_balance"),
    [
        ("balance", "account", {"balance"}, True),
        ("seq", "account", {"sequence"}, True),
        ("held", "account", {"held"}, False),
        ("amount", "posting", {"balance", "running_balance", "entry", "value_date"}, True),
        ("balance_after", "posting", {"running_balance"}, False),
        ("amount", "value_shift", {"value_date"}, False),
    ],
)
async def test_damage_is_found_and_named(bank: Bank, column: str, table: str, what: set[str], in_trial_balance: bool) -> None:
    yesterday = bank.clock.now().date() - timedelta(days=1)
    savings = await paid_in(bank, [10, 20], value_date=yesterday)
    await bank.says(PlaceHold(account_id=savings.account_id, amount=shillings(5)))
    one = {"posting": " AND seq = 2", "value_shift": f" AND day = '{yesterday}'"}.get(table, "")
    change = "UPDATE ledger.{} SET {} = {} {} 1 WHERE account_id = $1{}"
    do, undo = (change.format(table, column, column, sign, one) for sign in "+-")
    async with damaged(bank, do, undo, savings.account_id):
        told = await bank.says(ProveBooks())
        assert not told.proven
        assert {each.what for each in told.differences} == what
        assert {each.account_id for each in told.differences} - {None} == {savings.account_id}
        assert (await bank.says(GetTrialBalance())).balanced != in_trial_balance
    assert (await bank.says(ProveBooks())).proven


def forged(lines: int, *postings: str) -> str:
    """An entry written past the ledger, with postings (account, seq, line, amount, balance after)."""
    return f"""
        WITH entry AS (
            INSERT INTO ledger.entry (entry_id, kind, description, booked_at, value_date, lines, posted_by)
            VALUES (gen_random_uuid(), 'entry', 'forged', now(), current_date, {lines}, 'forger')
            RETURNING entry_id
        )
        INSERT INTO ledger.posting (account_id, seq, entry_id, line, amount, balance_after, currency, booked_at, value_date)
        SELECT p.account_id, p.seq, e.entry_id, p.line, p.amount, p.balance, 'KES', clock_timestamp(), current_date
        FROM entry AS e, (VALUES {", ".join(postings)}) AS p (account_id, seq, line, amount, balance)
    """


A_PAYS_5, B_GETS_5 = "('{a}'::uuid, 2, 1, 5, -995)", "('{b}'::uuid, 2, 2, -5, -1005)"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE ledger.account SET balance = balance - 1 WHERE account_id = '{a}'", "balance_is_posted"),
        ("UPDATE ledger.account SET balance = 1 WHERE account_id = '{a}'", "floor_is_never_passed"),
        ("UPDATE ledger.account SET held = 1001 WHERE account_id = '{a}'", "floor_is_never_passed"),
        (forged(2, A_PAYS_5, "('{b}'::uuid, 2, 2, -6, -1006)"), "entry_sums_to_zero"),
        (forged(2, A_PAYS_5, "('{b}'::uuid, 3, 2, -5, -1005)"), "postings_follow"),
        (forged(2, A_PAYS_5, "('{b}'::uuid, 2, 2, -5, -1004)"), "postings_follow"),
        (forged(2, A_PAYS_5, B_GETS_5), "postings_follow"),
        (forged(3, A_PAYS_5, B_GETS_5), "entry_is_whole"),
        (forged(2, A_PAYS_5), "entry_is_whole"),
    ],
)
async def test_the_database_has_the_last_word(bank: Bank, statement: str, constraint: str) -> None:
    a, b = await account(bank, 10), await account(bank, 10)
    async with bank.database.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(statement.replace("{a}", str(a.account_id)).replace("{b}", str(b.account_id)))
    assert refused.value.constraint_name == constraint
    assert await now(bank, a) == a


@pytest.mark.parametrize("table", ["entry", "posting"])
@pytest.mark.parametrize(
    "change", ["UPDATE ledger.{} SET value_date = value_date", "DELETE FROM ledger.{}", "TRUNCATE ledger.{}"]
)
async def test_what_was_booked_is_never_changed_not_even_by_the_owner(bank: Bank, table: str, change: str) -> None:
    async with bank.database.acquire() as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await connection.execute(change.format(table))
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE coffer_app")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(change.format(table))
