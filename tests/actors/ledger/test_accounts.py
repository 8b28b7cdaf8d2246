"""The life of an account: opened for an active member, frozen, limited, closed; and who sees it."""

from typing import Any

import pytest

from messages.base import Command, Refusal
from messages.ids import MemberId, new_id
from messages.ledger import (
    AccountNotFound,
    AdoptStandardChart,
    ChangeLimits,
    CloseAccount,
    CreateChartAccount,
    Deposit,
    FreezeAccount,
    GetAccount,
    ListAccounts,
    ListChart,
    OpenAccount,
    Transfer,
    UnfreezeAccount,
    Withdraw,
)
from messages.member import ActivateMember, CloseMember, PersonDetails, ReactivateMember, RegisterPerson, SuspendMember
from tests.actors.ledger.customers import account, login, member, now, shillings
from tests.bank import Bank, until


async def test_a_member_who_has_just_become_active_opens_accounts_at_once(bank: Bank) -> None:
    for _ in range(5):
        opened = await account(bank)
        assert (opened.balance, opened.status, opened.gl_code, opened.version) == (shillings(0), "open", "2010", 1)


async def test_only_an_active_member_opens_accounts(bank: Bank) -> None:
    person = PersonDetails(given_name="Amina", born_on="1990-04-01")
    pending = await bank.says(RegisterPerson(person=person))
    with bank.refuses("member_not_active", field="member_id"):
        await account(bank, member_id=pending.member_id)
    with bank.refuses("member_not_found", field="member_id"):
        await account(bank, member_id=MemberId(new_id()))
    await bank.says(ActivateMember(member_id=pending.member_id))
    await account(bank, member_id=pending.member_id)


async def is_refused(bank: Bank, command: Command[Any], rule: str) -> bool:
    """Whether the news has arrived that it must be refused for."""
    try:
        await bank.says(command)
    except Refusal as refusal:
        return refusal.rule == rule
    return False


async def test_a_suspended_member_is_paid_nothing_out_and_a_closed_one_opens_nothing(bank: Bank) -> None:
    amina = await member(bank)
    savings = await account(bank, 100, member_id=amina)
    await bank.says(SuspendMember(member_id=amina, reason="documents_expired"))

    await until(lambda: is_refused(bank, Withdraw(account_id=savings.account_id, amount=shillings(1)), "member_suspended"))
    with bank.refuses("member_suspended", field="member_id"):
        await account(bank, member_id=amina)
    await bank.says(Deposit(account_id=savings.account_id, amount=shillings(5)))
    await bank.says(ReactivateMember(member_id=amina))
    await account(bank, member_id=amina)
    await bank.says(CloseMember(member_id=amina, reason="deceased"))
    await until(lambda: is_refused(bank, OpenAccount(kind="savings", currency="KES", member_id=amina), "member_closed"))


async def test_an_account_needs_an_owner_and_a_place_in_the_chart(bank: Bank) -> None:
    amina = await member(bank)
    with bank.refuses("owner_mismatch", field="member_id"):
        await bank.says(OpenAccount(kind="savings", currency="KES"))
    with bank.refuses("unknown_chart_account", field="gl_code"):
        await bank.says(OpenAccount(kind="savings", currency="KES", member_id=amina, gl_code="7777"))
    with bank.refuses("account_kind_refused", field="gl_code"):
        await account(bank, member_id=amina, gl_code="1010")
    with bank.refuses("currency_mismatch", field="daily_limit"):
        await account(bank, member_id=amina, daily_limit={"amount": "1", "currency": "USD"})


async def test_the_standard_chart_is_adopted_once(bank: Bank) -> None:
    first = await bank.says(AdoptStandardChart(currency="TZS"))
    assert await bank.says(AdoptStandardChart(currency="TZS")) == first
    assert {each.currency for each in first.accounts} == {"TZS"}
    chart = await bank.says(ListChart(limit=200))
    assert [row.code for row in chart.items] == sorted(row.code for row in chart.items)
    page = await bank.says(ListChart(limit=3))
    following = await bank.says(ListChart(limit=3, cursor=page.next_cursor))
    assert [*page.items, *following.items] == list(chart.items[:6])
    added = await bank.says(CreateChartAccount(code="4050", name="Donations", kind="income"))
    assert await bank.says(CreateChartAccount(code="4050", name="Donations", kind="income")) == added
    with bank.refuses("chart_account_exists", field="code"):
        await bank.says(CreateChartAccount(code="4050", name="Donations", kind="expense"))


