"""A broker user who tries thousands of deeds, many at a time, each on a channel of its own, and none that changes anything.

The broker looks at rights first and at all else afterwards. So each deed is wrong in some other way as well, and how it ends
tells: ACCESS_REFUSED who may not, something else who may. The house goes on meanwhile.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, TypeVar

from pamqp import commands, constants, frame, header
from yarl import URL

PATIENCE_SECONDS = 30
CHANNELS = 256
"""Open at a time."""
REFUSED = 403
ODD: Any = {"tried": 1}
"""Bindings with these arguments are none that anybody made."""

Deed = tuple[bytes, ...]
"""Its frames, for whichever channel."""
N = TypeVar("N")


def _bytes(said: Any) -> bytes:
    return frame.marshal(said, 0)


_OPEN, _CLOSE_OK = _bytes(commands.Channel.Open()), _bytes(commands.Channel.CloseOk())
_CLOSE = _bytes(commands.Channel.Close(constants.REPLY_SUCCESS, "", 0, 0))
_KIND, _CODE = slice(7, 11), slice(11, 13)
"""Where a frame of a method has its class and method, and a close its code."""
_CHANNEL_OPEN_OK, _CHANNEL_CLOSE, _CHANNEL_CLOSE_OK, _CONNECTION_CLOSE = (
    each.index.to_bytes(4)
    for each in (commands.Channel.OpenOk, commands.Channel.Close, commands.Channel.CloseOk, commands.Connection.Close)
)


def publish(exchange: str, routing_key: str) -> Deed:
    """As somebody whom the broker would not believe in."""
    properties = commands.Basic.Properties(user_id="somebody_else")
    said = commands.Basic.Publish(exchange=exchange, routing_key=routing_key)
    return _bytes(said), _bytes(header.ContentHeader(0, 0, properties))


def consume(queue: str) -> Deed:
    """With a priority that is none."""
    return (_bytes(commands.Basic.Consume(queue=queue, arguments={"x-priority": "none"})),)


def get(queue: str) -> Deed:
    """Unacknowledged, so that it goes back."""
    return (_bytes(commands.Basic.Get(queue=queue)),)


def purge(queue: str) -> Deed:
    """The queues of a house at rest are empty."""
    return (_bytes(commands.Queue.Purge(queue=queue)),)


def declare(queue: str, *, dead_letters_to: str | None = None) -> Deed:
    """To vanish before it was there."""
    arguments: Any = {"x-expires": -1} | ({"x-dead-letter-exchange": dead_letters_to} if dead_letters_to is not None else {})
    return (_bytes(commands.Queue.Declare(queue=queue, arguments=arguments)),)


def delete(queue: str) -> Deed:
    """If nobody consumes from it."""
    return (_bytes(commands.Queue.Delete(queue=queue, if_unused=True, if_empty=True)),)


def bind(queue: str, exchange: str, routing_key: str) -> Deed:
    """Unbind, which needs the same rights, what was never bound."""
    return (_bytes(commands.Queue.Unbind(queue=queue, exchange=exchange, routing_key=routing_key, arguments=ODD)),)


def join(destination: str, source: str, routing_key: str) -> Deed:
    """Bind one exchange to another; as above."""
    return (_bytes(commands.Exchange.Unbind(destination=destination, source=source, routing_key=routing_key, arguments=ODD)),)


def declare_exchange(exchange: str) -> Deed:
    """As one of a type that it is not."""
    other = "direct" if exchange == "amq.headers" else "headers"
    return (_bytes(commands.Exchange.Declare(exchange=exchange, exchange_type=other, durable=True)),)


def delete_exchange(exchange: str) -> Deed:
    """If nothing is bound to it."""
    return (_bytes(commands.Exchange.Delete(exchange=exchange, if_unused=True)),)


class Trier:
    """One connection, without anything that a client library would do by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator["Trier"]:
        """Connected as the user of this address."""
        address = URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            trier = cls(reader, writer)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await trier._begin(address)
            yield trier
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _begin(self, address: URL) -> None:
        self._writer.write(header.ProtocolHeader(0, 9, 1).marshal())
        await self._next()
        self._say(0, _bytes(commands.Connection.StartOk({}, "PLAIN", f"\0{address.user}\0{address.password}")))
        tune = frame.unmarshal((await self._next())[1])[2]
        assert isinstance(tune, commands.Connection.Tune)
        self._say(0, _bytes(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0)))
        self._say(0, _bytes(commands.Connection.Open(address.path.removeprefix("/"))))
        opened = frame.unmarshal((await self._next())[1])[2]
        assert isinstance(opened, commands.Connection.OpenOk)

    async def admitted(self, deeds: Mapping[N, Deed]) -> set[N]:
        """Those of the deeds that the broker does not refuse for want of a right."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return {name async for name, code in self._ends(iter(deeds.items())) if code != REFUSED}

    async def _ends(self, deeds: Iterator[tuple[N, Deed]]) -> AsyncIterator[tuple[N, int]]:
        """How each ended: by the code with which the broker closed its channel, 200 where it did not."""
        trying: dict[int, N] = {}
        for channel in range(1, CHANNELS + 1):
            self._try_next(channel, deeds, trying)
        while trying:
            channel, said = await self._next()
            kind = said[_KIND]
            if kind == _CHANNEL_CLOSE:
                self._say(channel, _CLOSE_OK)
                yield trying.pop(channel), int.from_bytes(said[_CODE])
                self._try_next(channel, deeds, trying)
            elif kind == _CHANNEL_CLOSE_OK:
                yield trying.pop(channel), constants.REPLY_SUCCESS
                self._try_next(channel, deeds, trying)
            elif kind == _CONNECTION_CLOSE:
                raise AssertionError(f"the broker ended the connection: {said!r}; {[*trying.values()][:9]}")
            elif said[0] == constants.FRAME_METHOD and kind != _CHANNEL_OPEN_OK:
                self._say(channel, _CLOSE)

    def _try_next(self, channel: int, deeds: Iterator[tuple[N, Deed]], trying: dict[int, N]) -> None:
        for name, frames in deeds:
            trying[channel] = name
            self._say(channel, _OPEN, *frames)
            return

    def _say(self, channel: int, *frames: bytes) -> None:
        number = channel.to_bytes(2)
        self._writer.write(b"".join(each[:1] + number + each[3:] for each in frames))

    async def _next(self) -> tuple[int, bytes]:
        """Channel and frame."""
        head = await self._reader.readexactly(constants.FRAME_HEADER_SIZE)
        rest = await self._reader.readexactly(int.from_bytes(head[3:]) + 1)
        return int.from_bytes(head[1:3]), head + rest
