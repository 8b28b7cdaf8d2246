"""`Idempotency-Key`: what is one message and what is another, and answers that are the same to the byte."""

from typing import Any
from uuid import uuid4

import orjson
import pytest
from multidict import CIMultiDict

from messages.base import Refusal
from messages.ids import new_id
from messages.ledger import InsufficientFunds
from runtime.client import Answer
from tests.edge.stub import Edge

TRANSFER = {
    "from_account_id": str(uuid4()),
    "to_account_id": str(uuid4()),
    "amount": {"amount": "250.00", "currency": "KES"},
}
DEPOSIT = {"account_id": str(uuid4()), "amount": {"amount": "250.00", "currency": "KES"}}
ME = str(uuid4())


class KeyReused(Refusal):
    """This key came with another request."""

    rule = "idempotency_key_reused"


async def transfer(
    edge: Edge, key: str | None, *, path: str = "/api/v1/transfers", body: Any = None, **headers: str
) -> tuple[int, bytes, CIMultiDict[str]]:
    sent = {**edge.as_(sub=ME), **headers}
    if key is not None:
        sent["Idempotency-Key"] = key
    async with edge.http.post(path, json=body or TRANSFER, headers=sent) as answer:
        return answer.status, await answer.read(), answer.headers.copy()


async def test_moving_money_needs_a_key(edge: Edge) -> None:
    for path, body in (
        ("/api/v1/transfers", TRANSFER),
        ("/api/v1/deposits", DEPOSIT),
        ("/api/v1/withdrawals", DEPOSIT),
        ("/api/v1/entries", {}),
        (f"/api/v1/entries/{uuid4()}/reverse", {"reason": "x"}),
        (f"/api/v1/accounts/{uuid4()}/holds", {}),
        (f"/api/v1/holds/{uuid4()}/post", {}),
    ):
        status, body_, _ = await transfer(edge, None, path=path, body=body)
        assert (status, orjson.loads(body_)["rule"]) == (400, "idempotency_key_missing"), path
    assert not edge.client.said


async def test_the_same_key_is_the_same_message(edge: Edge) -> None:
    await transfer(edge, '"rent-may"')
    await transfer(edge, "rent-may")
    await transfer(edge, '  "rent-may"')
    await transfer(edge, '"rent-may"', path="/api/v1/deposits", body=DEPOSIT)
    assert len({said.message_id for said in edge.client.said}) == 1
    await transfer(edge, '"Rent-May"')
    assert len({said.message_id for said in edge.client.said}) == 2


async def test_nobody_meets_anothers_key(edge: Edge) -> None:
    for user in (str(uuid4()), str(uuid4())):
        async with edge.http.post("/api/v1/transfers", json=TRANSFER, headers=edge.as_(sub=user) | {"Idempotency-Key": "k"}):
            pass
    assert edge.client.said[0].message_id != edge.client.said[1].message_id


async def test_without_a_key_each_request_is_its_own_message(edge: Edge) -> None:
    for _ in range(2):
        async with edge.http.post(
            "/api/v1/members/persons", json={"person": {"given_name": "A", "born_on": "1990-01-01"}}, headers=edge.as_()
        ):
            pass
    assert edge.client.said[0].message_id != edge.client.said[1].message_id


@pytest.mark.parametrize(
    "key", ["k", "8e03978e-40d5-43e8-bc93-6894a57f9324", "x" * 255, '"' + "x" * 255 + '"', r'"a\"b\\c"', "a/b=c;d"]
)
async def test_a_visible_key_is_taken(edge: Edge, key: str) -> None:
    status, _, _ = await transfer(edge, key)
    assert status == 201


@pytest.mark.parametrize(
    "key",
    ["", '""', '"', '"open', "x" * 256, '"' + "x" * 256 + '"', "two words", '"two words"', '"k";a=1', "ключ", r'"a\b"', "k\tk"],
)
async def test_a_malformed_key_is_refused(edge: Edge, key: str) -> None:
    status, body, _ = await transfer(edge, key)
    assert (status, orjson.loads(body)["rule"]) == (400, "idempotency_key_malformed")
    assert not edge.client.said


async def test_two_keys_are_no_key(edge: Edge) -> None:
    headers = [*edge.as_().items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with edge.http.post("/api/v1/transfers", json=TRANSFER, headers=headers) as answer:
        assert (answer.status, (await answer.json(content_type=None))["rule"]) == (400, "idempotency_key_malformed")


async def test_the_first_answer_comes_again_to_the_byte(edge: Edge) -> None:
    body = b'{ "entry_id" : "0192d4a0-7c1e-7a53-9a5b-0f8a2c61d001","odd":1.10 }'
    edge.client.will(Answer("reply", body, new_id()))
    edge.client.will(Answer("reply", body, new_id(), replayed=True))
    first = await transfer(edge, "k")
    second = await transfer(edge, "k")
    assert first[:2] == second[:2] == (201, body)
    assert "Idempotency-Replayed" not in first[2]
    assert second[2]["Idempotency-Replayed"] == "true"
    assert first[2]["Location"] == second[2]["Location"] == "/api/v1/entries/0192d4a0-7c1e-7a53-9a5b-0f8a2c61d001"


async def test_a_refusal_comes_again_to_the_byte(edge: Edge) -> None:
    refusal = InsufficientFunds(field="amount", available="10.00")
    edge.client.will_refuse(refusal)
    edge.client.will_refuse(refusal, replayed=True)
    first = await transfer(edge, "k", **{"X-Request-Id": str(uuid4())})
    second = await transfer(edge, "k", **{"X-Request-Id": str(uuid4())})
    assert first[:2] == second[:2]
    assert first[0] == 422
    assert orjson.loads(first[1])["facts"] == {"available": "10.00"}
    assert second[2]["Idempotency-Replayed"] == "true"


async def test_a_key_with_another_body_is_refused_by_the_actor(edge: Edge) -> None:
    edge.client.will_refuse(KeyReused())
    status, body, _ = await transfer(edge, "k")
    assert (status, orjson.loads(body)["rule"]) == (422, "idempotency_key_reused")


async def test_what_is_still_running_says_so(edge: Edge) -> None:
    edge.client.will(Answer("busy", b'{"reason":"in_progress"}', new_id()))
    status, body, headers = await transfer(edge, "k")
    assert (status, orjson.loads(body)["rule"], headers["Retry-After"]) == (409, "request_in_progress", "1")


async def test_a_login_has_no_key(edge: Edge) -> None:
    for _ in range(2):
        async with edge.http.post(
            "/api/v1/auth/login", json={"username": "a", "password": "b"}, headers={"Idempotency-Key": "k"}
        ) as answer:
            assert answer.status == 200
    assert edge.client.said[0].message_id != edge.client.said[1].message_id
