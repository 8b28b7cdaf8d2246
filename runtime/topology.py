"""Names of exchanges and queues, which queue a message goes to, and the one command that declares them.

    commands  topic   <actor>.<partition>.<type>   durable queue per partition, single active consumer, priorities
    queries   topic   <actor>.<type>               one competing queue per actor
    events    topic   <type>                       one queue per subscriber, and one per edge for as long as it is connected
    replies   topic   <reply queue>                one expiring queue per requester
    ingress   direct  ingress                      what other systems say, all of it, in one queue with a single active consumer

Nothing is published to the default exchange. Workers declare nothing but a reply queue and a queue to hear on.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiormq

from runtime.lane import requested
from runtime.link import Link

COMMANDS, QUERIES, EVENTS, REPLIES, INGRESS = "commands", "queries", "events", "replies", "ingress"
INGRESS_QUEUE = "ingress.arrived"
"""In the order of arrival: it has no priorities, so that nobody buys one, and one consumer, so that rates are counted once."""
EXPIRED_QUEUE = "ingress.expired"
"""What the broker took out of it because its `expiration` had passed; answered, not dropped."""
MARK = "nothing.lost"
"""A queue that holds nothing. It is made last, when all that an emptied broker had lost has been said again; so whoever finds a
broker without it, whether new or left half mended by somebody who died, knows that this is still to be done."""
HIGHEST_PRIORITY = 9
DECLARE_SECONDS = 120
"""All of the topology, one request after the other."""
BETWEEN_QUEUES_SECONDS = 0.01
"""While it is looked at whether all are there: a hundred questions at once would slow the turns down for a twentieth of a second."""
LOOKS_AT_ALL = 5
"""How many looks it takes to have looked at every queue; at the mark, without which a broker is a new one, each looks."""
KEYED_PARTITIONS = 16
"""Fixed, so that a key stays in its partition for ever; processes share them."""
REPLY_QUEUE_EXPIRES_MILLISECONDS = 120_000
REPLY_EXPIRES_MILLISECONDS = 30_000

MailboxKind = Literal["keyed", "stream", "competing"]
QueueType = Literal["classic", "quorum"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How one actor is reached."""

    actor: str
    kind: MailboxKind
    events: tuple[str, ...] = ()
    """Wire names of the events that it listens to."""

    @property
    def partitions(self) -> int:
        """How many command queues it has."""
        return KEYED_PARTITIONS if self.kind == "keyed" else 1

    def partition_of(self, key: str | None) -> int:
        """The partition of a key; a message without one goes where its id decides nothing: to the first."""
        return zlib.crc32(key.encode()) % self.partitions if key is not None and self.partitions > 1 else 0

    def command_queue(self, partition: int) -> str:
        """The queue of one partition."""
        return f"commands.{self.actor}.{partition:02d}"

    @property
    def query_queue(self) -> str:
        """The queue of its queries."""
        return f"queries.{self.actor}"

    @property
    def event_queue(self) -> str:
        """The queue of the events that it listens to."""
        return f"events.{self.actor}"


@dataclass(frozen=True, slots=True)
class ExternalQueues:
    """What another system has of its own: a queue of replies and one of the events that it subscribed to."""

    system: str
    events: tuple[str, ...] = ()
    """Binding patterns such as `ledger.entry_posted.v1` or `member.#`."""

    @property
    def reply_queue(self) -> str:
        """Where its replies arrive."""
        return f"reply.{self.system}"

    @property
    def event_queue(self) -> str:
        """Where its events arrive."""
        return f"events.{self.system}"


