"""The actors of these tests: a probe that counts by key, a tally that takes batches, a herald who asks and hears events.

What is to go wrong is told in the message's `trouble`, several words apart by spaces:

    fault:N     a fault of the message, at the first N handlings (fault:* at each)
    broken:NAME a fault of the message, until the test opens the gate
    away:N      a fault of the surroundings, at the first N
    refuse      a business no, after something was written
    gate:NAME   wait, before anything is written, until the test opens the gate
    nap:N       be at it for N seconds
    caught      a statement fails and its error is swallowed
    no_type     a value that no column takes
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg

from messages.base import Invalid, NotFound
from runtime.actor import Actor, Batch, Said, Turn, handles, handles_batch
from runtime.envelope import Envelope
from runtime.errors import MessageFault, Unavailable
from tests.runtime.vocabulary import (
    Add,
    AlarmRaised,
    Boast,
    Boasted,
    Counted,
    CounterMoved,
    GetCounter,
    Guarded,
    Heap,
    HowMany,
    Note,
    Relay,
    RelayLate,
    Remind,
    Secret,
    Shout,
    SwapNow,
    Tallied,
    TallyAdd,
    TallyMoved,
    TallyOpen,
    Told,
    Whisper,
)

SCHEMA = """
    CREATE SCHEMA probe;
    CREATE TABLE probe.counter (name text PRIMARY KEY, total bigint NOT NULL, number integer NOT NULL);
    CREATE TABLE probe.step (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        counter text NOT NULL,
        amount bigint NOT NULL,
        message_id uuid NOT NULL,
        principal text NOT NULL
    );
    CREATE TABLE probe.heard (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_id uuid NOT NULL,
        what text NOT NULL,
        amount bigint NOT NULL,
        correlation_id text NOT NULL,
        causation_id text NOT NULL,
        traceparent text NOT NULL
    );
    GRANT USAGE ON SCHEMA probe TO coffer_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA probe TO coffer_app;
"""
ADD = """
    INSERT INTO probe.counter AS c (name, total, number) VALUES ($1, $2, 1)
    ON CONFLICT (name) DO UPDATE SET total = c.total + $2, number = c.number + 1 RETURNING total, number
