"""What a cached read costs beside one that asks the actor: messages of the broker, transactions of the database, processor time.

The same GET of a loan product, by an edge that caches and by one that does not. Messages are counted by a queue that is bound beside
the actor's and the edge's; transactions by PostgreSQL itself, less what it does in as much time when nobody asks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiormq.abc import AbstractChannel

from runtime.clock import stopwatch_seconds
from runtime.link import Link
from runtime.topology import QUERIES, REPLIES
from tests.bench import lending
from tests.bench.stage import Process, Stage, load

CONNECTIONS = 16
SETTLE_SECONDS = 0.5
SETTLES = 6
"""PostgreSQL tells its counters about a second late."""
COUNTING = "bench.counting"


@dataclass(frozen=True)
class Cost:
    """Of one read, on average."""

    per_second: float
    messages: float
    transactions: float
    actors_ms: float
    edge_ms: float


async def costs(stage: Stage, actors: Process, count: int) -> dict[str, Cost]:
    """Uncached and cached; the actors are running, an edge of each kind is started here."""
    product = await lending.product(stage)
    found: dict[str, Cost] = {}
    for name, enabled in (("asked each time", "false"), ("cached", "true")):
        stage.environment["COFFER_CACHE__ENABLED"] = enabled
        async with stage.edge() as edge:
            found[name] = await _cost(stage, actors, edge, f"/api/v1/loan-products/{product}", count)
    return found


async def _cost(stage: Stage, actors: Process, edge: Process, path: str, count: int) -> Cost:
    request: dict[str, Any] = {"method": "GET", "path": path, "headers": stage.headers}
    await load("127.0.0.1", stage.port, CONNECTIONS, [request] * 100)
    idle_seconds, idle = await _transactions_meanwhile(stage, asyncio.sleep(SETTLE_SECONDS))
    async with _counted(stage) as channel:
        processors = [process.processor_seconds for process in (actors, edge)]
        plan = load("127.0.0.1", stage.port, CONNECTIONS, [request] * count)
        measured: dict[str, Any] = {}

        async def read() -> None:
            measured.update(await plan)

        seconds, transactions = await _transactions_meanwhile(stage, read())
        used = [process.processor_seconds - before for process, before in zip((actors, edge), processors, strict=True)]
        messages = (await channel.queue_declare(COUNTING, passive=True)).message_count or 0
    assert set(measured["statuses"]) == {"200"}, measured["statuses"]
    busy = max(0.0, transactions - idle * seconds / idle_seconds)
    return Cost(measured["per_second"], messages / count, busy / count, *(each * 1000 / count for each in used))


async def _transactions_meanwhile(stage: Stage, work: Any) -> tuple[float, int]:
    """How long it took with the settling, and how many transactions there were."""
    began, before = stopwatch_seconds(), await _transactions(stage)
    await work
    for _ in range(SETTLES):
        await asyncio.sleep(SETTLE_SECONDS)
    return stopwatch_seconds() - began, await _transactions(stage) - before


async def _transactions(stage: Stage) -> int:
    return int(
        await stage.database.fetchval(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        )
    )


@asynccontextmanager
async def _counted(stage: Stage) -> AsyncIterator[AbstractChannel]:
    """A queue that gets every question to the actor, and every answer to the edge, beside those whom they are for."""
    link = await Link.connect(stage.servers.broker_url, name="bench counting")
    try:
        channel = await link.admin_channel()
        await channel.queue_declare(COUNTING, exclusive=True)
        await channel.queue_bind(COUNTING, QUERIES, "loan_product.#")
        await channel.queue_bind(COUNTING, REPLIES, "reply.edge.#")
        yield channel
    finally:
        await link.close()
