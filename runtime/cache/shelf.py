"""The readers' side of the cache: a reply that was asked for before, or a loader for it, one at a time.

    reply = await shelf.through(name, tags, load)     # bytes; `load` asks the actor, and answers None for what is not to be kept

A read that begins after a write was answered never gets what was there before it: what is kept carries the versions that its tags
had before it was asked for (scripts.py), and a write changes them before it is answered (vouching.py). What has only grown old by
the clock is given once more while one loader asks anew. Redis away, or not to be trusted: every read asks the actor.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from runtime import telemetry
from runtime.cache.line import Away, Line
from runtime.cache.scripts import EPOCH, LOOK, PREFIX, PUT, VOUCHERS
from runtime.clock import stopwatch_seconds

LEASE_SECONDS = 3.0
"""How long a loader may take before another may begin."""
WAIT_SECONDS = 1.0
"""How long another process's loader is waited for."""
BETWEEN_LOOKS_SECONDS = 0.03
LARGEST_REPLY = 65_536
"""Bytes. What is larger is rarely asked twice, and Redis has other things to keep."""

Load = Callable[[], Awaitable[bytes | None]]
"""Asks for the reply; None for what is not to be kept."""


class Shelf:
    """Keeps replies for `fresh_seconds`, and gives them for `stale_seconds` more while one loader asks anew."""

    def __init__(self, line: Line, *, fresh_seconds: float, stale_seconds: float) -> None:
        self._line = line
        self._fresh = int(fresh_seconds * 1000)
        self._kept = int((fresh_seconds + stale_seconds) * 1000)
        self._loading: dict[tuple[str, bytes], asyncio.Task[bytes | None]] = {}

    async def through(self, name: str, tags: Sequence[str], load: Load, *, counted_as: str) -> bytes | None:
        """The reply, kept or loaded. None where the loader gave none; its error is everybody's who waited for it."""
        place = _Place(name, tags, counted_as)
        ends = stopwatch_seconds() + WAIT_SECONDS
        while True:
            try:
                state, stamp, body = await self._look(place)
            except Away:
                state, stamp, body = b"away", b"", b""
            if state in (b"hit", b"stale", b"renew"):
                place.count("hit" if state == b"hit" else "stale")
                if state == b"renew":
                    self._begin(place, stamp, load)
                return body
            if state in (b"away", b"distrusted"):
                place.count(state.decode())
                return await load()
            if state == b"load":
                place.count("miss")
                return await asyncio.shield(self._begin(place, stamp, load))
            # Somebody loads it. One of this process that began at the same versions will do as well.
            if (loading := self._loading.get((name, stamp))) is not None:
                place.count("shared")
                return await asyncio.shield(loading)
            if stopwatch_seconds() > ends:
                place.count("miss")
                return await load()
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)

    async def _look(self, place: "_Place") -> list[bytes]:
        found: list[bytes] = await self._line.run(LOOK, place.keys, [place.word, int(LEASE_SECONDS * 1000)])
        return found

    def _begin(self, place: "_Place", stamp: bytes, load: Load) -> "asyncio.Task[bytes | None]":
        """Load in a task of its own: a client that goes away takes nobody's answer with it."""
        task = asyncio.get_running_loop().create_task(self._load(place, stamp, load), name=f"load {place.name}")
        self._loading[place.name, stamp] = task
        task.add_done_callback(lambda done: self._loaded((place.name, stamp), done))
        return task

    def _loaded(self, key: tuple[str, bytes], task: "asyncio.Task[bytes | None]") -> None:
        if self._loading.get(key) is task:
            del self._loading[key]
        if not task.cancelled():
            task.exception()  # whoever waits gets it; of one that renews nobody waits

    async def _load(self, place: "_Place", stamp: bytes, load: Load) -> bytes | None:
        body: bytes | None = None
        try:
            body = await load()
        finally:
            await self._put(place, stamp, body if body is not None and len(body) <= LARGEST_REPLY else b"")
        return body

    async def _put(self, place: "_Place", stamp: bytes, body: bytes) -> None:
        try:
            arguments: list[Any] = [place.word, stamp, self._fresh, self._kept, body]
            kept = await self._line.run(PUT, place.keys, arguments)
        except Away:
            return
        if body and not kept:
            place.count("outrun")  # a write came while it was asked for


class _Place:
    """Where one reply is kept."""

    __slots__ = ("_counted_as", "keys", "name", "word")

    def __init__(self, name: str, tags: Sequence[str], counted_as: str) -> None:
        self.name = name
        self.keys = [EPOCH, VOUCHERS, f"{PREFIX}kept:{name}", f"{PREFIX}lease:{name}", *(f"{PREFIX}tag:{tag}" for tag in tags)]
        self.word = uuid4().hex
        self._counted_as = counted_as

    def count(self, outcome: str) -> None:
        telemetry.cache_reads.labels(self._counted_as, outcome).inc()
