"""The tap between socket and library: frames come out whole wherever the bytes were cut, and each goes where it belongs."""

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any, cast

import aiormq
import pamqp.commands
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import lane as lanes
from runtime import wire
from runtime.errors import Unavailable
from runtime.lane import Lane, Window, requested, told_as_unavailable
from runtime.link import Link
from runtime.mailbox import Acknowledger
from runtime.supervisor import ended
from runtime.tap import Tap
from runtime.wire import Delivery, Properties
from tests.bank import until
from tests.runtime.probe_house import ProbeHouse

TAPPED, OTHER = 3, 4


class Library(asyncio.StreamReader):
    """What reaches aiormq."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.seen = b""

    def feed_data(self, data: bytes) -> None:
        self.seen += data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """One frame."""
    return bytes((kind,)) + channel.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"


def method(channel: int, command: Any) -> bytes:
    """One method frame."""
    return frame(1, channel, command.index.to_bytes(4, "big") + command.marshal())


def delivery(channel: int, tag: int, body: bytes, *, pieces: int) -> bytes:
    """The frames of one delivery."""
    head = method(channel, pamqp.commands.Basic.Deliver("c", tag, False, "commands", f"key {tag}"))
    properties = wire.encode_properties(Properties(message_id=str(tag)))
    header = frame(2, channel, b"\x00\x3c\x00\x00" + len(body).to_bytes(8, "big") + properties)
    size = max(1, -(-len(body) // pieces))
    return head + header + b"".join(frame(3, channel, body[start : start + size]) for start in range(0, len(body), size))


ENTRIES = st.lists(
    st.one_of(
        st.tuples(st.just("delivery"), st.sampled_from([TAPPED, OTHER]), st.binary(max_size=80), st.integers(1, 4)),
        st.tuples(st.sampled_from(["heartbeat", "blocked", "unblocked", "other method"]), st.just(0), st.just(b""), st.just(1)),
    ),
    max_size=12,
)


def lane_of(tap: Tap, delivered: list[Delivery]) -> Lane:
    """A lane on the tapped channel without a broker."""
    closing = asyncio.get_running_loop().create_future()
    lane = Lane(cast("Link", SimpleNamespace(tap=tap)), cast("Any", SimpleNamespace(closing=closing)), TAPPED, 131072)
    lane._on_delivery = delivered.append
    return lane


@given(entries=ENTRIES, cuts=st.lists(st.integers(0, 5000), max_size=30))
async def test_the_same_comes_out_wherever_the_bytes_are_cut(
    entries: list[tuple[str, int, bytes, int]], cuts: list[int]
) -> None:
    library = Library()
    tap = Tap(library)
    delivered: list[Delivery] = []
    lane_of(tap, delivered)
    stream = for_library = b""
    wanted = []
    blocked = False
    for tag, (kind, channel, body, pieces) in enumerate(entries, start=1):
        raw = {
            "heartbeat": wire.HEARTBEAT,
            "blocked": method(0, pamqp.commands.Connection.Blocked("memory")),
            "unblocked": method(0, pamqp.commands.Connection.Unblocked()),
            "other method": method(TAPPED, pamqp.commands.Basic.QosOk()),
        }.get(kind) or delivery(channel, tag, body, pieces=pieces)
        blocked = {"blocked": True, "unblocked": False}.get(kind, blocked)
        stream += raw
        if kind == "delivery" and channel == TAPPED:
            wanted.append((tag, body))
        else:
            for_library += raw
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        tap.data_received(stream[start:end])
    assert [(each.delivery_tag, each.body) for each in delivered] == wanted
    assert library.seen == for_library
    assert tap.blocked is blocked


class Book:
    """A lane that keeps the broker's book of what is not acknowledged, and closes the channel as the broker would."""

    def __init__(self) -> None:
        self.open: list[int] = []
        self.acked: list[int] = []

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """As RabbitMQ does it: a tag that is not open is a channel error, also of a cumulative acknowledgement."""
        assert tag in self.open, f"unknown delivery tag {tag}"
        taken = [each for each in self.open if each == tag or (multiple and each < tag)]
        self.open = [each for each in self.open if each not in taken]
        self.acked += taken


