"""The broker, as one process uses it: a connection to publish and one to consume, built anew whenever one is lost.

Alarms of the broker block publishing connections only, so that acknowledgements go on. Whoever uses the bus waits for `ready`,
works with `publishing` and `consuming` while they last, and starts again when they are closed.
"""

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable

from runtime import telemetry
from runtime.envelope import Envelope
from runtime.errors import Unavailable, is_surroundings
from runtime.lane import Lane
from runtime.link import Link
from runtime.supervisor import ended
from runtime.topology import REPLIES
from runtime.wire import TRANSIENT, Properties

log = logging.getLogger("coffer.bus")

REPLY_QUEUE = re.compile(r"^reply\.[a-z0-9-]{1,60}(\.[0-9a-f]{32})?$")
"""Where replies may go; anything else in `reply_to` is ignored, for it could name somebody's mailbox."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
CONFIRM_SECONDS = 10
LARGEST_REPLY = 4 * 1024 * 1024
"""Bytes. The broker ends the connection of whoever sends more than it takes; it takes 16 MiB, ours 8."""
TOO_LARGE = b'{"reason":"too_large","detail":"The answer is too large to be sent; ask for less at once."}'
LARGEST_WINDOW = 200
"""Publishes in flight on one channel; the broker's confirms walk through them."""


class Bus:
    """Both connections of a process, and its two publishing lanes."""

    def __init__(self, url: str, *, user: str, name: str, heartbeat_seconds: int = 10) -> None:
        self._url = url
        self.user = user
        """The broker user that we are; the broker checks every message's `user_id` against it."""
        self._name = name
        self._heartbeat_seconds = heartbeat_seconds
        self._publishing: Link | None = None
        self._consuming: Link | None = None
        self._saying: Lane | None = None
        self._confirming: Lane | None = None
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.reconnects = 0
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        """Called after each connection, before the bus is ready; a failure connects anew."""
        self.on_lost: list[Callable[[], None]] = []
        """Called when the connection was lost."""
        self.on_blocked: list[Callable[[], None]] = []
        """Called when the broker, short of memory or disk, stops taking publishes."""

    async def start(self) -> None:
        """Begin connecting."""
        self._task = asyncio.create_task(self._stay_connected(), name="bus")

    async def stop(self) -> None:
        """Close both connections."""
        if self._task is not None:
            await ended(self._task)
        await self._drop()

    @property
    def is_ready(self) -> bool:
        """Connected, and the broker takes publishes."""
        return self._ready.is_set() and not self.is_blocked

    @property
    def is_blocked(self) -> bool:
        """The broker is short of memory or disk."""
        return self._publishing is not None and self._publishing.blocked

    async def ready(self) -> None:
        """Wait until connected."""
        await self._ready.wait()

    @property
    def consuming(self) -> Link:
        """The connection to consume on. Unavailable when there is none."""
        if self._consuming is None or not self._ready.is_set():
            raise Unavailable("the broker is away")
        return self._consuming

    @property
    def consuming_unready(self) -> Link:
        """The same, for those who make the bus ready."""
        if self._consuming is None:
            raise Unavailable("the broker is away")
        return self._consuming

    @property
    def saying(self) -> Lane:
        """The lane without confirms: replies, queries, and commands whose reply is the confirmation."""
        if self._saying is None or self._saying.closed.is_set():
            raise Unavailable("the broker is away")
        return self._saying

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._connect()
            except Exception as away:
                if not is_surroundings(away):
                    log.exception("the bus cannot be made ready")
                log.warning("broker away", extra={"reason": str(away)})
                await self._drop()
                await asyncio.sleep(random.uniform(pause / 2, pause))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            self._ready.set()
            log.info("broker connected", extra={"reconnects": self.reconnects})
            await self._until_lost()
            self._ready.clear()
            self.reconnects += 1
            telemetry.reconnects.labels("broker").inc()
            log.warning("broker connection lost")
            for told in self.on_lost:
                told()
            await self._drop()

    async def _connect(self) -> None:
        self._publishing = await Link.connect(
            self._url, name=f"{self._name} publishes", heartbeat_seconds=self._heartbeat_seconds
        )
        self._publishing.tap.on_blocked = self._tell_blocked
        self._consuming = await Link.connect(
            self._url, name=f"{self._name} consumes", heartbeat_seconds=self._heartbeat_seconds
        )
        self._saying = await self._publishing.lane()
        self._confirming = await self._publishing.lane(confirms=True)
        for callback in self.on_connected:
            await callback()

    def _tell_blocked(self) -> None:
        log.warning("the broker takes nothing for now: it is short of memory or disk")
        for callback in self.on_blocked:
            callback()

    async def _until_lost(self) -> None:
        assert self._publishing and self._consuming and self._saying and self._confirming
        losses = [self._publishing.closed, self._consuming.closed, self._saying.closed, self._confirming.closed]
        waits = [asyncio.create_task(loss.wait()) for loss in losses]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _drop(self) -> None:
        links, self._publishing, self._consuming, self._saying, self._confirming = (
            [self._publishing, self._consuming],
            None,
            None,
            None,
            None,
        )
        await asyncio.gather(*(link.close() for link in links if link is not None))

    def say(self, envelope: Envelope, *, persistent: bool, mandatory: bool = False) -> None:
        """Publish an envelope to its exchange and routing key, and do not wait. Unavailable when the broker is away."""
        self.saying.say(
            envelope.exchange,
            envelope.routing_key,
            envelope.to_properties(sender=self.user, persistent=persistent),
            envelope.body,
            mandatory=mandatory,
        )

    async def say_confirmed(self, envelopes: list[Envelope], *, mandatory: bool = False) -> None:
        """Publish in order, persistent, and return when the broker holds them all; else Unavailable."""
        lane = self._confirming
        if lane is None or lane.closed.is_set() or self.is_blocked:
            raise Unavailable("the broker is away")
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                for start in range(0, len(envelopes), LARGEST_WINDOW):
                    window = envelopes[start : start + LARGEST_WINDOW]
                    await lane.writable()
                    await lane.confirmed(
                        [(each.exchange, each.routing_key, each.to_properties(sender=self.user), each.body) for each in window],
                        mandatory=mandatory,
                    )
        except TimeoutError as late:
            raise Unavailable("the broker did not confirm in time") from late

    def reply(self, request: Envelope, kind: str, body: bytes, *, replayed: bool = False) -> None:
        """Answer a request, if it can be answered. A lost reply costs nothing: the asker asks again under the same id."""
        if not REPLY_QUEUE.fullmatch(request.reply_to) or self._saying is None or self._saying.closed.is_set():
            return
        if len(body) > LARGEST_REPLY:
            log.error("a reply is too large to be sent", extra={"type": request.type, "bytes": len(body)})
            kind, body = "fault", TOO_LARGE
        if self._saying.is_choked:
            return  # rather than fill the memory with answers that nobody gets for now
        properties = Properties(
            message_id=str(request.message_id),
            type=kind,
            correlation_id=request.correlation_id,
            user_id=self.user,
            delivery_mode=TRANSIENT,
            headers={"replayed": 1} if replayed else {},
        )
        self._saying.say(REPLIES, request.reply_to, properties, body)
