"""What a process hears while it lives: events on a queue of its own, each told to every such process, none of them kept.

    Hearing(bus, role="edge", told={AccessChanged.wire: forget}, deaf=forget_everything)

For memories that must be dropped when something changes, not for work: what is told while nobody listens is lost. So whoever
uses it drops all that it remembers whenever `deaf` is called: the connection was lost, or something was heard that cannot be read.
"""

import logging
from collections.abc import Callable, Mapping
from uuid import uuid4

from runtime.bus import Bus
from runtime.envelope import Envelope
from runtime.errors import Unreadable
from runtime.link import Link
from runtime.topology import declare_hearing_queue
from runtime.wire import Delivery

log = logging.getLogger("coffer.hearing")

PREFETCH = 1000

Told = Callable[[Envelope], None]


class Hearing:
    """One process's ear."""

    def __init__(self, bus: Bus, *, role: str, told: Mapping[str, Told], deaf: Callable[[], None]) -> None:
        self._bus = bus
        self._role = role
        self._told = dict(told)
        self._deaf = deaf
        self.queue = ""
        """Where it hears now."""
        bus.on_connected.append(self._listen)
        bus.on_lost.append(deaf)

    @property
    def events(self) -> tuple[str, ...]:
        """Wire names of what it hears."""
        return tuple(self._told)

    async def _listen(self) -> None:
        """After each connection, before the bus is ready: nothing is asked and remembered before the changes of it are heard."""
        queue = f"hearing.{self._role}.{uuid4().hex}"
        link = self._bus.consuming_unready
        await declare_hearing_queue(link, queue, self.events)
        lane = await link.lane()
        lane.on_cancelled_by_broker(lambda: self._lost(link))
        await lane.consume(queue, self._on_event, prefetch=PREFETCH, acknowledge=False)
        self.queue = queue

    def _lost(self, link: Link) -> None:
        """The queue went away under a connection that lives; a new connection makes a new one."""
        log.warning("the queue of what is heard is gone; connecting anew")
        self._deaf()
        link.abandon()

    def _on_event(self, delivery: Delivery) -> None:
        try:
            envelope = Envelope.of_delivery(delivery)
            self._told[envelope.type](envelope)
        except (Unreadable, KeyError, ValueError) as wrong:
            log.warning(
                "something was heard that cannot be read", extra={"type": delivery.properties.type, "wrong": repr(wrong)}
            )
            self._deaf()
