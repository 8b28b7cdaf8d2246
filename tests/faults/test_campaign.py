"""The long campaign: faults drawn by a seed, several at a time, for as many rounds as one likes. By command only: `make faults`.

    COFFER_FAULT_SEED=7 COFFER_FAULT_ROUNDS=50 make faults ARGS="-k campaign"

A round that fails names its seed; the same seed draws the same faults again.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable

import pytest

from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.checker import OF_ANY_REQUEST
from tests.faults.partner import Partner
from tests.faults.places import PLACES, dying_at
from tests.faults.registrars import Registrars, until_members_are_right
from tests.faults.rush import Rush
from tests.faults.surroundings import be_short_of_memory

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

SEED = int(os.environ.get("COFFER_FAULT_SEED") or random.SystemRandom().randrange(10**6))
ROUNDS = int(os.environ.get("COFFER_FAULT_ROUNDS", "12"))
FAULTS_OF_A_ROUND = (2, 5)
ROUND_RESUMES_SECONDS = 45

Fault = Callable[["Round"], Awaitable[None]]


class Round:
    """One round: a rush, and faults drawn for it."""

    def __init__(self, branch: Branch, rush: Rush, partner: Partner, chance: random.Random) -> None:
        self.branch = branch
        self.rush = rush
        self.partner = partner
        self.chance = chance

    async def a_worker_dies(self) -> None:
        """By SIGKILL, whatever it is doing."""
        await self.chance.choice([self.branch.ledger, self.branch.others, self.branch.edge]).kill()

    async def a_worker_is_told_to_end(self) -> None:
        """By SIGTERM."""
        await self.chance.choice([self.branch.ledger, self.branch.others, self.branch.edge]).terminate()

    async def the_ledger_dies_in_a_turn(self) -> None:
        """At a place drawn."""
        place, passage = self.chance.choice(PLACES), self.chance.randint(2, 60)
        await self.branch.rebirth(self.branch.ledger, lives=dying_at(passage, (place,)))
        await self.branch.ledger.until_died(within_seconds=60)

    async def the_ledger_hangs(self) -> None:
        """Stopped, and let go on after a while."""
        await self.branch.ledger.stop()
        await asyncio.sleep(self.chance.uniform(0.1, 4))
        self.branch.ledger.go_on()

    async def the_database_dies(self) -> None:
        """And is back at once."""
        await self.branch.servers.postgres.kill()
        await asyncio.sleep(self.chance.uniform(0, 2))
        await self.branch.servers.postgres.start()

    async def the_broker_dies(self) -> None:
        """And is back at once."""
        await self.branch.servers.rabbitmq.kill()
        await asyncio.sleep(self.chance.uniform(0, 2))
        await self.branch.servers.rabbitmq.start()

    async def the_broker_is_emptied(self) -> None:
        """And what the partner got no answer to it says again."""
        await self.branch.servers.rabbitmq.wipe()
        await self.rush.resumes(within_seconds=ROUND_RESUMES_SECONDS)
        await self.partner.say_again(self.rush.accounts, self.rush.history)

    async def redis_dies(self) -> None:
        """And is back at once."""
        await self.branch.servers.redis.kill()
        await self.branch.servers.redis.start()

    async def the_broker_is_short_of_memory(self) -> None:
        """For a moment."""
        await be_short_of_memory(self.branch, self.chance.uniform(0.1, 2))


FAULTS: tuple[Fault, ...] = (
    Round.a_worker_dies,
    Round.a_worker_dies,
    Round.a_worker_is_told_to_end,
    Round.the_ledger_dies_in_a_turn,
    Round.the_ledger_dies_in_a_turn,
    Round.the_ledger_hangs,
    Round.the_database_dies,
    Round.the_broker_dies,
    Round.the_broker_is_emptied,
    Round.redis_dies,
    Round.the_broker_is_short_of_memory,
)


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_campaign(branch: Branch, partner: Partner, number: int) -> None:
    chance = random.Random(f"{SEED} {number}")
    drawn = chance.sample(FAULTS, chance.randint(*FAULTS_OF_A_ROUND))
    print(f"seed {SEED}, round {number}: {', '.join(each.__name__ for each in drawn)}")
    await branch.log_in()
    async with Rush(branch, partner, seed=f"campaign-{SEED}-{number}") as rush:
        for fault in drawn:
            await rush.flows(chance.randint(5, 60), within_seconds=ROUND_RESUMES_SECONDS)
            await fault(Round(branch, rush, partner, chance))
        await branch.mend()
        await rush.resumes(within_seconds=ROUND_RESUMES_SECONDS)
    (await rush.inquest()).assert_sound()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("passage", [1, 2, 3, 7, 20, 50])
async def test_every_place_alone(branch: Branch, partner: Partner, place: str, passage: int) -> None:
    """One death per run, so that what a place breaks is not hidden by what another mends."""
    async with Rush(branch, partner, seed=f"{place}-{passage}") as rush:
        await rush.flows()
        await branch.rebirth(branch.ledger, lives=dying_at(passage, (place,)))
        await until(lambda: branch.ledger.ended, within_seconds=30)
        await rush.resumes()
    assert branch.ledger.ended == [-signal.SIGKILL]
    (await rush.inquest()).assert_sound()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("passage", [1, 2, 20])
async def test_every_place_of_a_keyed_actor_alone(branch: Branch, partner: Partner, place: str, passage: int) -> None:
    """The same where each turn is one message's, and where keys have their order."""
    async with Rush(branch, partner, seed=f"keyed-{place}-{passage}", of=Registrars, tasks=8) as rush:
        await rush.flows()
        await branch.rebirth(branch.others, lives=dying_at(passage, (place,)))
        await until(lambda: branch.others.ended, within_seconds=30)
        await rush.resumes()
    assert branch.others.ended == [-signal.SIGKILL]
    (await rush.inquest(OF_ANY_REQUEST)).assert_sound()
    await until_members_are_right(branch, rush.history)
