"""A connection to the broker. aiormq connects, declares, consumes and closes; the busy frames go past it by `tap.py`."""

import asyncio
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel
from yarl import URL

from runtime.errors import Unavailable
from runtime.lane import CLOSE_SECONDS, Lane, requested
from runtime.tap import Tap, TapFactory

CONNECT_SECONDS = 10


class Link:
    """One connection. It does not reconnect: whoever owns it sees `closed` and builds anew."""

    def __init__(self, connection: aiormq.Connection, tap: Tap) -> None:
        self._connection = connection
        self.tap = tap
        self.closed = asyncio.Event()
        connection.closing.add_done_callback(self._on_closed)

    def _on_closed(self, outcome: "asyncio.Future[Any]") -> None:
        if not outcome.cancelled():
            outcome.exception()
        self.closed.set()

    @classmethod
    async def connect(cls, url: str, *, name: str, heartbeat_seconds: int = 10) -> "Link":
        """Connect within `CONNECT_SECONDS`, else Unavailable."""
        factory = TapFactory()
        address = URL(url).update_query(heartbeat=str(heartbeat_seconds), name=name)
        connection = aiormq.Connection(address, transport_factory=factory)
        try:
            await requested("the broker cannot be reached", connection.connect(), seconds=CONNECT_SECONDS)
        except BaseException:
            if factory.tap is not None:
                factory.tap.abort()
            raise
        assert factory.tap is not None
        return cls(connection, factory.tap)

    @property
    def blocked(self) -> bool:
        """The broker is short of memory or disk."""
        return self.tap.blocked

    async def lane(self, *, confirms: bool = False) -> Lane:
        """A channel of its own, so that one queue's error takes down nothing else."""
        channel = await self.admin_channel(confirms=confirms)
        return Lane(self, channel, channel.number, self._connection.connection_tune.frame_max)

    async def admin_channel(self, *, confirms: bool = False) -> AbstractChannel:
        """A plain aiormq channel, for declarations."""
        opening = self._connection.channel(publisher_confirms=confirms)
        return await requested("the broker opens no channel", opening, self.closed)

    def abandon(self) -> None:
        """Drop it at once: whoever owns it builds anew."""
        self.tap.abort()

    async def close(self) -> None:
        """Close it, or drop it where the broker does not answer."""
        if self.closed.is_set():
            return
        try:
            await requested("the connection does not close", self._connection.close(), seconds=CLOSE_SECONDS)
        except Unavailable:
            self.tap.abort()
            self.closed.set()
