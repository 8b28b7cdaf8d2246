"""People and businesses to test with; every call makes somebody new, so that tests do not meet each other's."""

from typing import Any

from messages.ids import new_id
from messages.member import (
    ActivateMember,
    BusinessDetails,
    CloseMember,
    Contact,
    Member,
    NewIdentifier,
    PersonDetails,
    RegisterBusiness,
    RegisterPerson,
)
from tests.bank import Bank


def unique_word() -> str:
    """A word that no other name has."""
    return "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex)


def unique_value() -> str:
    """An identifier that nobody else holds."""
    return new_id().hex.upper()


def unique_phone() -> str:
    """A phone number that nobody else has."""
    return f"+254{new_id().int % 10**11:011}"


def person(name: str = "Amina Wanjiru", **details: Any) -> PersonDetails:
    given, _, family = name.partition(" ")
    return PersonDetails(**{"given_name": given, "family_name": family or None, "born_on": "1990-04-01", **details})


def business(name: str = "Mama Mboga Traders", **details: Any) -> BusinessDetails:
    return BusinessDetails.model_validate(
        {
            "legal_name": name,
            "legal_form": "sole_proprietor",
            "registration_number": unique_value(),
            "registered_in": "KE",
            "registered_on": "2015-06-30",
            "sector": "trade",
            "size": "micro",
            **details,
        }
    )


def national_id(value: str | None = None, country: str = "KE") -> NewIdentifier:
    return NewIdentifier.model_validate({"kind": "national_id", "country": country, "value": value or unique_value()})


async def registered(bank: Bank, name: str = "Amina Wanjiru", **rest: Any) -> Member:
    """A pending member."""
    return await bank.says(RegisterPerson(person=person(name), **rest))


async def active(bank: Bank, name: str = "Amina Wanjiru", **rest: Any) -> Member:
    """A member who may take part."""
    member = await registered(bank, name, **rest)
    return await bank.says(ActivateMember(member_id=member.member_id))


async def closed(bank: Bank, member: Member) -> Member:
    return await bank.says(CloseMember(member_id=member.member_id, reason="member_request"))


async def registered_business(bank: Bank, **details: Any) -> Member:
    return await bank.says(RegisterBusiness(business=business(**details), contact=Contact(phones=(unique_phone(),))))
