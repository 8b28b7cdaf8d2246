"""Two other systems at the door, each with a broker user of its own, and an account to speak about."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from messages.ledger import Account, AdoptStandardChart, GetAccount, OpenAccount
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from messages.operations import DeadLetter, ListDeadLetters
from tests.bank import Bank, House, until
from tests.systems.stranger import Stranger


@pytest.fixture
async def partner(house: House) -> AsyncIterator[Stranger]:
    """demo-partner, of config/systems.yaml."""
    async with Stranger.connected(house.servers.broker_urls["demo_partner"], "demo-partner") as stranger:
        yield stranger


@pytest.fixture
async def importer(house: House) -> AsyncIterator[Stranger]:
    """records-import, which hears no events."""
    async with Stranger.connected(house.servers.broker_urls["records_import"], "records-import", hears=False) as stranger:
        yield stranger


@pytest.fixture
async def account(bank: Bank) -> Account:
    """An empty savings account in KES."""
    await bank.says(AdoptStandardChart(currency="KES"))
    person = PersonDetails(given_name="Amina", family_name="Wanjiru", born_on=date(1990, 4, 1))
    member = await bank.says(RegisterPerson(person=person))
    await bank.says(ActivateMember(member_id=member.member_id))
    return await bank.says(OpenAccount(member_id=member.member_id, kind="savings", currency="KES"))


async def balance(bank: Bank, account: Account) -> str:
    """What the account holds now."""
    return (await bank.says(GetAccount(account_id=account.account_id))).balance.amount


def deposit(account: Account, amount: str = "25.00", **other: Any) -> dict[str, Any]:
    """The body of a deposit."""
    return {"account_id": str(account.account_id), "amount": {"amount": amount, "currency": "KES"}, **other}


async def dead_letter(bank: Bank, message_id: str) -> DeadLetter:
    """The dead letter of this message."""
    found: list[DeadLetter] = []

    async def kept() -> bool:
        letters = (await bank.says(ListDeadLetters(mailbox="ingress"))).items
        found[:] = [letter for letter in letters if letter.message_id == UUID(message_id)]
        return bool(found)

    await until(kept)
    return found[0]


@contextlib.contextmanager
def entry_of(house: House, system: str, **changed: Any) -> Iterator[None]:
    """The system's entry in systems.yaml, otherwise for a while."""
    customs = house.actors._house.customs
    user, (name, entry) = next(each for each in customs._by_user.items() if each[1][0] == system)
    customs._by_user[user] = (name, entry.model_copy(update=changed))
    customs._buckets.pop(name, None)
    try:
        yield
    finally:
        customs._by_user[user] = (name, entry)
        customs._buckets.pop(name, None)
