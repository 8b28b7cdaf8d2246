"""A turn: applied once, answered the same however often it is said, refused, expired, undone as a whole."""

import asyncio
from typing import Any

import orjson
import pytest

from messages.base import Forbidden, NotFound, Refusal
from messages.ids import derived_id, new_id
from runtime.actor import Actor, Turn, handles
from runtime.clock import unix_milliseconds
from runtime.principal import Principal
from tests.bank import until
from tests.runtime.probe import scene
from tests.runtime.probe_house import ProbeHouse
from tests.runtime.vocabulary import (
    Add,
    Counted,
    CounterMoved,
    GetCounter,
    Guarded,
    HowMany,
    Relay,
    RelayLate,
    Secret,
    Swap,
    Tallied,
    TallyAdd,
)

SOMEBODY = Principal("user", "somebody", ("member",))


async def test_a_message_said_many_times_at_once_is_applied_once_and_answered_the_same(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="often", amount=5))
    await probe.mouth.put(*[envelope] * 20)
    await probe.mouth.put(*[envelope] * 5)
    await until(lambda: len(probe.mouth.answers(envelope.message_id)) == 25)
    answer = await probe.call(Add(counter="often", amount=5), message_id=envelope.message_id)

    assert answer.replayed
    assert orjson.loads(answer.body) == {"counter": "often", "total": 5, "number": 1}
    bodies = {body for kind, body in probe.mouth.answers(envelope.message_id) if kind == "reply"}
    assert bodies <= {answer.body}
    assert await probe.steps("often") == [5]
    assert len(await probe.until_heard("often", 1)) == 1


async def test_whoever_asks_again_while_it_is_worked_on_is_told_so(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="busy", trouble="gate:busy"))
    await probe.mouth.put(envelope)
    await until(lambda: scene.begun)
    await probe.mouth.put(envelope)
    await probe.mouth.until_answered(envelope.message_id)
    assert [kind for kind, _ in probe.mouth.answers(envelope.message_id)] == ["busy"]

    scene.gate("busy").set()
    await until(lambda: len(probe.mouth.answers(envelope.message_id)) == 2)
    assert [kind for kind, _ in probe.mouth.answers(envelope.message_id)] == ["busy", "reply"]
    assert await probe.steps("busy") == [1]


async def test_an_id_that_was_used_for_something_else_is_refused(probe: ProbeHouse) -> None:
    message_id = new_id()
    await probe.says(Add(counter="reused", amount=1), message_id=message_id)
    with pytest.raises(Refusal) as refused:
        await probe.says(Add(counter="reused", amount=2), message_id=message_id)
    assert refused.value.rule == "idempotency_key_reused"
    with pytest.raises(Refusal) as refused:
        await probe.says(Swap(counter="reused", by=1), message_id=message_id)
    assert refused.value.rule == "idempotency_key_reused"
    assert await probe.steps("reused") == [1]


async def test_a_refusal_undoes_what_was_written_and_is_stored(probe: ProbeHouse) -> None:
    message_id = new_id()
    first = await probe.call(Add(counter="refused", trouble="refuse"), message_id=message_id)
    again = await probe.call(Add(counter="refused", trouble="refuse"), message_id=message_id)

    assert (first.kind, orjson.loads(first.body)["rule"]) == ("refusal", "not_found")
    assert (again.kind, again.body, again.replayed) == (first.kind, first.body, True)
    assert scene.handlings[message_id] == 1
    assert await probe.steps("refused") == []
    assert await probe.heard("refused") == []


async def test_a_message_that_must_not_be_remembered_leaves_no_reply_behind(probe: ProbeHouse) -> None:
    message_id = new_id()
    for _ in range(2):
        await probe.says(Secret(counter="secret", word="xyzzy"), message_id=message_id)
    assert await probe.steps("secret") == [1, 1]
    assert not await probe.fetch("SELECT FROM runtime.inbox WHERE message_id = $1", message_id)


async def test_whoever_may_not_is_refused_before_the_handler(probe: ProbeHouse) -> None:
    with pytest.raises(Forbidden):
        await probe.says(Guarded(counter="guarded"), as_=SOMEBODY)
    assert (await probe.says(Guarded(counter="guarded"))).total == 1


