"""Server-sent events over HTTP, in a whole bank: each hears of their own, goes on where they were, and nothing is lost in silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest
from redis.asyncio import Redis

from http_edge.events import hub, listening
from messages.identity import CreateUser, Login
from messages.ids import AccountId, MemberId
from messages.ledger import AdoptStandardChart, Deposit, OpenAccount
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from messages.money import Money
from tests.bank import Bank

PASSWORD = "a pass phrase that is long enough for anybody"


class Stream:
    """What a client hears."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def block(self) -> dict[str, str]:
        """The next block of lines; {} at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def event(self) -> dict[str, Any]:
        """The next event, signs of life left out; {} at the end."""
        while block := await self.block():
            if "data" in block:
                return {"event": block["event"], **orjson.loads(block["data"])}
        return {}


@asynccontextmanager
async def listens(bank: Bank, headers: dict[str, str], query: str = "", last_id: str = "") -> AsyncIterator[Stream]:
    sent = {**headers, **({"Last-Event-ID": last_id} if last_id else {})}
    timeout = aiohttp.ClientTimeout(total=30)
    async with bank.http.get(f"/api/v1/events{query}", headers=sent, timeout=timeout) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        stream = Stream(answer)
        assert "retry" in await stream.block()
        yield stream


async def person(bank: Bank) -> tuple[MemberId, AccountId]:
    member = await bank.says(RegisterPerson(person=PersonDetails(given_name="Amina", born_on="1991-04-17")))
    await bank.says(ActivateMember(member_id=member.member_id))
    account = await bank.says(OpenAccount(member_id=member.member_id, kind="savings", currency="KES"))
    return member.member_id, account.account_id


async def logged_in(bank: Bank, *roles: str, member_id: MemberId | None = None) -> dict[str, str]:
    name = f"{uuid4().hex[:12]}@bank.test"
    await bank.says(CreateUser(username=name, password=PASSWORD, roles=roles, member_id=member_id, must_change_password=False))
    tokens = await bank.says(Login(username=name, password=PASSWORD))
    return {"Authorization": f"Bearer {tokens.access_token.get_secret_value()}"}


async def deposits(bank: Bank, account_id: AccountId) -> str:
    entry = await bank.says(Deposit(account_id=account_id, amount=Money.of(100, "KES")))
    return str(entry.entry_id)


@pytest.fixture(autouse=True)
async def chart(bank: Bank) -> None:
    await bank.says(AdoptStandardChart(currency="KES"))


async def test_a_member_hears_of_their_own_money_and_of_nobody_elses(bank: Bank) -> None:
    member_id, account = await person(bank)
    _, others = await person(bank)
    async with listens(bank, await logged_in(bank, "member", member_id=member_id)) as stream:
        await deposits(bank, others)
        entry = await deposits(bank, account)
        heard = await stream.event()
    assert heard["event"] == "ledger.entry_posted.v1"
    assert heard["ids"] == {"entry_id": [entry], "account_id": [str(account)]}


async def test_staff_hear_of_all_of_a_topic(bank: Bank) -> None:
    async with listens(bank, await logged_in(bank, "teller"), "?topics=entries") as stream:
        _, account = await person(bank)
        entry = await deposits(bank, account)
        assert (await stream.event())["ids"]["entry_id"] == [entry]


async def test_what_somebody_may_not_read_is_refused(bank: Bank) -> None:
    headers = await logged_in(bank, "teller")
    for query, status in (("?topics=chart", 403), ("?topics=secrets", 422), ("?other=1", 400)):
        async with bank.http.get(f"/api/v1/events{query}", headers=headers) as answer:
            assert answer.status == status, await answer.text()
    async with bank.http.get("/api/v1/events") as answer:
        assert answer.status == 401


async def test_a_client_goes_on_where_it_was(bank: Bank) -> None:
    _, account = await person(bank)
    headers = await logged_in(bank, "teller")
    async with listens(bank, headers, "?topics=entries") as stream:
        await deposits(bank, account)
        await stream.event()
        place = stream.last_id
    missed = [await deposits(bank, account) for _ in range(3)]
    async with listens(bank, headers, "?topics=entries", last_id=place) as stream:
        heard = [(await stream.event())["ids"]["entry_id"][0] for _ in missed]
    assert heard == missed


async def test_whoever_is_behind_what_is_held_in_memory_goes_on_too(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_HELD", 2)
    _, account = await person(bank)
    headers = await logged_in(bank, "teller")
    async with listens(bank, headers, "?topics=entries") as first:
        place = first.last_id
        missed = [await deposits(bank, account) for _ in range(5)]
        for _ in missed:
            await first.event()
        async with listens(bank, headers, "?topics=entries", last_id=place) as second:
            assert [(await second.event())["ids"]["entry_id"][0] for _ in missed] == missed


@pytest.mark.parametrize("last_id", ["nonsense", "0123456789ab-1-0"])
async def test_a_place_that_is_not_known_is_told_to_read_anew(bank: Bank, last_id: str) -> None:
    _, account = await person(bank)
    async with listens(bank, await logged_in(bank, "teller"), "?topics=entries", last_id=last_id) as stream:
        assert (await stream.event())["event"] == "reset"
        entry = await deposits(bank, account)
        assert (await stream.event())["ids"]["entry_id"] == [entry]


async def test_a_place_that_fell_out_of_the_history_is_told_to_read_anew(bank: Bank) -> None:
    _, account = await person(bank)
    headers = await logged_in(bank, "teller")
    async with listens(bank, headers, "?topics=entries") as stream:
        await deposits(bank, account)
        await stream.event()
        place = stream.last_id
    for _ in range(3):
        await deposits(bank, account)
    async with Redis.from_url(bank.house.servers.redis_url) as redis:
        await redis.xtrim("{coffer-cache}:feed", maxlen=1, approximate=False)
    async with listens(bank, headers, "?topics=entries", last_id=place) as stream:
        assert (await stream.event())["event"] == "reset"


async def test_who_listens_while_redis_is_emptied_is_told_to_read_anew(bank: Bank) -> None:
    async with listens(bank, await logged_in(bank, "teller"), "?topics=entries") as stream:
        async with Redis.from_url(bank.house.servers.redis_url) as redis:
            await redis.flushall()
        assert (await stream.event())["event"] == "reset"


async def test_a_stream_shows_signs_of_life_and_its_place(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "BEAT_SECONDS", 0.1)
    async with listens(bank, bank.root, "?topics=chart") as stream:
        block = await stream.block()
        assert block[""] == "alive"
        assert block["id"]


async def test_one_user_has_so_many_streams_and_no_more(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST_OF_ONE", 1)
    headers = await logged_in(bank, "teller")
    async with listens(bank, headers):
        async with bank.http.get("/api/v1/events", headers=headers) as answer:
            assert answer.status == 429
        async with listens(bank, await logged_in(bank, "auditor")):
            pass


async def test_who_reads_too_slowly_is_cut_off(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = await logged_in(bank, "teller")
    async with listens(bank, headers, "?topics=members") as stream:
        monkeypatch.setattr(listening, "SLOW_SECONDS", 0.05)
        monkeypatch.setattr(listening.web.StreamResponse, "write", lambda *_: asyncio.Event().wait())
        await person(bank)
        with pytest.raises(aiohttp.ClientPayloadError):
            await stream.event()


async def test_streams_end_when_the_edge_goes_down(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listens(bank, bank.root) as stream:
        ours = bank.house.edge._app._listening
        monkeypatch.setattr(ours, "_draining", True)
        ours._hub.wake()
        assert "retry" in await stream.block()
        assert await stream.event() == {}
        async with bank.http.get("/api/v1/events", headers=bank.root) as answer:
            assert answer.status == 503


async def test_a_stream_ends_with_its_token(bank: Bank) -> None:
    async with listens(bank, await logged_in(bank, "teller"), "?topics=entries") as stream:
        bank.clock.advance(seconds=20 * 60)
        assert await stream.event() == {}
