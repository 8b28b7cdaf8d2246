"""API keys that are not good, counted by the address that they come from: guessing runs into a limit as wrong logins do.

    caller = await wrong_keys.looked_up(request, lambda: ...)     # Problem 429 where that address has guessed too often

Only what was refused counts, so that an office full of programs is not held up; and while the limit says no, nothing is looked up,
so that no guess is worth anything. Of one address one key is looked up at a time: a thousand guesses at once are as few as one after
the other. The limits are those of limits.yaml that name `wrong API key` among their routes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from aiohttp import web

from config.limits import WRONG_KEY, Limits
from http_edge.addresses import address_of, counted_as
from http_edge.limits import RouteLimits
from http_edge.needs import Limiter
from messages.identity import ApiKeyInvalid
from runtime.errors import Unavailable
from runtime.limits import Meter

LONGEST_IN_LINE_SECONDS = 5.0
"""Behind other keys of the address; as long as one look-up may take at most."""
RETRY_AFTER_SECONDS = 1

T = TypeVar("T")


class WrongKeys:
    """Counts them."""

    def __init__(self, limits: Limits, limiter: Limiter) -> None:
        found = [(name, each, cost) for name, each in limits.limits.items() if (cost := each.routes.get(WRONG_KEY))]
        asking = tuple((Meter(name, each, 0), each.per) for name, each, _ in found)
        counting = tuple((Meter(name, each, cost), each.per) for name, each, cost in found)
        self._asking, self._counting = (RouteLimits(WRONG_KEY, meters, limiter) for meters in (asking, counting))
        self._is_on = bool(found)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def looked_up(self, request: web.BaseRequest, look_up: Callable[[], Awaitable[T]]) -> T:
        """What `look_up` finds; where that is ApiKeyInvalid, it has counted.

        Problem 429 where too many have; Unavailable where the line is too long.
        """
        if not self._is_on:
            return await look_up()
        address = counted_as(address_of(request))
        lock = self._locks.setdefault(address, asyncio.Lock())
        try:
            async with asyncio.timeout(LONGEST_IN_LINE_SECONDS):
                await lock.acquire()
        except TimeoutError:
            raise Unavailable("the keys before it are still being looked up", retry_after_seconds=RETRY_AFTER_SECONDS) from None
        try:
            (await self._asking.ask(request, None)).end()
            return await look_up()
        except ApiKeyInvalid:
            (await self._counting.ask(request, None)).end()
            raise
        finally:
            lock.release()
