"""Which way a member's status may go: pending -> active <-> suspended, each -> closed, and closed for good."""

from enum import Enum

from messages.member import MembershipEnded, MemberStatus, StatusMoveNotAllowed

PENDING, ACTIVE, SUSPENDED, CLOSED = MemberStatus


class Move(Enum):
    """What can be done to a status: from which ones, and where it leads."""

    ACTIVATE = (frozenset({PENDING}), ACTIVE)
    SUSPEND = (frozenset({ACTIVE}), SUSPENDED)
    REACTIVATE = (frozenset({SUSPENDED}), ACTIVE)
    CLOSE = (frozenset({PENDING, ACTIVE, SUSPENDED}), CLOSED)

    @property
    def leads_to(self) -> MemberStatus:
        """The status after the move."""
        return self.value[1]


def moved(status: MemberStatus, move: Move) -> MemberStatus:
    """The status after the move; refused where it may not be made."""
    refuse_if_closed(status)
    allowed_from, leads_to = move.value
    if status not in allowed_from:
        raise StatusMoveNotAllowed(f"A member who is {status} cannot become {leads_to} this way.", status=status)
    return leads_to


def refuse_if_closed(status: MemberStatus) -> None:
    """A closed membership does not change any more."""
    if status is CLOSED:
        raise MembershipEnded
