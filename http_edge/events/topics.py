"""What can be listened to, which permission it takes, and what of an event a listener is told: pure functions.

A listener is told what happened and to which things, by their ids; never what they hold. For that they are read, where the actor
looks who asks. Who reaches only their own gets events about their own, and of those only the ids that are theirs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from runtime.feed import Told

OF_ONES_OWN = ("member_id", "account_id", "loan_id", "entry_id", "hold_id", "transaction_id", "request_id")
"""The ids that somebody who reaches only their own is told."""
MOST_IDS = 100
"""Of one kind in one event; an entry has 100 postings at most."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Some events, by the beginnings of their wire names, and who may listen to them."""

    types: tuple[str, ...]
    permission: str


TOPICS: Mapping[str, Topic] = {
    "members": Topic(("member.",), "members:read"),
    "accounts": Topic(("ledger.account_", "ledger.hold_"), "accounts:read"),
    "entries": Topic(("ledger.entry_",), "entries:read"),
    "chart": Topic(("ledger.chart_",), "chart:read"),
    "loans": Topic(("loan.",), "loans:read"),
    "loan-products": Topic(("loan_product.",), "products:read"),
    "business-date": Topic(("close_of_business.",), "business-date:read"),
}


@dataclass(slots=True)
class Own:
    """What belongs to a member, as far as it is known."""

    member_id: str
    account_ids: set[str] = field(default_factory=set)
    loan_ids: set[str] = field(default_factory=set)

    def learn(self, type_: str, ids: Mapping[str, list[str]]) -> None:
        """A new account or loan of theirs may be told of here first."""
        if self.member_id in ids.get("member_id", ()):
            if type_.startswith("ledger.account_"):
                self.account_ids.update(ids.get("account_id", ()))
            elif type_.startswith("loan."):
                self.loan_ids.update(ids.get("loan_id", ()))

    def of(self, ids: Mapping[str, list[str]]) -> dict[str, list[str]] | None:
        """The ids that are theirs; None where the event is not about them."""
        theirs = {"member_id": {self.member_id}, "account_id": self.account_ids, "loan_id": self.loan_ids}
        found: dict[str, list[str]] = {}
        for name in OF_ONES_OWN:
            kept = [each for each in ids.get(name, ()) if name not in theirs or each in theirs[name]]
            if kept:
                found[name] = kept
        return found if theirs.keys() & found.keys() else None


def topic_of(type_: str) -> str | None:
    """The topic of an event, if anybody may listen to it."""
    return next((name for name, topic in TOPICS.items() if type_.startswith(topic.types)), None)


def ids_in(body: bytes) -> dict[str, list[str]]:
    """What an event is about: the values of its fields that end in `_id`, by name, each once."""
    found: dict[str, dict[str, None]] = {}
    for name, value in _walk(orjson.loads(body)):
        if name.endswith("_id") and isinstance(value, str) and len(found.setdefault(name, {})) < MOST_IDS:
            found[name][value] = None
    return {name: list(values) for name, values in found.items()}


def _walk(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict):
        for name, value in part.items():
            yield name, value
            yield from _walk(value)
    elif isinstance(part, list):
        for value in part:
            yield from _walk(value)


@dataclass(frozen=True, slots=True)
class Listened:
    """Who listens to what: everything of some topics, their own of others."""

    everything_of: frozenset[str]
    own_of: frozenset[str]
    own: Own | None

    def told(self, told: Told, ids: Mapping[str, list[str]]) -> bytes | None:
        """What the listener is told of an event, as JSON; None where it is nothing of theirs."""
        topic = topic_of(told.type)
        if self.own is not None:
            self.own.learn(told.type, ids)
        seen: Mapping[str, list[str]] | None = None
        if topic in self.everything_of:
            seen = ids
        elif topic in self.own_of and self.own is not None:
            seen = self.own.of(ids)
        if seen is None:
            return None
        return orjson.dumps({"event_id": told.event_id, "type": told.type, "at_seconds": told.at_seconds, "ids": seen})
