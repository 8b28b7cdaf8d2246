"""Members with accounts, and money in them; every call makes somebody new, so that tests do not meet each other's."""

from datetime import date
from typing import Any

from messages.ids import MemberId
from messages.ledger import Account, AdoptStandardChart, Deposit, GetAccount, OpenAccount
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from messages.money import Money
from runtime.principal import Principal
from tests.bank import Bank


def shillings(amount: object) -> Money:
    return Money(amount=str(amount), currency="KES")


async def member(bank: Bank) -> MemberId:
    """A member who has just become active."""
    person = PersonDetails(given_name="Amina", family_name="Wanjiru", born_on=date(1990, 4, 1))
    registered = await bank.says(RegisterPerson(person=person))
    await bank.says(ActivateMember(member_id=registered.member_id))
    return registered.member_id


async def account(bank: Bank, balance: int = 0, *, member_id: MemberId | None = None, **rest: Any) -> Account:
    """A savings account in KES with money in it."""
    await bank.says(AdoptStandardChart(currency="KES"))
    asked = {"member_id": member_id or await member(bank), "kind": "savings", "currency": "KES", **rest}
    opened = await bank.says(OpenAccount.model_validate(asked))
    if balance:
        await bank.says(Deposit(account_id=opened.account_id, amount=shillings(balance)))
    return await now(bank, opened)


async def now(bank: Bank, known: Account) -> Account:
    """The account as it is now."""
    return await bank.says(GetAccount(account_id=known.account_id))


def login(member_id: MemberId) -> Principal:
    """The member, logged in."""
    return Principal("user", f"login of {member_id}", ("member",), member_id)
