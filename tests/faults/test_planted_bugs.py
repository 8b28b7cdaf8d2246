"""The checks are checked: bugs are planted into the processes, and each must be caught, by the promise that it breaks.

A scenario is the shortest that shows its bug. A checker that finds nothing here is blind, and says nothing anywhere else.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.branch import Branch
from tests.faults.checker import Evidence, Promise, Verdict, floors_are_never_passed, locks_are_taken_in_order
from tests.faults.launch import PLANTED
from tests.faults.partner import Partner
from tests.faults.poison import poison_is_put_aside
from tests.faults.rush import Rush
from tests.faults.surroundings import lazy_disk, unordered, without_the_last_word

pytestmark = pytest.mark.faults

SETTLE_SECONDS = 2.0
"""What a bug has lost does not come; it is not waited for long."""
LITTLE, ENOUGH = 3_000, 300
"""Minor units in each account, so that customers often ask for more than is there; and requests that a bug is given to show."""


async def hurried(branch: Branch, partner: Partner, bug: str, failpoints: str = "", *, requests: int = 100) -> Verdict:
    """Customers meet a ledger with the bug, which dies once at the failpoints, if any; then a sound one."""
    async with Rush(branch, partner, seed=bug, settle_seconds=SETTLE_SECONDS) as rush:
        buggy = {PLANTED: bug, "COFFER_FAILPOINTS": failpoints}
        await branch.rebirth(branch.edge, environment={"COFFER_HTTP__LIMITS__DEADLINE_SECONDS": "2"})
        if failpoints:
            await branch.rebirth(branch.ledger, lives=[buggy])
            await branch.ledger.until_died()
        else:
            await branch.rebirth(branch.ledger, environment=buggy)
            await rush.flows(requests)
            await branch.rebirth(branch.ledger)
        await rush.resumes()
    return await rush.inquest()


@pytest.mark.parametrize(
    ("bug", "failpoints", "promise"),
    [
        ("acks_before_commit", "after_begin=wait:0.4@20,before_commit=kill@20", "nothing_accepted_is_lost"),
        ("replies_before_commit", "before_commit=kill@20", "same_question_same_answer"),
        ("tells_from_memory", "before_event_publish=kill@20", "subscribers_hear_everything"),
        ("skips_rows_of_the_outbox", "", "subscribers_hear_everything"),
        ("forgets_what_it_handled", "", "same_question_same_answer"),
        ("counts_a_hold_twice", "", "holds_count_once"),
    ],
)
async def test_it_is_caught(branch: Branch, partner: Partner, bug: str, failpoints: str, promise: str) -> None:
    verdict = await hurried(branch, partner, bug, failpoints)
    assert promise in verdict.broken, f"broke only {sorted(verdict.broken)}; {verdict.facts}"


async def crowded(branch: Branch, partner: Partner, bug: str, promise: Promise) -> Verdict:
    """Customers of little money meet two ledgers with the bug, which work on one queue at a time, until the promise is broken or
    all has gone well for a while.
    """
    async with unordered(branch, branch.ledger):
        async with Rush(branch, partner, seed=bug, settle_seconds=SETTLE_SECONDS, opening=LITTLE) as rush:
            await branch.rebirth(branch.ledger, planted=bug)
            async with branch.twin_of(branch.ledger):
                enough = rush.history.count("ok") + ENOUGH
                while rush.history.count("ok") < enough and not await rush.is_broken(promise):
                    await asyncio.sleep(0.1)
            await branch.rebirth(branch.ledger)
            await rush.resumes()
        return await rush.inquest()


def a_floor_was_passed(evidence: Evidence) -> Iterator[str]:
    """By a posting, for good; a hold that is too large may be released again."""
    return (each for each in floors_are_never_passed(evidence) if each.startswith("posting"))


async def test_a_balance_that_is_checked_before_it_is_locked(branch: Branch, partner: Partner) -> None:
    async with without_the_last_word(branch):
        verdict = await crowded(branch, partner, "checks_a_stale_balance", a_floor_was_passed)
    assert "floors_are_never_passed" in verdict.broken, f"broke only {sorted(verdict.broken)}; {verdict.facts}"


async def test_locks_that_are_taken_in_any_order(branch: Branch, partner: Partner) -> None:
    verdict = await crowded(branch, partner, "locks_as_it_comes", locks_are_taken_in_order)
    assert "locks_are_taken_in_order" in verdict.broken, f"broke only {sorted(verdict.broken)}; {verdict.facts}"


async def test_two_sound_ledgers_at_once_break_nothing(branch: Branch, partner: Partner) -> None:
    """The control: without a bug, and even without order, locks and constraints hold."""
    (await crowded(branch, partner, "", locks_are_taken_in_order)).assert_sound()


async def test_commits_that_do_not_wait_for_the_disk(branch: Branch, partner: Partner) -> None:
    bug = "commits_without_waiting"
    async with lazy_disk(branch), Rush(branch, partner, seed=bug, settle_seconds=SETTLE_SECONDS) as rush:
        for worker in (branch.ledger, branch.others):
            await branch.rebirth(worker, planted=bug)
        await rush.flows(150)
        await branch.servers.postgres.kill()
        await branch.servers.postgres.start()
        await rush.resumes()
    verdict = await rush.inquest()
    assert "nothing_accepted_is_lost" in verdict.broken, f"broke only {sorted(verdict.broken)}; {verdict.facts}"


async def test_attempts_that_are_read_from_headers(branch: Branch, partner: Partner) -> None:
    found = await poison_is_put_aside(branch, partner, "believes_the_headers")
    assert any("still kills" in each for each in found), found
