"""What operators see: metrics that count, log lines of one shape, a trace that goes through every message."""

import logging
import re
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, generate_latest

from messages.ids import new_id
from runtime.telemetry import JsonLines, child_traceparent, conversation, type_label
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import Add, GetCounter, Relay, TallyAdd

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def value(name: str, **labels: str) -> float:
    """A metric as Prometheus would read it."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_what_was_handled_is_counted_by_actor_type_and_outcome(probe: ProbeHouse) -> None:
    add, tally = {"actor": "probe", "type": "probe.add.v1"}, {"actor": "tally", "type": "tally.add.v1"}
    before = value("coffer_handled_total", **add, outcome="reply"), value("coffer_handled_total", **add, outcome="refusal")
    hits = value("coffer_inbox_hits_total", **add), value("coffer_inbox_hits_total", **tally)
    turns, waits = value("coffer_turn_seconds_count", actor="probe"), value("coffer_wait_seconds_count", actor="probe")
    batches = value("coffer_batch_messages_count", actor="tally")
    for message in (Add(counter="metrics"), TallyAdd(tally="metrics", amount=1)):
        message_id = new_id()
        for _ in range(3):
            await probe.call(message, message_id=message_id)
    await probe.call(Add(counter="metrics", trouble="refuse"))

    assert value("coffer_handled_total", **add, outcome="reply") == before[0] + 3
    assert value("coffer_handled_total", **add, outcome="refusal") == before[1] + 1
    assert (value("coffer_inbox_hits_total", **add), value("coffer_inbox_hits_total", **tally)) == (hits[0] + 2, hits[1] + 2)
    assert value("coffer_turn_seconds_count", actor="probe") == turns + 2
    assert value("coffer_wait_seconds_count", actor="probe") == waits + 4
    assert value("coffer_batch_messages_count", actor="tally") == batches + 1


async def test_faults_retries_and_dead_letters_are_counted(probe: ProbeHouse) -> None:
    labels = {"actor": "probe", "type": "probe.add.v1"}
    failed, retried = value("coffer_failed_total", **labels), value("coffer_retried_total", **labels)
    dead = value("coffer_dead_total", actor="probe", reason="exhausted")
    expired = value("coffer_expired_total", **labels)
    await probe.mouth.say(Add(counter="failing", trouble="fault:*"))
    await probe.mouth.say(Add(counter="expiring"), deadline_milliseconds=1)
    await probe.until_dead(key="failing")
    await until(lambda: value("coffer_expired_total", **labels) == expired + 1)
    assert value("coffer_failed_total", **labels) == failed + 7
    assert value("coffer_retried_total", **labels) == retried + 3
    assert value("coffer_dead_total", actor="probe", reason="exhausted") == dead + 1


async def test_the_depth_of_a_mailbox_is_seen_while_it_works(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="deep", trouble="gate:deep"))
    await probe.mouth.put(envelope)
    await probe.mouth.say(*(Add(counter="deep") for _ in range(4)))
    queue = f"commands.probe.{envelope.routing_key.split('.')[1]}"
    await until(lambda: value("coffer_mailbox_depth", queue=queue) == 5)
    scene.gate("deep").set()
    await until(lambda: value("coffer_mailbox_depth", queue=queue) == 0)


async def test_every_metric_that_is_documented_is_there(probe: ProbeHouse) -> None:
    await probe.says(Add(counter="there"))
    told = generate_latest().decode()
    for name in (
        "coffer_handled_total",
        "coffer_failed_total",
        "coffer_retried_total",
        "coffer_dead_total",
        "coffer_inbox_hits_total",
        "coffer_expired_total",
        "coffer_turn_seconds",
        "coffer_wait_seconds",
        "coffer_batch_messages",
        "coffer_mailbox_depth",
        "coffer_outbox_unsent",
        "coffer_reconnects_total",
        "coffer_republished_total",
        "coffer_lifted_total",
    ):
        assert f"# TYPE {name} " in told or f"# HELP {name} " in told, name


async def test_the_trace_and_the_conversation_go_from_the_asker_through_the_actors_to_the_event(probe: ProbeHouse) -> None:
    answer = await probe.call(
        Relay(counter="traced"), correlation_id="conversation-1", traceparent=f"00-{TRACE}-{SPAN}-01", causation_id="a request"
    )
    (heard,) = await probe.until_heard("traced", 1)
    (asked,) = scene.asked
    assert TRACEPARENT.fullmatch(heard["traceparent"])
    assert heard["traceparent"].split("-")[1] == TRACE == asked.traceparent.split("-")[1]
    assert heard["traceparent"].split("-")[2] != SPAN
    assert heard["correlation_id"] == asked.correlation_id == "conversation-1"
    assert asked.causation_id == str(answer.message_id)
    assert heard["causation_id"] == str(asked.message_id)


async def test_without_a_trace_one_begins(probe: ProbeHouse) -> None:
    await probe.says(Add(counter="untraced"))
    (heard,) = await probe.until_heard("untraced", 1)
    assert TRACEPARENT.fullmatch(heard["traceparent"])


@given(parent=st.text(max_size=60) | st.from_regex(TRACEPARENT, fullmatch=True))
def test_a_span_below_whatever_came_is_a_valid_one(parent: str) -> None:
    child = child_traceparent(parent)
    assert TRACEPARENT.fullmatch(child)
    assert child != parent
    assert set(child.split("-")[1]) != {"0"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, object]]]:
    """What is logged, as it would be written."""
    written: list[dict[str, object]] = []
    formatter = JsonLines("tests")

    class Writer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = formatter.format(record)
            assert "\n" not in line
            written.append(orjson.loads(line))

    writer = Writer()
    logging.getLogger().addHandler(writer)
    yield written
    logging.getLogger().removeHandler(writer)


async def test_a_line_of_the_log_says_when_what_and_in_which_conversation(
    probe: ProbeHouse, lines: list[dict[str, object]]
) -> None:
    message_id = new_id()
    await probe.call(
        Add(counter="logged", trouble="fault:1"),
        message_id=message_id,
        correlation_id="conversation-2",
        traceparent=f"00-{TRACE}-{SPAN}-01",
    )
    (line,) = [each for each in lines if each.get("message_id") == str(message_id)]
    assert (line["event"], line["level"], line["logger"], line["process"]) == (
        "turn failed",
        "warning",
        "coffer.retries",
        "tests",
    )
    assert (line["correlation_id"], line["actor"], line["type"]) == ("conversation-2", "probe", "probe.add.v1")
    assert str(line["trace"]).split("-")[1] == TRACE
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(line["time"]))
    assert "trouble fault:1" in str(line["error"])


async def test_a_query_that_fails_is_logged_in_its_conversation(probe: ProbeHouse, lines: list[dict[str, object]]) -> None:
    await probe.call(GetCounter(counter="x", trouble="fault:*"), correlation_id="conversation-3")
    (line,) = [each for each in lines if each["event"] == "a query failed"]
    assert (line["type"], line["correlation_id"]) == ("probe.counter.v1", "conversation-3")


def test_outside_of_a_conversation_a_line_belongs_to_none() -> None:
    record = logging.LogRecord("coffer.test", logging.INFO, __file__, 1, "said %s", ("so",), None)
    formatter = JsonLines("tests")
    with conversation("conversation-4", "a trace"):
        assert orjson.loads(formatter.format(record))["correlation_id"] == "conversation-4"
    line = orjson.loads(formatter.format(record))
    assert line["event"] == "said so"
    assert "correlation_id" not in line
    assert "trace" not in line


def test_what_a_stranger_makes_up_is_one_series() -> None:
    assert type_label("probe.add.v1") == "probe.add.v1"
    assert type_label("made.up.v1") == type_label("made up") == type_label("") == "unknown"
