"""A turn: the handling of one message, or of many as a batch, in one database transaction.

A handler reads load, refuse, decide, store, emit, reply. It never commits: state, inbox with reply and outbox are written
together by `performer.py` when the handler has returned.
"""

import weakref
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from messages.base import Amount, Command, Event, Job, Message, Query, Refusal, Reply
from messages.ids import derived_id
from runtime import inbox, outbox
from runtime.cache.vouching import Voucher
from runtime.clock import Clock, unix_milliseconds
from runtime.database import Connection, Database, Transaction
from runtime.envelope import Envelope
from runtime.failpoints import Failpoints
from runtime.outbox import Relay
from runtime.principal import Authority, Grants, Principal, Scope, above_limit, widest
from runtime.reach import Reach, Rows
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

    __slots__ = ("_grants", "_work", "emitted", "envelope", "is_judged", "message", "outcome")

    def __init__(self, envelope: Envelope, message: Message, grants: Grants) -> None:
        self.envelope = envelope
        self.message: Any = message
        self._grants = grants
        self.is_judged = False
        """Whether the handler has looked at how far the principal's permission reaches."""
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

    @property
    def scope(self) -> Scope:
        """How far the principal's permission for this message reaches."""
        self.is_judged = True
        return widest(self._grants)

    @property
    def reach(self) -> Reach:
        """The same as whose things it reaches."""
        return Reach.of(self.principal, self.scope)

    def sees_all(self, otherwise: Refusal) -> None:
        """Raise `otherwise` where the principal does not reach what is the institution's own, or everybody's."""
        if self.scope != "all":
            raise otherwise

    def sees_others(self, otherwise: Refusal) -> None:
        """Raise `otherwise` where the principal reaches only their own: for what is done by staff, whoever it is about."""
        if self.scope == "own":
            raise otherwise

    async def sees(self, owner: UUID | None, otherwise: Refusal, rows: Rows | None = None) -> None:
        """Raise `otherwise` where the principal does not reach what belongs to this member; None: to the institution.

        `rows`: a connection that is at hand. Default: the turn's own, or one apart where it may still ask others.
        """
        if not await self._reaches(owner, rows):
            raise otherwise

    async def _reaches(self, owner: UUID | None, rows: Rows | None) -> bool:
        return self.scope == "all" or (owner is not None and owner in await self.seen_among([owner], rows))

    async def seen_among(self, owners: Collection[UUID], rows: Rows | None = None) -> frozenset[UUID]:
        """Those of the members whose things the principal reaches."""
        return await self.reach.among(rows or self.work.rows_in_between(), owners)

    async def stays_within(self, amount: Amount, owner: UUID | None, rows: Rows | None = None) -> None:
        """AboveLimit where the permission does not bear an amount that was found in what is stored and belongs to this member.

        What a message says itself was compared before. Of what the principal does not reach nothing is said here: `sees` does.
        """
        before = self._grants
        bearing = tuple(grant for grant in before if grant.bears(amount.amount, amount.currency))
        if len(bearing) == len(before) or not await self._reaches(owner, rows):
            return
        self._grants = bearing
        if not bearing or not await self._reaches(owner, rows):
            raise above_limit(before, amount.currency, self.message.permission)

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


@dataclass(frozen=True, slots=True)
class _Apart:
    """Reads on a connection of its own, each statement by itself."""

    database: Database

    async def fetch(self, statement: str, /, *arguments: Any) -> Sequence[Any]:
        async with self.database.connection() as connection:
            rows: Sequence[Any] = await connection.fetch(statement, *arguments)
            return rows


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

    @property
    def authority(self) -> Authority:
        """What roles allow, for who judges roles themselves."""
        return self._around.authority

    def rows_in_between(self) -> Rows:
        """To read by the way, without beginning the turn's own transaction: the turn may still ask others afterwards."""
        return self if self.has_begun or self._read_only else _Apart(self._database)

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
        self.sees = said.sees
        self.sees_all = said.sees_all
        self.sees_others = said.sees_others
        self.stays_within = said.stays_within
        self.derive = said.derive
        self.emit = said.emit

    @property
    def scope(self) -> Scope:
        """See `Said.scope`."""
        return self.said.scope

    @property
    def reach(self) -> Reach:
        """See `Said.reach`."""
        return self.said.reach

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
