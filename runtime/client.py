"""Asks actors and waits for their answers: what the edge uses, and what a turn uses to ask another actor.

One reply queue per process. A request that gets no answer in time ends in Unavailable; asking again under the same id is safe.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson

from messages.base import Command, Job, Message, Query, Refusal, Reply
from messages.ids import new_id
from runtime.bus import Bus
from runtime.clock import Clock, stopwatch_seconds, unix_milliseconds
from runtime.envelope import Envelope
from runtime.errors import MessageFault, Unavailable
from runtime.inbox import OutcomeKind
from runtime.outbox import address_command
from runtime.principal import Principal
from runtime.telemetry import child_traceparent
from runtime.topology import QUERIES, Topology, declare_reply_queue
from runtime.wire import Delivery

R = TypeVar("R", bound=Reply)
ASK_SECONDS = 10.0
"""How long an answer is waited for. Every request of a client ends by then, one way or another."""
SHORTEST_ASK_SECONDS = 0.1
BUSY_SECONDS = 0.1
"""Between two questions, while an earlier one of the same id is being worked on."""
REPLY_PREFETCH = 1000
BLOCKED_SECONDS = 0.5
"""How long answers that were on their way may still arrive when the broker takes nothing more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is the reply's JSON, or the refusal's, as it is stored."""

    kind: OutcomeKind
    body: bytes
    message_id: UUID
    replayed: bool = False


class Client:
    """Asks on one bus."""

    def __init__(self, bus: Bus, topology: Topology, clock: Clock, *, role: str, most_in_flight: int = 1000) -> None:
        self._bus = bus
        self._topology = topology
        self._clock = clock
        self._role = role
        self._most_in_flight = most_in_flight
        self._reply_queue = ""
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        bus.on_connected.append(self._listen)
        bus.on_lost.append(self._give_up_all)
        bus.on_blocked.append(self._on_blocked)

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return len(self._waiting)

    async def _listen(self) -> None:
        """After each connection: a reply queue of its own, under a new name, so that no old one is fought over."""
        queue = f"reply.{self._role}.{uuid4().hex}"
        link = self._bus.consuming_unready
        await declare_reply_queue(link, queue)
        lane = await link.lane()
        await lane.consume(queue, self._on_reply, prefetch=REPLY_PREFETCH, acknowledge=False)
        self._bus.saying.on_returned = self._on_returned
        self._give_up_all()
        self._reply_queue = queue

    def _give_up_all(self) -> None:
        """Answers to what was asked before go to a queue that nobody listens to any more."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable("the broker was lost while the answer was waited for"))

    def _on_reply(self, delivery: Delivery) -> None:
        properties = delivery.properties
        future = self._waiting.get(properties.message_id)
        if future is None or future.done():
            return
        kind: Any = properties.type
        future.set_result(Answer(kind, delivery.body, UUID(properties.message_id), "replayed" in properties.headers))

    def _on_returned(self, delivery: Delivery) -> None:
        future = self._waiting.get(delivery.properties.message_id)
        if future is not None and not future.done():
            future.set_exception(Unavailable(f"nobody has a queue for {delivery.properties.type}"))

    def _on_blocked(self) -> None:
        """What was said last is stuck, and so are most answers: whoever waits now is told soon, not when time is up."""
        asyncio.get_running_loop().call_later(BLOCKED_SECONDS, self._give_up_if_blocked, list(self._waiting.values()))

    def _give_up_if_blocked(self, waiting: "list[asyncio.Future[Answer]]") -> None:
        if self._bus.is_blocked:
            for future in waiting:
                if not future.done():
                    future.set_exception(Unavailable("the broker is short of memory or disk", retry_after_seconds=2))

    async def call(
        self,
        message: Message,
        *,
        principal: Principal,
        message_id: UUID | None = None,
        correlation_id: UUID | str | None = None,
        causation_id: str = "",
        traceparent: str | None = None,
        deadline_seconds: float = ASK_SECONDS,
    ) -> Answer:
        """Ask and wait. Unavailable: the broker is away, too much is in flight, or no answer came in time."""
        if not self._bus.is_ready or not self._reply_queue:
            raise Unavailable("the broker is away", retry_after_seconds=2)
        if len(self._waiting) >= self._most_in_flight:
            raise Unavailable("too many requests are in flight")
        request = self._envelope(message, message_id or new_id(), principal, deadline_seconds)
        request.correlation_id = str(correlation_id or request.message_id)
        request.causation_id = causation_id
        request.traceparent = child_traceparent(traceparent or "")
        # Who waits for an answer asks again when none comes; only what nobody waits for must outlive the broker.
        return await self._exchange(request, deadline_seconds, persistent=isinstance(message, Job))

    def _envelope(self, message: Message, message_id: UUID, principal: Principal, deadline_seconds: float) -> Envelope:
        now = unix_milliseconds(self._clock.now())
        envelope = Envelope.around(
            message,
            message_id=message_id,
            principal=principal,
            reply_to=self._reply_queue,
            sent_seconds=now // 1000,
            deadline_milliseconds=now + int(deadline_seconds * 1000),
        )
        if isinstance(message, Query):
            envelope.exchange, envelope.routing_key = QUERIES, f"{message.actor}.{message.wire}"
            return envelope
        try:
            return address_command(envelope, self._topology)
        except KeyError:
            raise Unavailable(f"no pool runs the actor {message.actor}") from None

    async def _exchange(self, request: Envelope, seconds: float, *, persistent: bool) -> Answer:
        name = str(request.message_id)
        if name in self._waiting:
            return Answer("busy", b'{"reason":"in_progress"}', request.message_id)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[name] = future
        late = asyncio.get_running_loop().call_later(seconds, _give_up, future)
        try:
            self._bus.say(request, persistent=persistent, mandatory=True)
            return await future
        finally:
            late.cancel()
            self._waiting.pop(name, None)

    async def ask(
        self,
        message: Command[R] | Query[R] | Job[R],
        *,
        because: Envelope,
        message_id: UUID,
        principal: Principal | None = None,
    ) -> R:
        """For a turn: the typed reply; the other's refusal is raised as its class; no answer for now is Unavailable.

        MessageFault where the other could not handle the message: whoever asked for it cannot be helped by waiting.
        """
        ends = stopwatch_seconds() + self._ask_seconds(because)
        while True:
            answer = await self.call(
                message,
                principal=principal or because.principal,
                message_id=message_id,
                correlation_id=because.correlation_id,
                causation_id=str(because.message_id),
                traceparent=because.traceparent,
                deadline_seconds=max(SHORTEST_ASK_SECONDS, ends - stopwatch_seconds()),
            )
            if answer.kind != "busy" or stopwatch_seconds() + BUSY_SECONDS > ends:
                break
            await asyncio.sleep(BUSY_SECONDS)
        if answer.kind == "fault":
            raise MessageFault(f"{message.wire} could not be handled: {answer.body.decode(errors='replace')[:500]}")
        return reply_of(message, answer)

    def _ask_seconds(self, because: Envelope) -> float:
        """What is left of the deadline. Past it a turn is finished because it had begun, and may ask as one without."""
        if not because.deadline_milliseconds:
            return ASK_SECONDS
        left = (because.deadline_milliseconds - unix_milliseconds(self._clock.now())) / 1000
        return min(ASK_SECONDS, max(SHORTEST_ASK_SECONDS, left)) if left > 0 else ASK_SECONDS


def reply_of(message: Command[R] | Query[R] | Job[R], answer: Answer) -> R:
    """The typed reply in an answer; a refusal is raised as its class, anything else as Unavailable."""
    if answer.kind == "reply":
        kind: Any = message.reply_type
        reply: R = kind.model_validate_json(answer.body)
        return reply
    if answer.kind == "refusal":
        raise Refusal.from_wire(orjson.loads(answer.body))
    with contextlib.suppress(orjson.JSONDecodeError):
        raise Unavailable(f"{message.wire}: {orjson.loads(answer.body).get('detail', answer.kind)}")
    raise Unavailable(f"{message.wire}: {answer.kind}")


def _give_up(future: "asyncio.Future[Answer]") -> None:
    if not future.done():
        future.set_exception(Unavailable("no answer came in time; ask again under the same id"))
