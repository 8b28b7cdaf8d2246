"""The life of a member: pending, active, suspended, closed."""

import pytest

from messages.ids import new_id
from messages.member import (
    ActivateMember,
    CloseMember,
    GetMember,
    ListStatusChanges,
    ReactivateMember,
    StatusMoveNotAllowed,
    SuspendMember,
)
from runtime.principal import Principal
from tests.actors.member.people import active, closed, registered
from tests.bank import Bank


async def test_a_member_lives_from_pending_to_closed_and_the_history_tells_why(bank: Bank) -> None:
    member = await registered(bank)
    key = {"member_id": member.member_id}
    for command, status in (
        (ActivateMember(**key, note="papers seen"), "active"),
        (SuspendMember(**key, reason="documents_expired"), "suspended"),
        (ReactivateMember(**key, note="new passport"), "active"),
        (CloseMember(**key, reason="deceased", note="certificate 12"), "closed"),
    ):
        member = await bank.says(command)
        assert member.status == status
    assert (member.status_reason, member.version) == ("deceased", 5)
    history = (await bank.says(ListStatusChanges(**key))).items
    assert [(step.from_status, step.to_status, step.reason, step.note) for step in history] == [
        (None, "pending", None, ""),
        ("pending", "active", None, "papers seen"),
        ("active", "suspended", "documents_expired", ""),
        ("suspended", "active", None, "new passport"),
        ("active", "closed", "deceased", "certificate 12"),
    ]
    assert [step.changed_at for step in history] == sorted({step.changed_at for step in history})
    assert history[-1].changed_at == member.status_since
    assert all(step.changed_by for step in history)


async def test_history_comes_in_pages(bank: Bank) -> None:
    member = await closed(bank, await active(bank))
    steps, cursor = [], None
    for _ in range(3):
        page = await bank.says(ListStatusChanges(member_id=member.member_id, limit=1, cursor=cursor))
        steps += [step.to_status for step in page.items]
        cursor = page.next_cursor
    assert (steps, cursor) == (["pending", "active", "closed"], None)


async def test_a_closed_membership_stays_closed(bank: Bank) -> None:
    member = await closed(bank, await active(bank))
    key = {"member_id": member.member_id}
    for command in (
        ActivateMember(**key),
        ReactivateMember(**key),
        SuspendMember(**key, reason="other"),
        CloseMember(**key, reason="other"),
    ):
        with bank.refuses("membership_ended"):
            await bank.says(command)
    assert await bank.says(GetMember(**key)) == member


async def test_a_move_that_the_status_does_not_allow_is_refused_and_changes_nothing(bank: Bank) -> None:
    pending = await registered(bank)
    key = {"member_id": pending.member_id}
    for command in (SuspendMember(**key, reason="other"), ReactivateMember(**key)):
        with pytest.raises(StatusMoveNotAllowed) as no:
            await bank.says(command)
        assert no.value.facts == {"status": "pending"}
    assert await bank.says(GetMember(**key)) == pending
    await bank.says(ActivateMember(**key))
    await bank.says(SuspendMember(**key, reason="other"))
    with bank.refuses("status_move_not_allowed"):
        await bank.says(ActivateMember(**key))


async def test_who_is_suspected_does_not_learn_of_it(bank: Bank) -> None:
    member = await active(bank)
    suspended = await bank.says(SuspendMember(member_id=member.member_id, reason="suspected_fraud", note="see case 7"))
    assert suspended.status_reason == "suspected_fraud"
    me = Principal("user", "u", ("member",), member.member_id)
    assert (await bank.says(GetMember(member_id=member.member_id), as_=me)).status_reason is None
    with bank.refuses("forbidden"):
        await bank.says(ListStatusChanges(member_id=member.member_id), as_=me)


async def test_only_who_may_changes_a_status(bank: Bank) -> None:
    member = await registered(bank)
    for role in ("teller", "loan_officer", "auditor", "member"):
        with bank.refuses("forbidden"):
            await bank.says(ActivateMember(member_id=member.member_id), as_=Principal("user", "u", (role,), member.member_id))
    manager = Principal("user", "m-1", ("manager",))
    assert (await bank.says(ActivateMember(member_id=member.member_id), as_=manager)).status == "active"
    history = await bank.says(ListStatusChanges(member_id=member.member_id))
    assert history.items[-1].changed_by == "user:m-1"


async def test_what_is_not_there_is_not_found(bank: Bank) -> None:
    for message in (GetMember, ActivateMember, ListStatusChanges):
        with bank.refuses("member_not_found"):
            await bank.says(message(member_id=new_id()))
