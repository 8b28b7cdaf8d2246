"""Every route, as everybody, about what is one's own, another's and nobody's: who_may.txt says what each is told, a real bank tells it."""

import contextlib
import json
from typing import NamedTuple

import pytest

from http_edge.routes import ROUTES
from messages.base import Refusal
from messages.close_of_business import SetBusinessDate
from messages.ids import MemberId, new_id
from runtime.principal import Principal
from tests.actors.ledger.customers import member
from tests.bank import Bank
from tests.edge import belongings
from tests.edge.asking import NOT_MADE, WHO, Question, Things, questions, table
from tests.edge.people import Person
from tests.edge.stub import Edge

ROLES = {"officer": "loan_officer"}
"""Where the table has a shorter name."""
REFUSALS = {".": (403, "forbidden"), "login": (403, "needs_a_login"), "401": (401, "unauthenticated")}
NOBODYS = frozenset({"name", "pool"})
"""The institution's, and the same for everybody."""
ENDS_OTHER_SESSIONS = "DELETE /auth/sessions"
KEPT_IDENTICAL = "0192d4a0-7c1e-7a53-9a5b-0f8a2c61dfff"


class Told(NamedTuple):
    """What came back."""

    status: int
    rule: str
    headers: tuple[str, ...]
    body: str
    """With names for the things that were asked about."""


async def told(bank: Bank | Edge, question: Question, things: Things, headers: dict[str, str]) -> Told:
    """The answer to one question."""
    things = {**things, **belongings.fresh()}
    path, body = question.about(things)
    sent = {**headers, "Idempotency-Key": str(new_id()), "X-Request-Id": KEPT_IDENTICAL}
    async with bank.http.request(question.route.method, path, json=body, headers=sent) as answer:
        raw = (await answer.read()).decode(errors="replace")
        is_problem = answer.content_type == "application/problem+json"
        rule = (await answer.json(content_type=None))["rule"] if is_problem else ""
        for name in question.things:
            raw = raw.replace(things[name], name)
        return Told(answer.status, rule, tuple(sorted(answer.headers)), raw)


class Walk:
    """One of everybody, what is theirs, and what is somebody else's."""

    def __init__(self, bank: Bank, headers: dict[str, str], mine: Things, theirs: Things) -> None:
        self.bank = bank
        self.headers = headers
        self.mine = mine
        self.theirs = theirs

    @classmethod
    async def of(cls, bank: Bank, who: str) -> "Walk":
        """A new user with that role, or with a key, or nobody; and another one."""
        with contextlib.suppress(Refusal):
            await bank.says(SetBusinessDate(business_date=bank.clock.now().date()))
        offered, retired = await belongings.two_products(bank)
        role = "admin" if who in {"key", "nobody"} else ROLES.get(who, who)
        people = [await Person.new(bank, role, member_id=await member(bank) if role == "member" else None) for _ in range(2)]
        things = [await belongings.of(bank, person, person.user, offered) for person in people]
        mine, theirs = things[0] | {"product_id": str(offered.product_id)}, things[1] | {"product_id": str(retired.product_id)}
        token = (await belongings.key_of(people[0]))[1] if who == "key" else people[0].token
        return cls(bank, {} if who == "nobody" else {"Authorization": f"Bearer {token}"}, mine, theirs)

    async def asks(self, question: Question, word: str) -> list[str]:
        """What was not as the table says."""
        missing = mine = theirs = await told(self.bank, question, belongings.missing(question.things), self.headers)
        if question.things and question.things.isdisjoint(NOT_MADE):
            theirs = await told(self.bank, question, self.theirs, self.headers)
            mine = theirs if word == "all" else await told(self.bank, question, self.mine, self.headers)
        return [f"{question.name}: {fault}" for fault in faults(question, word, mine, theirs, missing)]


def faults(question: Question, word: str, mine: Told, theirs: Told, missing: Told) -> list[str]:
    """What is wrong with these answers, where the table has this word."""
    if word in REFUSALS or question.is_never_right:
        expected = REFUSALS.get(word, (422, "invalid"))
        found = [f"not {expected}: {each}" for each in {mine, theirs, missing} if (each.status, each.rule) != expected]
        return found if mine == theirs == missing else [*found, f"told apart: {mine}, {theirs}, {missing}"]
    found = [] if is_admitted(mine, question) else [f"refused: {mine}"]
    if not question.is_about_what_is_asked_for and not is_not_found(missing, question):
        found.append(f"found what is not there: {missing}")
    if question.route.method == "GET" and question.things.isdisjoint(NOT_MADE) and mine.status != 200:
        found.append(f"not shown: {mine}")
    if word == "own" and theirs != missing:
        found.append(f"told apart: {theirs}, {missing}")
    return found


