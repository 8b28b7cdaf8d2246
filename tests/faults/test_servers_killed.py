"""RabbitMQ, PostgreSQL and Redis die and come back; RabbitMQ also comes back empty. Nobody mends anything."""

import pytest

from messages.member import ActivateMember, PersonDetails, RegisterPerson
from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.launch import PLANTED
from tests.faults.partner import Partner
from tests.faults.rush import Rush
from tests.faults.surroundings import lazy_disk

pytestmark = pytest.mark.faults

AWAY_SECONDS = 10.0
"""How long after its server is back the bank may take to work again."""
BUSY_SECONDS = 40
"""How long a busy machine may take for what takes a moment."""


async def test_the_broker_dies(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="rabbit") as rush:
        await rush.flows()
        await branch.servers.rabbitmq.kill()
        await branch.servers.rabbitmq.start()
        took = await rush.resumes()
        await rush.flows()
    assert took < AWAY_SECONDS
    (await rush.inquest()).assert_sound()


async def test_the_database_dies(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="postgres") as rush:
        for _ in range(2):
            await rush.flows()
            async with lazy_disk(branch):
                await rush.flows()
                await branch.servers.postgres.kill()
            await branch.servers.postgres.start()
            assert await rush.resumes() < AWAY_SECONDS
        await rush.flows()
    (await rush.inquest()).assert_sound()


async def test_without_redis_nothing_changes(branch: Branch, partner: Partner) -> None:
    async with Rush(branch, partner, seed="redis") as rush:
        await rush.flows()
        await branch.servers.redis.kill()
        await rush.flows(200)
        await branch.log_in()
        await branch.servers.redis.start()
        await rush.flows()
    assert all(answer.is_definite for _, answer in rush.history.answers()), "somebody had to ask again"
    (await rush.inquest()).assert_sound()


async def test_a_broker_that_comes_back_empty_has_lost_nothing(branch: Branch, partner: Partner) -> None:
    """It held events: for the partner, who did not look, and for the ledger, which did not run."""
    async with Rush(branch, partner, seed="wiped") as rush:
        await rush.flows()
        await partner.look_away()
        await rush.flows(100)
        heard = partner.heard.events
        await branch.ledger.retire()
        person = PersonDetails.model_validate({"given_name": "Juma", "born_on": "1990-04-01"})
        member = await branch.says(RegisterPerson(person=person))
        await branch.says(ActivateMember(member_id=member.member_id))
        await branch.servers.rabbitmq.wipe()
        back = stopwatch_seconds()
        branch.ledger.start(branch.environment)
        assert partner.heard.events == heard, "the partner had heard it all"
        partner.look_back()
        await until(lambda: rush.history.resumed(back) is not None, within_seconds=BUSY_SECONDS)
        await partner.say_again(rush.accounts, rush.history)
    (await rush.inquest()).assert_sound()
    database = await branch.database()
    try:
        standing = "SELECT standing FROM ledger.member WHERE member_id = $1"

        async def is_told() -> bool:
            return bool(await database.fetchval(standing, member.member_id) == "active")

        await until(is_told, within_seconds=BUSY_SECONDS)
    finally:
        await database.close()


async def test_who_dies_while_it_mends_an_empty_broker_is_followed(branch: Branch, partner: Partner) -> None:
    """The queues are made, and before anything was said again their maker is dead: the next one does not take it for done."""
    async with Rush(branch, partner, seed="wiped-twice") as rush:
        await rush.flows()
        await partner.look_away()
        await rush.flows(50)
        for worker in (branch.ledger, branch.others):
            await branch.rebirth(worker, lives=[{PLANTED: "dies_on_a_new_broker"}])
            await branch.until_consuming(worker)
        await branch.servers.rabbitmq.wipe()
        back = stopwatch_seconds()
        await until(lambda: branch.ledger.ended or branch.others.ended, within_seconds=BUSY_SECONDS)
        partner.look_back()
        await until(lambda: rush.history.resumed(back) is not None, within_seconds=BUSY_SECONDS)
        await partner.say_again(rush.accounts, rush.history)
    (await rush.inquest()).assert_sound()
