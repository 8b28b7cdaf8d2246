"""Finding members: by name, identifier, phone, number and status, page by page."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from actors.member import store
from messages.member import ActivateMember, Contact, MemberSummary, SearchMembers
from runtime.paging import encode_cursor
from runtime.principal import Principal
from tests.actors.member.people import active, national_id, registered, registered_business, unique_phone, unique_word
from tests.bank import Bank


async def every(bank: Bank, between: Callable[[int], Awaitable[None]] | None = None, **asked: Any) -> list[MemberSummary]:
    """All members that a search finds, page by page."""
    found: list[MemberSummary] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = await bank.says(SearchMembers(**asked, cursor=cursor))
        found += page.items
        cursor, pages = page.next_cursor, pages + 1
        assert pages < 200
        if between:
            await between(pages)
    return found


async def test_a_name_is_found_by_the_beginnings_of_its_words_in_any_order(bank: Bank) -> None:
    family = unique_word()
    amina, anna = await registered(bank, f"Amina {family}"), await registered(bank, f"Anna {family}")
    for asked, expected in (
        (family[:20].upper(), [amina, anna]),
        (f"am {family[:20]}", [amina]),
        (f"{family[:20]}, An", [anna]),
        (f"zz {family}", []),
    ):
        found = await every(bank, name=asked)
        assert [each.number for each in found] == [each.number for each in expected]


async def test_a_member_with_two_fitting_words_is_found_once(bank: Bank) -> None:
    word = unique_word()
    member = await registered(bank, f"{word} {word}x")
    assert [each.member_id for each in await every(bank, name=word[:20], limit=1)] == [member.member_id]


async def test_wildcards_are_letters_of_no_name(bank: Bank) -> None:
    for asked in ("%%", "__", "%a%", "\\", "'; --"):
        with bank.refuses("name_too_short"):
            await bank.says(SearchMembers(name=asked))
    assert not await every(bank, name="%zzzz_zzzz%")


async def test_pages_are_the_whole_list_once_while_others_register(bank: Bank) -> None:
    family = unique_word()
    there = [await registered(bank, f"{unique_word()} {family}{letter}") for letter in "cabfde" for _ in range(2)]

    async def newcomer(pages: int) -> None:
        await registered(bank, f"New {family}{'az'[pages % 2]}{unique_word()}") if pages < 5 else None

    found = [each.member_id for each in await every(bank, between=newcomer, name=family, limit=3)]
    assert len(found) == len(set(found))
    assert {each.member_id for each in there} <= set(found)
    assert [each for each in found if each in {m.member_id for m in there}] == [
        each.member_id for each in sorted(there, key=lambda m: (m.name.split()[1], m.number))
    ]


async def test_a_search_by_several_things_finds_what_fits_all(bank: Bank) -> None:
    family, phone, document = unique_word(), unique_phone(), national_id()
    contact = Contact(phones=(unique_phone(), phone))
    one = await registered(bank, f"Amina {family}", contact=contact, identifiers=(document,))
    two = await active(bank, f"Anna {family}", contact=Contact(phones=(phone,)))
    for asked, expected in (
        ({"phone": phone}, {one.member_id, two.member_id}),
        ({"phone": phone, "status": "active"}, {two.member_id}),
        ({"phone": phone, "name": f"am {family}"}, {one.member_id}),
        ({"phone": phone, "identifier": document.value}, {one.member_id}),
        ({"phone": unique_phone(), "identifier": document.value}, set()),
        ({"number": two.number, "phone": phone}, {two.member_id}),
        ({"number": "M-999999999"}, set()),
        ({"name": family, "status": "pending"}, {one.member_id}),
        ({"name": family, "kind": "business"}, set()),
        ({"name": family, "status": "closed"}, set()),
    ):
        assert {each.member_id for each in await every(bank, **asked)} == expected, asked


async def test_phone_and_identifier_lookups_come_in_pages_too(bank: Bank) -> None:
    phone = unique_phone()
    shared = [await registered(bank, contact=Contact(phones=(phone,))) for _ in range(5)]
    found = await every(bank, phone=phone, limit=2)
    assert [each.number for each in found] == [each.number for each in shared]


async def test_the_list_of_everybody_is_in_the_order_of_numbers_and_each_filter_is_a_part_of_it(bank: Bank) -> None:
    await registered_business(bank)
    await active(bank)
    everybody = await every(bank, limit=7)
    numbers = [each.number for each in everybody]
    assert numbers == sorted(set(numbers), key=lambda number: int(number[2:]))
    for status in ("pending", "active", "closed"):
        for kind in (None, "person", "business"):
            expected = [each for each in everybody if each.status == status and kind in (None, each.kind)]
            assert await every(bank, status=status, kind=kind, limit=7) == expected


async def test_a_page_looks_at_no_more_than_its_bound_and_the_next_one_goes_on(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = unique_word()
    there = [await registered(bank, f"{given} {family}") for given in ("Ann", "Bob", "Bea", "Cyd", "Dan", "Eve", "Bil")]
    monkeypatch.setattr(store, "MOST_LOOKED_AT", 2)
    assert [each.number for each in await every(bank, name=f"b {family}", limit=5)] == [there[n].number for n in (1, 2, 6)]
    await bank.says(ActivateMember(member_id=there[5].member_id))
    for asked in ({"name": family, "status": "active"}, {"name": family, "status": "active", "limit": 1}):
        assert [each.number for each in await every(bank, **asked)] == [there[5].number]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "!",
        encode_cursor("x"),
        encode_cursor("-1"),
        encode_cursor("9" * 30),
        encode_cursor("a", "b"),
        encode_cursor(),
    ],
)
async def test_a_cursor_of_another_making_is_refused(bank: Bank, cursor: str) -> None:
    with bank.refuses("invalid"):
        await bank.says(SearchMembers(cursor=cursor))
    with bank.refuses("invalid"):
        await bank.says(SearchMembers(name="amina", cursor=cursor))


async def test_a_cursor_that_holds_what_no_text_may_does_no_harm(bank: Bank) -> None:
    assert (await bank.says(SearchMembers(name="zzzz", cursor=encode_cursor("a\0b", "1")))).items == ()


@pytest.mark.parametrize("limit", [0, 201, -1])
def test_a_page_has_bounds(limit: int) -> None:
    with pytest.raises(ValidationError):
        SearchMembers(limit=limit)


async def test_a_member_finds_only_themself(bank: Bank) -> None:
    family = unique_word()
    mine, _other = await registered(bank, f"Amina {family}"), await registered(bank, f"Anna {family}")
    me = Principal("user", "u", ("member",), mine.member_id)
    for query in (SearchMembers(), SearchMembers(name=family), SearchMembers(status="pending")):
        assert [each.member_id for each in (await bank.says(query, as_=me)).items] == [mine.member_id]
    assert (await bank.says(SearchMembers(name="anna"), as_=me)).items == ()
    assert (await bank.says(SearchMembers(), as_=Principal("user", "u", ("member",)))).items == ()
