"""A desk on a fault of the surroundings: the message goes back to its queue, so what waits behind it must not be begun."""

import asyncio
from typing import Any, cast

import pytest

from messages.ids import new_id
from runtime.desks import KeyedDesk, StreamDesk
from runtime.envelope import NOBODY, Envelope
from runtime.errors import Unavailable
from runtime.failpoints import Failpoints
from runtime.inbox import Outcome
from runtime.lane import Lane
from runtime.mailbox import Answers, Desk, Letter, Mailbox
from runtime.performer import Performer
from runtime.wire import Delivery
from tests.bank import until


class Turns:
    """In place of performer and retries: the first turn meets a database that is away for a moment."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def perform(self, envelope: Envelope, *, redelivered: bool = False, begun: bool = False) -> Outcome:
        self.begun.append(envelope.type)
        await asyncio.sleep(0)
        if len(self.begun) == 1:
            raise Unavailable("gone for a moment")
        return Outcome("reply", b"{}")

    async def many(self, envelopes: list[Envelope]) -> list[Outcome]:
        return [await self.perform(envelope) for envelope in envelopes]

    def batch_of(self, _type: str) -> str:
        return "moves"


class NobodyAsks(Answers):
    """Answers that go nowhere."""

    def __init__(self) -> None:
        super().__init__("test", cast("Any", None), lambda *_: None)


def desk_of(kind: str, turns: Turns) -> Desk:
    if kind.startswith("keyed"):
        batch = 8 if kind == "keyed, many at once" else 1
        return KeyedDesk(cast("Performer", turns), cast("Any", turns), NobodyAsks(), Failpoints(), concurrency=4, batch=batch)
    return StreamDesk(cast("Performer", turns), cast("Any", turns), NobodyAsks(), Failpoints(), batch=1)


@pytest.mark.parametrize("kind", ["keyed", "keyed, many at once", "stream"])
async def test_nothing_overtakes_a_message_that_goes_back(kind: str) -> None:
    turns, nothing = Turns(), cast("Any", None)
    desk = desk_of(kind, turns)
    mailbox = Mailbox("commands.test.00", nothing, nothing, nothing, desk, prefetch=2)
    mailbox._lane = lane = cast("Lane", object())
    running = asyncio.create_task(desk.run()) if isinstance(desk, StreamDesk) else None
    for tag, name in enumerate(("first", "second"), start=1):
        envelope = Envelope(new_id(), name, b"{}", NOBODY, key="a")
        desk.arrived(Letter(lane, tag, redelivered=False, envelope=envelope, delivery=cast("Delivery", None)))
    await until(mailbox._held.is_set)
    await desk.idle()
    await asyncio.sleep(0.02)
    if running is not None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert turns.begun == ["first"]