async def test_a_wrong_field_is_refused_by_its_name(probe: ProbeHouse) -> None:
    envelope = probe.mouth.envelope(Add(counter="wrong"))
    envelope.body = b'{"counter": "wrong", "amount": "many"}'
    await probe.mouth.put(envelope)
    await probe.mouth.until_answered(envelope.message_id)
    ((kind, body),) = probe.mouth.answers(envelope.message_id)
    assert kind == "refusal"
    assert orjson.loads(body)["rule"] == "invalid"
    assert orjson.loads(body)["field"] == "amount"


async def test_an_old_version_is_brought_up_to_the_new(probe: ProbeHouse) -> None:
    assert (await probe.says(Swap(counter="upcast", by=7))).total == 7


async def test_what_came_too_late_is_answered_and_not_done(probe: ProbeHouse) -> None:
    late = unix_milliseconds(probe.clock.now()) - 1
    command = probe.mouth.envelope(Add(counter="late"), deadline_milliseconds=late)
    batched = probe.mouth.envelope(TallyAdd(tally="late", amount=1), deadline_milliseconds=late)
    query = probe.mouth.envelope(GetCounter(counter="late"), deadline_milliseconds=late)
    await probe.mouth.put(command, batched, query)
    await probe.mouth.until_answered(command.message_id, batched.message_id, query.message_id)
    for envelope in (command, batched, query):
        assert [kind for kind, _ in probe.mouth.answers(envelope.message_id)] == ["expired"]
    assert await probe.steps("late") == []


async def test_what_was_done_is_answered_also_to_those_who_ask_too_late(probe: ProbeHouse) -> None:
    for message in (Add(counter="done", amount=3), TallyAdd(tally="done tally", amount=3)):
        envelope = probe.mouth.envelope(message)
        done = await probe.call(message, message_id=envelope.message_id)
        envelope.deadline_milliseconds = unix_milliseconds(probe.clock.now()) - 1
        await probe.mouth.put(envelope)
        await probe.mouth.until_answered(envelope.message_id)
        assert probe.mouth.answers(envelope.message_id) == [("reply", done.body)]


async def test_the_deadline_travels_with_the_questions_of_a_turn(probe: ProbeHouse) -> None:
    deadline = unix_milliseconds(probe.clock.now()) + 4000
    (message_id,) = await probe.mouth.say(Relay(counter="in time"), deadline_milliseconds=deadline)
    await probe.mouth.until_answered(message_id)
    (asked,) = scene.asked
    assert deadline - 1000 < asked.deadline_milliseconds <= deadline
    assert (asked.causation_id, asked.correlation_id) == (str(message_id), probe.mouth.heard[-1].properties.correlation_id)


async def test_a_turn_that_had_begun_is_finished_though_its_deadline_passes(probe: ProbeHouse) -> None:
    await probe.mouth.say(Add(counter="slow", amount=1, trouble="gate:slow"))
    await until(lambda: scene.begun)
    deadline = unix_milliseconds(probe.clock.now()) + 300
    (message_id,) = await probe.mouth.say(Relay(counter="slow", amount=2), deadline_milliseconds=deadline)
    await until(lambda: unix_milliseconds(probe.clock.now()) > deadline + 500)
    scene.gate("slow").set()
    await probe.mouth.until_answered(message_id)
    assert [kind for kind, _ in probe.mouth.answers(message_id)] == ["reply"]
    assert await probe.steps("slow") == [1, 2]
    assert await probe.steps("relayed slow") == [2]


async def test_a_turn_that_was_said_again_asks_the_same_questions_and_they_are_answered_once(probe: ProbeHouse) -> None:
    message_id = new_id()
    told = await probe.says(Relay(counter="asked", times=3, trouble="fault:2"), message_id=message_id)

    assert told.totals == (1, 2, 3)
    assert scene.handlings[message_id] == 3
    assert await probe.steps("asked") == [1, 1, 1]
    ids = {row["message_id"] for row in await probe.fetch("SELECT message_id FROM probe.step WHERE counter = 'asked'")}
    assert ids == {derived_id(message_id, f"add {number}") for number in range(3)}