async def test_a_freeze_stops_a_side_until_it_is_lifted(bank: Bank) -> None:
    savings, other = await account(bank, 100), await account(bank)
    frozen = await bank.says(FreezeAccount(account_id=savings.account_id, side="debit", reason="court order 7"))
    assert (frozen.freeze, frozen.freeze_reason, frozen.version) == ("debit", "court order 7", savings.version + 1)
    out = Transfer(from_account_id=savings.account_id, to_account_id=other.account_id, amount=shillings(1))
    with bank.refuses("account_frozen", field="from_account_id"):
        await bank.says(out)
    await bank.says(Deposit(account_id=savings.account_id, amount=shillings(1)))
    with bank.refuses("version_conflict"):
        await bank.says(UnfreezeAccount(account_id=savings.account_id, reason="lifted", expected_version=frozen.version))
    await bank.says(UnfreezeAccount(account_id=savings.account_id, reason="lifted"))
    await bank.says(out)


async def test_an_overdraft_goes_to_its_limit_and_no_further(bank: Bank) -> None:
    current, other = await account(bank, 10, kind="current"), await account(bank)
    key = {"account_id": current.account_id}
    limited = await bank.says(ChangeLimits(**key, overdraft_limit=shillings(50), transaction_limit=shillings(40)))
    assert limited.available == shillings(60)
    out = {"from_account_id": current.account_id, "to_account_id": other.account_id}
    with bank.refuses("limit_exceeded", field="amount"):
        await bank.says(Transfer(**out, amount=shillings("40.01")))
    await bank.says(Transfer(**out, amount=shillings(40)))
    await bank.says(Transfer(**out, amount=shillings(20)))
    with bank.refuses("insufficient_funds", field="amount"):
        await bank.says(Transfer(**out, amount=shillings("0.01")))
    with bank.refuses("limit_exceeded", field="overdraft_limit"):
        await bank.says(ChangeLimits(**key, overdraft_limit=shillings(49)))
    assert (await now(bank, current)).balance == shillings(-50)


async def test_an_account_is_closed_empty_and_for_good(bank: Bank) -> None:
    savings = await account(bank, 10)
    key = {"account_id": savings.account_id}
    with bank.refuses("account_not_empty", field="account_id"):
        await bank.says(CloseAccount(**key, reason="moved away"))
    await bank.says(Withdraw(**key, amount=shillings(10)))
    assert (await bank.says(CloseAccount(**key, reason="moved away"))).status == "closed"
    with bank.refuses("account_closed", field="account_id"):
        await bank.says(Deposit(**key, amount=shillings(1)))
    with bank.refuses("account_closed", field="account_id"):
        await bank.says(FreezeAccount(**key, side="both", reason="too late"))


async def test_a_member_sees_their_own_accounts_and_not_that_there_are_others(bank: Bank) -> None:
    amina, baraka = await member(bank), await member(bank)
    mine = [await account(bank, member_id=amina, kind=kind) for kind in ("savings", "current", "share_capital")]
    theirs = await account(bank, 10, member_id=baraka)
    seen = await bank.says(ListAccounts(limit=2), as_=login(amina))
    rest = await bank.says(ListAccounts(limit=2, cursor=seen.next_cursor), as_=login(amina))
    assert rest.next_cursor is None
    assert {each.account_id for each in [*seen.items, *rest.items]} == {each.account_id for each in mine}
    assert (await bank.says(ListAccounts(member_id=baraka), as_=login(amina))).items == ()
    told = []
    for account_id in (theirs.account_id, new_id()):
        with pytest.raises(AccountNotFound) as refused:
            await bank.says(GetAccount(account_id=account_id), as_=login(amina))
        told.append(refused.value.to_wire() | {"facts": None})
    assert told[0] == told[1]
    assert (told[0]["rule"], told[0]["status"]) == ("account_not_found", 404)
    with bank.refuses("invalid", field="cursor"):
        await bank.says(ListAccounts(cursor="bm9uc2Vuc2U"))
