"""Which roles a user can have."""

from collections.abc import Collection, Sequence

from messages.identity import UnknownRole

ADMINISTRATOR = "admin"
"""The role that makes users; somebody must have it."""
MEMBER = "member"
"""The role of members who log in; it ends with the membership."""


def known_roles(wanted: Sequence[str], known: Collection[str]) -> list[str]:
    """The wanted roles, each once. Refused where the roles file does not have one."""
    for place, role in enumerate(wanted):
        if role not in known:
            raise UnknownRole(field=f"roles.{place}", role=role)
    return list(dict.fromkeys(wanted))


def without_membership(roles: Sequence[str]) -> list[str]:
    """What is left of a user's roles when the membership has ended."""
    return [role for role in roles if role != MEMBER]
