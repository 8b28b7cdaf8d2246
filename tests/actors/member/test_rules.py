"""The member actor's pure rules, as properties."""

import contextlib
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.member.rules.dates import check_birth_date
from actors.member.rules.life_cycle import Move, moved
from actors.member.rules.names import beginnings, folded, words_of
from actors.member.rules.seats import check_seats
from messages.base import Refusal
from messages.member import (
    MOST_IN_A_GROUP,
    BirthDateImpossible,
    GroupFull,
    GroupRole,
    InAnotherGroup,
    MembershipEnded,
    MemberStatus,
    NameTooShort,
    Seat,
    SeatTaken,
    StatusMoveNotAllowed,
)

TODAY = date(2024, 2, 29)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80)


@given(st.lists(st.sampled_from(Move), max_size=20))
def test_no_sequence_of_moves_leaves_the_life_cycle(moves: list[Move]) -> None:
    status, been = MemberStatus.PENDING, [MemberStatus.PENDING]
    for move in moves:
        with contextlib.suppress(StatusMoveNotAllowed, MembershipEnded):
            status = moved(status, move)
            been.append(status)
    assert MemberStatus.PENDING not in been[1:]
    assert MemberStatus.CLOSED not in been[:-1]
    assert all(before is MemberStatus.ACTIVE for before, after in pairwise(been) if after is MemberStatus.SUSPENDED)


@given(st.sampled_from(Move))
def test_a_closed_membership_is_closed_for_good(move: Move) -> None:
    with pytest.raises(MembershipEnded):
        moved(MemberStatus.CLOSED, move)


def test_a_suspension_is_lifted_by_reactivation_only() -> None:
    with pytest.raises(StatusMoveNotAllowed, match="suspended"):
        moved(MemberStatus.SUSPENDED, Move.ACTIVATE)
    assert moved(MemberStatus.SUSPENDED, Move.REACTIVATE) is MemberStatus.ACTIVE


@given(st.dates())
def test_a_birth_date_is_neither_in_the_future_nor_beyond_a_human_life(born_on: date) -> None:
    possible = date(1899, 1, 1) <= born_on <= TODAY
    with contextlib.nullcontext() if possible else pytest.raises(BirthDateImpossible):
        check_birth_date(born_on, TODAY)


def test_somebody_may_be_born_today_but_not_tomorrow() -> None:
    check_birth_date(TODAY, TODAY)
    with pytest.raises(BirthDateImpossible):
        check_birth_date(TODAY + timedelta(days=1), TODAY)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ng'ang'a Wanjirũ", ["nganga", "wanjiru"]),
        ("O\u2019Brien-Łukasz", ["lukasz", "obrien"]),
        ("MÜLLER  Straße müller", ["muller", "strasse"]),
        ("अमित कुमार", ["अमित", "कुमार"]),
        ("100% _Pure_ Water Ltd.", ["100", "ltd", "pure", "water"]),
    ],
)
def test_names_are_compared_without_accents_capitals_and_punctuation(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@given(names)
@example("%_\\")
def test_folded_words_hold_nothing_that_a_pattern_would_understand_and_stay_as_they_are(name: str) -> None:
    words = words_of(name)
    assert not set("".join(words)) & set("%_\\ '\0")
    assert words == sorted(set(words))
    assert set(words_of(" ".join(words))) == set(words)


@given(names.filter(lambda name: any(len(word) >= 2 for word in words_of(name))), st.data())
def test_a_name_is_found_by_the_beginning_of_any_of_its_words(name: str, data: st.DataObject) -> None:
    word = data.draw(st.sampled_from([word for word in words_of(name) if len(word) >= 2]))
    asked = word[: data.draw(st.integers(2, len(word)))]
    with contextlib.suppress(NameTooShort):
        assert any(candidate.startswith(beginnings(asked)[0]) for candidate in words_of(name))


@pytest.mark.parametrize("asked", ["", "a", "% _", "a b c", "'"])
def test_a_search_needs_two_letters_of_a_word(asked: str) -> None:
    with pytest.raises(NameTooShort):
        beginnings(asked)


def test_group_names_that_read_alike_are_the_same() -> None:
    assert folded("Umoja  Wanawäke!") == folded("umoja wanawake")
    assert folded("Umoja Wanawake") != folded("Wanawake Umoja")
    assert folded("***") != folded("+++")


seats = st.lists(
    st.builds(Seat, member_id=st.integers(0, 60).map(lambda number: UUID(int=number)), role=st.sampled_from(GroupRole)),
    max_size=60,
)


@given(seats)
def test_a_group_that_is_allowed_has_distinct_members_one_holder_per_office_and_a_bound(wanted: list[Seat]) -> None:
    try:
        check_seats(wanted)
    except Refusal as no:
        assert isinstance(no, InAnotherGroup | SeatTaken | GroupFull)  # noqa: PT017 - which of them depends on the seats
        return
    members = [seat.member_id for seat in wanted]
    offices = [seat.role for seat in wanted if seat.role is not GroupRole.MEMBER]
    assert len(set(members)) == len(members) <= MOST_IN_A_GROUP
    assert len(set(offices)) == len(offices)


def test_the_seat_at_fault_is_named() -> None:
    one, other = UUID(int=1), UUID(int=2)
    with pytest.raises(SeatTaken) as no:
        check_seats([Seat(member_id=one, role=GroupRole.CHAIR), Seat(member_id=other, role=GroupRole.CHAIR)])
    assert no.value.field == "seats.1.role"
