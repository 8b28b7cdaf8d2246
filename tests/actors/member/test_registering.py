"""Registering members and keeping their data right."""

import asyncio
from datetime import timedelta

import pytest

from messages.ids import new_id
from messages.member import (
    AddIdentifier,
    Contact,
    CorrectBusiness,
    CorrectPerson,
    GetMember,
    IdentifierTaken,
    Member,
    RegisterBusiness,
    RegisterPerson,
    RemoveIdentifier,
    SearchMembers,
    UpdateContact,
)
from runtime.principal import Principal
from tests.actors.member.people import (
    business,
    closed,
    national_id,
    person,
    registered,
    registered_business,
    unique_phone,
    unique_value,
    unique_word,
)
from tests.bank import Bank


async def test_a_person_registers_as_pending_and_reads_back_the_same(bank: Bank) -> None:
    contact = Contact.model_validate(
        {
            "phones": ["+254 712 345678"],
            "emails": ["Amina@Example.org"],
            "address": {"line_1": "Moi Avenue 1", "city": "Nairobi", "country": "KE"},
        }
    )
    member = await bank.says(RegisterPerson(person=person("Amina Wanjiru"), contact=contact, identifiers=(national_id(),)))
    assert (member.status, member.name, member.version, member.kind) == ("pending", "Amina Wanjiru", 1, "person")
    assert member.contact == contact
    assert member.person == person("Amina Wanjiru")
    assert await bank.says(GetMember(member_id=member.member_id)) == member


async def test_a_business_is_found_by_its_registration_number_and_both_names(bank: Bank) -> None:
    trading = unique_word()
    member = await registered_business(bank, name=f"{unique_word()} Limited", trading_name=trading)
    assert member.name == member.business.legal_name
    for query in (SearchMembers(identifier=member.business.registration_number), SearchMembers(name=trading)):
        assert [found.member_id for found in (await bank.says(query)).items] == [member.member_id]


async def test_numbers_have_no_gaps_even_where_registrations_are_refused_or_race(bank: Bank) -> None:
    taken = national_id()
    first = await registered(bank, identifiers=(taken,))

    async def attempt(number: int) -> Member | None:
        try:
            return await registered(bank, identifiers=(taken,) if number % 3 == 0 else ())
        except IdentifierTaken:
            return None

    others = [member for member in await asyncio.gather(*map(attempt, range(12))) if member]
    numbers = sorted(int(member.number.removeprefix("M-")) for member in [first, *others])
    assert numbers == list(range(numbers[0], numbers[0] + 9))


async def test_the_same_registration_said_twice_is_one_member(bank: Bank) -> None:
    command, message_id = RegisterPerson(person=person(unique_word())), new_id()
    assert await bank.says(command, message_id=message_id) == await bank.says(command, message_id=message_id)
    assert len((await bank.says(SearchMembers(name=command.person.given_name))).items) == 1


async def test_an_identifier_is_held_by_one_member_however_it_is_written(bank: Bank) -> None:
    value = unique_value()
    await registered(bank, identifiers=(national_id(value),))
    with bank.refuses("identifier_taken"):
        await registered(bank, identifiers=(national_id(), national_id(f" {value[:4].lower()}-{value[4:]} ")))
    await registered(bank, identifiers=(national_id(value, country="UG"),))


async def test_the_identifier_at_fault_is_named(bank: Bank) -> None:
    taken = national_id()
    await registered(bank, identifiers=(taken,))
    with pytest.raises(IdentifierTaken) as no:
        await registered(bank, identifiers=(national_id(), taken))
    assert no.value.field == "identifiers.1.value"
    assert not no.value.facts
    same = business()
    await bank.says(RegisterBusiness(business=same))
    with pytest.raises(IdentifierTaken) as no:
        await bank.says(RegisterBusiness(business=same))
    assert no.value.field == "business.registration_number"


async def test_of_many_who_claim_an_identifier_at_once_one_gets_it(bank: Bank) -> None:
    one, other = national_id(), national_id()

    async def attempt(number: int) -> Member | None:
        try:
            return await registered(bank, identifiers=(one, other) if number % 2 else (other, one))
        except IdentifierTaken:
            return None

    assert len([member for member in await asyncio.gather(*map(attempt, range(8))) if member]) == 1


