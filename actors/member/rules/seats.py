"""Who may sit where in a solidarity group."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from messages.member import (
    MOST_IN_A_GROUP,
    GroupFull,
    GroupRole,
    InAnotherGroup,
    MemberNotFound,
    MemberStatus,
    NotAnActiveMember,
    Seat,
    SeatTaken,
)


def check_seat(member_id: UUID, role: GroupRole, seated: Mapping[UUID, GroupRole], *, field: str = "") -> None:
    """Refuse a seat that the group as it is cannot give. `field` is the path of the seat in the message, with its dot."""
    if len(seated) >= MOST_IN_A_GROUP:
        raise GroupFull
    if member_id in seated:
        raise InAnotherGroup("The member is in this group already.", field=f"{field}member_id")
    if role is not GroupRole.MEMBER and role in seated.values():
        raise SeatTaken(field=f"{field}role", role=role)


def check_seats(seats: Iterable[Seat]) -> None:
    """Refuse seats that a new group cannot give."""
    seated: dict[UUID, GroupRole] = {}
    for place, seat in enumerate(seats):
        check_seat(seat.member_id, seat.role, seated, field=f"seats.{place}.")
        seated[seat.member_id] = seat.role


def check_standing(status: MemberStatus | None, *, field: str = "member_id") -> None:
    """Only active members guarantee others."""
    if status is None:
        raise MemberNotFound(field=field)
    if status is not MemberStatus.ACTIVE:
        raise NotAnActiveMember(field=field, status=status)
