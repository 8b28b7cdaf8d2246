"""Brings the history in over AMQP, as another system does: published in order, confirmed by the broker, each answer looked at.

An entry's id follows from the number of its transaction, so that whatever is said again is booked once. The message's id follows
from it and from the try: what got no answer is said again under the same id, what was refused for its place under a new one.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID, uuid5

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from aiormq.exceptions import AMQPError

from tests.real_data.over_http import Refused, decimal
from tests.real_data.records import CURRENCY, Movement

SYSTEM = "records-import"
UNCONFIRMED = 400
"""Publishes that wait for the broker's confirmation at most."""
UNANSWERED = 4000
"""Messages that wait for the bank's answer at most."""
QUIET_SECONDS = 10
"""When nothing has been answered for so long, what is open is said again."""
RECONNECT_SECONDS = 0.5
MOST_TRIES = 10


class Courier:
    """Says every movement until each is answered."""

    def __init__(self, url: str, accounts: dict[int, str], channels: dict[str, str], answered: Callable[[], None]) -> None:
        self._url = url
        self._accounts = accounts
        self._channels = channels
        self._answered = answered
        self._open: dict[str, Movement] = {}
        self._tries: dict[str, int] = {}
        self._refusal: Refused | None = None
        self._heard = asyncio.Event()
        self._waited_for = 0
        self.said = 0

    async def bring(self, movements: Iterable[Movement]) -> None:
        """All of them, in this order. Refused: the bank does not want one."""
        waiting = list(movements)
        self._open = {str(each.transaction_id): each for each in waiting}
        self._tries = dict.fromkeys(self._open, 0)
        for _ in range(MOST_TRIES):
            try:
                async with await aio_pika.connect(self._url) as connection:
                    await self._listen(await connection.channel())
                    channel = await connection.channel(on_return_raises=True)
                    await self._say_all(await channel.get_exchange("ingress", ensure=False), waiting)
            except (AMQPError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)
            waiting = [each for each in waiting if str(each.transaction_id) in self._open]
            if not waiting:
                return
        raise Refused(f"{len(waiting)} transactions got no answer: {[each.transaction_id for each in waiting[:5]]}")

    async def _listen(self, channel: Any) -> None:
        await channel.set_qos(2000)
        queue = await channel.get_queue(f"reply.{SYSTEM}", ensure=False)
        await queue.consume(self._on_answer, no_ack=True)

    async def _on_answer(self, answer: AbstractIncomingMessage) -> None:
        number = answer.correlation_id or ""
        if number not in self._open:
            return
        self._waited_for -= 1
        self._heard.set()
        if answer.type == "reply":
            del self._open[number]
            self._answered()
        elif answer.type == "refusal" and json.loads(answer.body)["rule"] != "rate_limited":
            self._refused(number, json.loads(answer.body))

    def _refused(self, number: str, refusal: dict[str, Any]) -> None:
        """A movement that came before its time is tried again in the next round; anything else is final."""
        self._tries[number] += 1
        if refusal["rule"] != "insufficient_funds" or self._tries[number] > 3:
            self._refusal = Refused(f"transaction {number}: {refusal}")

    async def _say_all(self, ingress: AbstractExchange, waiting: list[Movement]) -> None:
        confirming: deque[asyncio.Task[Any]] = deque()
        self._waited_for = 0
        for movement in waiting:
            if self._waited_for >= UNANSWERED and not await self._something_is_heard():
                break
            while len(confirming) >= UNCONFIRMED:
                await confirming.popleft()
            confirming.append(asyncio.create_task(ingress.publish(self._message(movement), "ingress")))
            self._waited_for += 1
            self.said += 1
        await asyncio.gather(*confirming)
        while self._open and await self._something_is_heard():
            pass

    async def _something_is_heard(self) -> bool:
        """Whether an answer came before the patience ended."""
        self._heard.clear()
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            return False
        if self._refusal is not None:
            raise self._refusal
        return True

    def _message(self, movement: Movement) -> aio_pika.Message:
        number = str(movement.transaction_id)
        body = {
            "account_id": self._accounts[movement.account_id],
            "amount": {"amount": decimal(abs(movement.amount)), "currency": CURRENCY},
            "channel_account_id": self._channels[movement.channel],
            "description": movement.description,
            "reference": f"transaction {number}",
            "value_date": movement.day.isoformat(),
            "entry_id": str(movement.entry_id),
        }
        return aio_pika.Message(
            json.dumps(body).encode(),
            type="ledger.deposit.v1" if movement.amount > 0 else "ledger.withdraw.v1",
            message_id=str(_message_id(movement.entry_id, self._tries[number])),
            correlation_id=number,
            user_id="records_import",
            reply_to=f"reply.{SYSTEM}",
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )


def _message_id(entry_id: UUID, tries: int) -> UUID:
    return uuid5(entry_id, f"try {tries}")