async def test_the_refusal_of_whoever_was_asked_is_the_turns_own(probe: ProbeHouse) -> None:
    with pytest.raises(NotFound):
        await probe.says(Relay(counter="asked in vain", their_trouble="refuse"))


async def test_a_turn_that_has_begun_to_write_may_not_ask(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(RelayLate(counter="too late"))
    letter = await probe.until_dead(message_id=message_id)
    assert "may not ask" in letter["error"]
    assert await probe.steps("too late") == []
    assert not await probe.fetch("SELECT FROM probe.counter WHERE name = 'late'")


async def test_a_query_gives_its_connection_back_before_it_asks(probe: ProbeHouse) -> None:
    # Many more at once than there are connections: if each kept one while it asks, nobody would be answered.
    answers = await asyncio.gather(*(probe.says(HowMany(counter="nobody")) for _ in range(60)))
    assert {answer.totals for answer in answers} == {(0,)}


async def test_a_turn_whose_statement_failed_is_undone_though_the_handler_went_on(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Add(counter="caught", trouble="caught"))
    await probe.until_dead(message_id=message_id)
    assert await probe.steps("caught") == []
    (unremembered,) = await probe.mouth.say(Secret(counter="caught", word="x", trouble="caught"))
    await probe.until_dead(message_id=unremembered)
    assert await probe.steps("caught") == []
    assert not [kind for kind, _ in probe.mouth.answers(unremembered) if kind == "reply"]


async def test_a_value_that_no_column_takes_is_the_messages_fault(probe: ProbeHouse) -> None:
    (message_id,) = await probe.mouth.say(Add(counter="typed", trouble="no_type"))
    assert (await probe.until_dead(message_id=message_id))["reason"] == "exhausted"
    assert (await probe.says(Add(counter="typed"))).total == 1


async def test_a_query_writes_nothing_down_and_a_command_is_no_query(probe: ProbeHouse) -> None:
    assert (await probe.says(GetCounter(counter="unknown"))).number == 0
    smuggled = probe.mouth.envelope(Add(counter="smuggled"))
    smuggled.exchange, smuggled.routing_key = "queries", "probe.probe.add.v1"
    await probe.mouth.put(smuggled)
    await probe.mouth.until_answered(smuggled.message_id)
    assert [kind for kind, _ in probe.mouth.answers(smuggled.message_id)] == ["fault"]
    assert await probe.steps("smuggled") == []


async def test_a_query_that_fails_is_answered(probe: ProbeHouse) -> None:
    assert (await probe.call(GetCounter(counter="x", trouble="fault:*"))).kind == "fault"


class _Wrong:
    """Declarations that must fail at import."""

    @staticmethod
    def without_name() -> None:
        type("Nameless", (Actor,), {})

    @staticmethod
    def handled_twice() -> None:
        class Twice(Actor):
            name = "probe"

            @handles
            async def one(self, command: Add, turn: Turn) -> Counted: ...

            @handles
            async def other(self, command: Add, turn: Turn) -> Counted: ...

    @staticmethod
    def another_actors_command() -> None:
        class Thief(Actor):
            name = "thief"

            @handles
            async def one(self, command: Add, turn: Turn) -> Counted: ...

    @staticmethod
    def another_reply() -> None:
        class Liar(Actor):
            name = "probe"

            @handles
            async def one(self, command: Add, turn: Turn) -> Tallied: ...

    @staticmethod
    def an_answer_to_an_event() -> None:
        class Eager(Actor):
            name = "eager"

            @handles
            async def one(self, event: CounterMoved, turn: Turn) -> Counted: ...

    @staticmethod
    def no_turn() -> None:
        class Idle(Actor):
            name = "probe"

            @handles
            async def one(self, command: Add) -> Counted: ...

    @staticmethod
    def no_message() -> None:
        class Deaf(Actor):
            name = "probe"

            @handles
            async def one(self, command: str, turn: Turn) -> Counted: ...


@pytest.mark.parametrize("declare", [each for name, each in vars(_Wrong).items() if isinstance(each, staticmethod)])
def test_a_wrong_declaration_fails_at_import(declare: Any) -> None:
    with pytest.raises(TypeError):
        declare()
