"""How often something may be done: GCRA (the generic cell rate algorithm, ITU-T I.371), one atomic script in Redis for all edges.

Redis keeps limits and caches, never the truth: while it is away each process counts for itself, so that nothing is let through
unlimited and nobody is locked out.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import stopwatch_seconds

log = logging.getLogger("coffer.limits")

TIMEOUT_SECONDS = 0.25
"""Nobody waits longer for a limit."""
AWAY_SECONDS = 2.0
"""After a failure, how long Redis is left alone."""
MOST_KEYS = 10_000
"""Keys that are counted here while Redis is away."""

_GCRA = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or at), at)
if due - at > interval * (burst - 1) then
    return math.ceil(due - at - interval * (burst - 1))
end
redis.call('SET', KEYS[1], string.format('%.0f', due + interval), 'PX', math.ceil(due + interval - at) + 1000)
return 0
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether it may be done now, else when."""

    allowed: bool
    retry_after_seconds: float = 0.0


class Limiter:
    """Counts attempts per key; `per_minute` of them at once, then evenly."""

    def __init__(self, url: str | None) -> None:
        self._redis = (
            Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS) if url else None
        )
        self._script = self._redis.register_script(_GCRA) if self._redis is not None else None
        self._away_until = 0.0
        self._due: OrderedDict[str, float] = OrderedDict()

    async def allow(self, key: str, per_minute: int) -> Allowance:
        """Count one attempt, and say whether it may go on."""
        if self._script is not None and stopwatch_seconds() >= self._away_until:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                    wait = await self._script(keys=[f"coffer:limit:{key}"], args=[60_000 / per_minute, per_minute])
                return Allowance(int(wait) == 0, int(wait) / 1000)
            except (RedisError, OSError, TimeoutError) as away:
                self._away_until = stopwatch_seconds() + AWAY_SECONDS
                log.warning("redis away; limits are counted here", extra={"reason": repr(away)})
        return self._allow_here(key, per_minute)

    def _allow_here(self, key: str, per_minute: int) -> Allowance:
        now = stopwatch_seconds()
        interval = 60 / per_minute
        due = max(self._due.pop(key, now), now)
        wait = due - now - interval * (per_minute - 1)
        self._due[key] = due + interval if wait <= 0 else due
        while len(self._due) > MOST_KEYS:
            self._due.popitem(last=False)
        return Allowance(wait <= 0, max(0.0, wait))

    async def close(self) -> None:
        """Let go of Redis."""
        if self._redis is not None:
            await self._redis.aclose()
