"""One reader of the feed for all listeners of this edge, while there are any; each goes through what it holds at their own pace."""

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from http_edge.events.topics import ids_in
from runtime.cache.line import Away
from runtime.clock import stopwatch_seconds
from runtime.errors import Unavailable
from runtime.feed import FeedPage, FeedReader, Place, Told

log = logging.getLogger("coffer.edge")

LOOK_SECONDS = 0.25
"""How late an event may be."""
PAGE = 500
MOST_HELD = 2_000
"""Events in memory. Whoever is further behind reads from Redis."""
SECONDS_TO_BEGIN = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """An event, and what it is about."""

    told: Told
    ids: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Onward:
    """What a listener gets next."""

    generation: str
    place: Place
    """From where to go on."""
    lost: bool
    events: list[Held]


class Hub:
    """Holds the latest events."""

    def __init__(self, feed: FeedReader) -> None:
        self._feed = feed
        self._held: deque[Held] = deque()
        self._floor: Place = (0, 0)
        """What comes after this place is held."""
        self._generation = ""
        self._place: Place | None = None
        self._changed = asyncio.Event()
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """One more listener. Unavailable where the feed cannot be read."""
        self._listeners += 1
        if self._looking is None or self._looking.done():
            self._generation, self._place = "", None
            self._looking = asyncio.get_running_loop().create_task(self._look_on(), name="feed")
        ends = stopwatch_seconds() + SECONDS_TO_BEGIN
        while self._place is None:
            if stopwatch_seconds() > ends:
                self.leave()
                raise Unavailable("the feed of events cannot be read", retry_after_seconds=5)
            await self.changed(0.1)

    def leave(self) -> None:
        """One less. With the last one the reading ends."""
        self._listeners -= 1
        if self._listeners == 0 and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    @property
    def end(self) -> tuple[str, Place]:
        """The generation, and the place that has been read up to."""
        assert self._place is not None, "after joining"
        return self._generation, self._place

    async def changed(self, seconds: float) -> None:
        """Wait for something new, for so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """Let everybody look."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, generation: str, place: Place) -> Onward:
        """What comes after a place of a generation."""
        now, end = self.end
        if generation != now or place > end:
            return Onward(now, end, lost=True, events=[])
        if place >= self._floor:
            start = bisect_right(self._held, place, key=lambda held: held.told.place)
            events = [self._held[at] for at in range(start, min(start + PAGE, len(self._held)))]
            return Onward(now, events[-1].told.place if len(events) == PAGE else end, lost=False, events=events)
        try:
            page = await self._feed.after(place, PAGE)
        except Away:
            page = None
        if page is None or page.generation != now:
            return Onward(generation, place, lost=False, events=[])  # looked at again when it is known what there is
        return Onward(now, page.place, page.lost, [] if page.lost else [Held(each, ids_in(each.body)) for each in page.events])

    async def _look_on(self) -> None:
        while True:
            try:
                page = await self._feed.after(self._place, PAGE)
                if page is not None:
                    self._take(page)
                full = page is not None and len(page.events) == PAGE
            except Away:
                full = False
            except Exception:
                log.exception("the feed could not be read")
                full = False
            if not full:
                await asyncio.sleep(LOOK_SECONDS)

    def _take(self, page: FeedPage) -> None:
        if page.generation != self._generation or page.lost:
            # What is missing is missing for everybody who is not further than this.
            self._held.clear()
            self._generation, self._place, self._floor = page.generation, page.place, page.place
            self.wake()
            return
        self._place = page.place
        for each in page.events:
            self._held.append(Held(each, ids_in(each.body)))
        while len(self._held) > MOST_HELD:
            self._floor = self._held.popleft().told.place
        if page.events:
            self.wake()
