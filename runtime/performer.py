"""Performs turns: from an envelope to a committed outcome. One spine writes state, inbox with reply, outbox and timers.

A crash before the COMMIT leaves nothing; after it, the inbox gives the same answer again. What goes wrong leaves here as an
exception: a message's fault, or the surroundings'; `mailbox.py` decides what follows.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from messages.base import Event, Forbidden, Message, Query, Refusal, Reply
from runtime import inbox, telemetry, timers
from runtime.actor import Actor, Handler
from runtime.admission import is_expired, problem, read
from runtime.clock import stopwatch_seconds, unix_milliseconds
from runtime.envelope import Envelope
from runtime.errors import Fenced, MessageFault, Unreadable
from runtime.inbox import Handled, Outcome
from runtime.outbox import row
from runtime.own_roles import catch_up
from runtime.principal import EVERYTHING
from runtime.turn import Batch, Said, Surroundings, Turn, Work, told

KEY_REUSED = {
    "rule": "idempotency_key_reused",
    "status": 422,
    "detail": "This id was used before for something else. Use a new one for a new request.",
}
EXPIRED = Outcome("expired", problem("expired", "The deadline passed before the work began; nothing was done."))
NO_ANSWER = Outcome("reply", b"{}")


class Parked(Exception):
    """The key waits for a retry; this message must wait behind it."""


class Performer:
    """Performs the turns of one actor."""

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self.actor = actor
        self.name = actor.name
        self._around = surroundings
        self._batches = {kind.wire: each.method for kind, each in actor.handlers.items() if each.batched}

    def handler_of(self, message: Message) -> Handler:
        """The handler of a message. MessageFault where the actor has none."""
        handler = self.actor.handlers.get(type(message))
        if handler is None:
            raise MessageFault(f"the actor {self.name} does not handle {message.wire}")
        return handler

    def batch_of(self, wire: str) -> str | None:
        """The method that takes messages of this type many at once; None where there is none."""
        return self._batches.get(wire)

    def _expired(self, envelope: Envelope) -> bool:
        """Whether nobody waits for it any more. To be asked only of what was certainly not begun: a turn may have asked others."""
        if not is_expired(envelope, self._around.clock.now()):
            return False
        telemetry.expired.labels(self.name, telemetry.type_label(envelope.type)).inc()
        return True

    def admit(self, envelope: Envelope) -> Said | Outcome:
        """The message, if it may be handled; else the outcome that it gets without a turn."""
        try:
            message = read(envelope)
            grants = EVERYTHING
            if not isinstance(message, Event):
                grants = self._around.authority.judge(envelope.principal, message.permission, message.amounts)
        except Refusal as no:
            return refused(no)
        return Said(envelope, message, grants)

    async def _catch_up(self, envelopes: Sequence[Envelope]) -> None:
        """Know the roles of whoever speaks as they are now."""
        await catch_up(self._around.authority, [envelope.principal for envelope in envelopes], self._around.database)

    async def query(self, envelope: Envelope) -> Outcome:
        """Answer a query: no inbox, nothing written."""
        if self._expired(envelope):
            return EXPIRED
        await self._catch_up([envelope])
        said = self.admit(envelope)
        if isinstance(said, Outcome):
            return said
        if not isinstance(said.message, Query):
            raise Unreadable("not_a_query", f"{envelope.type} changes something; it belongs into the queue of commands")
        handler = self.handler_of(said.message)
        turn = Turn(said, self._around, actor=self.name, read_only=True)
        try:
            reply: Reply = await getattr(self.actor, handler.method)(said.message, turn)
            check_judged(said)
        except Refusal as no:
            return refused(no)
        finally:
            await turn.end()
        return replied(reply)

    async def one(self, envelope: Envelope, *, begun: bool = False, from_parked: bool = False) -> Outcome:
        """Perform the turn of one message. Raises Parked where its key waits for a retry.

        `begun`: it may have been tried before. Then it is finished, however late: it may have written a decision and asked others.
        """
        await self._catch_up([envelope])
        said = self.admit(envelope)
        if isinstance(said, Outcome):
            return said
        known, parked = await self._looked_up([said])
        if envelope.message_id in known:
            await self._around.voucher.answered_again(self.name)
            return self._known(envelope, known[envelope.message_id])
        batched = self.handler_of(said.message).batched
        writes_apart = (
            not batched or envelope.key is not None
        )  # a stream's batch asks nobody: what is not in the inbox was not begun
        if not (begun and writes_apart) and self._expired(envelope):
            return EXPIRED
        if envelope.key in parked and not from_parked:
            raise Parked
        return (await self._batch([said]))[0] if batched else await self._turn(said)

    async def _looked_up(self, saids: Sequence[Said]) -> tuple[dict[UUID, Handled], set[str]]:
        """Those of the messages that were handled, and those of their keys that wait for a retry."""
        keys = [said.envelope.key for said in saids if said.envelope.key is not None]
        async with self._around.database.connection() as connection:
            return await inbox.lookup(connection, self.name, [said.message_id for said in saids], keys)

    async def _turn(self, said: Said) -> Outcome:
        around = self._around
        handler = self.handler_of(said.message)
        turn = Turn(said, around, actor=self.name)
        await around.failpoints.passing("after_begin")
        began = stopwatch_seconds()
        try:
            try:
                reply = await getattr(self.actor, handler.method)(said.message, turn)
                check_judged(said)
                outcome = replied(reply) if reply is not None else NO_ANSWER
            except Refusal as no:
                await turn.rollback()
                turn.timers.clear()
                said.refuse(no)
                outcome = refused(no)
            await self._commit(turn, [(said, outcome)], turn.timers, turn.now)
        except asyncpg.UniqueViolationError as raced:
            await turn.end()
            return await self._raced(raced, said)
        finally:
            await turn.end()
        telemetry.turn_seconds.labels(self.name).observe(stopwatch_seconds() - began)
        return outcome

    async def many(self, envelopes: Sequence[Envelope]) -> list[Outcome | None]:
        """Perform one turn for many messages whose handler takes batches, none of them begun before. None for one whose key waits
        for a retry, so that it must be performed by itself.
        """
        await self._catch_up(envelopes)
        admitted = [self.admit(envelope) for envelope in envelopes]
        saids = [said for said in admitted if isinstance(said, Said)]
        outcomes = iter(await self._many(saids) if saids else [])
        return [each if isinstance(each, Outcome) else next(outcomes) for each in admitted]

    async def _many(self, saids: list[Said]) -> list[Outcome | None]:
        known, parked = await self._looked_up(saids)
        if known:
            await self._around.voucher.answered_again(self.name)
        fresh: dict[UUID, Said] = {}
        for said in saids:
            if said.message_id in known or said.message_id in fresh or said.envelope.key in parked:
                continue
            if self._expired(said.envelope):
                known[said.message_id] = Handled(said.envelope.fingerprint, EXPIRED)
            else:
                fresh[said.message_id] = said
        outcomes = dict(zip(fresh, await self._batch(list(fresh.values())) if fresh else [], strict=True))
        handled = known | {name: Handled(said.envelope.fingerprint, outcomes[name]) for name, said in fresh.items()}
        return [
            None
            if said.message_id not in handled
            else outcomes[said.message_id]
            if fresh.get(said.message_id) is said
            else self._again(said.envelope, handled[said.message_id])
            for said in saids
        ]

    async def _batch(self, saids: list[Said]) -> list[Outcome]:
        around = self._around
        handler = self.handler_of(saids[0].message)
        batch = Batch(saids, around, actor=self.name)
        await around.failpoints.passing("after_begin")
        began = stopwatch_seconds()
        try:
            await self._decide(batch, handler)
            outcomes = [_outcome_of(said) for said in batch]
            await self._commit(batch, list(zip(batch, outcomes, strict=True)), batch.timers, batch.now)
        except asyncpg.UniqueViolationError as raced:
            await batch.end()
            if len(saids) > 1:
                raise
            return [await self._raced(raced, saids[0])]
        finally:
            await batch.end()
        telemetry.turn_seconds.labels(self.name).observe(stopwatch_seconds() - began)
        telemetry.batch_messages.labels(self.name).observe(len(saids))
        return outcomes

    async def _decide(self, batch: Batch, handler: Handler) -> None:
        """Let the handler answer. A refusal that it raises, instead of giving it to its message, counts where there is only one."""
        try:
            await getattr(self.actor, handler.method)(batch)
            for said in batch:
                check_judged(said)
        except Refusal as no:
            if len(batch) > 1:
                raise
            await batch.rollback()
            batch.timers.clear()
            for said in batch:
                said.refuse(no)

    async def _commit(
        self,
        transaction: Work,
        pairs: list[tuple[Said, Outcome]],
        due: list[tuple[UUID, datetime, Envelope]],
        now: datetime,
    ) -> None:
        around = self._around
        said_now = unix_milliseconds(now) // 1000
        envelopes = [each for said, _ in pairs for each in told(said.envelope, said.message_id, said.emitted, said_now)]
        handled = [(said.message_id, said.envelope.fingerprint, outcome) for said, outcome in pairs if said.message.remembered]
        if due:
            await timers.keep(transaction, due)
        number = None
        if handled or envelopes:
            number = await inbox.record(transaction, self.name, handled, row(envelopes, around.topology))
        await around.failpoints.passing("before_commit")
        await transaction.commit()
        await around.failpoints.passing("after_commit_before_reply")
        emitted = [event for said, _ in pairs for event in said.emitted if event.renews]
        if emitted or transaction.told_apart:
            await around.voucher.renew(emitted + transaction.told_apart)
        if number is not None:
            around.relay.committed(number, envelopes)

    def _again(self, envelope: Envelope, handled: Handled) -> Outcome:
        """Of a message that has an outcome: what was handled is answered as it was, what is too late stays so."""
        return handled.outcome if handled.outcome is EXPIRED else self._known(envelope, handled)

    def _known(self, envelope: Envelope, handled: Handled) -> Outcome:
        telemetry.inbox_hits.labels(self.name, telemetry.type_label(envelope.type)).inc()
        if handled.fingerprint != envelope.fingerprint:
            return Outcome("refusal", orjson.dumps(KEY_REUSED))
        return handled.outcome

    async def _raced(self, error: asyncpg.UniqueViolationError, said: Said) -> Outcome:
        """Somebody else handled the same message meanwhile: their answer is the answer. Any other collision is a fault."""
        if error.constraint_name != "inbox_pkey":
            raise error
        known, _ = await self._looked_up([said])
        if said.message_id not in known:
            raise Fenced("the inbox knew the message and then did not")
        await self._around.voucher.answered_again(self.name)
        return self._known(said.envelope, known[said.message_id])


def check_judged(said: Said) -> None:
    """Forbidden where the handler never looked how far a narrow permission reaches: then it may reach nothing."""
    if not said.is_judged and not isinstance(said.outcome, Refusal):
        said.sees_all(
            Forbidden(f"This takes the permission {said.message.permission} for all.", permission=said.message.permission)
        )


def _outcome_of(said: Said) -> Outcome:
    match said.outcome:
        case Refusal() as no:
            return refused(no)
        case Reply() as reply:
            return replied(reply)
        case _:
            raise MessageFault(f"the batch handler left {said.message.wire} without an answer")


def replied(reply: Reply) -> Outcome:
    """The outcome of a reply."""
    return Outcome("reply", reply.model_dump_json(by_alias=True).encode())


def refused(no: Refusal) -> Outcome:
    """The outcome of a refusal."""
    return Outcome("refusal", orjson.dumps(no.to_wire()))
