"""The three ways in which waiting letters become turns: key by key, many at once in order, and queries side by side."""

import asyncio
import itertools
import logging
from collections import deque

from runtime import telemetry
from runtime.clock import stopwatch_seconds
from runtime.errors import NewerVersion, Unreadable, is_surroundings
from runtime.failpoints import Failpoints
from runtime.inbox import Outcome
from runtime.lane import Lane
from runtime.mailbox import Answers, Desk, Letter
from runtime.middleware.retries import Retries
from runtime.performer import Performer

log = logging.getLogger("coffer.desk")

BATCHES_AT_A_TIME = 1
"""Turns of many keys on one desk: what comes meanwhile is taken together by the next. Two at once cost more each than they gain."""


class KeyedDesk(Desk):
    """One turn per key at a time, in order; several keys side by side. A message without a key is a key of its own.

    Messages of different keys whose handler takes many are one turn, where they wait anyway: never more than a few such turns run,
    so that there is something to take together. What fails is tried again alone.
    """

    def __init__(
        self,
        performer: Performer,
        retries: Retries,
        answers: Answers,
        failpoints: Failpoints,
        *,
        concurrency: int,
        batch: int = 1,
    ) -> None:
        super().__init__(answers)
        self._performer = performer
        self._retries = retries
        self._failpoints = failpoints
        self.concurrency = concurrency
        """Turns at a time."""
        self.batch = batch
        """Messages in one turn at most."""
        self._waiting: list[Letter] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        self._batches = 0
        self._turns = 0
        self._ids: set[object] = set()

    @property
    def depth(self) -> int:
        return len(self._waiting) + len(self._running)

    def arrived(self, letter: Letter) -> None:
        if is_asked_again(letter, self._ids):
            # The same message is waiting or running: whoever asks again is told so, and asks once more later.
            self.answers.settle([letter], [BUSY])
            return
        self._ids.add(letter.envelope.message_id)
        letter.taken_by = taken_together(self._performer, letter) if self.batch > 1 else None
        self._waiting.append(letter)
        if letter.taken_by is None or self._batches < BATCHES_AT_A_TIME:
            self._begin_what_can()

    def forget(self, lane: Lane) -> None:
        self._ids -= {letter.envelope.message_id for letter in self._waiting if letter.lane is lane}
        self._waiting = [letter for letter in self._waiting if letter.lane is not lane]

    async def idle(self) -> None:
        while self._running:
            await asyncio.wait(set(self._running.values()))

    def _begin_what_can(self) -> None:
        while self._waiting and self._turns < self.concurrency:
            letters = self._next()
            if not letters:
                return
            taken = {id(letter) for letter in letters}
            self._waiting = [letter for letter in self._waiting if id(letter) not in taken]
            batched = letters[0].taken_by is not None
            self._turns += 1
            self._batches += batched
            task = asyncio.create_task(self._run(letters, batched=batched))
            self._running.update((_key(letter), task) for letter in letters)

    def _next(self) -> list[Letter]:
        """The most urgent letter whose key is free, and no earlier one of its key is waiting; with others that are taken together."""
        now = stopwatch_seconds()
        free: list[Letter] = []
        seen = set(self._running)
        may_batch = self._batches < BATCHES_AT_A_TIME
        for letter in self._waiting:
            key = _key(letter)
            if key not in seen and (may_batch or letter.taken_by is None):
                free.append(letter)
            seen.add(key)
        if not free:
            return []
        first = max(free, key=lambda letter: letter.urgency(now))
        if first.taken_by is None:
            return [first]
        others = (letter for letter in free if letter is not first and letter.taken_by == first.taken_by)
        return [first, *itertools.islice(others, self.batch - 1)]

    async def _run(self, letters: list[Letter], *, batched: bool) -> None:
        observe = telemetry.wait_seconds.labels(self.answers.actor).observe
        for letter in letters:
            observe(stopwatch_seconds() - letter.arrived)
        try:
            if batched:
                await self._run_together(letters)
            else:
                await self._run_alone(letters[0])
        except Exception as error:
            if not is_surroundings(error):
                log.exception("a turn ended in a way that nobody expected")
            self.hold(error)
        finally:
            self._batches -= batched
            self._turns -= 1
            for letter in letters:
                del self._running[_key(letter)]
                self._ids.discard(letter.envelope.message_id)
            self._begin_what_can()

    async def _run_together(self, letters: list[Letter]) -> None:
        await self._failpoints.passing("after_receive")
        try:
            outcomes = await self._performer.many([letter.envelope for letter in letters])
        except Exception as error:
            if is_surroundings(error):
                raise
            log.warning("a batch failed; its messages are taken one by one", extra={"error": repr(error)})
            await self._run_each(letters, begun=True)
            return
        done = [(letter, outcome) for letter, outcome in zip(letters, outcomes, strict=True) if outcome is not None]
        self._ids -= {letter.envelope.message_id for letter, _ in done}  # first: whoever has a reply may ask again at once
        for letter, outcome in done:
            self.answers.send(letter.envelope, outcome)
        await self._failpoints.passing("after_reply_before_ack")
        self.answers.acknowledge([letter for letter, _ in done])
        await self._run_each([letter for letter, outcome in zip(letters, outcomes, strict=True) if outcome is None])

    async def _run_each(self, letters: list[Letter], *, begun: bool = False) -> None:
        """Alone, side by side: their keys differ."""
        ends = await asyncio.gather(*(self._run_alone(letter, begun=begun) for letter in letters), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _run_alone(self, letter: Letter, *, begun: bool = False) -> None:
        if letter.unreadable is not None:
            await self.answers.put_aside(letter)
            return
        await self._failpoints.passing("after_receive")
        outcome = await self._retries.perform(letter.envelope, redelivered=letter.redelivered, begun=begun)
        self._ids.discard(letter.envelope.message_id)  # before the reply: whoever has it may ask again at once
        if outcome is not None:
            self.answers.send(letter.envelope, outcome)
        await self._failpoints.passing("after_reply_before_ack")
        self.answers.acknowledge([letter])


class StreamDesk(Desk):
    """One ordered stream. What is waiting is taken at once, never waited for: a run of messages that one handler takes together is
    one transaction. What fails is tried again alone, beside the stream, so that nothing waits for it.
    """

    def __init__(self, performer: Performer, retries: Retries, answers: Answers, failpoints: Failpoints, *, batch: int) -> None:
        super().__init__(answers)
        self._performer = performer
        self._retries = retries
        self._failpoints = failpoints
        self.batch = batch
        """Messages in one transaction at most."""
        self._waiting: deque[Letter] = deque()
        self._ids: set[object] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._some = asyncio.Event()
        self._in_hand = 0
        self._nothing = asyncio.Event()
        self._nothing.set()

    @property
    def depth(self) -> int:
        return len(self._waiting) + self._in_hand + len(self._beside)

    def arrived(self, letter: Letter) -> None:
        envelope = letter.envelope
        if is_asked_again(letter, self._ids):
            self.answers.settle([letter], [BUSY])
            return
        self._ids.add(envelope.message_id)
        self._waiting.append(letter)
        self._some.set()

    def forget(self, lane: Lane) -> None:
        self._ids -= {letter.envelope.message_id for letter in self._waiting if letter.lane is lane}
        self._waiting = deque(letter for letter in self._waiting if letter.lane is not lane)

    async def idle(self) -> None:
        await self._nothing.wait()
        while self._beside:
            await asyncio.wait(list(self._beside))

    async def run(self) -> None:
        """Run turns for as long as the process lives."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                letters = self._take()
                self._in_hand = len(letters)
                self._nothing.clear()
                try:
                    await self._work(letters)
                except Exception as error:
                    if not is_surroundings(error):
                        log.exception("a batch ended in a way that nobody expected")
                    self.hold(error)
                    self._ids -= {letter.envelope.message_id for letter in letters}
                finally:
                    self._in_hand = 0
                    self._nothing.set()

    def _take(self) -> list[Letter]:
        """The most urgent letters, at most a batch, in the order in which they are handled."""
        now = stopwatch_seconds()
        waiting = self._waiting
        if len({letter.envelope.priority for letter in waiting}) > 1:
            waiting = deque(sorted(waiting, key=lambda letter: -letter.urgency(now)))
            self._waiting = waiting
        first = self._together(waiting[0])
        taken = [waiting.popleft()]
        while first is not None and waiting and len(taken) < self.batch and self._together(waiting[0]) == first:
            taken.append(waiting.popleft())
        observe = telemetry.wait_seconds.labels(self.answers.actor).observe
        for letter in taken:
            observe(now - letter.arrived)
        return taken

    def _together(self, letter: Letter) -> str | None:
        """The handler that takes this letter together with others; None where it must be taken alone."""
        return taken_together(self._performer, letter)

    async def _work(self, letters: list[Letter]) -> None:
        await self._failpoints.passing("after_receive")
        if len(letters) == 1 and self._together(letters[0]) is None:
            await (self._first_try(letters[0]) if _may_step_aside(letters[0]) else self._alone(letters[0]))
            return
        try:
            outcomes = await self._performer.many([letter.envelope for letter in letters])
        except Exception as error:
            if is_surroundings(error):
                raise
            log.warning("a batch failed; its messages are taken one by one", extra={"error": repr(error)})
            for letter in letters:
                await self._first_try(letter)
            return
        done = [(letter, outcome) for letter, outcome in zip(letters, outcomes, strict=True) if outcome is not None]
        # Replies are written while the next batch's statements are under way.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._reply, done)
        await self._failpoints.passing("after_reply_before_ack")
        loop.call_soon(self._finish, [letter for letter, _ in done])
        for letter, outcome in zip(letters, outcomes, strict=True):
            if outcome is None:
                await self._alone(letter)

    def _reply(self, done: list[tuple[Letter, Outcome]]) -> None:
        self._ids -= {letter.envelope.message_id for letter, _ in done}  # first: whoever has a reply may ask again at once
        for letter, outcome in done:
            self.answers.send(letter.envelope, outcome)

    def _finish(self, letters: list[Letter]) -> None:
        self._ids -= {letter.envelope.message_id for letter in letters}
        self.answers.acknowledge(letters)

    async def _first_try(self, letter: Letter) -> None:
        """Alone; what fails goes on beside the stream."""
        try:
            outcome = await self._performer.one(letter.envelope)
        except (NewerVersion, Unreadable):
            await self._alone(letter)
            return
        except Exception as error:
            if is_surroundings(error):
                raise
            task = asyncio.create_task(self._alone(letter))
            self._beside.add(task)
            task.add_done_callback(self._beside.discard)
            return
        self._reply([(letter, outcome)])
        self._finish([letter])

    async def _alone(self, letter: Letter) -> None:
        try:
            if letter.unreadable is not None:
                await self.answers.put_aside(letter)
                self._ids.discard(letter.envelope.message_id)
                return
            outcome = await self._retries.perform(letter.envelope, redelivered=letter.redelivered)
            if outcome is not None:
                self.answers.send(letter.envelope, outcome)
            await self._failpoints.passing("after_reply_before_ack")
            self._finish([letter])
        except Exception as error:
            if not is_surroundings(error):
                log.exception("a turn ended in a way that nobody expected")
            self._ids.discard(letter.envelope.message_id)
            self.hold(error)


class QueryDesk(Desk):
    """Queries side by side, none waiting for another."""

    def __init__(self, performer: Performer, answers: Answers, *, concurrency: int) -> None:
        super().__init__(answers)
        self._performer = performer
        self.concurrency = concurrency
        self._waiting: deque[Letter] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def depth(self) -> int:
        return len(self._waiting) + len(self._running)

    def arrived(self, letter: Letter) -> None:
        if len(self._running) >= self.concurrency:
            self._waiting.append(letter)
            return
        task = asyncio.create_task(self._run(letter))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def forget(self, lane: Lane) -> None:
        self._waiting = deque(letter for letter in self._waiting if letter.lane is not lane)

    async def idle(self) -> None:
        while self._running:
            await asyncio.wait(list(self._running))

    async def _run(self, first: Letter) -> None:
        letter: Letter | None = first
        while letter is not None:
            with telemetry.conversation(letter.envelope.correlation_id, letter.envelope.traceparent):
                try:
                    await self._answer(letter)
                except Exception as error:
                    if not is_surroundings(error):
                        log.exception("a query failed", extra={"type": letter.envelope.type})
                        self.answers.settle([letter], [COULD_NOT])
                    else:
                        self.hold(error)
            letter = self._waiting.popleft() if self._waiting else None

    async def _answer(self, letter: Letter) -> None:
        if letter.unreadable is not None:
            await self.answers.put_aside(letter)
            return
        try:
            outcome = await self._performer.query(letter.envelope)
        except (Unreadable, NewerVersion) as wrong:
            outcome = Outcome("fault", COULD_NOT.body)
            log.warning("a query could not be read", extra={"reason": str(wrong)})
        self.answers.settle([letter], [outcome])


def is_asked_again(letter: Letter, in_hand: set[object]) -> bool:
    """Whether somebody repeats a request that is being worked on. A redelivery is no repetition: it may be the only copy left."""
    envelope = letter.envelope
    return letter.unreadable is None and not letter.redelivered and bool(envelope.reply_to) and envelope.message_id in in_hand


def taken_together(performer: Performer, letter: Letter) -> str | None:
    """The handler that takes a letter together with others; None where it must be taken alone."""
    if letter.unreadable is not None or letter.redelivered:
        return None
    return performer.batch_of(letter.envelope.type)


def _key(letter: Letter) -> str:
    return letter.envelope.key if letter.envelope.key is not None else f"message {letter.envelope.message_id}"


def _may_step_aside(letter: Letter) -> bool:
    """Whether later messages may be handled while this one is tried again."""
    return letter.unreadable is None and not letter.redelivered and letter.envelope.key is None


BUSY = Outcome("busy", b'{"reason":"in_progress","detail":"The same request is being worked on."}')
COULD_NOT = Outcome("fault", b'{"reason":"failed","detail":"The question could not be answered."}')
