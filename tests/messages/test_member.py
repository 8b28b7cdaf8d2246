"""What members' messages accept and how they spell it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from messages.member import Contact, Country, EmailAddress, IdentifierValue, PersonDetails, PhoneNumber, RegisterPerson

phone, email, identifier, country = (TypeAdapter(kind) for kind in (PhoneNumber, EmailAddress, IdentifierValue, Country))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+254 712-345 678", "+254712345678"),
        ("00254 (712) 345678", "+254712345678"),
        ("+1.202.555.0143", "+12025550143"),
    ],
)
def test_a_phone_number_is_kept_as_e164(typed: str, kept: str) -> None:
    assert phone.validate_python(typed) == kept


@pytest.mark.parametrize(
    "typed", ["0712345678", "+0712345678", "+2547", "+1234567890123456", "+\u0662\u0665\u0664712345678", "", "+254x12345678"]
)
def test_a_phone_number_without_country_code_or_of_impossible_length_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        phone.validate_python(typed)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_e164_stays_as_it_is(number: str) -> None:
    number = number.encode("ascii").decode()
    assert phone.validate_python(number) == number


@pytest.mark.parametrize("typed", ["amina@Example.ORG", "a.b+c@mail.example.co.ke", "o'neil@example.com", "ü@bücher.example"])
def test_an_email_address_keeps_its_name_and_lowers_its_domain(typed: str) -> None:
    name, _, domain = typed.rpartition("@")
    assert email.validate_python(typed) == f"{name}@{domain.lower()}"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "amina",
        "amina@",
        "@example.org",
        "a b@example.org",
        "a@b",
        "a@-x.org",
        "a@x..org",
        "a\n@x.org",
        "a@x.org\0",
        "<a@x.org>",
    ],
)
def test_what_is_no_email_address_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        email.validate_python(typed)


@pytest.mark.parametrize(
    ("typed", "kept"), [("12-345/67.8", "12345678"), (" a 001 ", "A001"), ("\u0410\u0411 123", "\u0410\u0411123")]
)
def test_an_identifier_is_kept_in_one_spelling(typed: str, kept: str) -> None:
    assert identifier.validate_python(typed) == kept
    assert identifier.validate_python(kept) == kept


@pytest.mark.parametrize("typed", ["", "1", "--", "12;34", "1" * 41, "12\0" + "34"])
def test_what_is_no_identifier_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        identifier.validate_python(typed)


@pytest.mark.parametrize("code", ["ke", "XX", "KEN", ""])
def test_an_unknown_country_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        country.validate_python(code)


def test_personal_data_stays_out_of_repr() -> None:
    command = RegisterPerson(
        person=PersonDetails(given_name="Amina", born_on="1990-04-01"),
        contact=Contact(phones=("+254712345678",), emails=("amina@example.org",)),
        identifiers=({"kind": "national_id", "country": "KE", "value": "12345678"},),
    )
    shown = repr(command)
    assert not [secret for secret in ("1990", "254712345678", "amina@example.org", "12345678") if secret in shown]


@pytest.mark.parametrize("stray", ["status", "member_id", "number", "version", "is_admin"])
def test_fields_that_are_not_the_clients_are_refused(stray: str) -> None:
    with pytest.raises(ValidationError):
        RegisterPerson.model_validate({"person": {"given_name": "A", "born_on": "1990-01-01"}, stray: "x"})


@pytest.mark.parametrize("typed", [0, 1_700_000_000, "0", "1700000000", "1990-01-01T00:00:00", "1990-1-1", "01.01.1990", True])
def test_what_is_not_written_as_a_day_is_no_birth_date(typed: object) -> None:
    with pytest.raises(ValidationError):
        PersonDetails.model_validate_json(json.dumps({"given_name": "Amina", "family_name": "Otieno", "born_on": typed}))
