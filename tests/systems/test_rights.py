"""What the broker itself keeps a system from: everything but publishing to `ingress` and reading its own two queues."""

from collections.abc import Awaitable, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiormq.exceptions import AMQPError

from tests.bank import House
from tests.systems.stranger import Stranger

USERS = {"demo_partner": "demo-partner", "records_import": "records-import"}
OTHERS_QUEUES = (
    "ingress.arrived",
    "ingress.expired",
    "commands.ledger.00",
    "commands.member.07",
    "queries.ledger",
    "queries.operations",
    "events.ledger",
)
Attempt = Callable[[AbstractChannel], Awaitable[object]]


def attempts(own: str, other: str) -> dict[str, Attempt]:
    """Everything that a channel can do and this system may not."""

    async def declares_a_queue(channel: AbstractChannel) -> None:
        await channel.declare_queue("mine", durable=True)

    async def declares_one_for_itself(channel: AbstractChannel) -> None:
        await channel.declare_queue(exclusive=True)

    async def declares_its_own_anew(channel: AbstractChannel) -> None:
        await channel.declare_queue(f"reply.{own}", durable=True, arguments={"x-queue-type": "classic"})

    async def declares_an_exchange(channel: AbstractChannel) -> None:
        await channel.declare_exchange("mine", durable=True)

    async def deletes_its_queue(channel: AbstractChannel) -> None:
        await channel.queue_delete(f"reply.{own}")

    async def deletes_an_exchange(channel: AbstractChannel) -> None:
        await channel.exchange_delete("ingress")

    found: dict[str, Attempt] = {
        each.__name__: each
        for each in (
            declares_a_queue,
            declares_one_for_itself,
            declares_its_own_anew,
            declares_an_exchange,
            deletes_its_queue,
            deletes_an_exchange,
        )
    }
    for exchange in ("commands", "queries", "events", "replies", "ingress", "amq.topic", "amq.fanout"):
        found[f"binds_its_queue_to_{exchange}"] = _binds(f"reply.{own}", exchange)
    for exchange in ("commands", "queries", "events", "replies", "amq.topic", "amq.direct", ""):
        found[f"publishes_to_{exchange or 'the_default_exchange'}"] = _publishes(exchange)
    for queue in (*OTHERS_QUEUES, f"reply.{other}"):
        found |= {f"consumes_{queue}": _consumes(queue), f"gets_from_{queue}": _gets(queue), f"purges_{queue}": _purges(queue)}
    return found


def _binds(queue: str, exchange: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).bind(exchange, "#")

    return attempt


def _publishes(exchange: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        to = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await to.publish(aio_pika.Message(b"{}", user_id=None), "commands.ledger.00", mandatory=False)

    return attempt


def _consumes(queue: str) -> Attempt:
    async def on_message(_: AbstractIncomingMessage) -> None:
        raise AssertionError("it hears what is not its own")

    async def attempt(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).consume(on_message)

    return attempt


def _gets(queue: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).get(fail=False)

    return attempt


def _purges(queue: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).purge()

    return attempt


@pytest.mark.parametrize("user", USERS)
async def test_a_system_may_do_nothing_else(user: str, house: House) -> None:
    own = USERS[user]
    [other] = set(USERS.values()) - {own}
    outcomes: dict[str, str] = {}
    async with await aio_pika.connect(house.servers.broker_urls[user]) as connection:
        for name, attempt in attempts(own, other).items():
            channel = await connection.channel(on_return_raises=False)
            try:
                await attempt(channel)
                outcomes[name] = "done"
            except AMQPError as refused:
                outcomes[name] = str(refused)
    assert len(outcomes) > 40
    assert {name: said for name, said in outcomes.items() if "ACCESS_REFUSED" not in said} == {}


async def test_it_may_not_hear_the_events_of_another(importer: Stranger, house: House) -> None:
    with pytest.raises(AMQPError, match="ACCESS_REFUSED"):
        await importer.listen("events.demo-partner", importer.events)


@pytest.mark.parametrize(("path", "user"), [("/", "demo_partner"), ("/elsewhere", "demo_partner")])
async def test_it_may_not_enter_another_vhost(path: str, user: str, house: House) -> None:
    url = house.servers.broker_urls[user].removesuffix("/coffer") + path
    with pytest.raises(AMQPError):
        await aio_pika.connect(url)


async def test_a_wrong_password_opens_nothing(house: House) -> None:
    with pytest.raises(AMQPError):
        await aio_pika.connect(house.servers.broker_urls["demo_partner"].replace("demo-partner-password", "guess"))
