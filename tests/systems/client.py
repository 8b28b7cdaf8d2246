"""Pays 25.00 KES into an account over AMQP: python client.py amqp://USER:PASSWORD@HOST:PORT/coffer ACCOUNT_ID."""

import asyncio
import json
import sys
import uuid

import aio_pika


async def main(url: str, account_id: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        deposit = {"account_id": account_id, "amount": {"amount": "25.00", "currency": "KES"}, "reference": "till 4"}
        command = aio_pika.Message(
            json.dumps(deposit).encode(),
            type="ledger.deposit.v1",
            content_type="application/json",
            message_id=str(uuid.uuid4()),  # said again under the same id, it is done once and answered the same
            correlation_id=str(uuid.uuid4()),
            user_id=connection.url.user,  # the broker lets nobody say they are somebody else
            reply_to="reply.demo-partner",
        )
        ingress = await channel.get_exchange("ingress", ensure=False)
        await ingress.publish(command, "ingress")
        for name in ("reply.demo-partner", "events.demo-partner"):
            queue = await channel.get_queue(name, ensure=False)
            async with queue.iterator(timeout=10) as messages:
                async for message in messages:
                    await message.ack()
                    if message.correlation_id == command.correlation_id:
                        break
            said = json.loads(message.body)
            entry = said.get("entry", said)
            print(f"{message.type}: {entry['kind']} of {entry['postings'][1]['amount']['amount']}, {entry['reference']}")


asyncio.run(main(*sys.argv[1:]))
