"""Restarts what fell over, after a wait that grows while it keeps falling."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from runtime.clock import stopwatch_seconds

log = logging.getLogger("coffer.supervisor")


class Backoff(Protocol):
    """How long to wait before a restart, in seconds; config/pools.py."""

    @property
    def first_seconds(self) -> float:
        """Before the first."""
        ...

    @property
    def cap_seconds(self) -> float:
        """At most."""
        ...

    @property
    def steady_seconds(self) -> float:
        """After so long without a fall the next wait is the first again."""
        ...


class Supervisor:
    """Keeps the parts of one pool running."""

    def __init__(self, name: str, backoff: Backoff) -> None:
        self._name = name
        self._backoff = backoff
        self.restarts = 0

    async def keep_running(self, work: Callable[[], Coroutine[Any, Any, None]], what: str) -> None:
        """Run it until it returns; run it again whenever it raises."""
        pause = self._backoff.first_seconds
        while True:
            began = stopwatch_seconds()
            try:
                await work()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                log.exception("cut off by somebody else's end", extra={"pool": self._name, "part": what})
            except Exception:
                log.exception("fell over", extra={"pool": self._name, "part": what})
            else:
                return
            if stopwatch_seconds() - began > self._backoff.steady_seconds:
                pause = self._backoff.first_seconds
            self.restarts += 1
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, self._backoff.cap_seconds)