@dataclass(frozen=True, slots=True)
class Topology:
    """All mailboxes, by actor, and the external systems."""

    mailboxes: Mapping[str, Mailbox]
    systems: tuple[ExternalQueues, ...] = ()
    queue_type: QueueType = "classic"
    _by_event: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def receivers(self, event_wire: str) -> tuple[str, ...]:
        """The actors that listen to an event."""
        found = self._by_event.get(event_wire)
        if found is None:
            found = tuple(sorted(box.actor for box in self.mailboxes.values() if event_wire in box.events))
            self._by_event[event_wire] = found
        return found

    def command_route(self, actor: str, wire: str, key: str | None) -> str:
        """The routing key of a command. KeyError for an actor that nobody runs."""
        return f"{actor}.{self.mailboxes[actor].partition_of(key):02d}.{wire}"


def _work_queue(queue_type: QueueType, *, single: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {"x-queue-type": queue_type}
    if queue_type == "classic":
        arguments["x-max-priority"] = HIGHEST_PRIORITY
    else:
        arguments["x-delivery-limit"] = -1
    if single:
        arguments["x-single-active-consumer"] = True
    return arguments


async def declare(link: Link, topology: Topology) -> list[str]:
    """Declare all that is missing; the queues that had to be made. Unavailable where something is there in another shape."""
    return await requested("the topology cannot be declared", _declare(link, topology), link.closed, seconds=DECLARE_SECONDS)


async def _declare(link: Link, topology: Topology) -> list[str]:
    made: list[str] = []
    channel = await link.admin_channel()
    for name in (COMMANDS, QUERIES, EVENTS, REPLIES):
        await channel.exchange_declare(name, exchange_type="topic", durable=True)
    await channel.exchange_declare(INGRESS, exchange_type="direct", durable=True)
    for queue, arguments, bindings in _queues(topology):
        if await _declare_queue(link, queue, arguments):
            made.append(queue)
        for exchange, pattern in bindings:
            await channel.queue_bind(queue, exchange, pattern)
    await channel.close()
    return made


async def is_marked(link: Link) -> bool:
    """Whether this broker is known to have lost nothing."""
    return await requested("the broker cannot be looked at", _is_marked(link), link.closed)


async def _is_marked(link: Link) -> bool:
    channel = await link.admin_channel()
    try:
        await channel.queue_declare(MARK, passive=True)
    except aiormq.ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


async def mark(link: Link) -> None:
    """Leave the mark that this broker has lost nothing."""
    await requested("the broker cannot be marked", _mark(link), link.closed)


async def _mark(link: Link) -> None:
    channel = await link.admin_channel()
    await channel.queue_declare(MARK, durable=True, arguments={"x-queue-type": "classic"})
    await channel.close()


async def is_complete(link: Link, topology: Topology, look: int) -> bool:
    """Whether the mark, every exchange, and the queues whose turn it is at this look are there.

    Asks only, so that any user may. Bindings are not seen by it.
    """
    return await requested("the topology cannot be looked at", _is_complete(link, topology, look), link.closed)


async def _is_complete(link: Link, topology: Topology, look: int) -> bool:
    channel = await link.admin_channel()
    queues = [name for name, _, _ in _queues(topology)][look % LOOKS_AT_ALL :: LOOKS_AT_ALL]
    try:
        for name in (COMMANDS, QUERIES, EVENTS, REPLIES, INGRESS):
            await channel.exchange_declare(name, passive=True)
        for queue in (MARK, *queues):
            await channel.queue_declare(queue, passive=True)
            await asyncio.sleep(BETWEEN_QUEUES_SECONDS)
    except aiormq.ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


def _queues(topology: Topology) -> list[tuple[str, dict[str, Any], list[tuple[str, str]]]]:
    kind = topology.queue_type
    found: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = []
    for box in topology.mailboxes.values():
        for partition in range(box.partitions):
            name = box.command_queue(partition)
            arguments = _work_queue(kind, single=box.kind != "competing")
            found.append((name, arguments, [(COMMANDS, f"{box.actor}.{partition:02d}.#")]))
        found.append((box.query_queue, {"x-queue-type": "classic"}, [(QUERIES, f"{box.actor}.#")]))
        if box.events:
            bindings = [(EVENTS, wire) for wire in box.events]
            found.append((box.event_queue, _work_queue(kind, single=True), bindings))
    found += _ingress_queues(kind)
    for system in topology.systems:
        plain: dict[str, Any] = {"x-queue-type": "classic"}
        found.append((system.reply_queue, plain, [(REPLIES, system.reply_queue)]))
        if system.events:
            # Also by its own name, so that what a lost broker held for it can be said again to it alone.
            patterns = [(EVENTS, pattern) for pattern in system.events]
            found.append((system.event_queue, plain, [*patterns, (REPLIES, system.event_queue)]))
    return found


def _ingress_queues(kind: QueueType) -> list[tuple[str, dict[str, Any], list[tuple[str, str]]]]:
    arguments: dict[str, Any] = {"x-queue-type": kind, "x-single-active-consumer": True}
    if kind == "quorum":
        arguments["x-delivery-limit"] = -1
    expiring = {**arguments, "x-dead-letter-exchange": INGRESS, "x-dead-letter-routing-key": EXPIRED_QUEUE}
    return [(INGRESS_QUEUE, expiring, [(INGRESS, INGRESS)]), (EXPIRED_QUEUE, arguments, [(INGRESS, EXPIRED_QUEUE)])]


async def _declare_queue(link: Link, queue: str, arguments: dict[str, Any]) -> bool:
    """Whether it had to be made."""
    probe = await link.admin_channel()
    try:
        await probe.queue_declare(queue, passive=True)
    except aiormq.ChannelNotFoundEntity:
        maker = await link.admin_channel()
        await maker.queue_declare(queue, durable=True, arguments=arguments)
        await maker.close()
        return True
    await probe.queue_declare(queue, durable=True, arguments=arguments)
    await probe.close()
    return False


async def declare_reply_queue(link: Link, queue: str) -> None:
    """Declare and bind a requester's own reply queue; it goes away two minutes after its requester."""
    await requested("the reply queue cannot be made", _declare_reply_queue(link, queue), link.closed)


async def _declare_reply_queue(link: Link, queue: str) -> None:
    channel = await link.admin_channel()
    await channel.queue_declare(
        queue,
        durable=True,
        arguments={
            "x-queue-type": "classic",
            "x-expires": REPLY_QUEUE_EXPIRES_MILLISECONDS,
            "x-message-ttl": REPLY_EXPIRES_MILLISECONDS,
        },
    )
    await channel.queue_bind(queue, REPLIES, queue)
    await channel.close()


async def declare_hearing_queue(link: Link, queue: str, events: tuple[str, ...]) -> None:
    """Declare a queue of this connection alone that gets these events, and goes away with it."""
    await requested("the queue to hear on cannot be made", _declare_hearing_queue(link, queue, events), link.closed)


async def _declare_hearing_queue(link: Link, queue: str, events: tuple[str, ...]) -> None:
    channel = await link.admin_channel()
    await channel.queue_declare(queue, exclusive=True, auto_delete=True, arguments={"x-queue-type": "classic"})
    for wire in events:
        await channel.queue_bind(queue, EVENTS, wire)
    await channel.close()


async def depth(link: Link, queue: str) -> tuple[int, int] | None:
    """Messages ready and consumers of a queue; None where it is not there."""
    return await requested("the queue cannot be looked at", _depth(link, queue), link.closed)


async def _depth(link: Link, queue: str) -> tuple[int, int] | None:
    channel = await link.admin_channel()
    try:
        found = await channel.queue_declare(queue, passive=True)
    except aiormq.ChannelNotFoundEntity:
        return None
    await channel.close()
    return found.message_count or 0, found.consumer_count or 0


def matches(pattern: str, routing_key: str) -> bool:
    """Whether a topic pattern (`*` one word, `#` any number) takes a routing key."""
    return _match(pattern.split("."), routing_key.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_match(pattern[1:], words[start:]) for start in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _match(pattern[1:], words[1:])
