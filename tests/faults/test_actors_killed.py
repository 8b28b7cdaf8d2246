"""Actors die by SIGKILL at every place of a turn, while customers ask: nothing is lost, nothing counts twice, nobody mends anything."""

import asyncio
import signal

import pytest

from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.checker import OF_ANY_REQUEST
from tests.faults.partner import Partner
from tests.faults.places import PLACES, dying_at
from tests.faults.registrars import Registrars, until_members_are_right
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults

IN_THE_RUSH, AT_ONCE = 25, 2
"""Passages: after a restart the first turns are single ones, of what is delivered again; later ones are batches."""


@pytest.mark.parametrize("passage", [IN_THE_RUSH, AT_ONCE], ids=["in batches", "alone"])
async def test_the_ledger_dies_at_every_place_of_a_turn(branch: Branch, partner: Partner, passage: int) -> None:
    async with Rush(branch, partner, seed=f"places{passage}") as rush:
        await rush.flows()
        await branch.rebirth(branch.ledger, lives=dying_at(passage))
        await until(lambda: len(branch.ledger.ended) == len(PLACES), within_seconds=60)
        await rush.resumes()
    assert branch.ledger.ended == [-signal.SIGKILL] * len(PLACES)
    (await rush.inquest()).assert_sound()


async def test_a_keyed_actor_dies_at_every_place_of_a_turn(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="keyed", of=Registrars, tasks=8) as rush:
        await rush.flows()
        await branch.rebirth(branch.others, lives=dying_at(IN_THE_RUSH))
        await until(lambda: len(branch.others.ended) == len(PLACES), within_seconds=60)
        await rush.resumes()
    assert branch.others.ended == [-signal.SIGKILL] * len(PLACES)
    (await rush.inquest(OF_ANY_REQUEST)).assert_sound()
    await until_members_are_right(branch, rush.history)


async def test_the_ledger_dies_again_and_again(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="random") as rush:
        for _ in range(5):
            await rush.flows()
            await branch.ledger.kill()
        took = await rush.resumes()
    assert took < 3, f"resumed after {took:.1f} s"
    (await rush.inquest()).assert_sound()


async def test_a_second_ledger_takes_over_from_a_dead_one(branch: Branch, partner: Partner) -> None:
    async with branch.twin_of(branch.ledger) as second, Rush(branch, partner, seed="second") as rush:
        await rush.flows()
        branch.ledger.lives = []
        await branch.ledger.kill()
        took = await rush.resumes()
        await asyncio.gather(rush.flows(), second.alive())
    assert took < 3, f"resumed after {took:.1f} s"
    (await rush.inquest()).assert_sound()
