"""The whole bank over HTTP, on real servers: money moves once however often it is asked for, and each sees what is theirs."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from messages.identity import CreateUser, Login
from tests.bank import Bank

Answer = tuple[int, dict[str, Any], bytes]


class Teller:
    """Somebody at the counter, over HTTP."""

    def __init__(self, bank: Bank, headers: dict[str, str]) -> None:
        self.bank = bank
        self.headers = headers

    async def asks(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        sent = {**self.headers, **headers}
        if key is not None:
            sent["Idempotency-Key"] = key
        async with self.bank.http.request(method, f"/api/v1{path}", json=body, headers=sent) as answer:
            raw = await answer.read()
            told = await answer.json(content_type=None) if raw else {}
            return answer.status, told | {"_headers": answer.headers.copy()}, raw

    async def makes(self, path: str, body: Any, *, key: str | None = None) -> dict[str, Any]:
        status, told, _ = await self.asks("POST", path, body, key=key or str(uuid4()))
        assert status in {200, 201}, told
        return told

    async def account(self, **fields: Any) -> str:
        member = await self.makes("/members/persons", {"person": {"given_name": "Amina", "born_on": "1991-04-17"}})
        await self.makes(f"/members/{member['member_id']}/activate", None)
        opened = {"member_id": member["member_id"], "kind": "savings", "currency": "KES", **fields}
        account = await self.makes("/accounts", opened)
        return str(account["account_id"])

    async def deposits(self, account_id: str, amount: str) -> None:
        await self.makes("/deposits", {"account_id": account_id, "amount": {"amount": amount, "currency": "KES"}})

    async def balance(self, account_id: str) -> str:
        _, told, _ = await self.asks("GET", f"/accounts/{account_id}/balance")
        return str(told["balance"]["amount"])


def transfer(source: str, target: str, amount: str = "250.00", currency: str = "KES") -> dict[str, Any]:
    return {"from_account_id": source, "to_account_id": target, "amount": {"amount": amount, "currency": currency}}


@pytest.fixture
async def teller(bank: Bank) -> Teller:
    found = Teller(bank, bank.root)
    await found.makes("/chart-of-accounts/standard", {"currency": "KES"})
    return found


async def test_money_moves_and_the_books_agree(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    await teller.deposits(source, "1000.00")
    status, entry, _ = await teller.asks("POST", "/transfers", transfer(source, target), key=str(uuid4()))
    assert (status, entry["_headers"]["Location"]) == (201, f"/api/v1/entries/{entry['entry_id']}")
    assert (await teller.balance(source), await teller.balance(target)) == ("750.00", "250.00")
    _, statement, _ = await teller.asks("GET", f"/accounts/{target}/statement")
    assert [line["entry_id"] for line in statement["items"]] == [entry["entry_id"]]
    _, found, _ = await teller.asks("GET", f"/entries/{entry['entry_id']}")
    assert found["description"] == "Transfer"
    _, books, _ = await teller.asks("GET", "/trial-balance")
    assert books["balanced"]


async def test_the_same_request_counts_once_and_is_answered_alike(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    await teller.deposits(source, "1000.00")
    key = str(uuid4())
    first = await teller.asks("POST", "/transfers", transfer(source, target), key=key)
    again = await teller.asks("POST", "/transfers", transfer(source, target), key=key)
    assert (first[0], first[2]) == (again[0], again[2])
    assert "Idempotency-Replayed" not in first[1]["_headers"]
    assert again[1]["_headers"]["Idempotency-Replayed"] == "true"
    assert await teller.balance(source) == "750.00"


async def test_a_hundred_at_once_with_one_key_count_once(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    await teller.deposits(source, "1000.00")
    key = str(uuid4())
    answers = await asyncio.gather(*(teller.asks("POST", "/transfers", transfer(source, target), key=key) for _ in range(100)))
    assert {status for status, _, _ in answers} <= {201, 409}
    assert all(told["rule"] == "request_in_progress" for status, told, _ in answers if status == 409)
    assert len({raw for status, _, raw in answers if status == 201}) == 1
    assert await teller.balance(source) == "750.00"


async def test_a_key_belongs_to_what_it_was_first_used_for(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    await teller.deposits(source, "1000.00")
    key = str(uuid4())
    await teller.makes("/transfers", transfer(source, target), key=key)
    deposit = {"account_id": source, "amount": {"amount": "1.00", "currency": "KES"}}
    for path, body in (("/transfers", transfer(source, target, "251.00")), ("/deposits", deposit)):
        status, problem, _ = await teller.asks("POST", path, body, key=key)
        assert (status, problem["rule"]) == (422, "idempotency_key_reused")
    assert await teller.balance(source) == "750.00"


async def test_a_refusal_is_kept_like_a_reply(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    key = str(uuid4())
    first = await teller.asks("POST", "/transfers", transfer(source, target), key=key)
    assert (first[0], first[1]["rule"], first[1]["errors"][0]["field"]) == (422, "insufficient_funds", "amount")
    await teller.deposits(source, "1000.00")
    again = await teller.asks("POST", "/transfers", transfer(source, target), key=key)
    assert again[2] == first[2]
    assert (await teller.asks("POST", "/transfers", transfer(source, target), key=str(uuid4())))[0] == 201


async def test_what_the_bank_does_not_do_names_rule_and_field(teller: Teller) -> None:
    source, target = await teller.account(), await teller.account()
    await teller.deposits(source, "1000.00")
    for body, rule in (
        (transfer(source, source), "same_account"),
        (transfer(source, target, "1.00", "USD"), "currency_mismatch"),
        (transfer(source, target, "1000.01"), "insufficient_funds"),
    ):
        status, problem, _ = await teller.asks("POST", "/transfers", body, key=str(uuid4()))
        assert (status, problem["rule"]) == (422, rule)
        assert problem["errors"]
    status, problem, _ = await teller.asks("POST", "/transfers", transfer(source, str(uuid4())), key=str(uuid4()))
    assert (status, problem["rule"]) == (404, "account_not_found")


async def test_a_change_meets_the_version_it_was_meant_for(teller: Teller) -> None:
    account = await teller.account()
    _, read, _ = await teller.asks("GET", f"/accounts/{account}")
    tag = read["_headers"]["ETag"]
    assert tag.startswith(f'"{read["version"]}-')
    frozen = {"side": "both", "reason": "Lost card"}
    status, told, _ = await teller.asks("POST", f"/accounts/{account}/freeze", frozen, **{"If-Match": tag})
    assert (status, told["freeze"]) == (200, "both")
    assert told["_headers"]["ETag"] != tag
    status, problem, _ = await teller.asks("POST", f"/accounts/{account}/unfreeze", {"reason": "Found"}, **{"If-Match": tag})
    assert (status, problem["rule"]) == (412, "version_conflict")


async def test_a_list_is_read_page_by_page(teller: Teller) -> None:
    accounts = {await teller.account() for _ in range(5)}
    seen, cursor = [], ""
    while True:
        _, page, _ = await teller.asks("GET", f"/accounts?limit=2{cursor}")
        seen += [account["account_id"] for account in page["items"]]
        if not page.get("next_cursor"):
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen))
    assert accounts <= set(seen)
    status, problem, _ = await teller.asks("GET", "/accounts?cursor=invented")
    assert (status, problem["errors"][0]["field"]) == (422, "cursor")


async def test_who_logs_in_is_somebody(bank: Bank, teller: Teller) -> None:
    name, password = f"u{uuid4().hex[:12]}", "correct horse battery"
    await teller.makes("/users", {"username": name, "password": password, "roles": ["auditor"], "must_change_password": False})
    stranger = Teller(bank, {})
    status, problem, _ = await stranger.asks("POST", "/auth/login", {"username": name, "password": "wrong"})
    assert (status, problem["rule"]) == (401, "wrong_credentials")
    status, tokens, _ = await stranger.asks("POST", "/auth/login", {"username": name, "password": password})
    assert (status, tokens["token_type"]) == (200, "Bearer")
    auditor = Teller(bank, {"Authorization": f"Bearer {tokens['access_token']}"})
    _, me, _ = await auditor.asks("GET", "/auth/me")
    assert (me["username"], me["roles"]) == (name, ["auditor"])
    assert (await auditor.asks("GET", "/trial-balance"))[0] == 200
    status, problem, _ = await auditor.asks("POST", "/transfers", transfer(str(uuid4()), str(uuid4())), key="k")
    assert (status, problem["rule"]) == (403, "forbidden")
    status, fresh, _ = await stranger.asks("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert status == 200
    status, _, raw = await stranger.asks("POST", "/auth/logout", {"refresh_token": fresh["refresh_token"]})
    assert (status, raw) == (204, b"")
    assert (await stranger.asks("POST", "/auth/refresh", {"refresh_token": fresh["refresh_token"]}))[0] == 401


async def test_a_member_sees_their_own(bank: Bank, teller: Teller) -> None:
    mine, theirs = await teller.account(), await teller.account()
    _, account, _ = await teller.asks("GET", f"/accounts/{mine}")
    name, password = f"m{uuid4().hex[:12]}", "correct horse battery"
    member_id = account["member_id"]
    user = CreateUser(username=name, password=password, roles=("member",), member_id=member_id, must_change_password=False)
    await bank.says(user)
    tokens = await bank.says(Login(username=name, password=password))
    member = Teller(bank, {"Authorization": f"Bearer {tokens.access_token.get_secret_value()}"})
    assert (await member.asks("GET", f"/accounts/{mine}"))[0] == 200
    foreign, missing = await member.asks("GET", f"/accounts/{theirs}"), await member.asks("GET", f"/accounts/{uuid4()}")
    assert foreign[0] == missing[0] == 404
    assert foreign[1]["rule"] == missing[1]["rule"] == "account_not_found"
    assert foreign[1]["detail"] == missing[1]["detail"]
    _, page, _ = await member.asks("GET", "/accounts")
    assert [each["account_id"] for each in page["items"]] == [mine]


async def test_operators_see_pools_and_dead_letters(teller: Teller) -> None:
    status, pools, _ = await teller.asks("GET", "/pools")
    assert (status, {each["actor"] for each in pools["items"]} >= {"ledger", "member", "identity"}) == (200, True)
    status, letters, _ = await teller.asks("GET", "/dead-letters")
    assert (status, "items" in letters) == (200, True)
    status, problem, _ = await teller.asks("GET", f"/dead-letters/{uuid4()}")
    assert (status, problem["rule"]) == (404, "dead_letter_not_found")


async def test_ready_when_all_actors_are_there(bank: Bank) -> None:
    async with bank.http.get("/ready") as answer:
        told = await answer.json()
    assert (answer.status, told["ready"]) == (200, True)
    assert {"broker", "database"} <= set(told["pieces"])
