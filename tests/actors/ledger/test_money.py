"""Money moves once, all of it, and only as far as it is there."""

import asyncio
from typing import Any

from messages.base import Refusal
from messages.ids import EntryId, new_id
from messages.ledger import (
    Account,
    GetBalance,
    GetEntry,
    PostEntry,
    PostingOrder,
    ProveBooks,
    ReverseEntry,
    Side,
    Transfer,
    Withdraw,
)
from tests.actors.ledger.customers import account, login, member, now, shillings
from tests.bank import Bank


def transfer(source: Account, target: Account, amount: object, **rest: Any) -> Transfer:
    return Transfer(from_account_id=source.account_id, to_account_id=target.account_id, amount=shillings(amount), **rest)


def order(each: Account, side: Side, amount: object) -> PostingOrder:
    return PostingOrder(account_id=each.account_id, side=side, amount=shillings(amount))


async def test_a_transfer_moves_money_and_tells_both_balances(bank: Bank) -> None:
    a, b = await account(bank, 100), await account(bank, 5)
    told = await bank.says(transfer(a, b, "40.50", description="Rent", reference="INV-7"))
    assert [(each.side, each.seq, each.balance_after) for each in told.postings] == [
        ("debit", 2, shillings("59.50")),
        ("credit", 2, shillings("45.50")),
    ]
    assert await bank.says(GetEntry(entry_id=told.entry_id)) == told


async def test_a_hundred_withdrawals_of_the_whole_balance_at_once_succeed_once(bank: Bank) -> None:
    savings = await account(bank, 100)
    out = Withdraw(account_id=savings.account_id, amount=shillings(100))
    outcomes = await asyncio.gather(*(bank.says(out) for _ in range(100)), return_exceptions=True)
    refused = [each.rule for each in outcomes if isinstance(each, Refusal)]
    assert refused == ["insufficient_funds"] * 99
    assert (await now(bank, savings)).balance == shillings(0)


async def test_many_transfers_in_a_ring_conserve_money_and_leave_no_gap(bank: Bank) -> None:
    ring = [await account(bank, 50) for _ in range(5)]
    pairs = [(ring[number % 5], ring[(number + 1 + number % 3) % 5]) for number in range(150)]
    await asyncio.gather(*(bank.says(transfer(a, b, 7)) for a, b in pairs), return_exceptions=True)
    after = [await now(bank, each) for each in ring]
    assert sum(each.balance.minor for each in after) == 25_000
    assert all(each.balance.minor >= 0 for each in after)
    assert (await bank.says(ProveBooks())).proven


async def test_the_same_command_twice_moves_money_once(bank: Bank) -> None:
    a, b = await account(bank, 100), await account(bank)
    message_id = new_id()
    first = await bank.says(transfer(a, b, 10), message_id=message_id)
    assert await bank.says(transfer(a, b, 10), message_id=message_id) == first
    assert (await now(bank, a)).balance == shillings(90)


async def test_one_entry_id_is_one_entry_also_when_said_at_once(bank: Bank) -> None:
    a, b = await account(bank, 100), await account(bank)
    entry_id = EntryId(new_id())
    told = await asyncio.gather(*(bank.says(transfer(a, b, 10, entry_id=entry_id)) for _ in range(20)))
    assert all(each == told[0] for each in told)
    assert (await now(bank, b)).balance == shillings(10)
    with bank.refuses("entry_id_reused", field="entry_id"):
        await bank.says(transfer(a, b, 11, entry_id=entry_id))


async def test_a_reversal_is_a_linked_counter_entry_and_happens_once(bank: Bank) -> None:
    a, b = await account(bank, 100), await account(bank)
    booked = await bank.says(transfer(a, b, 10))
    outcomes = await asyncio.gather(
        *(bank.says(ReverseEntry(entry_id=booked.entry_id, reason="typed twice")) for _ in range(10)), return_exceptions=True
    )
    (back,) = [each for each in outcomes if not isinstance(each, BaseException)]
    assert {each.rule for each in outcomes if isinstance(each, Refusal)} == {"already_reversed"}
    assert back.reverses == booked.entry_id
    assert (await bank.says(GetEntry(entry_id=booked.entry_id))).reversed_by == back.entry_id
    assert (await now(bank, a)).balance == shillings(100)
    with bank.refuses("reversal_is_final", field="entry_id"):
        await bank.says(ReverseEntry(entry_id=back.entry_id, reason="no"))


async def test_an_entry_of_the_staff_balances_or_is_refused(bank: Bank) -> None:
    a, b = await account(bank, 100), await account(bank)
    with bank.refuses("entry_unbalanced", field="postings"):
        await bank.says(PostEntry(postings=(order(a, "debit", 5), order(b, "credit", 6)), description="x"))
    with bank.refuses("insufficient_funds", field="postings.0.amount"):
        await bank.says(PostEntry(postings=(order(a, "debit", 101), order(b, "credit", 101)), description="x"))
    await bank.says(PostEntry(postings=(order(a, "debit", 5), order(b, "credit", 5)), description="x"))
    assert (await now(bank, b)).balance == shillings(5)


async def test_a_member_moves_their_own_money_only_and_does_not_learn_what_others_have(bank: Bank) -> None:
    amina = await member(bank)
    mine, theirs = await account(bank, 100, member_id=amina), await account(bank, 77)
    with bank.refuses("account_not_found", field="from_account_id"):
        await bank.says(transfer(theirs, mine, 1), as_=login(amina))
    told = await bank.says(transfer(mine, theirs, 1), as_=login(amina))
    assert told.postings[0].balance_after == shillings(99)
    assert told.postings[1].balance_after is None
    assert (await bank.says(GetEntry(entry_id=told.entry_id), as_=login(amina))).postings[1].seq is None
    with bank.refuses("account_not_found", field="account_id"):
        await bank.says(GetBalance(account_id=theirs.account_id), as_=login(amina))
    with bank.refuses("entry_not_found", field="entry_id"):
        await bank.says(GetEntry(entry_id=told.entry_id), as_=login(await member(bank)))
    with bank.refuses("forbidden"):
        await bank.says(Withdraw(account_id=mine.account_id, amount=shillings(1)), as_=login(amina))
