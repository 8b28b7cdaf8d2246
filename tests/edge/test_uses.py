"""When a session or an API key was last used: by any request, to the minute, and told by each edge in one message."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from http_edge.security import STRANGER, Caller
from http_edge.uses import Uses
from messages.identity import MOST_USES, ApiKeyId, ListSessions, NoteUses, SessionId
from messages.ids import new_id
from runtime.envelope import NOBODY
from runtime.errors import Unavailable
from runtime.principal import Principal
from tests.actors.time_passing import time_passes
from tests.bank import Bank
from tests.edge.people import Person
from tests.edge.stub import Edge, StubClient

EDGE = Principal("actor", "edge")
NOW = 1_700_000_000.0


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def sessions_of(bank: Bank, person: Person) -> list[Any]:
    """As somebody sees them who comes with none of them."""
    me = Principal("user", str(person.user.user_id), person.user.roles)
    return list((await bank.says(ListSessions(), as_=me)).items)


async def test_a_session_was_last_used_at_its_last_request(bank: Bank) -> None:
    person = await Person.new(bank)
    [begun] = await sessions_of(bank, person)
    with time_passes(bank, minutes=10):
        for path in ("/auth/me", "/auth/sessions", "/members"):
            await person.asks("GET", path)
        await bank.house.edge.tells_uses()
        [used] = await sessions_of(bank, person)
    assert begun.last_used_at == begun.began_at
    assert timedelta(minutes=10) <= used.last_used_at - begun.began_at < timedelta(minutes=11)


async def test_who_looks_at_their_sessions_uses_one_now(bank: Bank) -> None:
    person = await Person.new(bank)
    first = person.token
    await person.logs_in()
    with time_passes(bank, minutes=10):
        _, page = await person.asks("GET", "/auth/sessions", token=first)
    assert [session["current"] for session in page["items"]] == [True, False]
    now, other = (moment(session["last_used_at"]) for session in page["items"])
    assert now - other > timedelta(minutes=9)


async def test_a_key_was_last_used_at_its_last_request(bank: Bank) -> None:
    person = await Person.new(bank)
    _, made = await person.asks("POST", "/api-keys", {"name": "till", "permissions": ["members:read"]})
    await person.asks("GET", "/members", token=made["key"])
    with time_passes(bank, minutes=10):
        await person.asks("GET", "/members", token=made["key"])
        await bank.house.edge.tells_uses()
        _, page = await person.asks("GET", "/api-keys")
    [key] = page["items"]
    assert moment(key["last_used_at"]) - moment(key["made_at"]) >= timedelta(minutes=10)


async def test_a_request_says_nothing_of_its_use_to_anybody(edge: Edge) -> None:
    async with edge.http.get("/api/v1/members", headers={"Authorization": f"Bearer {edge.token()}"}):
        pass
    assert not any(isinstance(said.message, NoteUses) for said in edge.client.said)
    await edge.app.uses.tell()
    assert [len(said.message.sessions) for said in edge.client.said if isinstance(said.message, NoteUses)] == [1]


async def test_a_thousand_requests_are_told_in_one_message_and_once() -> None:
    client = StubClient()
    uses = Uses(client)
    callers = [Caller(NOBODY, session_id=new_id()) for _ in range(20)] + [Caller(NOBODY, api_key_id=new_id()) for _ in range(5)]
    for number in range(1_000):
        uses.note(callers[number % len(callers)], NOW + number)
    uses.note(STRANGER, NOW)
    await uses.tell()
    await uses.tell()
    [said] = client.said
    assert isinstance(said.message, NoteUses)
    assert (said.principal, len(said.message.sessions), len(said.message.api_keys)) == (EDGE, 20, 5)
    assert max(said.message.api_keys.values()) == datetime.fromtimestamp(NOW + 999, UTC)


async def test_more_than_a_message_holds_are_told_in_several() -> None:
    client = StubClient()
    uses = Uses(client)
    for _ in range(2 * MOST_USES + 1):
        uses.note(Caller(NOBODY, session_id=new_id()), NOW)
    await uses.tell()
    told = [said.message for said in client.said if isinstance(said.message, NoteUses)]
    assert [len(each.sessions) for each in told] == [MOST_USES, MOST_USES, 1]
    assert len({session for each in told for session in each.sessions}) == 2 * MOST_USES + 1


async def test_what_could_not_be_told_is_told_later_and_what_came_meanwhile_too() -> None:
    client = StubClient()
    uses = Uses(client)
    early, late = (Caller(NOBODY, session_id=new_id()) for _ in range(2))
    uses.note(early, NOW)
    client.will(Unavailable("the broker is away"))
    await uses.tell()
    uses.note(late, NOW + 1)
    uses.note(early, NOW + 2)
    await uses.tell()
    assert [len(said.message.sessions) for said in client.said if isinstance(said.message, NoteUses)] == [1, 2]


async def test_a_use_while_it_is_being_told_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    client = StubClient()
    uses, caller = Uses(client), Caller(NOBODY, session_id=new_id())
    answer = client.call

    async def call(message: Any, **rest: Any) -> Any:
        if not client.said:
            uses.note(caller, NOW + 1)
        return await answer(message, **rest)

    monkeypatch.setattr(client, "call", call)
    uses.note(caller, NOW)
    await uses.tell()
    told = [next(iter(said.message.sessions.values())) for said in client.said if isinstance(said.message, NoteUses)]
    assert told == [datetime.fromtimestamp(NOW, UTC), datetime.fromtimestamp(NOW + 1, UTC)]


async def test_a_last_use_moves_on_only_and_never_into_the_future(bank: Bank) -> None:
    person = await Person.new(bank)
    [begun] = await sessions_of(bank, person)
    now = bank.clock.now()
    unknown = SessionId(new_id())
    for at in (now - timedelta(days=1), now + timedelta(days=1), now):
        uses = NoteUses(sessions={begun.session_id: at, unknown: at}, api_keys={ApiKeyId(new_id()): at})
        await bank.says(uses, as_=EDGE)
    [session] = await sessions_of(bank, person)
    assert begun.last_used_at <= now <= session.last_used_at <= bank.clock.now()


async def test_nobody_else_may_tell(bank: Bank) -> None:
    person = await Person.new(bank, "admin")
    [session] = await sessions_of(bank, person)
    for who in (Principal("user", str(person.user.user_id), ("admin",)), Principal("system", "shop", ("admin",)), NOBODY):
        with bank.refuses("forbidden"):
            await bank.says(NoteUses(sessions={session.session_id: bank.clock.now()}), as_=who)


async def test_telling_waits_for_nobody_who_has_a_session_in_hand(bank: Bank) -> None:
    """Two edges tell the same sessions in any order, while others end them: none waits for another in a circle."""
    person = await Person.new(bank)
    await person.logs_in()
    held, free = await sessions_of(bank, person)
    async with bank.database.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM identity.session WHERE session_id = $1 FOR UPDATE", UUID(str(held.session_id)))
        later = bank.clock.now()
        await bank.says(NoteUses(sessions={held.session_id: later, free.session_id: later}), as_=EDGE)
    used = {session.session_id: session.last_used_at for session in await sessions_of(bank, person)}
    assert used == {held.session_id: held.last_used_at, free.session_id: later}
