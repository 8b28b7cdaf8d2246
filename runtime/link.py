"""A connection to the broker. aiormq connects, declares, consumes and closes; the busy frames go past it.

Deliveries, confirms, returns and acknowledgements are read from and written to the socket here, because a task and a
socket write for each message is what limits a bank on two cores. aiormq takes a `transport_factory`, a documented argument;
the `Tap` that it is given sits between the socket and aiormq's reader, takes out the frames of channels that asked for it,
and passes on the rest untouched. Outgoing frames of one turn of the event loop leave in one write.

Traps that this avoids, each seen: aiormq starts a task per delivery and cancels it when the channel dies; two publishes with one
message id in flight swap their outcomes; its writer drains per frame.
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterator
from typing import Any, cast

import aiormq
from aiormq.abc import AbstractChannel
from aiormq.connection import TransportFactory
from yarl import URL

from runtime import wire
from runtime.clock import stopwatch_seconds
from runtime.errors import Unavailable

CONNECT_SECONDS = 10
REQUEST_SECONDS = 20
"""The longest wait for the broker's answer to a declaration or the like."""
CLOSE_SECONDS = 3

_frame_head = struct.Struct(">BHI")
_method = struct.Struct(">I")

OnDelivery = Callable[[wire.Delivery], None]


@contextlib.contextmanager
def told_as_unavailable(what: str) -> Iterator[None]:
    """Whatever ends a request to the broker is told as Unavailable; a wrong answer of the broker as well.

    Requests that are under way when a connection ends get from aiormq what ended it: a bare Exception, or a CancelledError
    although nobody cancelled the task, which would silently end whoever takes it for one. And a task that is cancelled gets
    from its request that the channel was closed, which it must not survive.
    """
    try:
        yield
    except (asyncio.CancelledError, Exception) as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error
        if isinstance(error, Unavailable) or not _is_loss(error):
            raise
        raise Unavailable(f"{what}: {error!r}") from error


def _is_loss(error: BaseException) -> bool:
    losses = aiormq.AMQPError | OSError | TimeoutError | EOFError | RuntimeError | asyncio.CancelledError
    return isinstance(error, losses) or type(error) is Exception


