"""Which identifiers a member can have."""

from collections.abc import Sequence

from messages.member import (
    MOST_IDENTIFIERS,
    BusinessDetails,
    IdentifierKind,
    IdentifierTaken,
    NewIdentifier,
    RegistrationStays,
    TooManyIdentifiers,
)

Claim = tuple[str, NewIdentifier]
"""An identifier and where it stands in the message, for the refusal."""


def claims_of(identifiers: Sequence[NewIdentifier]) -> list[Claim]:
    """The identifiers of a registration as claims."""
    return [(f"identifiers.{position}.value", identifier) for position, identifier in enumerate(identifiers)]


def registration_claim(business: BusinessDetails) -> Claim:
    """The registration number of a business, which is an identifier like others."""
    registration = NewIdentifier(
        kind=IdentifierKind.REGISTRATION, country=business.registered_in, value=business.registration_number
    )
    return "business.registration_number", registration


def check_distinct(claims: Sequence[Claim]) -> None:
    """Refuse one that is claimed twice."""
    seen: set[NewIdentifier] = set()
    for field, identifier in claims:
        if identifier in seen:
            raise IdentifierTaken("The identifier is given twice.", field=field)
        seen.add(identifier)


def check_room(held: int) -> None:
    """Refuse one more than a member may have."""
    if held >= MOST_IDENTIFIERS:
        raise TooManyIdentifiers(field="identifier")


def check_same_registration(old: BusinessDetails, new: BusinessDetails) -> None:
    """Refuse a correction that changes what is kept as an identifier."""
    if (old.registration_number, old.registered_in) != (new.registration_number, new.registered_in):
        raise RegistrationStays(field="business.registration_number")
