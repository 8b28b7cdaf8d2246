"""A turn: the handling of one message, or of many as a batch, in one database transaction.

A handler reads load, refuse, decide, store, emit, reply. It never commits: state, inbox with reply and outbox are written
together by `performer.py` when the handler has returned.
"""

import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from messages.base import Command, Event, Job, Message, Query, Refusal, Reply
from messages.ids import derived_id
from runtime import inbox, outbox
from runtime.cache.vouching import Voucher
from runtime.clock import Clock, unix_milliseconds
from runtime.database import Connection, Database, Transaction
from runtime.envelope import Envelope
from runtime.failpoints import Failpoints
from runtime.outbox import Relay
from runtime.principal import Authority, Principal, Scope
from runtime.topology import Topology

R = TypeVar("R", bound=Reply)


class Asks(Protocol):
    """Who can ask another actor; `client.py`."""

    async def ask(
        self,
        message: Command[R] | Query[R] | Job[R],
        *,
        because: Envelope,
        message_id: UUID,
        principal: Principal | None = None,
    ) -> R:
        """The reply; the other's refusal is raised as its class. Default of `principal`: whoever caused it."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the turns of one process work with."""

    database: Database
    clock: Clock
    relay: Relay
    topology: Topology
    authority: Authority
    failpoints: Failpoints
    asks: Asks | None
    voucher: Voucher


class Said:
    """One message of a turn, and what is answered to it."""

    __slots__ = ("_work", "emitted", "envelope", "message", "outcome", "scope")

    def __init__(self, envelope: Envelope, message: Message, scope: Scope) -> None:
        self.envelope = envelope
        self.message: Any = message
        self.scope = scope
        """How far the principal's permission for this message reaches."""
        self.outcome: Reply | Refusal | None = None
        self.emitted: list[Event] = []
        self._work: weakref.ref[Work]

    @property
    def work(self) -> "Work":
        """The turn that it is handled in, while that lasts."""
        work = self._work()
        assert work is not None, "the turn is over"
        return work

    def is_handled_in(self, work: "Work") -> None:
        """Held weakly: the work holds its messages, and a circle of the two would wait for the garbage collector."""
        self._work = weakref.ref(work)

    @property
    def now(self) -> datetime:
        """Aware UTC time of the turn's beginning."""
        return self.work.now

    @property
    def principal(self) -> Principal:
        """On whose behalf it was said."""
        return self.envelope.principal

    @property
    def message_id(self) -> UUID:
        """Its idempotency id."""
        return self.envelope.message_id

    def derive(self, step: str) -> UUID:
        """An id that follows from this message and the step, the same at every redelivery."""
        return derived_id(self.envelope.message_id, step)

    def sees(self, owner: UUID | None, otherwise: Refusal) -> None:
        """Raise `otherwise` where the principal reaches only their own and this is somebody else's."""
        if self.scope == "own" and (owner is None or owner != self.envelope.principal.member_id):
            raise otherwise

    def answer(self, reply: Reply) -> None:
        """Answer it."""
        self.outcome = reply

    def refuse(self, refusal: Refusal) -> None:
        """Say no. What it had emitted is not said."""
        self.outcome = refusal
        self.emitted.clear()

    def emit(self, event: Event) -> None:
        """Tell what happened, when the turn has committed."""
        self.emitted.append(event)

    async def ask(self, message: Command[R] | Query[R] | Job[R], *, step: str, in_own_name: bool = False) -> R:
        """Ask another actor under an id derived from this message and the step, so that a redelivery asks the same once.

        Only before the turn's own transaction has begun: nothing is kept locked while somebody else works.
        `in_own_name`: as this actor, not on behalf of whoever spoke to it; for what follows from what they may do here, where the
        other actor would ask for more than they have. The handler answers for it: nothing of the message goes on unchecked.
        """
        return await self.work.ask_because(self, message, step=step, in_own_name=in_own_name)


