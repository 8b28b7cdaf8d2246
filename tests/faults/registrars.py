"""Registrars: customers who register and activate members instead of moving money. Each is a turn of its own, one key at a time,
and each activation is an event that another actor hears.
"""

import random
from collections import deque
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg

from tests.actors.member.people import unique_word
from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.customers import Customers
from tests.faults.history import History, Request

_MEMBERS = """
    SELECT m.name, count(*) AS members, min(m.status) AS status, min(l.standing) AS standing,
        sum((SELECT count(*) FROM member.status_change AS c WHERE c.member_id = m.member_id AND c.to_status = 'active')) AS times
    FROM member.member AS m LEFT JOIN ledger.member AS l USING (member_id)
    WHERE m.name = ANY($1::text[]) GROUP BY m.name
"""
TOLD_SECONDS = 15
"""An event that was lost with its process is told by the next one within seconds."""


class Registrars(Customers):
    """Register and activate."""

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        super().__init__(*arguments, **rest)
        self._registered: deque[tuple[UUID, str]] = deque()

    def _wish(self, chance: random.Random, key: str) -> Request:
        if self._registered and chance.random() < 0.6:
            member, name = self._registered.popleft()
            return Request(key, "activate", f"/members/{member}/activate", {"note": name}, 0, member)
        body = {"person": {"given_name": unique_word(), "born_on": "1990-04-01"}}
        return Request(key, "register", "/members/persons", body, 0)

    def _remember(self, request: Request) -> None:
        if request.outcome == "ok" and request.kind == "register" and request.definite is not None:
            name = request.body["person"]["given_name"]
            self._registered.append((UUID(request.definite.told["member_id"]), name))


async def read_members(database: asyncpg.Connection, history: History) -> dict[str, dict[str, Any]]:
    """Name -> how many members have it, what has become of them, and what the ledger was told."""
    names = [request.body["person"]["given_name"] for request in history.requests if request.kind == "register"]
    return {row["name"]: dict(row) for row in await database.fetch(_MEMBERS, names)}


def members_are_registered_once(history: History, members: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Who was registered is there once; who was activated is active, once, and the ledger has heard of it."""
    for request in history.requests:
        if request.kind == "register":
            count = members.get(request.body["person"]["given_name"], {}).get("members", 0)
            if count > 1 or (count == 0 and request.outcome == "ok"):
                yield f"{request} is there {count} times"
        if request.kind == "activate" and request.outcome == "ok":
            member = members.get(request.body["note"], {})
            if (member.get("status"), member.get("standing"), member.get("times")) != ("active", "active", 1):
                yield f"{request} led to {member}"


async def until_members_are_right(branch: Branch, history: History) -> None:
    """Wait until all that happened is known to whoever hears of it; AssertionError where it does not come to that."""
    database = await branch.database()
    wrong: list[str] = []

    async def all_is_right() -> bool:
        wrong[:] = members_are_registered_once(history, await read_members(database, history))
        return not wrong

    try:
        await until(all_is_right, within_seconds=TOLD_SECONDS)
    except AssertionError:
        raise AssertionError("; ".join(wrong[:5])) from None
    finally:
        await database.close()
