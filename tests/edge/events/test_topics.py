"""Who is told what of an event: pure questions."""

import orjson
import pytest

from config.roles import load_roles
from http_edge.events.topics import TOPICS, Listened, Own, ids_in, topic_of
from messages.base import Event, all_message_types
from runtime.feed import Told
from runtime.house import load_vocabularies

ENTRY = {
    "entry": {
        "entry_id": "e1",
        "description": "Rent, said in confidence",
        "postings": [{"account_id": "mine", "balance_after": {"amount": "1.00"}}, {"account_id": "theirs"}],
    }
}


def told(type_: str, body: object) -> Told:
    return Told((1, 0), type_, "m1", 1_764_300_000, orjson.dumps(body))


def heard(listened: Listened, event: Told) -> dict[str, object] | None:
    data = listened.told(event, ids_in(event.body))
    return None if data is None else orjson.loads(data)


def own(*topics: str) -> Listened:
    return Listened(frozenset(), frozenset(topics), Own("me", {"mine"}, {"my loan"}))


def test_a_member_is_told_of_an_entry_but_not_whose_else_it_is() -> None:
    data = heard(own("entries"), told("ledger.entry_posted.v1", ENTRY))
    assert data == {
        "event_id": "m1",
        "type": "ledger.entry_posted.v1",
        "at_seconds": 1_764_300_000,
        "ids": {"account_id": ["mine"], "entry_id": ["e1"]},
    }


def test_who_reaches_all_is_told_all_ids_and_nothing_else() -> None:
    data = heard(Listened(frozenset({"entries"}), frozenset(), None), told("ledger.entry_posted.v1", ENTRY))
    assert data is not None
    assert data["ids"] == {"entry_id": ["e1"], "account_id": ["mine", "theirs"]}
    assert "confidence" not in str(data)


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("ledger.entry_posted.v1", {"entry": {"entry_id": "e", "postings": [{"account_id": "theirs"}]}}),
        ("ledger.account_opened.v1", {"account": {"account_id": "a", "member_id": "somebody"}}),
        ("ledger.account_opened.v1", {"account": {"account_id": "a", "member_id": None}}),
        ("loan.loan_transaction_booked.v1", {"transaction": {"loan_id": "another", "transaction_id": "t"}}),
        ("loan_product.loan_product_changed.v1", {"product_id": "p"}),
        ("close_of_business.business_date_advanced.v1", {"business_date": "2026-01-15"}),
        ("identity.user_disabled.v1", {"user_id": "me", "member_id": "me"}),
    ],
)
def test_what_is_not_theirs_is_not_told(type_: str, body: object) -> None:
    assert heard(own(*TOPICS), told(type_, body)) is None


def test_a_topic_that_was_not_chosen_is_not_told() -> None:
    assert heard(own("loans"), told("ledger.entry_posted.v1", ENTRY)) is None


def test_a_new_account_of_theirs_is_theirs_from_then_on() -> None:
    listened = own("accounts", "entries")
    assert heard(listened, told("ledger.account_opened.v1", {"account": {"account_id": "new", "member_id": "me"}}))
    assert heard(listened, told("ledger.entry_posted.v1", {"entry": {"entry_id": "e", "postings": [{"account_id": "new"}]}}))


def test_nobody_listens_to_who_logs_in() -> None:
    load_vocabularies()
    events = [kind.wire for kind in all_message_types() if issubclass(kind, Event) and kind.__module__.startswith("messages.")]
    assert all(topic_of(wire) is None for wire in events if wire.startswith("identity."))
    assert all(topic_of(wire) is not None for wire in events if not wire.startswith("identity."))
    for topic in TOPICS.values():
        assert any(wire.startswith(topic.types) for wire in events), topic


def test_every_permission_is_one_of_some_role() -> None:
    known = {permission for role in load_roles().values() for permission in role}
    assert {topic.permission for topic in TOPICS.values()} <= known