"""
STEP = "INSERT INTO probe.step (counter, amount, message_id, principal) VALUES ($1, $2, $3, $4)"
HEAR = """
    INSERT INTO probe.heard (message_id, what, amount, correlation_id, causation_id, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
LOOK = "SELECT total, number FROM probe.counter WHERE name = $1"


class Scene:
    """What the tests see of the handlers, and how they hold them up. One for all actors of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self, *, over: bool = False) -> None:
        """Begin a new scene; whoever still waits at a gate may pass. When it is over, all gates stay open."""
        self.over = over
        self.mended = False
        """Whether nothing goes wrong any more, whatever was told."""
        for gate in getattr(self, "gates", {}).values():
            gate.set()
        self.begun: list[tuple[str, UUID]] = []
        """(key, message id) of each handling, as they began."""
        self.working: Counter[str] = Counter()
        self.most_working: Counter[str] = Counter()
        """By key, how many handlings there were at one time at most; by "*", of all keys together."""
        self.handlings: Counter[UUID] = Counter()
        self.asked: list[Envelope] = []
        """What the probe got from the herald."""
        self.batches: list[int] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.hearing: dict[str, str] = {}
        """What is to go wrong when the herald hears of a counter."""

    def gate(self, name: str) -> asyncio.Event:
        """Set it, and who waits goes on."""
        gate = self.gates.setdefault(name, asyncio.Event())
        if self.over:
            gate.set()
        return gate

    @contextlib.contextmanager
    def at_work(self, keys: Sequence[str]) -> Iterator[None]:
        """Count handlings at one time."""
        for name in (*keys, *("*" for _ in keys)):
            self.working[name] += 1
            self.most_working[name] = max(self.most_working[name], self.working[name])
        try:
            yield
        finally:
            for name in (*keys, *("*" for _ in keys)):
                self.working[name] -= 1

    async def play(self, trouble: str, message_id: UUID) -> None:
        """What is to go wrong before anything is written."""
        self.handlings[message_id] += 1
        for word in () if self.mended else trouble.split():
            name, _, argument = word.partition(":")
            if name == "gate":
                await self.gate(argument).wait()
            elif name == "broken" and not self.gate(argument).is_set():
                raise MessageFault(f"trouble {word}")
            elif name == "nap":
                await asyncio.sleep(float(argument))
            elif name in ("fault", "away") and (argument == "*" or self.handlings[message_id] <= int(argument)):
                raise MessageFault(f"trouble {word}") if name == "fault" else Unavailable(f"trouble {word}")


scene = Scene()


class Probe(Actor):
    """Counts, key by key."""

    name = "probe"

    @handles
    async def add(self, command: Add, turn: Turn) -> Counted:
        reply = await self._count(turn, command.counter, command.amount, command.trouble)
        turn.emit(CounterMoved(counter=command.counter, amount=command.amount))
        return reply

    @handles_batch(Heap)
    async def heap(self, batch: Batch) -> None:
        scene.batches.append(len(batch))
        with scene.at_work([said.message.counter for said in batch]):
            for said in batch:
                await self._heap(batch, said)

    async def _heap(self, batch: Batch, said: Said) -> None:
        command: Heap = said.message
        scene.begun.append((command.counter, said.message_id))
        await scene.play(command.trouble, said.message_id)
        if command.trouble == "refuse":
            said.refuse(NotFound())
            return
        row = await batch.fetchrow(ADD, command.counter, command.amount)
        assert row is not None
        await batch.execute(STEP, command.counter, command.amount, said.message_id, said.principal.id)
        said.answer(Counted(counter=command.counter, total=row["total"], number=row["number"]))
        said.emit(CounterMoved(counter=command.counter, amount=command.amount))

    @handles
    async def note(self, command: Note, turn: Turn) -> Counted:
        return await self._count(turn, "notes", command.amount, command.trouble)

    @handles
    async def whisper(self, command: Whisper, turn: Turn) -> Counted:
        return await self._count(turn, command.counter, command.amount, command.trouble)

    @handles
    async def shout(self, command: Shout, turn: Turn) -> Counted:
        turn.emit(AlarmRaised(counter=command.counter))
        return await self._count(turn, command.counter, command.amount, command.trouble)

    @handles
    async def swap(self, command: SwapNow, turn: Turn) -> Counted:
        return await self._count(turn, command.counter, command.amount, "")

    @handles
    async def guarded(self, command: Guarded, turn: Turn) -> Counted:
        return await self._count(turn, command.counter, 1, "")

    @handles
    async def secret(self, command: Secret, turn: Turn) -> Counted:
        return await self._count(turn, command.counter, 1, command.trouble)

    @handles
    async def boast(self, command: Boast, turn: Turn) -> Counted:
        turn.emit(Boasted(counter=command.counter, words="x" * command.told))
        reply = await self._count(turn, command.counter, 1, "")
        return reply.model_copy(update={"counter": "x" * command.answered})

    @handles
    async def remind(self, command: Remind, turn: Turn) -> Counted:
        for number in range(command.times):
            due = turn.now + timedelta(seconds=command.seconds + number / 1000)
            turn.later(Add(counter=command.counter, amount=number + 1), due, step=f"reminder {number}")
        return await self._look(turn, command.counter)

    @handles
    async def counter(self, query: GetCounter, turn: Turn) -> Counted:
        await scene.play(query.trouble, turn.message_id)
        return await self._look(turn, query.counter)

    async def _count(self, turn: Turn, counter: str, amount: int, trouble: str) -> Counted:
        scene.begun.append((counter, turn.message_id))
        with scene.at_work([counter]):
            if turn.said.envelope.causation_id:
                scene.asked.append(turn.said.envelope)
            await scene.play(trouble, turn.message_id)
            row = await turn.fetchrow(ADD, counter, "many" if trouble == "no_type" else amount)
            assert row is not None
            await turn.execute(STEP, counter, amount, turn.message_id, turn.principal.id)
            if trouble == "refuse":
                raise NotFound
            if trouble == "caught":
                with contextlib.suppress(asyncpg.DivisionByZeroError):
                    await turn.execute("SELECT 1 / 0")
            return Counted(counter=counter, total=row["total"], number=row["number"])

    async def _look(self, turn: Turn, counter: str) -> Counted:
        row = await turn.fetchrow(LOOK, counter)
        return Counted(counter=counter, total=row["total"] if row else 0, number=row["number"] if row else 0)


class Tally(Actor):
    """Counts in one stream, many messages in one transaction."""

    name = "tally"

    @handles_batch(TallyAdd)
    async def add(self, batch: Batch) -> None:
        scene.batches.append(len(batch))
        for said in batch:
            await scene.play(said.message.trouble, said.message_id)
            await self._add(batch, said)

    async def _add(self, batch: Batch, said: Said) -> None:
        command: TallyAdd = said.message
        if command.trouble == "refuse":
            raise NotFound
        total = await batch.fetchval("SELECT total FROM probe.counter WHERE name = $1", command.tally) or 0
        if total + command.amount < 0:
            said.emit(TallyMoved(tally=command.tally, amount=0))
            said.refuse(Invalid("It would fall below zero.", field="amount", total=total))
            return
        row = await batch.fetchrow(ADD, command.tally, command.amount)
        assert row is not None
        await batch.execute(STEP, command.tally, command.amount, said.message_id, said.principal.id)
        said.answer(Tallied(tally=command.tally, total=row["total"], number=row["number"]))
        said.emit(TallyMoved(tally=command.tally, amount=command.amount))

    @handles
    async def open(self, command: TallyOpen, turn: Turn) -> Tallied:
        await scene.play(command.trouble, turn.message_id)
        row = await turn.fetchrow(ADD, command.tally, 0)
        assert row is not None
        return Tallied(tally=command.tally, total=row["total"], number=row["number"])


class Herald(Actor):
    """Asks the probe, and hears what happened."""

    name = "herald"

    @handles
    async def relay(self, command: Relay, turn: Turn) -> Told:
        totals = []
        for number in range(command.times):
            question = Add(counter=command.counter, amount=command.amount, trouble=command.their_trouble)
            totals.append((await turn.ask(question, step=f"add {number}")).total)
        await scene.play(command.trouble, turn.message_id)
        await turn.execute(STEP, f"relayed {command.counter}", command.amount, turn.message_id, turn.principal.id)
        return Told(totals=tuple(totals))

    @handles
    async def relay_late(self, command: RelayLate, turn: Turn) -> Told:
        await turn.execute(ADD, "late", 1)
        return Told(totals=((await turn.ask(Add(counter=command.counter), step="late")).total,))

    @handles
    async def how_many(self, query: HowMany, turn: Turn) -> Told:
        await turn.fetchval("SELECT count(*) FROM probe.heard")
        return Told(totals=((await turn.ask(GetCounter(counter=query.counter), step="look")).total,))

    @handles
    async def counter_moved(self, event: CounterMoved, turn: Turn) -> None:
        await self._hear(turn, event.counter, event.amount)

    @handles
    async def tally_moved(self, event: TallyMoved, turn: Turn) -> None:
        await self._hear(turn, event.tally, event.amount)

    @handles
    async def alarm_raised(self, event: AlarmRaised, turn: Turn) -> None:
        await self._hear(turn, f"alarm {event.counter}", 0)

    async def _hear(self, turn: Turn, what: str, amount: int) -> None:
        if gate := scene.gates.get("hearing"):
            await gate.wait()
        await scene.play(scene.hearing.get(what, ""), turn.message_id)
        cause = turn.said.envelope
        await turn.execute(HEAR, turn.message_id, what, amount, cause.correlation_id, cause.causation_id, cause.traceparent)
