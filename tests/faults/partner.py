"""Another system, on a plain AMQP client: it publishes deposits, confirmed by the broker, and listens to what the bank tells.

It does not ask again once the broker has taken a deposit, as HTTP clients do: from then on the bank alone must not lose it.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from yarl import URL

from runtime.clock import stopwatch_seconds
from tests.bank import until
from tests.faults.branch import CURRENCY, Accounts
from tests.faults.history import History, Published

R = TypeVar("R")

SYSTEM, USER = "demo-partner", "demo_partner"
EVENTS, REPLIES, INGRESS = f"events.{SYSTEM}", f"reply.{SYSTEM}", "ingress"
PAUSE_SECONDS = 0.04
CONFIRM_SECONDS = 5
CONNECT_SECONDS = 5
LOOK_SECONDS = 0.05


@dataclass(slots=True)
class Heard:
    """What was told, as sets: the same event may come twice."""

    entries: dict[UUID, frozenset[UUID]] = field(default_factory=dict)
    """Entry -> the accounts that it touches."""
    holds: set[tuple[UUID, UUID, str]] = field(default_factory=set)
    """Hold, account, status."""
    events: int = 0

    def note(self, kind: str, body: dict[str, Any]) -> None:
        """Take note of one event."""
        self.events += 1
        if kind == "ledger.entry_posted.v1":
            entry = body["entry"]
            self.entries[UUID(entry["entry_id"])] = frozenset(UUID(each["account_id"]) for each in entry["postings"])
        elif kind.startswith("ledger.hold_"):
            hold = body["hold"]
            self.holds.add((UUID(hold["hold_id"]), UUID(hold["account_id"]), hold["status"]))


class Partner:
    """The other system, for as long as the tests run."""

    def __init__(self, broker_url: str) -> None:
        self._url = str(URL(broker_url).with_query(heartbeat="5"))
        self.heard = Heard()
        self._said: dict[str, Published] = {}
        self._listens = asyncio.Event()
        self._listens.set()
        self._connected = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._channel: Any = None
        self._listening = False

    async def open(self) -> None:
        """Connect, and stay connected."""
        self._tasks = [asyncio.create_task(self._stay_connected(), name="partner")]
        await self._connected.wait()

    async def close(self) -> None:
        """Go away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look_away(self) -> None:
        """Listen to nothing until `look_back`, so that events pile up in the queue."""
        self._listens.clear()
        await until(lambda: not self._listening)

    def look_back(self) -> None:
        """Listen again."""
        self._listens.set()

    async def _stay_connected(self) -> None:
        while True:
            await _whatever_happens(self._connect_once())
            self._connected.clear()
            self._listening = False
            await asyncio.sleep(0.2)

    async def _connect_once(self) -> None:
        connection = aio_pika.Connection(URL(self._url))
        try:
            await connection.connect(timeout=CONNECT_SECONDS)
            self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            replies = await self._channel.get_queue(REPLIES)
            await replies.consume(self._on_reply, no_ack=True)
            self._connected.set()
            while not connection.is_closed and not self._channel.is_closed:
                if self._listens.is_set():
                    await self._listen(connection)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await _whatever_happens(connection.close())

    async def _listen(self, connection: AbstractConnection) -> None:
        """Hear events for as long as all goes well and nobody looks away."""
        channel = await connection.channel()
        await channel.set_qos(200)
        events = await channel.get_queue(EVENTS)
        await events.consume(self._on_event)
        self._listening = True
        while self._listens.is_set() and not connection.is_closed and not channel.is_closed:
            await asyncio.sleep(LOOK_SECONDS)
        if not channel.is_closed:
            await channel.close()
        self._listening = False

    async def _on_event(self, message: AbstractIncomingMessage) -> None:
        self.heard.note(message.type or "", orjson.loads(message.body))
        await message.ack()

    async def _on_reply(self, message: AbstractIncomingMessage) -> None:
        published = self._said.get(message.correlation_id or "")
        if published is not None:
            published.replies.append((message.type or "", message.body))

    async def deposit_until(self, closing: asyncio.Event, accounts: Accounts, history: History, *, seed: str) -> None:
        """Publish deposits, one after the other."""
        number = 0
        while not closing.is_set():
            number += 1
            account = accounts.savings[number % len(accounts.savings)]
            published = Published(str(uuid4()), account, 100 + number, stopwatch_seconds())
            self._said[published.key] = published
            history.published.append(published)
            while published.confirmed is None and not (await self._publish(published, accounts) or closing.is_set()):
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)

    async def say_again(self, accounts: Accounts, history: History) -> None:
        """Publish once more, under the same ids, what got no answer: for when the broker itself was lost."""
        for published in history.published:
            while not published.replies and not await self._publish(published, accounts):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _publish(self, published: Published, accounts: Accounts) -> bool:
        """Whether the broker took it."""
        body = {
            "account_id": str(published.account),
            "amount": {"amount": f"{published.amount // 100}.{published.amount % 100:02}", "currency": CURRENCY},
            "channel_account_id": str(accounts.till),
            "reference": published.key,
        }
        message = aio_pika.Message(
            orjson.dumps(body),
            message_id=published.key,
            correlation_id=published.key,
            type="ledger.deposit.v1",
            user_id=USER,
            content_type="application/json",
            reply_to=REPLIES,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        if not await _whatever_happens(self._confirmed(message)):
            return False
        published.confirmed = stopwatch_seconds()
        return True

    async def _confirmed(self, message: aio_pika.Message) -> bool:
        async with asyncio.timeout(CONFIRM_SECONDS):
            await self._connected.wait()
            exchange = await self._channel.get_exchange(INGRESS, ensure=False)
            await exchange.publish(message, INGRESS, mandatory=True)
        return True


async def _whatever_happens(work: Coroutine[Any, Any, R]) -> R | None:
    """The result; None where it failed in any way. On a connection that is lost a plain client meets errors of many kinds, among
    them the cancellation of what it waits for.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return None if task.cancelled() or task.exception() is not None else task.result()
