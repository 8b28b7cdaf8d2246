"""Which roles a user can have."""

from collections.abc import Sequence

ADMINISTRATOR = "admin"
"""The role that makes users; somebody must have it."""
MEMBER = "member"
"""The role of members who log in; it ends with the membership."""


def without_membership(roles: Sequence[str]) -> list[str]:
    """What is left of a user's roles when the membership has ended."""
    return [role for role in roles if role != MEMBER]
