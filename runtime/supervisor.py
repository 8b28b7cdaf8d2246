"""Restarts what fell over, after a wait that grows while it keeps falling."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from runtime.clock import stopwatch_seconds

log = logging.getLogger("coffer.supervisor")


AGAIN_SECONDS, MOST_ROUNDS = 0.5, 20


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel these and wait until they are over.

    Again and again, because a cancellation can get lost: before Python 3.12 `asyncio.wait_for`, which the broker's library uses,
    swallows one that comes at the moment of its result, and a loop that was to end goes on.
    """
    waiting = {task for task in tasks if not task.done()}
    for _ in range(MOST_ROUNDS):
        for task in waiting:
            task.cancel()
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.warning("ended with an error", extra={"task": task.get_name(), "error": repr(error)})
        elif not task.done():
            log.error("does not end", extra={"task": task.get_name()})


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
