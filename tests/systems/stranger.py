"""Another program: aio-pika and the standard library, a broker user, and what the AsyncAPI document tells. Nothing of ours."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

PATIENCE_SECONDS = 10


class Stranger:
    """Says things to the bank as one system and sees what comes back. Its name is `system`, its broker user `user`."""

    def __init__(self, connection: aio_pika.Connection, channel: AbstractChannel, system: str) -> None:
        self.connection = connection
        self.channel = channel
        self.system, self.user = system, str(connection.url.user)
        self.replies: list[AbstractIncomingMessage] = []
        self.events: list[AbstractIncomingMessage] = []
        self._arrived = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url: str, system: str, *, hears: bool = True) -> AsyncIterator["Stranger"]:
        """Connected, and listening to its replies and events."""
        async with await aio_pika.connect(url) as connection:
            stranger = cls(connection, await connection.channel(on_return_raises=True), system)
            await stranger.listen(f"reply.{system}", stranger.replies)
            if hears:
                await stranger.listen(f"events.{system}", stranger.events)
            yield stranger

    async def listen(self, queue: str, heard: list[AbstractIncomingMessage]) -> None:
        """Consume from a queue that the bank has made for it."""
        channel = await self.connection.channel()
        await channel.set_qos(100)

        async def on_message(message: AbstractIncomingMessage) -> None:
            heard.append(message)
            await message.ack()
            async with self._arrived:
                self._arrived.notify_all()

        await (await channel.get_queue(queue, ensure=False)).consume(on_message)

    async def publish(
        self, wire: str, body: dict[str, Any] | bytes, *, exchange: str = "ingress", routing_key: str = "ingress", **other: Any
    ) -> str:
        """Publish as the document says, but for the properties in `other`; its correlation id. The broker has confirmed it."""
        properties: dict[str, Any] = {
            "type": wire,
            "message_id": str(uuid4()),
            "correlation_id": str(uuid4()),
            "reply_to": f"reply.{self.system}",
            "user_id": self.user,
            "content_type": "application/json",
            "delivery_mode": aio_pika.DeliveryMode.PERSISTENT,
            **other,
        }
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        to = await self.channel.get_exchange(exchange, ensure=False) if exchange else self.channel.default_exchange
        await to.publish(aio_pika.Message(raw, **properties), routing_key)
        return str(properties["correlation_id"] or properties["message_id"])

    async def asks(self, wire: str, body: dict[str, Any] | bytes, **other: Any) -> AbstractIncomingMessage:
        """Publish, and wait for the answer."""
        return await self.answer(await self.publish(wire, body, **other))

    async def answer(self, correlation_id: str) -> AbstractIncomingMessage:
        """The answer in this conversation."""
        return await self._heard(self.replies, correlation_id)

    async def event(self, correlation_id: str) -> AbstractIncomingMessage:
        """The event that came of this conversation."""
        return await self._heard(self.events, correlation_id)

    async def _heard(self, heard: list[AbstractIncomingMessage], correlation_id: str) -> AbstractIncomingMessage:
        def found() -> AbstractIncomingMessage | None:
            return next((message for message in heard if message.correlation_id == correlation_id), None)

        async with asyncio.timeout(PATIENCE_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None
        return message


def read(message: AbstractIncomingMessage) -> dict[str, Any]:
    """The body."""
    found: dict[str, Any] = json.loads(message.body)
    return found