class Work(Transaction):
    """The handling of one message or of many, in one database transaction."""

    def __init__(
        self,
        said: Sequence[Said],
        around: Surroundings,
        *,
        actor: str,
        read_only: bool = False,
    ) -> None:
        super().__init__(around.database, read_only=read_only)
        self._around = around
        self._own_name = Principal("actor", actor)
        self.now: datetime = around.clock.now()
        """Aware UTC time of the turn's beginning."""
        self.timers: list[tuple[UUID, datetime, Envelope]] = []
        self.told_apart: list[Event] = []
        """Of other messages that were finished because of this one."""
        for each in said:
            each.is_handled_in(self)

    async def ask_because(
        self, said: Said, message: Command[R] | Query[R] | Job[R], *, step: str, in_own_name: bool = False
    ) -> R:
        """See `Said.ask`."""
        assert not self.has_begun, "a turn that has begun to write may not ask"
        assert self._around.asks is not None, "this turn asks nobody"
        await self.end()  # a query's connection: whoever is asked may need it
        principal = self._own_name if in_own_name else None
        return await self._around.asks.ask(message, because=said.envelope, message_id=said.derive(step), principal=principal)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Connection]:
        """A transaction of its own, committed before the turn's own begins: to look first, or to write a decision."""
        assert not self.has_begun, "the turn's own transaction has begun"
        async with self._database.transaction() as connection:
            yield connection

    async def tell_apart(self, db: Connection, said: Said, message_id: UUID, events: Sequence[Event]) -> None:
        """Tell, in a transaction apart, what happened: for another message, that was left behind and is finished because of `said`.

        Its events are told once, whichever of the two tells them.
        """
        envelopes = told(said.envelope, message_id, events, unix_milliseconds(self.now) // 1000)
        await inbox.record(db, self._own_name.id, [], outbox.row(envelopes, self._around.topology))
        self.told_apart += events

    @asynccontextmanager
    async def apart_telling(self, said: Said) -> AsyncIterator[tuple[Connection, list[Event]]]:
        """As `apart`, with a list: the events put into it are told, because of `said`, once this has committed.

        For what stays true although the turn itself ends in a refusal.
        """
        events: list[Event] = []
        envelopes: list[Envelope] = []
        number: int | None = None
        async with self.apart() as connection:
            yield connection, events
            if events:
                envelopes = told(said.envelope, said.message_id, events, unix_milliseconds(self.now) // 1000)
                number = await inbox.record(connection, self._own_name.id, [], outbox.row(envelopes, self._around.topology))
        if number is not None:
            self._around.relay.committed(number, envelopes)

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[Connection]:
        """As `apart`, but each statement is a transaction of its own: for one that writes whole what it decides."""
        assert not self.has_begun, "the turn's own transaction has begun"
        async with self._database.connection() as connection:
            yield connection


class Turn(Work):
    """The handling of one message."""

    def __init__(self, said: Said, around: Surroundings, *, actor: str, read_only: bool = False) -> None:
        super().__init__([said], around, actor=actor, read_only=read_only)
        self.said = said
        self.principal = said.envelope.principal
        self.message_id = said.envelope.message_id
        self.scope = said.scope
        self.sees = said.sees
        self.derive = said.derive
        self.emit = said.emit

    async def ask(self, message: Command[R] | Query[R] | Job[R], *, step: str, in_own_name: bool = False) -> R:
        """See `Said.ask`."""
        return await self.ask_because(self.said, message, step=step, in_own_name=in_own_name)

    def later(self, command: Command[Any] | Job[Any], due_at: datetime, *, step: str) -> UUID:
        """Have the command said at `due_at` or soon after. Its id follows from this message and the step."""
        message_id = self.derive(step)
        envelope = self._caused(command, message_id)
        self.timers.append((message_id, due_at, envelope))
        return message_id

    def say_again(self, envelope: Envelope) -> None:
        """Send a message that was put aside once more, as it was, when this turn has committed."""
        self.timers.append((self.derive("say again"), self.now, envelope))

    def _caused(self, message: Message, message_id: UUID) -> Envelope:
        return caused_by(self.said.envelope, message, message_id, self.now)


class Batch(Work):
    """Many messages, one transaction. The handler answers each as it would have been answered alone.

    Of a keyed mailbox each has another key. What is written apart must be found again by whoever handles one of them alone: a batch
    that fails is taken apart, and its messages are tried one by one.
    """

    def __init__(self, said: Sequence[Said], around: Surroundings, *, actor: str) -> None:
        super().__init__(said, around, actor=actor)
        self._said = said

    def __iter__(self) -> Iterator[Said]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    def later(self, said: Said, command: Command[Any] | Job[Any], due_at: datetime, *, step: str) -> UUID:
        """Have the command said at `due_at` or soon after, because of `said`."""
        message_id = said.derive(step)
        self.timers.append((message_id, due_at, caused_by(said.envelope, command, message_id, self.now)))
        return message_id


def caused_by(cause: Envelope, message: Message, message_id: UUID, now: datetime) -> Envelope:
    """An envelope for what one message made somebody say: same conversation, same principal."""
    return Envelope.around(
        message,
        message_id=message_id,
        principal=cause.principal,
        correlation_id=cause.correlation_id,
        causation_id=str(cause.message_id),
        traceparent=cause.traceparent,
        sent_seconds=unix_milliseconds(now) // 1000,
    )


def told(cause: Envelope, message_id: UUID, events: Sequence[Event], sent_seconds: int) -> list[Envelope]:
    """What is told of a message's events, because of `cause`; their ids follow from the message, so that each is told once."""
    return [
        Envelope(
            message_id=derived_id(message_id, f"{event.wire}/{index}"),
            type=event.wire,
            body=event.model_dump_json().encode(),
            principal=cause.principal,
            correlation_id=cause.correlation_id,
            causation_id=str(message_id),
            key=event.key,
            priority=event.priority,
            traceparent=cause.traceparent,
            sent_seconds=sent_seconds,
        )
        for index, event in enumerate(events)
    ]