async def test_an_identifier_is_free_again_when_removed_or_when_the_membership_closes(bank: Bank) -> None:
    document = national_id()
    member = await registered(bank, identifiers=(document,))
    held = member.identifiers[0]
    member = await bank.says(RemoveIdentifier(member_id=member.member_id, identifier_id=held.identifier_id))
    assert (member.identifiers, member.version) == ((), 2)
    with bank.refuses("identifier_not_found"):
        await bank.says(RemoveIdentifier(member_id=member.member_id, identifier_id=held.identifier_id))
    second = await registered(bank, identifiers=(document,))
    with bank.refuses("identifier_taken"):
        await bank.says(AddIdentifier(member_id=member.member_id, identifier=document))
    await closed(bank, second)
    member = await bank.says(AddIdentifier(member_id=member.member_id, identifier=document))
    assert [(each.kind, each.value) for each in member.identifiers] == [(document.kind, document.value)]
    found = await bank.says(SearchMembers(identifier=document.value))
    assert [each.member_id for each in found.items] == [member.member_id, second.member_id]


async def test_a_member_has_at_most_twenty_identifiers(bank: Bank) -> None:
    member = await registered(bank, identifiers=tuple(national_id() for _ in range(20)))
    with bank.refuses("too_many_identifiers"):
        await bank.says(AddIdentifier(member_id=member.member_id, identifier=national_id()))


async def test_dates_that_cannot_be_are_refused(bank: Bank) -> None:
    tomorrow = (bank.clock.now() + timedelta(days=1)).date()
    with bank.refuses("birth_date_impossible"):
        await bank.says(RegisterPerson(person=person(born_on=tomorrow)))
    with bank.refuses("registration_date_impossible"):
        await bank.says(RegisterBusiness(business=business(registered_on=tomorrow)))
    member = await registered(bank)
    with bank.refuses("birth_date_impossible"):
        await bank.says(CorrectPerson(member_id=member.member_id, person=person(born_on="1800-01-01")))


async def test_a_corrected_name_is_found_and_the_old_one_is_not(bank: Bank) -> None:
    old, new = unique_word(), unique_word()
    member = await registered(bank, f"Amina {old}")
    member = await bank.says(CorrectPerson(member_id=member.member_id, person=person(f"Amina {new}"), expected_version=1))
    assert (member.name, member.version) == (f"Amina {new}", 2)
    assert not (await bank.says(SearchMembers(name=old))).items
    assert [found.name for found in (await bank.says(SearchMembers(name=new))).items] == [member.name]


async def test_a_business_is_corrected_but_keeps_its_registration(bank: Bank) -> None:
    member = await registered_business(bank)
    better = business(registration_number=member.business.registration_number, sector="transport", trading_name=unique_word())
    member = await bank.says(CorrectBusiness(member_id=member.member_id, business=better))
    assert member.business == better
    with bank.refuses("registration_stays"):
        await bank.says(CorrectBusiness(member_id=member.member_id, business=business()))
    with bank.refuses("wrong_member_kind"):
        await bank.says(CorrectPerson(member_id=member.member_id, person=person()))


async def test_who_read_an_older_version_changes_nothing(bank: Bank) -> None:
    member = await registered(bank)
    newer = Contact(phones=(unique_phone(),))
    await bank.says(UpdateContact(member_id=member.member_id, contact=newer, expected_version=1))
    with bank.refuses("version_conflict"):
        await bank.says(UpdateContact(member_id=member.member_id, contact=Contact(), expected_version=1))
    member = await bank.says(GetMember(member_id=member.member_id))
    assert (member.contact, member.version) == (newer, 2)


async def test_a_closed_member_does_not_change_any_more(bank: Bank) -> None:
    member = await closed(bank, await registered(bank))
    for command in (
        UpdateContact(member_id=member.member_id, contact=Contact()),
        CorrectPerson(member_id=member.member_id, person=person()),
        AddIdentifier(member_id=member.member_id, identifier=national_id()),
    ):
        with bank.refuses("membership_ended"):
            await bank.says(command)


async def test_a_member_sees_only_themself_and_what_is_not_theirs_looks_like_what_is_not_there(bank: Bank) -> None:
    mine, other = await registered(bank), await registered(bank)
    me = Principal("user", "u", ("member",), mine.member_id)
    assert (await bank.says(GetMember(member_id=mine.member_id), as_=me)).member_id == mine.member_id
    answers = []
    for member_id in (other.member_id, new_id()):
        with bank.refuses("member_not_found"):
            try:
                await bank.says(GetMember(member_id=member_id), as_=me)
            except Exception as no:
                answers.append(no.to_wire())
                raise
    assert answers[0] == answers[1]
    with bank.refuses("forbidden"):
        await bank.says(RegisterPerson(person=person()), as_=me)
    with bank.refuses("forbidden"):
        await bank.says(UpdateContact(member_id=mine.member_id, contact=Contact()), as_=me)
