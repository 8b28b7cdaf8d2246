"""A small world for the cache: a truth that is written and read, with a reader's shelf, a writer's voucher and a Redis between."""

import asyncio
from typing import Any, Self
from uuid import uuid4

from messages.base import Event
from runtime.cache.line import Away, Line
from runtime.cache.shelf import Shelf
from runtime.cache.vouching import Voucher, everything_of
from runtime.envelope import NOBODY, Envelope

ACTOR = "shelf_probe"


class Written(Event, wire="shelf_probe.written.v1", renews=("thing/{name}",)):
    """A thing has another value."""

    name: str
    value: int


class CutLine(Line):
    """A line that a test can cut: nothing passes, or only the answers are lost."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.cut = False
        self.answers_are_lost = False

    async def run(self, script: str, keys: list[str], arguments: list[str | bytes | int], *, insist: bool = False) -> Any:
        if self.cut:
            raise Away
        answer = await super().run(script, keys, arguments, insist=insist)
        if self.answers_are_lost:
            raise Away
        return answer


class World:
    """Things and their values; a value only ever grows."""

    def __init__(self, url: str, *, fresh_seconds: float = 300, stale_seconds: float = 60) -> None:
        self.truth: dict[str, int] = {}
        self.loads: list[str] = []
        self.reading = Line(url)
        self.writing = CutLine(url)
        self.shelf = Shelf(self.reading, fresh_seconds=fresh_seconds, stale_seconds=stale_seconds)
        self.voucher = Voucher(self.writing)
        self._kind = uuid4().hex

    async def __aenter__(self) -> Self:
        await self.voucher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.voucher.stop()
        await self.writing.close()
        await self.reading.close()

    def commit(self, name: str) -> Written:
        """Write, and tell nobody yet."""
        self.truth[name] = self.truth.get(name, 0) + 1
        return Written(name=name, value=self.truth[name])

    async def write(self, name: str) -> None:
        """Write, as a turn does that is answered when this returns."""
        await self.voucher.renew([self.commit(name)])

    async def sweep(self, *events: Written) -> None:
        """Say what a dead process had committed."""
        await self.voucher.renew_left_behind([Envelope.around(event, message_id=uuid4(), principal=NOBODY) for event in events])

    async def read(self, name: str, *, gate: asyncio.Event | None = None) -> int:
        """Read; what has to be loaded is looked at now and arrives when the gate opens."""

        async def load() -> bytes:
            self.loads.append(name)
            value = self.truth.get(name, 0)
            if gate is not None:
                await gate.wait()
            return str(value).encode()

        tags = [everything_of(ACTOR), f"thing/{name}"]
        found = await self.shelf.through(f"{self._kind}:{name}", tags, load, counted_as="shelf_probe.get.v1")
        assert found is not None
        return int(found)

    async def is_cached(self, name: str) -> bool:
        """Whether a read asks nobody."""
        before = len(self.loads)
        await self.read(name)
        return len(self.loads) == before
