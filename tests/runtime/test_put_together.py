"""An actor put together from classes, and what it asks in its own name."""

from typing import Any, cast

import pytest

from messages.ids import new_id
from runtime.actor import Actor, Turn, handles
from runtime.clock import SettableClock
from runtime.envelope import Envelope
from runtime.principal import EVERYTHING, Principal
from runtime.turn import Said, Surroundings
from tests.runtime.vocabulary import Add, Counted, GetCounter

SOMEBODY = Principal("user", "somebody", ("member",))


class Adding:
    """Handles one message."""

    @handles
    async def add(self, command: Add, turn: Turn) -> Counted:
        raise NotImplementedError


class Counting:
    """Handles another."""

    @handles
    async def count(self, query: GetCounter, turn: Turn) -> Counted:
        raise NotImplementedError


def test_what_an_actor_is_put_together_from_counts() -> None:
    class Both(Adding, Counting, Actor):
        name = "probe"

    assert {Add, GetCounter} <= set(Both.handlers)


def test_a_message_that_two_of_them_handle_does_not_start() -> None:
    class AddingToo:
        @handles
        async def add_too(self, command: Add, turn: Turn) -> Counted:
            raise NotImplementedError

    with pytest.raises(TypeError, match="handled twice"):
        type("Both", (Adding, AddingToo, Actor), {"name": "probe"})


async def test_an_actor_asks_for_whoever_spoke_to_it_unless_it_says_otherwise() -> None:
    asked: list[Principal] = []

    class Ear:
        async def ask(self, message: Any, *, because: Envelope, message_id: Any, principal: Principal | None = None) -> Any:
            asked.append(principal or because.principal)

    command = Add(counter="any")
    said = Said(Envelope.around(command, message_id=new_id(), principal=SOMEBODY), command, EVERYTHING)
    nothing = cast("Any", None)
    around = Surroundings(nothing, SettableClock(), nothing, nothing, nothing, nothing, Ear(), nothing)
    turn = Turn(said, around, actor="loan")
    await turn.ask(command, step="for them")
    await turn.ask(command, step="for itself", in_own_name=True)
    assert asked == [SOMEBODY, Principal("actor", "loan")]
