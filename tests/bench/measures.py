"""What is measured: each function runs one thing on a stage and says how fast it was."""

import asyncio
import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from messages.ids import new_id
from messages.ledger import GetBalance, GetStatement, Transfer
from messages.money import Money
from runtime.clock import SystemClock, stopwatch_seconds
from runtime.envelope import Envelope
from runtime.outbox import address_command
from runtime.wire import Properties
from tests.bench import bare
from tests.bench.stage import CURRENCY, TELLER, Stage, free_port, load, pair, running, until_listening

CONNECTIONS = 64
READERS = 16
POLL_SECONDS = 0.02
_numbers = itertools.count()


@dataclass(frozen=True)
class Rate:
    """How much in a second, and how long the slowest hundredth took."""

    per_second: float
    p99_ms: float = 0.0
    note: str = ""


def _transfers(stage: Stage, count: int, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    requests = []
    for _ in range(count):
        source, target = pair(stage.accounts, next(_numbers))
        key = str(new_id())
        body = {
            "from_account_id": str(source),
            "to_account_id": str(target),
            "amount": {"amount": "1.00", "currency": CURRENCY},
            "entry_id": key,
        }
        every = {**headers, "Idempotency-Key": f'"{key}"'}
        requests.append({"method": "POST", "path": path, "headers": every, "body": json.dumps(body)})
    return requests


async def bare_loop(stage: Stage, count: int) -> Rate:
    """The baseline over HTTP."""
    await stage.database.execute(bare.SCHEMA)
    await stage.database.execute(
        "INSERT INTO bare.account (id, balance, floor) SELECT id, 1000000000000, 0 FROM unnest($1::uuid[]) AS t (id)",
        stage.accounts,
    )
    port = free_port()
    async with running(["tests.bench.bare", stage.servers.database_url, str(port)], {}, stage.state / "bare.log"):
        await until_listening(port)
        await load("127.0.0.1", port, CONNECTIONS, _transfers(stage, count // 5, "/transfers", {}))
        return _rate(await load("127.0.0.1", port, CONNECTIONS, _transfers(stage, count, "/transfers", {})))


async def over_http(stage: Stage, count: int) -> Rate:
    """Transfers through edge, broker, ledger and back, logged in; edge and actors are running."""
    path = "/api/v1/transfers"
    await load("127.0.0.1", stage.port, CONNECTIONS, _transfers(stage, count // 5, path, stage.headers))
    return _rate(await load("127.0.0.1", stage.port, CONNECTIONS, _transfers(stage, count, path, stage.headers)))


async def account_reads(stage: Stage, count: int) -> Rate:
    """GET of an account; edge and actors are running."""
    requests = [
        {"method": "GET", "path": f"/api/v1/accounts/{stage.accounts[n % len(stage.accounts)]}", "headers": stage.headers}
        for n in range(count)
    ]
    return _rate(await load("127.0.0.1", stage.port, READERS, requests))


def _rate(measured: dict[str, Any]) -> Rate:
    wrong = {status: n for status, n in measured["statuses"].items() if int(status) not in (200, 201)}
    if wrong:
        raise AssertionError(f"answers that nobody expected: {wrong}")
    return Rate(measured["per_second"], measured["p99_ms"])


def _commands(stage: Stage, count: int) -> list[Envelope]:
    now = int(SystemClock().now().timestamp())
    made = []
    for _ in range(count):
        source, target = pair(stage.accounts, next(_numbers))
        transfer = Transfer(from_account_id=source, to_account_id=target, amount=Money.of(100, CURRENCY))
        envelope = Envelope.around(transfer, message_id=new_id(), principal=TELLER, sent_seconds=now)
        made.append(address_command(envelope, stage.topology))
    return made


async def _entries(stage: Stage) -> int:
    """Entries of the journal, counted where it is cheap: an account's postings are numbered."""
    return int(await stage.database.fetchval("SELECT coalesce(sum(seq), 0) / 2 FROM ledger.account"))


async def _events_unconfirmed(stage: Stage) -> bool:
    return bool(await stage.database.fetchval("SELECT EXISTS (SELECT FROM runtime.outbox WHERE sent_at IS NULL)"))


async def _until_all_done(stage: Stage, wanted: int) -> None:
    while await _entries(stage) < wanted or await _events_unconfirmed(stage):
        await asyncio.sleep(POLL_SECONDS)


async def backlog(stage: Stage, count: int) -> Rate:
    """Transfers that were published and confirmed before the actors started: from the first commit to the last event's confirm."""
    before = await _entries(stage)
    await stage.bus.say_confirmed(_commands(stage, count), mandatory=True)
    async with running(["runtime", "run", "actors"], stage.environment, stage.state / "actors.log"):
        while (first := await _entries(stage) - before) == 0:
            await asyncio.sleep(POLL_SECONDS)
        began = stopwatch_seconds()
        await _until_all_done(stage, before + count)
        return Rate((count - first) / (stopwatch_seconds() - began))


async def published_meanwhile(stage: Stage, count: int) -> Rate:
    """Transfers published, each confirmed, and committed at the same time; the actors are running."""
    before = await _entries(stage)
    commands = _commands(stage, count)
    began = stopwatch_seconds()
    await stage.bus.say_confirmed(commands, mandatory=True)
    await _until_all_done(stage, before + count)
    return Rate(count / (stopwatch_seconds() - began))


async def broker_alone(stage: Stage, count: int) -> Rate:
    """The broker's own rate: the same bodies published confirmed and persistent through one queue, and taken from it again."""
    admin = await stage.bus.consuming.admin_channel()
    lane = await stage.bus.consuming.lane(confirms=True)
    queue = f"reply.edge.{new_id().hex}"
    await admin.queue_declare(queue, arguments={"x-expires": 60_000})
    await admin.queue_bind(queue, "replies", queue)
    commands = _commands(stage, count)
    taken = asyncio.Event()
    seen = 0

    def on_delivery(delivery: Any) -> None:
        nonlocal seen
        seen += 1
        lane.ack(delivery.delivery_tag)
        if seen == count:
            taken.set()

    await lane.consume(queue, on_delivery, prefetch=500)
    async with stage.raw_publisher() as publisher:
        began = stopwatch_seconds()
        for start in range(0, count, 200):
            window = commands[start : start + 200]
            await publisher.confirmed([("replies", queue, _plain(each), each.body) for each in window], mandatory=False)
        await taken.wait()
        rate = Rate(count / (stopwatch_seconds() - began))
    await lane.close()
    await admin.close()
    return rate


def _plain(envelope: Envelope) -> Properties:
    return Properties(message_id=str(envelope.message_id), type=envelope.type)


async def database_alone(stage: Stage, count: int) -> Rate:
    """The database's own rate: the baseline's transaction, one by one, on as many connections, without HTTP."""
    pool = await asyncpg.create_pool(stage.servers.database_url, min_size=bare.POOL, max_size=bare.POOL)
    numbers = iter(range(count))

    async def work() -> None:
        for _ in numbers:
            source, target = pair(stage.accounts, next(_numbers))
            async with pool.acquire() as connection:
                await bare.move(connection, new_id(), source, target, 100)

    began = stopwatch_seconds()
    await asyncio.gather(*(work() for _ in range(bare.POOL)))
    rate = Rate(count / (stopwatch_seconds() - began))
    await pool.close()
    return rate


async def grown(stage: Stage, accounts: Sequence[Any], asks: int) -> dict[str, float]:
    """Milliseconds (median) of a balance, a statement page and a balance at a moment, asked one after another."""
    middle = SystemClock().now() - timedelta(seconds=5000)
    found: dict[str, float] = {}
    for name, question in (
        ("balance", lambda each: GetBalance(account_id=each)),
        ("statement page", lambda each: GetStatement(account_id=each)),
        ("balance at a moment", lambda each: GetBalance(account_id=each, at=middle)),
    ):
        times = []
        for n in range(asks):
            began = stopwatch_seconds()
            await stage.say(question(accounts[n % len(accounts)]))
            times.append(stopwatch_seconds() - began)
        found[name] = statistics.median(times) * 1000
    return found


async def fill(stage: Stage, entries: int) -> None:
    """Make the journal so deep."""
    connection = await asyncpg.connect(stage.servers.database_url)
    statement = Path(__file__).with_name("fill.sql").read_text(encoding="utf-8")
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement, entries, stage.accounts, CURRENCY, timeout=600)
        await connection.execute(
            """
            UPDATE ledger.account AS a SET balance = p.balance_after, seq = p.seq, last_booked_at = p.booked_at
            FROM (SELECT DISTINCT ON (account_id) * FROM ledger.posting ORDER BY account_id, seq DESC) AS p
            WHERE p.account_id = a.account_id
            """
        )
        await connection.execute("VACUUM ANALYZE ledger.posting, ledger.entry, ledger.account", timeout=600)
    finally:
        await connection.close()
