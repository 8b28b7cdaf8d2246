"""Whatever is sent to whatever route about loans: one of the answers that its documentation lists, and never a fault.

Requests begin as the documented examples about a loan that there is, and are spoiled at random, the same way each time.
"""

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest

from http_edge.examples import EXAMPLES
from http_edge.openapi import openapi_document
from http_edge.route import Route
from http_edge.routes import ROUTES
from messages.ids import new_id
from messages.loan import ListLoanTransactions, LoanStatus, RequestChargeOff
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import OFFICER, business_date, product
from tests.actors.loan.statuses import loan_that_is
from tests.bank import Bank

TAGS = {"loans", "loan-products", "loan-calculator", "portfolio", "business-date", "close-of-business"}
STAYS = {"/business-date", "/close-of-business"}
"""What would move every other test's day, or run into its close, is only spoiled."""
CHOSEN = [route for route in ROUTES if route.tag in TAGS]
DOCUMENT = openapi_document(ROUTES)
STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 1.5, -0.0, 1e308, "", " ", "0", "-1", "1e5", "NaN", "x" * 300, "\x00", "\u202e",
    "é", "😀", "' OR 1=1 --", "2024-02-29", "2023-02-29", "1970-01-01", "9998-12-31", "9999-12-31", "KES", "USD", "JPY", "principal",
    [], {}, [[]], [None], {"amount": "1.00", "currency": "KES"}, {"amount": "0", "currency": "JPY"},
    {"amount": "9999999999.99", "currency": "KES"}, {"amount": "-0.01", "currency": "KES"},
]  # fmt: skip


class Spoiler:
    """Makes requests of a route, most of them wrong somewhere."""

    def __init__(self, chance: random.Random, ids: dict[str, str]) -> None:
        self.chance, self.ids = chance, ids

    def path(self, route: Route) -> str:
        """Its path, sometimes about something that is not there."""
        values = {name: self.ids.get(name, str(new_id())) for name in route.path_fields}
        if self.chance.random() < 0.1 and values:
            values[self.chance.choice(list(values))] = self.chance.choice([str(new_id()), "x", "%00", "0", "..%2f"])
        return route.full_path.format(**values)

    def query(self, route: Route) -> dict[str, str]:
        """Some parameters, those that it knows and others."""
        names = [name for name in (*route.query_fields, "surprise") if self.chance.random() < 0.3]
        words = [
            "",
            "1",
            "0",
            "-1",
            "true",
            "KES",
            "P",
            "2024-02-29",
            "9998-12-31",
            "x",
            "active",
            str(new_id()),
            "\u202e",
            "9" * 30,
        ]
        return {name: self.chance.choice(words) for name in names}

    def body(self, route: Route, today: str) -> Any:
        """The documented example about what there is, with something else here and there."""
        told = copy.deepcopy(EXAMPLES.get(route.message, {}))
        for owner, name in _places(told):
            if isinstance(owner, dict) and name in self.ids:
                owner[name] = self.ids[name]
            elif name in {"value_date", "effective_on", "start"} and route.tag == "loans":
                owner[name] = today
        for _ in range(self.chance.choice([0, 1, 1, 1, 2, 3])):
            places = list(_places(told))
            others = [name for name in route.body_fields if name not in told]
            if others and (not places or self.chance.random() < 0.3):
                told[self.chance.choice(others)] = copy.deepcopy(self.chance.choice(STRANGE))
            elif places:
                owner, name = self.chance.choice(places)
                if self.chance.random() < 0.15 and isinstance(owner, dict):
                    del owner[name]
                else:
                    owner[name] = copy.deepcopy(self.chance.choice(STRANGE))
        return told


def _places(told: Any) -> Iterator[tuple[Any, Any]]:
    inside = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in list(inside):
        yield told, name
        yield from _places(value)


async def spoil(bank: Bank, seed: int, requests: int) -> Counter[tuple[str, int]]:
    """Send so many; what was answered, by route and status."""
    spoiler, seen = Spoiler(random.Random(seed), await ids_of(bank, "active")), Counter[tuple[str, int]]()
    today = (await business_date(bank)).isoformat()
    for _ in range(requests):
        route = spoiler.chance.choice(CHOSEN)
        path, query = spoiler.path(route), spoiler.query(route)
        body = spoiler.body(route, today) if route.has_body else None
        if route.path in STAYS and route.has_body and isinstance(body, dict):
            body["surprise"] = 1
        headers = {**bank.root, "Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        async with bank.http.request(route.method, path, params=query, data=data, headers=headers) as answer:
            told = await answer.read()
        said = f"seed {seed}: {route.method} {path} {query} {data!r} -> {answer.status} {told[:400]!r}"
        listed = DOCUMENT["paths"][route.full_path][route.method.lower()]["responses"]
        assert answer.status < 500, said
        assert str(answer.status) in listed, said
        if answer.status >= 400:
            problem = orjson.loads(told)
            assert (problem["status"], bool(problem["rule"])) == (answer.status, True), said
        seen[f"{route.method} {route.path}", answer.status] += 1
        if spoiler.chance.random() < 0.01:
            spoiler.ids = await ids_of(bank, spoiler.chance.choice(["draft", "submitted", "approved", "active", "in_arrears"]))
    return seen


async def ids_of(bank: Bank, status: LoanStatus) -> dict[str, str]:
    """What paths and bodies may name: a loan in the status, and what belongs to it."""
    of = await product(bank, disbursements=3)
    loan_id = await loan_that_is(bank, status, of)
    history = (await bank.says(ListLoanTransactions(loan_id=loan_id))).items
    borrower = await member(bank)
    found = {"loan_id": loan_id, "product_id": of.product_id, "member_id": borrower}
    found["settlement_account_id"] = (await account(bank, 100_000, member_id=borrower)).account_id
    if history:
        found["transaction_id"] = history[-1].transaction_id
        found["request_id"] = (await bank.says(RequestChargeOff(loan_id=loan_id, reason="Lost"), as_=OFFICER)).request_id
    return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_answer_is_a_documented_one(bank: Bank, seed: int) -> None:
    seen = await spoil(bank, seed, 400)
    assert len({path for path, _ in seen}) > len(CHOSEN) / 2
    assert sum(count for (_, status), count in seen.items() if status < 300) > 40