@given(data=st.data(), count=st.integers(1, 40))
def test_each_delivery_is_acknowledged_once_in_whatever_order_they_are_done(data: st.DataObject, count: int) -> None:
    book = Book()
    acknowledger = Acknowledger(cast("Lane", book))
    waiting: list[int] = []
    delivered = 0
    done: list[int] = []
    while delivered < count or waiting:
        if delivered < count and (not waiting or data.draw(st.booleans())):
            delivered += 1
            waiting.append(delivered)
            book.open.append(delivered)
            continue
        together = data.draw(st.lists(st.sampled_from(waiting), min_size=1, unique=True))
        waiting = [each for each in waiting if each not in together]
        done += together
        acknowledger.done(together)
        assert sorted(book.acked) == sorted(done)
    assert book.open == []


async def test_the_broker_agrees_with_the_book(probe: ProbeHouse) -> None:
    """What the property above supposes of RabbitMQ: out of order on a live channel, and nothing is left."""
    link_ = await Link.connect(probe.servers.broker_url, name="a test's acknowledgements")
    channel = await link_.admin_channel()
    await channel.queue_declare("tests.acknowledged", durable=True)
    lane = await link_.lane()
    delivered: list[Delivery] = []
    await lane.consume("tests.acknowledged", delivered.append, prefetch=10)
    sender = await Link.connect(probe.servers.broker_url, name="a test's sender")
    saying = await sender.lane(confirms=True)
    await saying.confirmed([("", "tests.acknowledged", Properties(), b"x")] * 7)
    await until(lambda: len(delivered) == 7)
    acknowledger = Acknowledger(lane)
    for tags in ([2], [5, 6], [1], [4], [3], [7]):
        acknowledger.done(tags)
    await until(lambda: _is_empty(link_))
    assert not lane.closed.is_set()
    await sender.close()
    await channel.queue_delete("tests.acknowledged")
    await link_.close()


async def _is_empty(link_: Link) -> bool:
    channel = await link_.admin_channel()
    found = await channel.queue_declare("tests.acknowledged", passive=True)
    await channel.close()
    return found.message_count == 0


async def test_a_window_is_done_when_each_was_confirmed_and_bad_when_one_was_not() -> None:
    loop = asyncio.get_running_loop()
    good, bad, returned = (Window(2, loop.create_future()) for _ in range(3))
    returned.returned = 1
    for window, taken in ((good, True), (bad, False), (returned, True)):
        window.settle(taken=True)
        assert not window.done.done()
        window.settle(taken=taken)
    await good.done
    for window in (bad, returned):
        with pytest.raises(Unavailable):
            await window.done


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8), data=st.data())
async def test_confirms_reach_their_windows_one_by_one_or_many_at_once(sizes: list[int], data: st.DataObject) -> None:
    tap = Tap(Library())
    lane = lane_of(tap, [])
    windows = [
        lane.confirmed([("e", "k", Properties(message_id=str(n)), b"")] * size, mandatory=False) for n, size in enumerate(sizes)
    ]
    total = sum(sizes)
    open_tags = set(range(1, total + 1))
    refused: set[int] = set()
    while open_tags:
        tag = data.draw(st.sampled_from(sorted(open_tags)))
        multiple, taken = data.draw(st.booleans()), data.draw(st.booleans())
        command = pamqp.commands.Basic.Ack(tag, multiple) if taken else pamqp.commands.Basic.Nack(tag, multiple, requeue=False)
        tap.data_received(method(TAPPED, command))
        settled = {each for each in open_tags if each == tag or (multiple and each < tag)}
        open_tags -= settled
        refused |= set() if taken else settled
    last = 0
    for size, window in zip(sizes, windows, strict=True):
        tags = set(range(last + 1, last + size + 1))
        last += size
        assert window.done()
        assert (window.exception() is not None) == bool(tags & refused)


