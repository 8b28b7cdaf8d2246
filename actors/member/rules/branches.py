"""Which branches a member can belong to."""

from collections.abc import Collection

from messages.base import UnknownBranch


def check_branch(branch: str | None, known: Collection[str]) -> None:
    """Refuse a branch that the institution does not have."""
    if branch is not None and branch not in known:
        raise UnknownBranch(field="branch", branch=branch)
