"""Roles of an institution's own, and people who have them; every call makes new ones, so that tests do not meet each other's."""

from typing import Any
from uuid import UUID

from messages.access import DefineRole
from messages.ids import MemberId, new_id
from runtime.principal import Principal
from tests.actors.member.people import unique_word
from tests.bank import Bank


async def own_role(bank: Bank, *, as_: Principal | None = None, **grants: Any) -> str:
    """A role that allows this: `own_role(bank, members_read="branch", cash_deposit={"scope": "all", "at_most": {"KES": "5"}})`.

    The first underscore stands for the colon, or two of them where there are two; the others for hyphens.
    """
    name = unique_word()
    wanted = {_permission(each): grant if isinstance(grant, dict) else {"scope": grant} for each, grant in grants.items()}
    await bank.says(DefineRole.model_validate({"name": name, "about": "For a test", "grants": wanted}), as_=as_)
    return name


def _permission(word: str) -> str:
    return word.replace("__" if "__" in word else "_", ":", 1).replace("_", "-")


async def staff(
    bank: Bank,
    *,
    branch: str | None = None,
    user_id: UUID | None = None,
    member_id: MemberId | None = None,
    as_: Principal | None = None,
    **grants: Any,
) -> Principal:
    """Somebody who may do this alone."""
    return Principal("user", str(user_id or new_id()), (await own_role(bank, as_=as_, **grants),), member_id, branch)
