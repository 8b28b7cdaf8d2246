"""Whose accounts a permission reaches, and up to which amounts: what is not within reach is as what is not there."""

from typing import Any
from uuid import UUID

import pytest

from messages.base import Refusal
from messages.ids import AccountId, new_id
from messages.ledger import (
    Account,
    Deposit,
    FreezeAccount,
    GetAccount,
    GetBalance,
    GetEntry,
    GetHold,
    GetStatement,
    ListAccounts,
    ListHolds,
    OpenAccount,
    PlaceHold,
    PostEntry,
    PostHold,
    PostingOrder,
    ReverseEntry,
    Transfer,
    VoidHold,
    Withdraw,
)
from messages.member import AssignOfficer, FormGroup, MoveMember, Seat
from runtime.principal import Principal
from tests.actors.identity.access import staff
from tests.actors.ledger.customers import account, login, now, shillings
from tests.actors.member.people import active, unique_word
from tests.actors.member.test_reach import user
from tests.bank import Bank

ABOUT_ACCOUNTS = (
    "accounts_read",
    "accounts_open",
    "accounts_freeze",
    "accounts_hold",
    "entries_read",
    "entries_post",
    "entries_reverse",
    "cash_deposit",
    "cash_withdraw",
    "transfers_make",
)


async def teller(bank: Bank, scope: str, **rest: Any) -> Principal:
    """Somebody with all permissions about accounts, so narrow."""
    return await staff(bank, **dict.fromkeys(ABOUT_ACCOUNTS, scope), **rest)


async def of_branch(bank: Bank, branch: str | None, balance: int = 100) -> Account:
    """An account of a new member of a branch."""
    return await account(bank, balance, member_id=(await active(bank, branch=branch)).member_id)


async def listed(bank: Bank, who: Principal, **query: Any) -> set[UUID]:
    """The accounts that somebody sees, on all pages."""
    ids, cursor = set[UUID](), None
    while True:
        page = await bank.says(ListAccounts(cursor=cursor, limit=2, **query), as_=who)
        ids |= {each.account_id for each in page.items}
        if (cursor := page.next_cursor) is None:
            return ids


def about(account_id: AccountId, other: AccountId) -> list[Any]:
    """Everything that can be said about an account."""
    return [
        GetAccount(account_id=account_id),
        GetBalance(account_id=account_id),
        GetStatement(account_id=account_id),
        ListHolds(account_id=account_id),
        FreezeAccount(account_id=account_id, side="both", reason="court order"),
        Deposit(account_id=account_id, amount=shillings(1)),
        Withdraw(account_id=account_id, amount=shillings(1)),
        Transfer(from_account_id=account_id, to_account_id=other, amount=shillings(1)),
        PlaceHold(account_id=account_id, amount=shillings(1)),
        PostEntry(
            postings=(
                PostingOrder(account_id=account_id, side="debit", amount=shillings(1)),
                PostingOrder(account_id=other, side="credit", amount=shillings(1)),
            ),
            description="Mine now",
        ),
    ]


@pytest.mark.parametrize("scope", ["group", "branch"])
async def test_an_account_that_is_not_within_reach_is_as_one_that_is_not_there(bank: Bank, scope: str) -> None:
    south, north = await of_branch(bank, "south"), await of_branch(bank, "north")
    who = await teller(bank, scope, branch="north")
    for theirs, nothing in zip(
        about(south.account_id, north.account_id), about(AccountId(new_id()), north.account_id), strict=True
    ):
        told = [await _rule(bank, message, who) for message in (theirs, nothing)]
        assert told == ["account_not_found", "account_not_found"], theirs
    assert await now(bank, south) == south


async def _rule(bank: Bank, message: Any, who: Principal) -> str:
    try:
        await bank.says(message, as_=who)
    except Refusal as no:
        return no.rule
    return "done"


