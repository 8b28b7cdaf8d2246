"""Limits of one process that cannot ask Redis: the same quotas, cut down to a share, by one strategy for all (GCRA, ITU-T I.371).

Several edges count apart then, so each lets a share through; together they come near the quota, and never stand open.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from runtime.clock import stopwatch_seconds

MOST_KEYS = 100_000
"""About 20 MB. The one that was counted longest ago goes first."""
SECONDS_FOR_A_PLACE = 1.0
"""When to ask again where all places are taken: nobody knows how long the others take."""


class Counted(Protocol):
    """What must be known of a limit and its cost."""

    @property
    def key_start(self) -> str: ...
    @property
    def cost(self) -> int: ...
    @property
    def quota(self) -> int: ...
    @property
    def most_at_once(self) -> int: ...
    @property
    def window_seconds(self) -> int: ...
    @property
    def is_concurrent(self) -> bool: ...


class CountsAlone:
    """Counts in memory."""

    def __init__(self, share: float, stopwatch: Callable[[], float] = stopwatch_seconds) -> None:
        self._share = share
        self._stopwatch = stopwatch
        self._due: OrderedDict[str, float] = OrderedDict()
        self._taken: dict[str, int] = {}

    def ask(self, questions: Sequence[tuple[Counted, str]]) -> list[float]:
        """How many seconds each limit wants it to wait. If none wants any, it is counted; else not at all."""
        now = self._stopwatch()
        waits = [self._wait(meter, meter.key_start + key, now) for meter, key in questions]
        if all(wait <= 0 for wait in waits):
            for meter, key in questions:
                self._count(meter, meter.key_start + key, now)
        return waits

    def give_back(self, questions: Sequence[tuple[Counted, str]]) -> None:
        """Free the places that were taken."""
        for meter, rest in questions:
            key = meter.key_start + rest
            self._taken[key] = self._taken.get(key, 0) - meter.cost
            if self._taken[key] <= 0:
                del self._taken[key]

    def _some(self, whole: int, meter: Counted) -> int:
        """The share of it, but never so little that what is asked could not pass at all."""
        return max(1, meter.cost, int(whole * self._share))

    def _wait(self, meter: Counted, key: str, now: float) -> float:
        cost = max(1, meter.cost)  # what costs nothing asks whether one more could pass
        if meter.is_concurrent:
            is_full = self._taken.get(key, 0) + cost > self._some(meter.quota, meter)
            return SECONDS_FOR_A_PLACE if is_full else 0.0
        due = max(self._due.get(key, now), now)
        return due - now - self._interval(meter) * (self._some(meter.most_at_once, meter) - cost)

    def _count(self, meter: Counted, key: str, now: float) -> None:
        if not meter.cost:
            return
        if meter.is_concurrent:
            self._taken[key] = self._taken.get(key, 0) + meter.cost
            return
        self._due[key] = max(self._due.pop(key, now), now) + self._interval(meter) * meter.cost
        while len(self._due) > MOST_KEYS:
            self._due.popitem(last=False)

    def _interval(self, meter: Counted) -> float:
        return meter.window_seconds / max(1, int(meter.quota * self._share))
