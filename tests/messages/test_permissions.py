"""The roles file and the vocabularies speak of the same permissions."""

import importlib
import pkgutil

import messages
from config.roles import load_roles
from messages.base import all_message_types


def test_every_permission_that_a_message_needs_is_granted_to_some_role() -> None:
    for module in pkgutil.iter_modules(messages.__path__, "messages."):
        importlib.import_module(module.name)
    needed = {kind.permission for kind in all_message_types() if kind.permission and kind.__module__.startswith("messages.")}
    granted = {permission for permissions in load_roles().values() for permission in permissions}
    assert needed <= granted


def test_only_the_administrator_changes_the_system() -> None:
    for role, permissions in load_roles().items():
        for permission in ("users:write", "pools:manage", "dead-letters:manage", "chart:write"):
            assert permission not in permissions or role == "admin"


def test_a_member_reaches_only_their_own() -> None:
    assert set(load_roles()["member"].values()) == {"own"}


def test_an_auditor_only_reads() -> None:
    assert {permission.partition(":")[2] for permission in load_roles()["auditor"]} <= {"read", "history"}
