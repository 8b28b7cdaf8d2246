"""One channel's busy side: deliveries, publishes with their confirms, acknowledgements.

Traps that this avoids, each seen: aiormq starts a task per delivery and cancels it when the channel dies; two publishes with one
message id in flight swap their outcomes; its writer drains per frame.
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import aiormq
from aiormq.abc import AbstractChannel

from runtime import wire
from runtime.errors import Unavailable
from runtime.tap import Tap

REQUEST_SECONDS = 20
"""The longest wait for the broker's answer to a declaration or the like."""
CLOSE_SECONDS = 3

_method = struct.Struct(">I")

R = TypeVar("R")
OnDelivery = Callable[[wire.Delivery], None]


class Connected(Protocol):
    """The connection that a lane is on; `link.py`."""

    @property
    def tap(self) -> Tap:
        """Where its frames come from."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


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


async def requested(
    what: str, request: Coroutine[Any, Any, R], lost: asyncio.Event | None = None, *, seconds: float = REQUEST_SECONDS
) -> R:
    """The broker's answer to a request, or to several in one; Unavailable when it does not come, or the connection is lost.

    The request has a task of its own, which is given up and not waited for: aiormq's may hang for ever on a connection that
    died, also when it is cancelled, because it then waits for a place in a queue that nobody empties any more.
    """
    asking, losing = asyncio.ensure_future(request), asyncio.ensure_future((lost or asyncio.Event()).wait())
    try:
        await asyncio.wait({asking, losing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise Unavailable(f"{what}: {'the connection was lost' if losing.done() else f'no answer in {seconds:g} s'}")
        with told_as_unavailable(what):
            return asking.result()
    finally:
        losing.cancel()
        if not asking.done():
            asking.cancel()
            asking.add_done_callback(_forget)


def _forget(given_up: "asyncio.Future[Any]") -> None:
    if not given_up.cancelled():
        given_up.exception()


def _is_loss(error: BaseException) -> bool:
    losses = aiormq.AMQPError | OSError | TimeoutError | EOFError | RuntimeError | asyncio.CancelledError
    return isinstance(error, losses) or type(error) is Exception


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

    def __init__(self, link: Connected, channel: AbstractChannel, number: int, largest_frame: int) -> None:
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

        async def consume() -> None:
            await self.channel.basic_qos(prefetch_count=prefetch)
            await self.channel.basic_consume(queue, _never_called, no_ack=not acknowledge, arguments=arguments)

        await requested(f"the queue {queue} cannot be consumed", consume(), self.closed)

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
            await requested("the channel does not close", self.channel.close(), seconds=CLOSE_SECONDS)
        except Unavailable:
            self._tap.detach(self.number)
            self.closed.set()
            await self._link.close()


async def _never_called(_message: Any) -> None:
    """Deliveries of a lane do not reach aiormq."""
