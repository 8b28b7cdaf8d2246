"""A pool: the mailboxes of one actor in this process, as config/pools.yaml says, and changed while running.

A change closes mailboxes by draining them, so that a partition is handed over in order, and opens others; the broker is not touched.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from config.pools import PoolSettings
from runtime import dead_letters
from runtime.actor import Actor
from runtime.admission import Door
from runtime.bus import Bus
from runtime.customs import Customs
from runtime.desks import KeyedDesk, QueryDesk, StreamDesk
from runtime.errors import Unreadable, is_surroundings
from runtime.ingress import IngressDesk
from runtime.letters_of_others import LettersOfOthers
from runtime.mailbox import Answers, Desk, Mailbox
from runtime.middleware.retries import KEYS_AT_A_TIME, Retries, RetryPolicy
from runtime.performer import Performer
from runtime.supervisor import Supervisor, ended
from runtime.topology import EXPIRED_QUEUE, INGRESS, INGRESS_QUEUE
from runtime.topology import Mailbox as Address
from runtime.turn import Surroundings
from runtime.wire import Delivery

log = logging.getLogger("coffer.pool")

REPLAY_SECONDS = 2.0
"""How often it is asked which parked keys are due, give or take a half: every pool asks, and not all at once."""


@dataclass(frozen=True, slots=True)
class House:
    """What all pools of a process share."""

    bus: Bus
    surroundings: Surroundings
    door: Door
    ingress_door: Door
    customs: Customs


def retry_policy(settings: PoolSettings) -> RetryPolicy:
    """The retry settings as the runtime counts them."""
    retry = settings.retry
    return RetryPolicy(
        in_place_seconds=tuple(retry.in_place_first_seconds * 4**step for step in range(retry.in_place)),
        parked_tries=retry.parked,
        parked_seconds=retry.parked_first_seconds,
        parked_seconds_most=retry.parked_cap_seconds,
        hold_key_when_dead=retry.exhausted == "hold",
    )


class Pool:
    """The replicas of one actor in this process."""

    def __init__(self, name: str, actor: Actor, address: Address, settings: PoolSettings, house: House) -> None:
        self.name = name
        self.actor = actor
        self.settings = settings
        self._address = address
        self._house = house
        self._supervisor = Supervisor(name, settings.restart)
        self._mailboxes: list[Mailbox] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._retries: Retries | None = None

    async def start(self) -> None:
        """Open its mailboxes."""
        await self.actor.started()
        self._open()

    def _open(self) -> None:
        settings, around = self.settings, self._house.surroundings
        performer = Performer(self.actor, around)
        self._retries = Retries(performer, around.database, retry_policy(settings))
        for replica in range(settings.replicas):
            if self.actor.name == INGRESS:
                for queue in (INGRESS_QUEUE, EXPIRED_QUEUE):
                    self._add(queue, self._ingress_desk(), replica, door=self._house.ingress_door)
                continue
            together = None if self._address.kind == "stream" else self._keyed_desk(performer)
            for queue in self._queues():
                self._add(queue, together or self._stream_desk(performer), replica)
            queries = QueryDesk(performer, self._answers(), concurrency=settings.queries.concurrency)
            self._add(self._address.query_queue, queries, replica, prefetch=settings.queries.prefetch)
        if self.actor.name != INGRESS:
            self._watch(self._replay_parked, f"{self.name} parked keys")

    def _queues(self) -> list[str]:
        served = self.settings.served or (0,)
        queues = [self._address.command_queue(partition) for partition in served]
        if self._address.events and 0 in served:
            queues.append(self._address.event_queue)
        return queues

    def _answers(self) -> Answers:
        return Answers(self.actor.name, self._house.bus, self._put_aside)

    def _stream_desk(self, performer: Performer) -> StreamDesk:
        assert self._retries is not None
        failpoints = self._house.surroundings.failpoints
        return StreamDesk(performer, self._retries, self._answers(), failpoints, batch=self.settings.batch)

    def _keyed_desk(self, performer: Performer) -> KeyedDesk:
        """One for all partitions of a replica, so that what waits in any of them can be taken together."""
        assert self._retries is not None
        failpoints, settings = self._house.surroundings.failpoints, self.settings
        return KeyedDesk(
            performer, self._retries, self._answers(), failpoints, concurrency=settings.concurrency, batch=settings.batch
        )

    def _ingress_desk(self) -> IngressDesk:
        house, around = self._house, self._house.surroundings
        return IngressDesk(
            house.customs,
            house.bus,
            around.relay,
            around.topology,
            around.clock,
            Answers(self.actor.name, house.bus, LettersOfOthers(around.database).keep),
            batch=self.settings.batch,
        )

    def _add(self, queue: str, desk: Desk, replica: int, *, door: Door | None = None, prefetch: int | None = None) -> None:
        mailbox = Mailbox(
            queue,
            self._house.bus,
            self._house.surroundings.database,
            door or self._house.door,
            desk,
            prefetch=prefetch or self.settings.prefetch,
            priority=self.settings.priority if self._address.kind == "competing" else 0,
        )
        self._mailboxes.append(mailbox)
        self._watch(mailbox.run, f"{queue} #{replica}")
        if isinstance(desk, StreamDesk | IngressDesk):
            self._watch(desk.run, f"{queue} #{replica} turns")

    def _watch(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._tasks.append(asyncio.create_task(self._supervisor.keep_running(work, name), name=name))

    async def _put_aside(self, delivery: Delivery, wrong: Unreadable) -> None:
        async with self._house.surroundings.database.connection() as connection:
            await dead_letters.keep_unreadable(connection, self.actor.name, delivery, reason=wrong.reason, error=wrong.detail)

    async def _replay_parked(self) -> None:
        assert self._retries is not None
        answers = self._answers()
        while True:
            await asyncio.sleep(REPLAY_SECONDS * random.uniform(0.5, 1.5))
            try:
                while await self._retries.replay_due(answers.send) == KEYS_AT_A_TIME:
                    pass
            except Exception as error:
                if not is_surroundings(error):
                    raise
                log.info("parked keys wait on", extra={"pool": self.name, "reason": str(error)})

    async def change(self, settings: PoolSettings) -> None:
        """Go over to other settings: drain, close, open anew. Messages stay in their order."""
        await self.drain()
        self.settings = settings
        self._supervisor = Supervisor(self.name, settings.restart)
        self._open()
        log.info("pool changed", extra={"pool": self.name})

    async def drain(self) -> None:
        """Take nothing more, finish what is in hand, close."""
        for mailbox in self._mailboxes:
            mailbox.stop()
        runs = [task for task in self._tasks if not task.get_name().endswith((" turns", " parked keys"))]
        try:
            if runs:
                await asyncio.wait(runs)
        finally:
            tasks, self._mailboxes, self._tasks = self._tasks, [], []
            await ended(*tasks)

    @property
    def is_consuming(self) -> bool:
        """Whether each of its mailboxes is registered with the broker."""
        return bool(self._mailboxes) and all(mailbox.consuming for mailbox in self._mailboxes)

    @property
    def depth(self) -> int:
        """Messages taken and not yet handled."""
        return sum(desk.depth for desk in {mailbox.desk for mailbox in self._mailboxes})

    def describe(self) -> dict[str, Any]:
        """For operators: its settings and its state."""
        kept = ("replicas", "prefetch", "concurrency", "batch", "priority")
        return {
            "actor": self.actor.name,
            "consuming": self.is_consuming,
            "depth": self.depth,
            "restarts": self._supervisor.restarts,
            "partitions": list(self.settings.served),
            **{name: getattr(self.settings, name) for name in kept},
        }
