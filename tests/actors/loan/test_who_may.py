"""Who may do what about loans, over HTTP: every route, as every role, and as nobody."""

from typing import Any
from uuid import uuid4

import pytest

from config.roles import load_roles
from http_edge.examples import EXAMPLES
from http_edge.route import Route
from http_edge.routes import ROUTES
from messages.identity import CreateUser, Login
from messages.ids import new_id
from tests.actors.ledger.customers import member
from tests.bank import Bank

TAGS = {"loans", "loan-products", "portfolio", "business-date", "close-of-business"}
CHOSEN = [route for route in ROUTES if route.tag in TAGS]
PASSWORD = "another correct horse battery staple"


async def answered(bank: Bank, route: Route, headers: dict[str, str]) -> tuple[int, str]:
    """Status and rule of an answer about what is not there."""
    path = route.full_path.format(**{name: new_id() for name in route.path_fields})
    body: Any = EXAMPLES.get(route.message, {}) if route.has_body else None
    sent = {**headers, "Idempotency-Key": str(uuid4())}
    async with bank.http.request(route.method, path, json=body, headers=sent) as answer:
        told = await answer.json(content_type=None)
        return answer.status, told.get("rule", "") if isinstance(told, dict) else ""


async def token(bank: Bank, role: str) -> dict[str, str]:
    """Headers of somebody with the role."""
    name = f"{role}-{new_id().hex}@bank.test"
    member_id = await member(bank) if role == "member" else None
    await bank.says(
        CreateUser(username=name, password=PASSWORD, roles=(role,), member_id=member_id, must_change_password=False)
    )
    told = await bank.says(Login(username=name, password=PASSWORD))
    return {"Authorization": f"Bearer {told.access_token.get_secret_value()}"}


@pytest.mark.parametrize("role", ["teller", "loan_officer", "auditor", "member"])
async def test_a_role_does_what_it_is_given_and_nothing_else(bank: Bank, role: str) -> None:
    given, headers = load_roles()[role], await token(bank, role)
    for route in CHOSEN:
        code, rule = await answered(bank, route, headers)
        seen = (role, route.method, route.path, code, rule)
        assert code < 500, seen
        if route.message.permission not in given:
            assert (code, rule) == (403, "forbidden"), seen
        elif given[route.message.permission] == "all":
            assert code != 403, seen


async def test_nobody_does_nothing(bank: Bank) -> None:
    for route in CHOSEN:
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            code, _ = await answered(bank, route, headers)
            assert code == 401, (route.method, route.path)
