"""Dead letters of what other systems said: so many are kept until an operator looks, and no more, or whoever sends nonsense fills the disk.

Within the house a message that cannot be read is always kept, for its sender is one of us.
"""

import logging

from runtime import dead_letters, telemetry
from runtime.clock import stopwatch_seconds
from runtime.database import Database
from runtime.errors import Unreadable
from runtime.topology import INGRESS
from runtime.wire import Delivery

log = logging.getLogger("coffer.ingress")

MOST = 10_000
"""Letters that wait for an operator. With `LARGEST_BODY` that is 250 MB."""
LARGEST_BODY = 16 * 1024
"""Bytes that are kept; of a larger one there is its beginning."""
FULL_SECONDS = 10.0
"""After it was found that there are too many, none is kept for so long, and it is not looked."""


class LettersOfOthers:
    """Keeps them, while there is room."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._full_until = float("-inf")

    async def keep(self, delivery: Delivery, wrong: Unreadable) -> None:
        """Keep one; or count it and forget it."""
        if stopwatch_seconds() < self._full_until or not await self._kept(delivery, wrong):
            telemetry.dropped.labels(INGRESS, wrong.reason).inc()

    async def _kept(self, delivery: Delivery, wrong: Unreadable) -> bool:
        async with self._database.connection() as connection:
            if await dead_letters.are_waiting(connection, INGRESS, MOST):
                self._full_until = stopwatch_seconds() + FULL_SECONDS
                log.error(
                    "too many dead letters of other systems wait for an operator; more are not kept", extra={"most": MOST}
                )
                return False
            kept = {"reason": wrong.reason, "error": wrong.detail}
            await dead_letters.keep_unreadable(connection, INGRESS, delivery, **kept, largest=LARGEST_BODY)
            return True
