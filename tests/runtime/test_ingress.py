"""Another system's message that may starve goes by way of the outbox; all else straight on."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from messages.base import Message
from messages.ids import new_id
from runtime.customs import system_message_id
from runtime.lane import Lane
from runtime.link import Link
from runtime.wire import Delivery, Properties
from tests.bank import until
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, Shout, Whisper


class Partner:
    """Another system with a plain connection."""

    def __init__(self, lane: Lane, heard: list[Delivery]) -> None:
        self._lane = lane
        self.heard = heard

    async def say(self, message: Message, **changes: str) -> str:
        """Publish to ingress; the correlation id by which the answer is known."""
        correlation_id = str(uuid4())
        properties = Properties(
            message_id=str(new_id()),
            type=message.wire,
            correlation_id=correlation_id,
            user_id="demo_partner",
            reply_to="reply.demo-partner",
        )
        for name, value in changes.items():
            setattr(properties, name, value)
        await self._lane.confirmed([("ingress", "ingress", properties, message.model_dump_json().encode())])
        return properties.correlation_id

    async def answer(self, correlation_id: str) -> str:
        """The kind of the answer."""
        await until(lambda: any(each.properties.correlation_id == correlation_id for each in self.heard))
        (found,) = [each for each in self.heard if each.properties.correlation_id == correlation_id]
        return found.properties.type


@pytest.fixture
async def partner(probe: ProbeHouse) -> AsyncIterator[Partner]:
    """demo-partner, who may say what systems.yaml of these tests says."""
    link = await Link.connect(probe.servers.broker_urls["demo_partner"], name="a test's partner")
    hearing = await link.lane()
    heard: list[Delivery] = []
    await hearing.consume("reply.demo-partner", heard.append, prefetch=100, acknowledge=False)
    yield Partner(await link.lane(confirms=True), heard)
    await link.close()


async def test_whatever_may_starve_is_kept_until_it_is_known_to_have_arrived(probe: ProbeHouse, partner: Partner) -> None:
    for message in (Whisper(counter="from outside"), Add(counter="from outside"), Shout(counter="from outside")):
        assert await partner.answer(await partner.say(message)) == "reply"
    assert len(await probe.steps("from outside")) == 3
    kept = await probe.fetch("SELECT o.envelopes FROM runtime.outbox AS o WHERE actor = 'ingress'")
    said = b" ".join(row["envelopes"] for row in kept)
    assert b"probe.whisper.v1" in said
    assert b"probe.add.v1" in said
    assert b"probe.shout.v1" not in said  # nothing is more urgent


async def test_a_message_of_another_system_that_the_broker_lost_is_said_again(probe: ProbeHouse, partner: Partner) -> None:
    pool = probe.actors.pools["probe"]
    await pool.drain()
    message_id = new_id()
    await partner.say(Whisper(counter="lost from outside"), message_id=str(message_id))
    known = system_message_id("demo-partner", message_id)
    await until(lambda: _is_sent(probe, known))
    link = await Link.connect(probe.servers.broker_url, name="a test's purge")
    channel = await link.admin_channel()
    for partition in range(16):
        await channel.queue_purge(f"commands.probe.{partition:02d}")
    await link.close()
    pool._open()
    await probe.until_stepped("lost from outside", [1])


async def _is_sent(probe: ProbeHouse, message_id: object) -> bool:
    return bool(
        await probe.fetch("SELECT FROM runtime.outbox WHERE $1 = ANY (message_ids) AND sent_at IS NOT NULL", message_id)
    )


async def test_a_stream_of_messages_keeps_its_order_per_key(probe: ProbeHouse, partner: Partner) -> None:
    await asyncio.gather(*(partner.say(Add(counter="ordered", amount=amount), reply_to="") for amount in range(100)))
    await probe.until_stepped("ordered", list(range(100)))
