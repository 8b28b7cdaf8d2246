"""Sits between the socket and aiormq's reader: takes out the busy frames, passes on the rest untouched.

Deliveries, confirms, returns and acknowledgements are read from and written to the socket here, because a task and a
socket write for each message is what limits a bank on two cores. aiormq takes a `transport_factory`, a documented argument;
outgoing frames of one turn of the event loop leave in one write.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, Protocol, cast

from aiormq.connection import TransportFactory
from yarl import URL

from runtime import wire
from runtime.clock import stopwatch_seconds

_frame_head = struct.Struct(">BHI")
_method = struct.Struct(">I")


class Takes(Protocol):
    """Who gets the busy frames of a channel; `lane.py`."""

    def take(self, kind: int, raw: bytes, start: int, end: int) -> bool:
        """Take one frame's payload, raw[start:end]; False leaves it to aiormq."""
        ...


class Tap(asyncio.StreamReaderProtocol):
    """Splits the incoming bytes into frames; busy ones of tapped channels go to their `Lane`, all others to aiormq."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._reader = reader
        self._lanes: dict[int, Takes] = {}
        self._rest = b""
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._fed_at = stopwatch_seconds()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.blocked = False
        """The broker is short of memory or disk and takes no publishes for now."""
        self.on_blocked: Callable[[], None] = lambda: None
        """Called when that begins."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._may_write.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._may_write.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._may_write.set()
        super().resume_writing()

    def attach(self, channel: int, lane: Takes) -> None:
        """From now on the lane gets this channel's busy frames."""
        self._lanes[channel] = lane

    def detach(self, channel: int) -> None:
        """The channel is gone."""
        self._lanes.pop(channel, None)

    def write(self, frames: bytes) -> None:
        """Send complete frames, together with whatever else is said in this turn of the loop."""
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(frames)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    async def writable(self) -> None:
        """Wait until the socket takes more."""
        await self._may_write.wait()

    @property
    def is_choked(self) -> bool:
        """The broker takes no publishes for now, and what was written already waits in memory."""
        return self.blocked and not self._may_write.is_set()

    def abort(self) -> None:
        """Drop the connection; what was written and not sent is lost."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        raw = self._rest + data if self._rest else data
        end = len(raw)
        at = passed = 0
        unpack_head = _frame_head.unpack_from
        while end - at >= wire.FRAME_OVERHEAD:
            kind, channel, size = unpack_head(raw, at)
            after = at + wire.FRAME_OVERHEAD + size
            if after > end:
                break
            lane = self._lanes.get(channel)
            if lane is None:
                if channel == 0 and kind == wire.FRAME_METHOD:
                    self._notice(_method.unpack_from(raw, at + 7)[0])
            elif lane.take(kind, raw, at + 7, after - 1):
                if passed < at:
                    super().data_received(raw[passed:at])
                passed = after
            at = after
        if passed < at:
            super().data_received(raw[passed:at])
            self._fed_at = stopwatch_seconds()
        elif at and stopwatch_seconds() - self._fed_at > 1:
            # aiormq judges by the frames it sees whether the connection is alive; show it that it is.
            super().data_received(wire.HEARTBEAT)
            self._fed_at = stopwatch_seconds()
        self._rest = raw[at:]

    def _notice(self, method: int) -> None:
        if method == wire.CONNECTION_BLOCKED:
            self.blocked = True
            self.on_blocked()
        elif method == wire.CONNECTION_UNBLOCKED:
            self.blocked = False


class TapFactory(TransportFactory):
    """Gives aiormq a connection with a tap on it."""

    def __init__(self) -> None:
        self.tap: Tap | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        provider = kwargs.pop("ssl_context_provider", None)
        context = await provider.get_context() if url.scheme == "amqps" and provider is not None else None
        reader = asyncio.StreamReader(limit=2**20, loop=loop)
        self.tap = Tap(reader)
        tap = self.tap
        transport, _ = await loop.create_connection(
            lambda: tap, url.host or "127.0.0.1", url.port or 5672, ssl=context, **kwargs
        )
        return reader, asyncio.StreamWriter(transport, tap, reader, loop)
