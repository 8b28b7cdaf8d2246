"""Which dates can be true of a person or a business."""

from datetime import date

from messages.member import BirthDateImpossible, RegistrationDateImpossible

OLDEST_YEARS = 125
"""Nobody is known to have lived longer. There is no youngest: a child may save; who may borrow is the loan product's rule."""
FIRST_REGISTRY_YEAR = 1600


def check_birth_date(born_on: date, today: date) -> None:
    """Refuse a date of birth that cannot be."""
    if not date(today.year - OLDEST_YEARS, 1, 1) <= born_on <= today:
        raise BirthDateImpossible(field="person.born_on")


def check_registration_date(registered_on: date, today: date) -> None:
    """Refuse a date of registration that cannot be."""
    if not date(FIRST_REGISTRY_YEAR, 1, 1) <= registered_on <= today:
        raise RegistrationDateImpossible(field="business.registered_on")
