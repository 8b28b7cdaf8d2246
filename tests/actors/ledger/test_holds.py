"""Holds on a running bank: they survive the book they were placed in, and lapse by themselves."""

from datetime import timedelta

from messages.ids import new_id
from messages.ledger import CloseAccount, GetBalance, GetHold, ListHolds, PlaceHold, PostHold, ProveBooks, VoidHold, Withdraw
from tests.actors.ledger.customers import account, login, member, now, shillings
from tests.bank import Bank, until


async def test_a_hold_is_placed_paid_in_part_and_the_rest_is_free(bank: Bank) -> None:
    savings, shop = await account(bank, 100), await account(bank)
    hold = await bank.says(PlaceHold(account_id=savings.account_id, amount=shillings(60), description="Card"))
    balance = await bank.says(GetBalance(account_id=savings.account_id))
    assert (balance.balance, balance.held, balance.available) == (shillings(100), shillings(60), shillings(40))
    with bank.refuses("insufficient_funds", field="amount"):
        await bank.says(Withdraw(account_id=savings.account_id, amount=shillings(41)))
    paid = await bank.says(PostHold(hold_id=hold.hold_id, to_account_id=shop.account_id, amount=shillings(25)))
    assert (paid.status, paid.posted_amount) == ("posted", shillings(25))
    assert await bank.says(GetHold(hold_id=hold.hold_id)) == paid
    after = await now(bank, savings)
    assert (after.balance, after.held, after.available) == (shillings(75), shillings(0), shillings(75))
    with bank.refuses("hold_not_pending", field="hold_id"):
        await bank.says(VoidHold(hold_id=hold.hold_id))
    assert (await bank.says(ProveBooks())).proven


async def test_a_hold_lapses_by_itself_when_its_time_has_come(bank: Bank) -> None:
    savings = await account(bank, 100)
    expires_at = bank.clock.now() + timedelta(hours=1)
    hold = await bank.says(PlaceHold(account_id=savings.account_id, amount=shillings(60), expires_at=expires_at))
    bank.clock.advance(seconds=3601)

    async def has_lapsed() -> bool:
        return (await bank.says(GetHold(hold_id=hold.hold_id))).status == "expired"

    await until(has_lapsed, within_seconds=20)
    assert (await now(bank, savings)).available == shillings(100)


async def test_an_account_with_something_held_is_not_closed(bank: Bank) -> None:
    savings = await account(bank, 10)
    hold = await bank.says(PlaceHold(account_id=savings.account_id, amount=shillings(10)))
    with bank.refuses("account_has_holds", field="account_id"):
        await bank.says(CloseAccount(account_id=savings.account_id, reason="moved away"))
    await bank.says(VoidHold(hold_id=hold.hold_id))
    await bank.says(Withdraw(account_id=savings.account_id, amount=shillings(10)))
    await bank.says(CloseAccount(account_id=savings.account_id, reason="moved away"))


async def test_holds_are_listed_newest_first_in_pages_to_whoever_sees_the_account(bank: Bank) -> None:
    amina = await member(bank)
    savings = await account(bank, 100, member_id=amina)
    placed = [await bank.says(PlaceHold(account_id=savings.account_id, amount=shillings(amount))) for amount in (1, 2, 3)]
    await bank.says(VoidHold(hold_id=placed[1].hold_id))
    first = await bank.says(ListHolds(account_id=savings.account_id, limit=2), as_=login(amina))
    rest = await bank.says(ListHolds(account_id=savings.account_id, limit=2, cursor=first.next_cursor), as_=login(amina))
    assert [each.amount for each in (*first.items, *rest.items)] == [shillings(3), shillings(2), shillings(1)]
    assert rest.next_cursor is None
    voided = await bank.says(ListHolds(account_id=savings.account_id, status="voided"))
    assert [each.hold_id for each in voided.items] == [placed[1].hold_id]
    stranger = login(await member(bank))
    with bank.refuses("account_not_found", field="account_id"):
        await bank.says(ListHolds(account_id=savings.account_id), as_=stranger)
    for hold_id in (placed[0].hold_id, new_id()):
        with bank.refuses("hold_not_found", field="hold_id"):
            await bank.says(GetHold(hold_id=hold_id), as_=stranger)
