"""How a request becomes a message: every field from one place, and a wrong one named."""

from typing import Any
from uuid import uuid4

import pytest

from messages.ledger import FreezeAccount, GetBalance, ListAccounts, Transfer
from messages.member import RemoveIdentifier
from tests.edge.stub import Edge

A, B = str(uuid4()), str(uuid4())
MONEY = {"amount": "250.00", "currency": "KES"}
TRANSFER = {"from_account_id": A, "to_account_id": B, "amount": MONEY}


async def post(edge: Edge, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    async with edge.http.post(path, json=body, headers={**edge.as_(), "Idempotency-Key": str(uuid4()), **headers}) as answer:
        return answer.status, await answer.json(content_type=None)


async def get(edge: Edge, path: str) -> tuple[int, dict[str, Any]]:
    async with edge.http.get(path, headers=edge.as_()) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_body_becomes_the_message(edge: Edge) -> None:
    await post(edge, "/api/v1/transfers", TRANSFER | {"description": "Rent"})
    said = edge.last.message
    assert isinstance(said, Transfer)
    assert (str(said.from_account_id), str(said.to_account_id), said.amount.minor, said.description) == (A, B, 25000, "Rent")


async def test_path_body_and_if_match_come_together(edge: Edge) -> None:
    await post(edge, f"/api/v1/accounts/{A}/freeze", {"side": "debit", "reason": "Court order"}, **{"If-Match": '"7"'})
    assert edge.last.message == FreezeAccount(account_id=A, side="debit", reason="Court order", expected_version=7)


async def test_a_path_and_a_query_become_a_query(edge: Edge) -> None:
    await get(edge, f"/api/v1/accounts/{A}/balance?at=2026-01-31T12:00:00Z")
    said = edge.last.message
    assert isinstance(said, GetBalance)
    assert said.at is not None
    assert said.at.isoformat() == "2026-01-31T12:00:00+00:00"
    await get(edge, f"/api/v1/accounts?member_id={A}&limit=7")
    said = edge.last.message
    assert isinstance(said, ListAccounts)
    assert said.limit == 7


async def test_what_is_deleted_is_named_by_the_path(edge: Edge) -> None:
    async with edge.http.delete(f"/api/v1/members/{A}/identifiers/{B}", headers=edge.as_() | {"If-Match": '"3"'}):
        pass
    assert edge.last.message == RemoveIdentifier(member_id=A, identifier_id=B, expected_version=3)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": {"amount": "-1.00", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "0.00", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "NaN", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "1e308", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "1.005", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "1.5", "currency": "JPY"}}, "amount"),
        ({"amount": {"amount": "1,00", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "٣", "currency": "KES"}}, "amount"),
        ({"amount": {"amount": "9" * 40, "currency": "KES"}}, "amount"),
        ({"amount": {"amount": 250, "currency": "KES"}}, "amount.amount"),
        ({"amount": {"amount": 2.5, "currency": "KES"}}, "amount.amount"),
        ({"amount": {"amount": True, "currency": "KES"}}, "amount.amount"),
        ({"amount": {"amount": "1.00", "currency": "XXQ"}}, "amount.currency"),
        ({"amount": {"amount": "1.00"}}, "amount.currency"),
        ({"amount": {**MONEY, "balance": "1"}}, "amount.balance"),
        ({"amount": "250.00"}, "amount"),
        ({"from_account_id": "mine"}, "from_account_id"),
        ({"description": "a\u0000b"}, "description"),
        ({"description": "a\u202eb"}, "description"),
        ({"description": "x" * 201}, "description"),
        ({"is_admin": True}, "is_admin"),
        ({"expected_version": 1}, "expected_version"),
    ],
)
async def test_the_field_at_fault_is_named(edge: Edge, change: dict[str, Any], field: str) -> None:
    status, problem = await post(edge, "/api/v1/transfers", TRANSFER | change)
    assert (status, problem["rule"]) == (422, "invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not edge.client.said


async def test_every_missing_field_is_named(edge: Edge) -> None:
    status, problem = await post(edge, "/api/v1/transfers", {})
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == ["from_account_id", "to_account_id", "amount"]


async def test_places_in_lists_are_counted(edge: Edge) -> None:
    posting = {"account_id": A, "side": "debit", "amount": MONEY}
    wrong = {**posting, "amount": {"amount": "1.001", "currency": "KES"}}
    _, problem = await post(edge, "/api/v1/entries", {"postings": [posting, wrong], "description": "x"})
    assert problem["errors"][0]["field"] == "postings.1.amount"


async def test_a_body_cannot_take_the_place_of_the_path(edge: Edge) -> None:
    body = {"account_id": B, "side": "debit", "reason": "x", "expected_version": 1}
    status, problem = await post(edge, f"/api/v1/accounts/{A}/freeze", body)
    assert (status, {error["field"] for error in problem["errors"]}) == (422, {"account_id", "expected_version"})
    assert not edge.client.said


async def test_what_cannot_be_an_id_is_the_id_of_nothing(edge: Edge) -> None:
    for path in ("/api/v1/members/persons-of-note", "/api/v1/accounts/1", f"/api/v1/members/{A}%00"):
        status, problem = await get(edge, path)
        assert (status, problem["rule"]) == (404, "not_found")
    assert not edge.client.said


async def test_a_thousand_wrong_fields_get_a_short_answer(edge: Edge) -> None:
    status, problem = await post(edge, "/api/v1/transfers", TRANSFER | {"x" * 1000 + str(n): n for n in range(200)})
    assert status == 422
    assert len(problem["errors"]) == 20
    assert len(problem["errors"][0]["field"]) == 100


async def test_what_was_typed_is_not_echoed(edge: Edge) -> None:
    body = {"username": "amina", "password": ["canary-7f3a"]}
    async with edge.http.post("/api/v1/auth/login", json=body) as answer:
        assert answer.status == 422
        assert "canary" not in await answer.text()


@pytest.mark.parametrize(
    ("query", "status", "rule"),
    [
        ("limit=0", 422, "invalid"),
        ("limit=201", 422, "invalid"),
        ("limit=ten", 422, "invalid"),
        ("limit=1&limit=2", 400, "repeated_parameter"),
        ("page=2", 422, "invalid"),
        ("member_id=" + A + "&member_id=" + B, 400, "repeated_parameter"),
    ],
)
async def test_a_query_is_read_as_strictly(edge: Edge, query: str, status: int, rule: str) -> None:
    got, problem = await get(edge, f"/api/v1/accounts?{query}")
    assert (got, problem["rule"]) == (status, rule)


@pytest.mark.parametrize("when", ["1700000000", "20240101", "-5", "1e9"])
async def test_digits_are_no_time(edge: Edge, when: str) -> None:
    status, problem = await get(edge, f"/api/v1/accounts/{A}/balance?at={when}")
    assert (status, problem["errors"][0]["field"]) == (422, "at")


async def test_a_field_comes_from_one_place(edge: Edge) -> None:
    status, problem = await post(edge, "/api/v1/transfers?description=x", TRANSFER)
    assert (status, problem["rule"]) == (400, "unexpected_query")
    async with edge.http.get("/api/v1/accounts", json={"limit": 5}, headers=edge.as_()) as answer:
        assert (answer.status, (await answer.json(content_type=None))["rule"]) == (400, "unexpected_body")
    status, problem = await get(edge, f"/api/v1/accounts/{A}?account_id={B}")
    assert (status, problem["errors"][0]["field"]) == (422, "account_id")


@pytest.mark.parametrize(
    ("tag", "status", "rule"),
    [
        ("7", 400, "if_match_malformed"),
        ('"7", "8"', 400, "if_match_malformed"),
        ("", 400, "if_match_malformed"),
        ('W/"7"', 412, "version_conflict"),
        ('"abc"', 412, "version_conflict"),
        ('"-7"', 412, "version_conflict"),
        ('"0"', 412, "version_conflict"),
    ],
)
async def test_a_tag_that_is_not_ours_does_not_match(edge: Edge, tag: str, status: int, rule: str) -> None:
    got, problem = await post(edge, f"/api/v1/accounts/{A}/close", {"reason": "x"}, **{"If-Match": tag})
    assert (got, problem["rule"]) == (status, rule)
    assert not edge.client.said


async def test_any_version_may_be_asked_for(edge: Edge) -> None:
    await post(edge, f"/api/v1/accounts/{A}/close", {"reason": "x"}, **{"If-Match": "*"})
    assert edge.last.message.expected_version is None  # type: ignore[attr-defined]  # CloseAccount


async def test_a_version_where_there_is_none_is_not_ignored(edge: Edge) -> None:
    status, problem = await post(edge, "/api/v1/transfers", TRANSFER, **{"If-Match": '"7"'})
    assert (status, problem["rule"]) == (400, "if_match_not_supported")


async def test_an_empty_body_is_fine_where_nothing_is_needed(edge: Edge) -> None:
    async with edge.http.post(f"/api/v1/members/{A}/activate", headers=edge.as_()) as answer:
        assert answer.status == 200
    async with edge.http.post("/api/v1/transfers", headers=edge.as_() | {"Idempotency-Key": "k"}) as answer:
        assert (answer.status, (await answer.json(content_type=None))["rule"]) == (400, "malformed_json")