async def test_a_branch_works_with_the_accounts_of_its_members(bank: Bank) -> None:
    north, south = await of_branch(bank, "north"), await of_branch(bank, "south")
    who = await teller(bank, "branch", branch="north")
    await bank.says(Deposit(account_id=north.account_id, amount=shillings(50)), as_=who)
    entry = await bank.says(
        Transfer(from_account_id=north.account_id, to_account_id=south.account_id, amount=shillings(20)), as_=who
    )
    told = await bank.says(GetEntry(entry_id=entry.entry_id), as_=who)
    assert [posting.balance_after is not None for posting in told.postings] == [True, False]
    hold = await bank.says(PlaceHold(account_id=north.account_id, amount=shillings(5)), as_=who)
    assert (await bank.says(GetHold(hold_id=hold.hold_id), as_=who)).hold_id == hold.hold_id
    assert (await now(bank, north)).balance == shillings("130.00")
    opened = await bank.says(OpenAccount(member_id=north.member_id, kind="current", currency="KES"), as_=who)
    mine = await listed(bank, who)
    assert {north.account_id, opened.account_id} <= mine
    assert south.account_id not in mine
    assert await listed(bank, who, member_id=north.member_id) == {north.account_id, opened.account_id}
    assert await listed(bank, who, member_id=south.member_id) == set()
    with bank.refuses("member_not_found", field="member_id"):
        await bank.says(OpenAccount(member_id=south.member_id, kind="current", currency="KES"), as_=who)


async def test_holds_and_entries_of_others_are_not_there(bank: Bank) -> None:
    south, near = await of_branch(bank, "south"), await of_branch(bank, "north")
    hold = await bank.says(PlaceHold(account_id=south.account_id, amount=shillings(5)))
    entry = await bank.says(Deposit(account_id=south.account_id, amount=shillings(5)))
    who = await teller(bank, "branch", branch="north")
    for hold_id in (hold.hold_id, new_id()):
        for message in (
            GetHold(hold_id=hold_id),
            VoidHold(hold_id=hold_id),
            PostHold(hold_id=hold_id, to_account_id=near.account_id),
        ):
            assert await _rule(bank, message, who) == "hold_not_found"
    for entry_id in (entry.entry_id, new_id()):
        assert await _rule(bank, GetEntry(entry_id=entry_id), who) == "entry_not_found"
        assert await _rule(bank, ReverseEntry(entry_id=entry_id, reason="x"), who) == "entry_not_found"


async def test_what_is_the_institutions_own_only_all_reaches(bank: Bank) -> None:
    near = await of_branch(bank, "north")
    internal = await bank.says(OpenAccount(kind="internal", currency="KES", gl_code="4020", name=unique_word()))
    for scope in ("group", "branch"):
        who = await teller(bank, scope, branch="north")
        assert internal.account_id not in await listed(bank, who)
        for message in about(internal.account_id, near.account_id):
            assert await _rule(bank, message, who) == "account_not_found", message


async def test_an_officer_and_a_move_are_seen_at_once(bank: Bank) -> None:
    member = await active(bank, branch="south")
    theirs = await account(bank, 10, member_id=member.member_id)
    officer_id = await user(bank)
    officer, north = await teller(bank, "group", user_id=officer_id), await teller(bank, "branch", branch="north")
    group = await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=(Seat(member_id=member.member_id),)))
    look = GetAccount(account_id=theirs.account_id)
    assert await _rule(bank, look, officer) == "account_not_found"
    await bank.says(AssignOfficer(group_id=group.group_id, officer_id=officer_id))
    assert await _rule(bank, look, officer) == "done"
    assert await listed(bank, officer) == {theirs.account_id}
    assert await _rule(bank, look, north) == "account_not_found"
    await bank.says(MoveMember(member_id=member.member_id, branch="north"))
    assert await _rule(bank, look, north) == "done"


# Limits


def up_to(amount: str, scope: str = "all", currency: str = "KES") -> dict[str, Any]:
    return {"scope": scope, "at_most": {currency: amount}}