def is_not_found(answer: Told, question: Question) -> bool:
    """Whether there is no such thing, as far as this one is told: 404 where the path names it, and where the body does it may be 422."""
    statuses = {404} if question.route.path_fields else {404, 422}
    return answer.status in statuses and answer.rule.endswith("_not_found")


def is_admitted(answer: Told, question: Question) -> bool:
    """Whether it was done, or not done for a reason that has nothing to do with who asks."""
    is_found = (
        question.is_about_what_is_asked_for or not question.things.isdisjoint(NOT_MADE) or not is_not_found(answer, question)
    )
    return is_found and answer.status < 500 and answer.rule not in {"forbidden", "needs_a_login", "unauthenticated", "invalid"}


def test_every_route_is_in_the_table_and_nothing_else() -> None:
    assert set(table()) == {f"{route.method} {route.path}" for route in ROUTES}


@pytest.mark.parametrize("who", WHO)
async def test_the_table_says_who_may(bank: Bank, who: str) -> None:
    walk = await Walk.of(bank, who)
    asked = sorted(questions(), key=lambda question: question.name == ENDS_OTHER_SESSIONS)
    found = [
        fault for question in asked if question.words[who] != "open" for fault in await walk.asks(question, question.words[who])
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("role", ["manager", "teller", "officer", "auditor", "member"])
async def test_an_actor_looks_itself(bank: Bank, role: str) -> None:
    """Whoever got past the edge is refused by whoever owns the data; before anything is looked for."""
    who = Principal("user", str(new_id()), (ROLES.get(role, role),), MemberId(new_id()) if role == "member" else None)
    for question in questions():
        if question.words[role] == "." and not question.is_never_right:
            things = belongings.missing({*question.things, *question.route.path_fields})
            said = {name: things[name] for name in question.route.path_fields} | (question.about(things)[1] or {})
            answer = await bank.call(question.route.message.model_validate_json(json.dumps(said)), as_=who)
            assert (answer.kind, json.loads(answer.body)["rule"]) == ("refusal", "forbidden"), question.name


async def test_what_hangs_on_one_thing_is_not_found_under_another(bank: Bank) -> None:
    walk = await Walk.of(bank, "admin")
    nested = [each for each in questions() if len(each.route.path_fields) > 1]
    assert len(nested) == 6
    for question in nested:
        inner = question.route.path_fields[-1]
        answer = await told(bank, question, {**walk.mine, inner: walk.theirs[inner]}, walk.headers)
        # Of a loan that was paid out, what it was made of is not looked at any more.
        assert answer.status == 404 or answer.rule == "loan_state_forbids", (question.name, answer)


async def test_a_member_lists_nothing_of_another_member(bank: Bank) -> None:
    walk = await Walk.of(bank, "member")
    lists = [each for each in questions() if each.route.method == "GET" and each.is_about_what_is_asked_for]
    for question in lists:
        path = question.route.full_path
        async with bank.http.get(path, headers=walk.headers) as answer:
            listed = await answer.text()
            assert (answer.status == 200) == (question.words["member"] in {"all", "own"}), (path, listed)
        seen = [name for name, thing in walk.theirs.items() if name not in NOBODYS and thing in listed]
        assert not seen, (path, seen)


@pytest.mark.parametrize(
    "question", [each for each in questions() if "open" in each.words.values()], ids=lambda each: each.name
)
async def test_what_is_open_does_not_look_who_comes(edge: Edge, question: Question) -> None:
    """Before a stub: an address has few logins."""
    assert set(question.words.values()) == {"open"}
    for headers in ({}, edge.as_("member"), edge.as_("admin"), {"Authorization": "Bearer nonsense"}):
        answer = await told(edge, question, {}, headers)
        assert (answer.status, answer.rule) == (422, "invalid"), answer
    assert not edge.client.said
