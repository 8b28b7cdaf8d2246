"""Step-up: what is sensitive takes a proof of a few minutes ago, where the settings say so, and from their amounts on."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from config.settings import IdentitySettings, load_settings
from http_edge.process import EdgeProcess
from http_edge.route import Fresh
from http_edge.routes import ROUTES
from http_edge.step_up import StepUp
from messages.ledger import Transfer
from messages.loan import RequestDisbursement
from messages.money import Money
from tests.bank import Bank, House, until
from tests.config.test_settings import GOOD_PRODUCTION
from tests.edge.people import PASSWORD, Person

SECONDS = 300


@pytest.fixture(scope="module")
async def strict(house: House) -> AsyncIterator[aiohttp.ClientSession]:
    """Another edge of the bank, that asks for step-up."""
    identity = house.settings.identity.model_copy(
        update={"step_up_seconds": SECONDS, "step_up_above": {"KES": Decimal(1000), "other": Decimal(10)}}
    )
    edge = EdgeProcess(house.settings.model_copy(update={"identity": identity}), house.environment, clock=house.clock)
    await edge.start()
    await until(lambda: edge.bus.is_ready)
    async with aiohttp.ClientSession(edge.url) as http:
        yield http
    await edge.stop()


def transfer(amount: str, currency: str = "KES") -> dict[str, Any]:
    money = {"amount": amount, "currency": currency}
    return {"from_account_id": str(uuid4()), "to_account_id": str(uuid4()), "amount": money}


async def sends(person: Person, amount: str, currency: str = "KES", **how: Any) -> tuple[int, dict[str, Any]]:
    return await person.asks("POST", "/transfers", transfer(amount, currency), **{"Idempotency-Key": str(uuid4())}, **how)


async def test_large_sums_take_a_fresh_proof_and_small_ones_do_not(bank: Bank, strict: aiohttp.ClientSession) -> None:
    person = await Person.new(bank, "teller", http=strict)
    assert (await sends(person, "5000.00"))[1]["rule"] == "account_not_found"
    bank.clock.advance(seconds=SECONDS + 1)
    status, problem = await sends(person, "1000.01")
    assert (status, problem["rule"]) == (401, "step_up_required")
    challenge = problem["_headers"]["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f"max_age={SECONDS}" in challenge
    assert (await sends(person, "1000.00"))[1]["rule"] == "account_not_found"
    assert (await sends(person, "10.01", "USD"))[1]["rule"] == "step_up_required"
    old = person.token
    status, told = await person.asks("POST", "/auth/step-up", {"password": PASSWORD})
    assert status == 200, told
    assert (await sends(person, "1000.01", token=told["access_token"]))[1]["rule"] == "account_not_found"
    assert (await sends(person, "1000.01", token=old))[1]["rule"] == "step_up_required"
    _, refreshed = await person.asks("POST", "/auth/refresh", {"refresh_token": person.refresh_token}, token="")
    assert (await sends(person, "1000.01", token=refreshed["access_token"]))[1]["rule"] == "account_not_found"
    bank.clock.advance(seconds=SECONDS + 1)
    assert (await sends(person, "1000.01", token=told["access_token"]))[1]["rule"] == "step_up_required"


async def test_refreshing_proves_nothing(bank: Bank, strict: aiohttp.ClientSession) -> None:
    person = await Person.new(bank, http=strict)
    bank.clock.advance(seconds=SECONDS + 1)
    _, refreshed = await person.asks("POST", "/auth/refresh", {"refresh_token": person.refresh_token}, token="")
    status, problem = await sends(person, "1000.01", token=refreshed["access_token"])
    assert (status, problem["rule"]) == (401, "step_up_required")


async def test_keys_and_roles_take_a_fresh_proof_always(bank: Bank, strict: aiohttp.ClientSession) -> None:
    person = await Person.new(bank, "admin", http=strict)
    key = {"name": "till", "permissions": ["transfers:make"]}
    status, made = await person.asks("POST", "/api-keys", key)
    assert status == 201
    bank.clock.advance(seconds=SECONDS + 1)
    for method, path, body in (
        ("POST", "/api-keys", key),
        ("PUT", f"/users/{person.user.user_id}/roles", {"roles": ["admin"]}),
        ("POST", f"/loans/{uuid4()}/write-off-requests", {}),
    ):
        status, problem = await person.asks(method, path, body)
        assert (status, problem["rule"]) == (401, "step_up_required"), path
    assert (await person.asks("GET", "/members"))[0] == 200
    assert (await sends(person, "999.00", token=made["key"]))[1]["rule"] == "account_not_found"
    status, problem = await sends(person, "1000.01", token=made["key"])
    assert (status, problem["rule"]) == (403, "needs_a_login")


async def test_who_has_an_authenticator_steps_up_with_it(bank: Bank, strict: aiohttp.ClientSession) -> None:
    person = await Person.new(bank, http=strict)
    await person.enrols()
    bank.clock.advance(seconds=SECONDS + 1)
    for body, rule in (
        ({"password": PASSWORD}, "mfa_code_missing"),
        ({"password": PASSWORD, "code": "000000"}, "mfa_code_wrong"),
        ({"password": "wrong", "code": person.next_code()}, "current_password_wrong"),
    ):
        status, problem = await person.asks("POST", "/auth/step-up", body)
        assert (status, problem["rule"]) == (422, rule)
    status, told = await person.asks("POST", "/auth/step-up", {"password": PASSWORD, "code": person.code()})
    assert status == 200, told
    assert (await sends(person, "1000.01", token=told["access_token"]))[1]["rule"] == "account_not_found"


async def test_without_a_setting_nothing_asks(bank: Bank) -> None:
    person = await Person.new(bank)
    bank.clock.advance(seconds=3600)
    await person.asks("POST", "/auth/refresh", {"refresh_token": person.refresh_token}, token="")
    _, refreshed = await person.logs_in()
    assert (await sends(person, "1000000.00", token=refreshed["access_token"]))[1]["rule"] == "account_not_found"


def test_dev_asks_for_nothing_and_production_for_what_is_sensible() -> None:
    dev, production = load_settings({}).identity, load_settings(GOOD_PRODUCTION).identity
    assert (dev.mfa_required_roles, dev.step_up_seconds, dev.step_up_above) == ((), None, {})
    assert production.mfa_required_roles == ("admin", "manager")
    assert (production.step_up_seconds, production.step_up_above) == (300, {"other": Decimal(100_000)})
    said = {"COFFER_IDENTITY__STEP_UP_ABOVE__KES": "500000", "COFFER_IDENTITY__MFA_REQUIRED_ROLES": "admin, teller"}
    told = load_settings(GOOD_PRODUCTION | said).identity
    assert told.step_up_above == {"other": Decimal(100_000), "KES": Decimal(500_000)}
    assert told.mfa_required_roles == ("admin", "teller")


def test_what_says_no_amount_may_move_any() -> None:
    step_up = StepUp(IdentitySettings(step_up_seconds=60, step_up_above={"KES": Decimal(100)}))
    loan, account, other = uuid4(), uuid4(), uuid4()
    assert step_up.is_above_limit(RequestDisbursement(loan_id=loan))
    assert not step_up.is_above_limit(RequestDisbursement(loan_id=loan, amount=Money.of(10_000, "KES")))
    assert step_up.is_above_limit(RequestDisbursement(loan_id=loan, amount=Money.of(10_001, "KES")))
    dollars = Transfer(from_account_id=account, to_account_id=other, amount=Money.of(10**9, "USD"))
    assert not step_up.is_above_limit(dollars)
    assert StepUp(IdentitySettings()).rule_of(Fresh.ALWAYS) is None
    assert StepUp(IdentitySettings(step_up_seconds=60)).rule_of(Fresh.ABOVE_LIMIT) is None


def test_what_sends_money_off_is_in_the_table_with_its_limit() -> None:
    paths = {route.path: route.fresh for route in ROUTES if route.method == "POST"}
    for path in ("/transfers", "/withdrawals", "/entries", "/loans/{loan_id}/disbursement-requests"):
        assert paths[path] is Fresh.ABOVE_LIMIT
    for path in ("/api-keys", "/users", "/loans/{loan_id}/write-off-requests"):
        assert paths[path] is Fresh.ALWAYS
