"""The line to Redis: short waits, and silence after a failure, so that a Redis that is away costs nobody anything."""

import asyncio
import logging
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from runtime.clock import stopwatch_seconds

log = logging.getLogger("coffer.cache")

TIMEOUT_SECONDS = 0.25
"""Nobody waits longer for an answer of Redis."""
QUIET_SECONDS = 1.0
"""After a failure, how long it is not asked."""
MOST_CONNECTIONS = 32


class Away(Exception):
    """Redis gives no answer."""


class Line:
    """Runs scripts."""

    def __init__(self, url: str | None) -> None:
        self._redis: Redis | None = None
        if url:
            waits: Any = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
            # Once more at once: of a Redis that began anew, every connection from before is found closed.
            waits |= {"retry": Retry(NoBackoff(), 1), "timeout": TIMEOUT_SECONDS}
            pool = BlockingConnectionPool.from_url(url, max_connections=MOST_CONNECTIONS, **waits)
            self._redis = Redis(connection_pool=pool)
        self._scripts: dict[str, AsyncScript] = {}
        self._quiet_until = 0.0

    @property
    def is_there(self) -> bool:
        """Whether there is a Redis at all."""
        return self._redis is not None

    async def run(self, script: str, keys: list[str], arguments: list[str | bytes | int], *, insist: bool = False) -> Any:
        """The script's answer. Away where there is none in time, or where there was none a moment ago; `insist` asks all the same."""
        if self._redis is None or (stopwatch_seconds() < self._quiet_until and not insist):
            raise Away
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._redis.register_script(script)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * 2):
                answer = await known(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as away:
            if stopwatch_seconds() >= self._quiet_until:
                log.warning("redis away; nothing is cached", extra={"reason": repr(away)})
            self._quiet_until = stopwatch_seconds() + QUIET_SECONDS
            raise Away from away
        self._quiet_until = 0.0
        return answer

    async def close(self) -> None:
        """Let go of Redis."""
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)