async def test_what_reaches_no_queue_is_told_to_who_published_it(probe: ProbeHouse) -> None:
    returned: list[Delivery] = []
    link_ = await Link.connect(probe.settings.broker.url_for("edge"), name="a test's returns")
    lane = await link_.lane(confirms=True)
    lane.on_returned = returned.append
    user = probe.settings.broker.user_for("edge")
    nowhere, there = Properties(message_id="1", user_id=user), Properties(message_id="2", user_id=user)
    first = lane.confirmed([("commands", "nobody.00.nobody.add.v1", nowhere, b"{}")])
    second = lane.confirmed([("commands", "probe.00.probe.add.v1", there, b"{}")])
    with pytest.raises(Unavailable):
        await first
    await second
    assert [each.properties.message_id for each in returned] == ["1"]
    await link_.close()


async def test_a_lane_that_was_closed_says_so_and_takes_nothing(probe: ProbeHouse) -> None:
    link_ = await Link.connect(probe.settings.broker.url_for("edge"), name="a test's closed lane")
    lane = await link_.lane(confirms=True)
    waiting = lane.confirmed([("commands", "probe.00.probe.add.v1", Properties(user_id="somebody else"), b"{}")])
    with pytest.raises(Unavailable):
        await waiting
    await lane.closed.wait()
    with pytest.raises(Unavailable):
        lane.say("commands", "probe.00.probe.add.v1", Properties(), b"{}")
    lane.ack(1)
    lane.requeue(1)
    await lane.close()
    await link_.close()


async def test_a_channel_that_does_not_close_costs_its_connection(monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse) -> None:
    monkeypatch.setattr(lanes, "CLOSE_SECONDS", 0.1)
    link_ = await Link.connect(probe.settings.broker.url_for("actors"), name="a test's stuck channel")
    lane = await link_.lane()

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(lane.channel), "close", never)
    await lane.close()
    assert lane.closed.is_set()
    monkeypatch.undo()
    await asyncio.wait_for(link_.closed.wait(), 5)


async def test_nobody_connects_where_nobody_listens() -> None:
    with pytest.raises(Unavailable):
        await Link.connect("amqp://guest:guest@127.0.0.1:1/", name="nobody")


@pytest.mark.parametrize(
    "error",
    [
        Exception(),
        asyncio.CancelledError(),
        aiormq.exceptions.ChannelInvalidStateError(),
        ConnectionResetError(),
        TimeoutError(),
        RuntimeError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_however_a_connection_ends_it_is_told_as_unavailable(error: BaseException) -> None:
    with pytest.raises(Unavailable), told_as_unavailable("a request"):
        raise error


async def test_a_bug_is_not_told_as_unavailable() -> None:
    with pytest.raises(KeyError), told_as_unavailable("a request"):
        raise KeyError("a bug")


async def test_a_cancelled_task_does_not_survive_what_its_request_makes_of_it() -> None:
    async def ask() -> None:
        with told_as_unavailable("a request"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise aiormq.exceptions.ChannelInvalidStateError("as the library does") from None

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _deaf_to_cancellation(over: asyncio.Event) -> None:
    """As a request of the library on a dead connection."""
    while not over.is_set():
        try:
            await over.wait()
        except asyncio.CancelledError:
            continue


async def test_a_request_that_can_not_even_be_cancelled_keeps_nobody() -> None:
    over, lost = asyncio.Event(), asyncio.Event()
    with pytest.raises(Unavailable, match="no answer"):
        await requested("a request", _deaf_to_cancellation(over), seconds=0.05)
    asking = asyncio.create_task(requested("a request", _deaf_to_cancellation(over), lost))
    await asyncio.sleep(0)
    lost.set()
    with pytest.raises(Unavailable, match="lost"):
        await asking
    cancelled = asyncio.create_task(requested("a request", _deaf_to_cancellation(over)))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    over.set()


async def test_a_task_is_cancelled_again_where_it_swallows_a_cancellation() -> None:
    swallowed = 0

    async def swallow_one() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    task = asyncio.create_task(swallow_one())
    await asyncio.sleep(0)
    await ended(task)
    assert task.cancelled()
    assert swallowed == 2