async def test_an_amount_above_the_limit_is_refused_with_the_limit(bank: Bank) -> None:
    source, target = await of_branch(bank, None, 1_000), await of_branch(bank, None)
    who = await staff(bank, transfers_make=up_to("100.00"), cash_deposit=up_to("100"), cash_withdraw=up_to("0.50"))

    def moving(amount: str) -> Transfer:
        return Transfer(from_account_id=source.account_id, to_account_id=target.account_id, amount=shillings(amount))

    await bank.says(moving("100.00"), as_=who)
    with pytest.raises(Refusal) as no:
        await bank.says(moving("100.01"), as_=who)
    assert (no.value.rule, no.value.status) == ("above_limit", 403)
    assert no.value.facts == {"permission": "transfers:make", "at_most": "100.00", "currency": "KES"}
    await bank.says(Deposit(account_id=source.account_id, amount=shillings("100.00")), as_=who)
    for message in (
        Deposit(account_id=source.account_id, amount=shillings("100.01")),
        Withdraw(account_id=source.account_id, amount=shillings("0.51")),
        Deposit(account_id=source.account_id, amount=shillings("1").model_copy(update={"currency": "USD"})),
    ):
        with bank.refuses("above_limit"):
            await bank.says(message, as_=who)
    assert (await now(bank, source)).balance == shillings("1000.00")


async def test_a_limit_is_no_way_to_learn_what_is_there(bank: Bank) -> None:
    who = await teller(bank, "branch", branch="north")
    limited = await staff(bank, cash_withdraw=up_to("1", "branch"), branch="north")
    south = await of_branch(bank, "south")
    for account_id in (south.account_id, new_id()):
        assert await _rule(bank, Withdraw(account_id=account_id, amount=shillings(1)), limited) == "account_not_found"
        assert await _rule(bank, Withdraw(account_id=account_id, amount=shillings(2)), limited) == "above_limit"
        assert await _rule(bank, Withdraw(account_id=account_id, amount=shillings(2)), who) == "account_not_found"


async def test_scope_and_limit_of_two_grants_are_not_mixed(bank: Bank) -> None:
    mine, theirs = await of_branch(bank, None, 1_000), await of_branch(bank, None, 1_000)
    assert mine.member_id is not None
    small = await staff(bank, transfers_make=up_to("10.00"))
    both = Principal("user", str(new_id()), (*small.roles, "member"), mine.member_id)

    def moving(source: Account, target: Account, amount: int) -> Transfer:
        return Transfer(from_account_id=source.account_id, to_account_id=target.account_id, amount=shillings(amount))

    await bank.says(moving(theirs, mine, 10), as_=both)
    await bank.says(moving(mine, theirs, 500), as_=both)
    assert await _rule(bank, moving(theirs, mine, 11), both) == "account_not_found"
    assert await _rule(bank, moving(theirs, mine, 11), login(mine.member_id)) == "account_not_found"


async def test_entries_of_many_lines_count_by_their_debits_and_what_is_taken_back_too(bank: Bank) -> None:
    one, two = await of_branch(bank, None, 1_000), await of_branch(bank, None, 1_000)
    who = await staff(bank, entries_post=up_to("10"), entries_reverse=up_to("10"), accounts_hold=up_to("10"))

    def entry(*amounts: int) -> PostEntry:
        lines = [("debit", one, amount) for amount in amounts] + [("credit", two, sum(amounts))]
        orders = [
            PostingOrder.model_validate({"account_id": each.account_id, "side": side, "amount": shillings(amount)})
            for side, each, amount in lines
        ]
        return PostEntry(postings=tuple(orders), description="Split")

    small = await bank.says(entry(4, 6), as_=who)
    with bank.refuses("above_limit"):
        await bank.says(entry(5, 6), as_=who)
    large = await bank.says(entry(5, 6))
    with bank.refuses("above_limit"):
        await bank.says(ReverseEntry(entry_id=large.entry_id, reason="x"), as_=who)
    await bank.says(ReverseEntry(entry_id=small.entry_id, reason="x"), as_=who)
    hold = await bank.says(PlaceHold(account_id=one.account_id, amount=shillings(11)))
    with bank.refuses("above_limit"):
        await bank.says(PostHold(hold_id=hold.hold_id, to_account_id=two.account_id), as_=who)
    await bank.says(PostHold(hold_id=hold.hold_id, to_account_id=two.account_id, amount=shillings(10)), as_=who)