class Tap(asyncio.StreamReaderProtocol):
    """Splits the incoming bytes into frames; busy ones of tapped channels go to their `Lane`, all others to aiormq."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._reader = reader
        self._lanes: dict[int, Lane] = {}
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

    def attach(self, channel: int, lane: "Lane") -> None:
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


class _TapFactory(TransportFactory):
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


class Window:
    """Publishes that are confirmed together."""

    __slots__ = ("done", "open", "refused", "returned")

    def __init__(self, size: int, done: "asyncio.Future[None]") -> None:
        self.open = size
        self.done = done
        self.refused = 0
        self.returned = 0

    def settle(self, *, taken: bool) -> None:
        """One of them was confirmed or refused."""
        self.open -= 1
        self.refused += not taken
        if self.open == 0 and not self.done.done():
            if self.refused or self.returned:
                self.done.set_exception(Unavailable("the broker did not take the message"))
            else:
                self.done.set_result(None)


class Lane:
    """One channel's busy side: consume with `on_delivery`, publish with or without confirms, acknowledge.

    A lane is used from one task tree; when `closed` is set, its unacknowledged messages have gone back to their queue.
    """

    def __init__(self, link: "Link", channel: AbstractChannel, number: int, largest_frame: int) -> None:
        self._link = link
        self._tap = link.tap
        self.channel = channel
        self.number = number
        self._largest_frame = largest_frame
        self._incoming: wire.Incoming | None = None
        self._on_delivery: OnDelivery | None = None
        self._published = 0
        self._lowest_open = 1
        self._windows: dict[int, Window] = {}
        self._by_message: dict[str, Window] = {}
        self._methods: dict[tuple[str, str, bool], bytes] = {}
        self.on_returned: OnDelivery | None = None
        """Called with what was published as mandatory and reached no queue."""
        self.closed = asyncio.Event()
        self._tap.attach(number, self)
        channel.closing.add_done_callback(self._on_closed)

    def _on_closed(self, outcome: "asyncio.Future[Any]") -> None:
        if not outcome.cancelled():
            outcome.exception()
        self._tap.detach(self.number)
        self.closed.set()
        lost = Unavailable("the connection to the broker was lost")
        windows, self._windows = set(self._windows.values()), {}
        for window in windows:
            if not window.done.done():
                window.done.set_exception(lost)

    def take(self, kind: int, raw: bytes, start: int, end: int) -> bool:
        """Take one frame's payload, raw[start:end]; False leaves it to aiormq."""
        if kind == wire.FRAME_BODY and self._incoming is not None:
            if self._incoming.add_body(raw[start:end]):
                self._complete()
            return True
        if kind == wire.FRAME_HEADER and self._incoming is not None:
            if self._incoming.add_header(raw[start:end]):
                self._complete()
            return True
        if kind != wire.FRAME_METHOD:
            return False
        method = _method.unpack_from(raw, start)[0]
        if method in (wire.BASIC_DELIVER, wire.BASIC_RETURN):
            self._incoming = wire.Incoming.of_method(method, raw[start + 4 : end])
            return True
        if method in (wire.BASIC_ACK, wire.BASIC_NACK):
            tag = int.from_bytes(raw[start + 4 : start + 12], "big")
            self._confirm(tag, multiple=bool(raw[start + 12] & 1), taken=method == wire.BASIC_ACK)
            return True
        return False

    def _complete(self) -> None:
        incoming, self._incoming = self._incoming, None
        assert incoming is not None
        delivery = incoming.delivery()
        if incoming.returned:
            # The confirm that follows counts it as settled; this marks it as not routed.
            window = self._by_message.get(delivery.properties.message_id)
            if window is not None:
                window.returned += 1
            if self.on_returned is not None:
                self.on_returned(delivery)
        elif self._on_delivery is not None:
            self._on_delivery(delivery)

    def _confirm(self, tag: int, *, multiple: bool, taken: bool) -> None:
        if multiple:
            for each in range(self._lowest_open, tag + 1):
                if (window := self._windows.pop(each, None)) is not None:
                    window.settle(taken=taken)
            self._lowest_open = tag + 1
        elif (window := self._windows.pop(tag, None)) is not None:
            window.settle(taken=taken)

    def say(
        self, exchange: str, routing_key: str, properties: wire.Properties, body: bytes, *, mandatory: bool = False
    ) -> None:
        """Publish and do not wait: for replies, queries and whatever is asked again when no answer comes."""
        self._send(exchange, routing_key, properties, body, mandatory=mandatory)

    def _send(self, exchange: str, routing_key: str, properties: wire.Properties, body: bytes, *, mandatory: bool) -> None:
        if self.closed.is_set():
            raise Unavailable("the connection to the broker was lost")
        method = self._methods.get((exchange, routing_key, mandatory))
        if method is None:
            if len(self._methods) > 2000:
                self._methods.clear()
            method = wire.encode_publish(self.number, exchange, routing_key, mandatory=mandatory)
            self._methods[exchange, routing_key, mandatory] = method
        content = wire.encode_content(self.number, wire.encode_properties(properties), body, self._largest_frame)
        self._tap.write(method + content)
        self._published += 1

    def confirmed(
        self,
        messages: list[tuple[str, str, wire.Properties, bytes]],
        *,
        mandatory: bool = True,
    ) -> "asyncio.Future[None]":
        """Publish in order; the future is done when the broker holds them all. Unavailable: at least one was not taken."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        window = Window(len(messages), done)
        if not messages:
            done.set_result(None)
            return done
        for exchange, routing_key, properties, body in messages:
            self._send(exchange, routing_key, properties, body, mandatory=mandatory)
            self._windows[self._published] = window
            if mandatory:
                self._by_message[properties.message_id] = window
        if mandatory:
            ids = [properties.message_id for _, _, properties, _ in messages]
            done.add_done_callback(lambda _: [self._by_message.pop(each, None) for each in ids])
        return done

    async def consume(
        self,
        queue: str,
        on_delivery: OnDelivery,
        *,
        prefetch: int,
        acknowledge: bool = True,
        arguments: dict[str, Any] | None = None,
    ) -> None:
        """Start consuming: `on_delivery` only enqueues. At most `prefetch` messages are unacknowledged at a time."""
        self._on_delivery = on_delivery
        with told_as_unavailable(f"the queue {queue} cannot be consumed"):
            await self.channel.basic_qos(prefetch_count=prefetch, timeout=REQUEST_SECONDS)
            await self.channel.basic_consume(
                queue, _never_called, no_ack=not acknowledge, arguments=arguments, timeout=REQUEST_SECONDS
            )

    def on_cancelled_by_broker(self, callback: Callable[[], None]) -> None:
        """Call back when the broker ends the consumer, as it does when the queue is deleted."""
        self.channel.on_consumer_cancel_callbacks.add(lambda _: callback())

    def ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Acknowledge. On a lane that was closed this does nothing: the message is redelivered and the inbox knows it."""
        if not self.closed.is_set():
            self._tap.write(wire.encode_ack(self.number, delivery_tag, multiple=multiple))

    def requeue(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Put back into its place in the queue."""
        if not self.closed.is_set():
            self._tap.write(wire.encode_requeue(self.number, delivery_tag, multiple=multiple))

    async def writable(self) -> None:
        """Wait until the socket takes more."""
        await self._tap.writable()

    @property
    def is_choked(self) -> bool:
        """Nothing leaves for now, and much waits already."""
        return self._tap.is_choked

    async def close(self) -> None:
        """Close the channel; what was not acknowledged goes back in order.

        One that does not close in time would go on being delivered to, and hold its messages: then its connection is given up.
        """
        if self.closed.is_set():
            return
        await asyncio.sleep(0)  # lets acknowledgements of this turn of the loop leave first
        try:
            with told_as_unavailable("the channel does not close"):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.channel.close()
        except Unavailable:
            self._tap.detach(self.number)
            self.closed.set()
            await self._link.close()


async def _never_called(_message: Any) -> None:
    """Deliveries of a lane do not reach aiormq."""


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
        factory = _TapFactory()
        address = URL(url).update_query(heartbeat=str(heartbeat_seconds), name=name)
        connection = aiormq.Connection(address, transport_factory=factory)
        with told_as_unavailable("the broker cannot be reached"):
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()
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
        with told_as_unavailable("the broker opens no channel"):
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self._connection.channel(publisher_confirms=confirms)

    async def close(self) -> None:
        """Close it, or drop it where the broker does not answer."""
        if self.closed.is_set():
            return
        try:
            with told_as_unavailable("the connection does not close"):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._connection.close()
        except Unavailable:
            self.tap.abort()
            self.closed.set()
