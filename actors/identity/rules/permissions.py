"""What can be granted: found from the messages that ask for a permission, with the catalogue's sentence for each."""

from collections.abc import Iterable, Mapping, Sequence

from messages.access import LimitWithoutMeaning, Permission, RoleGrant, Scope, ScopeWithoutMeaning, UnknownPermission
from messages.base import Event, Message

KNOWS_AMOUNT = frozenset({"entries:reverse", "loans:approve", "loans:reverse", "loans:reschedule", "loans:write-off"})
"""Whose messages say no amount, but name something that has one."""


def takes_limit(permission: str, messages: Iterable[type[Message]]) -> bool:
    """Whether something that is said with it has an amount."""
    return permission in KNOWS_AMOUNT or any(
        kind.amount_field is not None or kind.amounts is not Message.amounts
        for kind in messages
        if kind.permission == permission
    )


def told_permissions(
    about: Mapping[str, tuple[str, Sequence[Scope]]], messages: Sequence[type[Message]]
) -> tuple[Permission, ...]:
    """All permissions of the catalogue, by name."""
    return tuple(
        Permission(
            name=name,
            about=sentence,
            scopes=tuple(scopes),
            takes_limit=takes_limit(name, messages),
            opens=tuple(
                _first_sentence(kind.__doc__ or "")
                for kind in messages
                if kind.permission == name and not issubclass(kind, Event)
            ),
        )
        for name, (sentence, scopes) in sorted(about.items())
    )


def check_grants(
    grants: Mapping[str, RoleGrant], scopes: Mapping[str, Sequence[Scope]], messages: Sequence[type[Message]]
) -> None:
    """Refuse grants of what is not there, and scopes and limits that would mean nothing."""
    for permission, grant in grants.items():
        field = f"grants.{permission}"
        if permission not in scopes:
            raise UnknownPermission(field=field, permission=permission)
        if grant.scope not in scopes[permission]:
            raise ScopeWithoutMeaning(field=f"{field}.scope", scopes=", ".join(scopes[permission]))
        if grant.at_most is not None and not takes_limit(permission, messages):
            raise LimitWithoutMeaning(field=f"{field}.at_most")


def _first_sentence(text: str) -> str:
    words = " ".join(text.split())
    end = words.find(". ")
    return words if end < 0 else words[: end + 1]
