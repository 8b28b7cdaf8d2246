"""The roles file and the vocabularies speak of the same permissions."""

from config.permissions import permissions
from config.roles import load_roles
from messages.base import all_message_types
from runtime.house import load_vocabularies


def test_every_permission_that_a_message_needs_is_granted_to_some_role() -> None:
    load_vocabularies()
    needed = {kind.permission for kind in all_message_types() if kind.permission and kind.__module__.startswith("messages.")}
    granted = {permission for permissions in load_roles().values() for permission in permissions}
    assert needed <= granted


def test_the_catalogue_has_each_permission_that_a_message_needs_and_no_other() -> None:
    load_vocabularies()
    needed = {kind.permission for kind in all_message_types() if kind.permission and kind.__module__.startswith("messages.")}
    assert set(permissions()) == needed


def test_each_shipped_grant_means_something() -> None:
    load_vocabularies()
    for role, grants in load_roles().items():
        for permission, grant in grants.items():
            assert grant.scope in permissions()[permission].scopes, (role, permission)


def test_only_the_administrator_changes_the_system() -> None:
    for role, granted in load_roles().items():
        for permission in (
            "users:write",
            "roles:write",
            "access-requests:decide",
            "pools:manage",
            "dead-letters:manage",
            "chart:write",
        ):
            assert permission not in granted or role == "admin"


def test_a_member_reaches_only_their_own() -> None:
    assert {grant.scope for grant in load_roles()["member"].values()} == {"own"}


def test_an_auditor_only_reads() -> None:
    assert {permission.partition(":")[2] for permission in load_roles()["auditor"]} <= {"read", "history"}
