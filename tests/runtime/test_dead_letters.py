"""What nobody can handle is kept with its reason, its sender is told, its partition goes on; an operator replays or discards it."""

import base64
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pydantic import ValidationError

from messages.ids import new_id
from messages.operations import (
    DeadLetterResolved,
    DeadLetterUnreadable,
    DiscardDeadLetter,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetter,
)
from runtime.admission import LARGEST_BODY
from runtime.dead_letters import BEGINNING, LARGEST_KEPT, LONGEST_HEADER, MOST_HEADERS
from runtime.link import Link
from runtime.wire import Properties
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import Mouth, ProbeHouse
from tests.runtime.vocabulary import Add, CounterMoved, GetCounter, TallyAdd

IN_A_PARTITION, IN_A_STREAM = "probe.00.probe.add.v1", "tally.00.tally.add.v1"

BAD: dict[str, tuple[dict[str, Any], bytes]] = {
    "unparsable": ({}, b'{"counter": "x", "amount": '),
    "oversized": ({}, b'{"counter": "' + b"x" * LARGEST_BODY + b'"}'),
    "unknown_type": ({"type": "probe.dance.v1"}, b"{}"),
    "unknown_version": ({"type": "probe.add.v0"}, b"{}"),
    "missing_sender": ({"user_id": ""}, b"{}"),
    "content_type": ({"content_type": "application/xml"}, b"<add/>"),
    "message_id": ({"message_id": "the first"}, b"{}"),
    "malformed": ({"headers": {"principal": "root"}}, b"{}"),
}
MORE_BAD: dict[str, tuple[str, dict[str, Any], bytes]] = {
    "no JSON at all": ("unparsable", {}, b"\xff\x00\xfe"),
    "nothing": ("unparsable", {}, b""),
    "too deep": ("unparsable", {}, b'{"counter": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "no type": ("unknown_type", {"type": ""}, b"{}"),
    "a type with a line break": ("unknown_version", {"type": "probe.add.v1\n"}, b"{}"),
    "a deadline beyond all time": ("malformed", {"headers": {"deadline": "9" * 300}}, b"{}"),
    "a deadline in words": ("malformed", {"headers": {"deadline": "soon"}}, b"{}"),
    "a principal that is a list": ("malformed", {"headers": {"principal": [1]}}, b"{}"),
    "a key that is a number": ("malformed", {"headers": {"key": 7}}, b"{}"),
    "a NUL in its type": ("unknown_type", {"type": "a\x00b"}, b"\x00"),
    "a NUL in its headers": ("malformed", {"headers": {"principal": "a\x00b", "more": {"in": ["a\x00b"]}}}, b"{}"),
}


def wrong(probe: ProbeHouse, changes: dict[str, Any]) -> Properties:
    """The properties of a message that is right but for these."""
    right = {
        "message_id": str(uuid4()),
        "type": "probe.add.v1",
        "correlation_id": str(uuid4()),
        "reply_to": probe.mouth.queue,
        "user_id": probe.mouth.user,
        "headers": {},
    }
    return Properties(**{**right, **changes})


async def put_and_look(probe: ProbeHouse, where: str, changes: dict[str, Any], body: bytes, reason: str) -> None:
    properties = wrong(probe, changes)
    before = {row["id"] for row in await probe.dead()}
    await probe.mouth.publish(("commands", where, properties, body))

    async def is_there() -> bool:
        return bool({row["id"] for row in await probe.dead()} - before)

    await until(is_there)
    (letter,) = [row for row in await probe.dead() if row["id"] not in before]
    assert (letter["actor"], letter["reason"], letter["state"]) == (where.split(".", maxsplit=1)[0], reason, "dead")
    assert letter["error"]
    kept = orjson.loads(letter["envelope"])
    if "body" in kept:
        assert kept["body"].encode() == body or b"\x00" in body or not body.isascii()
    elif len(body) > LARGEST_KEPT:
        assert kept["body_bytes"] == len(body)
        assert base64.b64decode(kept["body_begins_base64"]) == body[:BEGINNING]
    else:
        assert base64.b64decode(kept["body_base64"]) == body
    if changes.get("user_id") != "":
        await until(lambda: _told(probe, properties))
    # Neither its partition nor the connection has taken harm.
    assert (await probe.says(Add(counter="still alive"))).total
    assert (await probe.says(TallyAdd(tally="still alive too", amount=1))).total


def _told(probe: ProbeHouse, properties: Properties) -> bool:
    told = [each for each in probe.mouth.heard if each.properties.correlation_id == properties.correlation_id]
    return [each.properties.type for each in told] == ["fault"]


@pytest.mark.parametrize("where", [IN_A_PARTITION, IN_A_STREAM])
@pytest.mark.parametrize("reason", BAD)
async def test_what_cannot_be_read_is_put_aside_by_its_reason(probe: ProbeHouse, reason: str, where: str) -> None:
    changes, body = BAD[reason]
    await put_and_look(probe, where, changes, body, reason)


@pytest.mark.parametrize("what", MORE_BAD)
async def test_what_somebody_may_think_of_is_put_aside_too(probe: ProbeHouse, what: str) -> None:
    reason, changes, body = MORE_BAD[what]
    await put_and_look(probe, IN_A_PARTITION, changes, body, reason)


async def test_headers_without_end_are_kept_in_part(probe: ProbeHouse) -> None:
    headers = {f"h{number}": "x" * 2 * LONGEST_HEADER for number in range(MOST_HEADERS + 5)} | {"deadline": "soon"}
    await put_and_look(probe, IN_A_PARTITION, {"headers": headers}, b"{}", "malformed")
    kept = [orjson.loads(row["envelope"]).get("headers", {}) for row in await probe.dead(reason="malformed")]
    (long,) = [each for each in kept if "h1" in each]
    assert len(long) == MOST_HEADERS
    assert {len(each) for each in long.values()} == {LONGEST_HEADER}


async def test_a_stranger_who_gets_at_a_mailbox_is_not_heard(probe: ProbeHouse) -> None:
    administrator = "coffer_admin"
    async with Mouth.opened(probe.servers.broker_url, administrator, probe.topology) as stranger:
        (message_id,) = await stranger.say(Add(counter="stranger"))
        assert (await probe.until_dead(message_id=message_id))["reason"] == "sender_not_allowed"
    assert await probe.steps("stranger") == []


async def test_the_broker_lets_nobody_say_they_are_somebody_else(probe: ProbeHouse) -> None:
    link = await Link.connect(probe.settings.broker.url_for("edge"), name="a test's liar")
    lane = await link.lane(confirms=True)
    forged = wrong(probe, {"user_id": probe.settings.broker.user_for("actors")})
    with pytest.raises(Exception, match="lost"):
        await lane.confirmed([("commands", IN_A_PARTITION, forged, b'{"counter": "forged"}')])
    await link.close()
    assert await probe.steps("forged") == []


@pytest.mark.parametrize(
    "reply_to",
    [
        "commands.probe.00",
        "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxMjM0NTY3OAAAAAAAAAAA.nope",
        "reply.edge.x\n",
        "probe.00.probe.add.v1",
        "reply." + "x" * 200,
    ],
)
async def test_a_forged_reply_address_is_ignored_and_kills_no_connection(probe: ProbeHouse, reply_to: str) -> None:
    reconnects = probe.actors.bus.reconnects
    await probe.mouth.say(Add(counter=f"forged {reply_to}"), reply_to=reply_to)
    await probe.until_stepped(f"forged {reply_to}", [1])
    assert (await probe.says(Add(counter="after the forged"))).total
    assert probe.actors.bus.reconnects == reconnects


async def test_an_event_that_cannot_be_read_is_put_aside_for_its_subscriber(probe: ProbeHouse) -> None:
    event = probe.mouth.envelope(CounterMoved(counter="x", amount=1), reply_to="")
    event.body = b'{"counter": "x"}'
    link = await Link.connect(probe.settings.broker.url_for("actors"), name="a test's actor")
    lane = await link.lane(confirms=True)
    sender = probe.settings.broker.user_for("actors")
    await lane.confirmed([(event.exchange, event.routing_key, event.to_properties(sender=sender), event.body)])
    await link.close()
    letter = await probe.until_dead(message_id=event.message_id)
    assert (letter["actor"], letter["reason"]) == ("herald", "unparsable")


async def test_a_query_that_cannot_be_read_is_answered(probe: ProbeHouse) -> None:
    query = probe.mouth.envelope(GetCounter(counter="x"))
    query.body = b"{"
    await probe.mouth.put(query)
    await probe.mouth.until_answered(query.message_id)
    assert [kind for kind, _ in probe.mouth.answers(query.message_id)] == ["fault"]


async def test_a_dead_letter_is_listed_shown_and_replayed_once(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Add(counter="replayed", amount=4, trouble="fault:7"))
    await probe.until_dead(message_id=message_id)
    (listed,) = [each for each in (await probe.says(ListDeadLetters(mailbox="probe"))).items if each.message_id == message_id]
    shown = await probe.says(GetDeadLetter(dead_letter_id=listed.id))
    assert shown == listed
    assert orjson.loads(shown.envelope["body"])["amount"] == 4

    again = new_id()
    replayed = await probe.says(ReplayDeadLetter(dead_letter_id=listed.id, note="mended"), message_id=again)
    assert await probe.says(ReplayDeadLetter(dead_letter_id=listed.id, note="mended"), message_id=again) == replayed
    assert (replayed.state, replayed.note) == ("replayed", "mended")
    await probe.until_stepped("replayed", [4])
    with pytest.raises(DeadLetterResolved):
        await probe.says(ReplayDeadLetter(dead_letter_id=listed.id))
    # Its sender may ask again, and gets what came of it.
    assert (await probe.says(Add(counter="replayed", amount=4, trouble="fault:7"), message_id=message_id)).total == 4
    assert await probe.steps("replayed") == [4]


async def test_a_message_that_was_done_is_not_done_again_by_its_replay(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Add(counter="twice", trouble="fault:7"))
    letter = await probe.until_dead(message_id=message_id)
    # Its sender asked again before the operator looked.
    await probe.says(Add(counter="twice", trouble="fault:7"), message_id=message_id)
    await probe.says(ReplayDeadLetter(dead_letter_id=letter["id"]))
    await probe.says(Add(counter="twice", amount=2))
    await until(lambda: _settled(probe, message_id))
    assert await probe.steps("twice") == [1, 2]


async def _settled(probe: ProbeHouse, message_id: Any) -> bool:
    rows = await probe.fetch(
        "SELECT FROM runtime.outbox WHERE $1 = ANY (message_ids) AND actor = 'timer' AND settled_at IS NOT NULL", message_id
    )
    return bool(rows)


async def test_an_event_that_its_subscriber_could_not_handle_is_replayed_to_that_subscriber(probe: ProbeHouse) -> None:
    scene.hearing["unheard"] = "fault:*"
    await probe.says(Add(counter="unheard", amount=9))
    letter = await probe.until_dead(type="probe.counter_moved.v1", key="unheard")
    assert letter["actor"] == "herald"
    del scene.hearing["unheard"]
    dead = len(await probe.dead())
    await probe.says(ReplayDeadLetter(dead_letter_id=letter["id"]))
    (heard,) = await probe.until_heard("unheard", 1)
    assert heard["message_id"] == letter["message_id"]
    assert len(await probe.dead()) == dead


async def test_what_was_never_a_message_cannot_be_replayed(probe: ProbeHouse) -> None:
    await put_and_look(probe, IN_A_PARTITION, *BAD["content_type"], "content_type")
    letter = (await probe.dead(reason="content_type"))[-1]
    with pytest.raises(DeadLetterUnreadable):
        await probe.says(ReplayDeadLetter(dead_letter_id=letter["id"]))
    with pytest.raises(ValidationError):
        DiscardDeadLetter.model_validate({"dead_letter_id": letter["id"]})
    discarded = await probe.says(DiscardDeadLetter(dead_letter_id=letter["id"], note="nobody knows what this was"))
    assert (discarded.state, discarded.note) == ("discarded", "nobody knows what this was")
    with pytest.raises(DeadLetterResolved):
        await probe.says(DiscardDeadLetter(dead_letter_id=letter["id"], note="once more"))


async def test_a_routing_key_that_is_no_text_ends_no_connection(probe: ProbeHouse) -> None:
    """A copy that the broker routes by the header CC carries the routing key that it was published with, whatever its bytes."""
    reconnects = probe.actors.bus.reconnects
    raw = await Link.connect(probe.settings.broker.url_for("edge"), name="a test's raw bytes")
    lane = await raw.lane(confirms=True)
    properties = wrong(probe, {"headers": {"CC": [IN_A_PARTITION]}})
    key = b"\xff\xfe.no.text"
    payload = b"\x00\x3c\x00\x28\x00\x00" + b"\x08commands" + bytes((len(key),)) + key + b"\x00"
    lane._methods["commands", "raw", True] = _frame(lane.number, payload)
    await lane.confirmed([("commands", "raw", properties, b"{")])
    await raw.close()
    await until(lambda: _told(probe, properties))
    assert probe.actors.bus.reconnects == reconnects


def _frame(channel: int, payload: bytes) -> bytes:
    return b"\x01" + channel.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"
