"""The baseline: what a good engineer writes without a broker. aiohttp and asyncpg, one transaction per transfer, on the same loop as ours.

Idempotent by entry id, balances under row locks in sorted order, a floor, a journal; no inbox, no outbox, no events, no login.
Run as a process of its own: `python -m tests.bench.bare DATABASE_URL PORT`.
"""

import json
import sys
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from aiohttp import web

POOL = 16
SCHEMA = """
    DROP SCHEMA IF EXISTS bare CASCADE;
    CREATE SCHEMA bare;
    CREATE TABLE bare.account (id uuid PRIMARY KEY, balance bigint NOT NULL, floor bigint NOT NULL, seq bigint NOT NULL DEFAULT 0)
        WITH (fillfactor = 70);
    CREATE TABLE bare.entry (id uuid PRIMARY KEY, description text NOT NULL, booked_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bare.posting (
        account_id uuid NOT NULL, seq bigint NOT NULL, entry_id uuid NOT NULL, amount bigint NOT NULL, balance_after bigint NOT NULL,
        PRIMARY KEY (account_id, seq)
    );
"""
LOAD = "SELECT id, balance, floor, seq FROM bare.account WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
ENTRY = "INSERT INTO bare.entry (id, description) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id"
POSTING = "INSERT INTO bare.posting VALUES ($1, $2, $3, $4, $5), ($6, $7, $3, $8, $9)"
UPDATE = """
    UPDATE bare.account AS a SET balance = n.balance, seq = n.seq
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, balance, seq) WHERE a.id = n.id
"""


async def move(connection: Any, entry_id: UUID, source: UUID, target: UUID, amount: int, description: str = "") -> int | None:
    """One transfer, one transaction; the new balance, or None where the floor would be passed."""
    async with connection.transaction():
        rows = {row["id"]: row for row in await connection.fetch(LOAD, [source, target])}
        if rows[source]["balance"] - amount < rows[source]["floor"]:
            return None
        if await connection.fetchval(ENTRY, entry_id, description) is None:
            return int(rows[source]["balance"])
        left, right = rows[source]["balance"] - amount, rows[target]["balance"] + amount
        seq, other = rows[source]["seq"] + 1, rows[target]["seq"] + 1
        await connection.execute(POSTING, source, seq, entry_id, -amount, left, target, other, amount, right)
        await connection.execute(UPDATE, [source, target], [left, right], [seq, other])
        return int(left)


async def transfer(request: web.Request) -> web.Response:
    """The request's body is that of `POST /api/v1/transfers`."""
    asked = await request.json()
    entry_id = UUID(asked["entry_id"])
    source, target = UUID(asked["from_account_id"]), UUID(asked["to_account_id"])
    amount = int(asked["amount"]["amount"].replace(".", ""))
    pool = request.app[POOL_KEY]
    async with pool.acquire() as connection:
        left = await move(connection, entry_id, source, target, amount, asked.get("description", ""))
    if left is None:
        return web.json_response({"rule": "insufficient_funds"}, status=422)
    return web.json_response({"entry_id": str(entry_id), "balance": left})


POOL_KEY = web.AppKey("pool", asyncpg.Pool)


async def made(database_url: str) -> web.Application:
    """The application."""
    app = web.Application()
    app[POOL_KEY] = await asyncpg.create_pool(database_url, min_size=POOL, max_size=POOL)
    app.router.add_post("/transfers", transfer)
    return app


def main() -> None:
    """Serve until killed."""
    uvloop.install()
    print(json.dumps({"pool": POOL}), flush=True)
    web.run_app(made(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), print=None, access_log=None)


if __name__ == "__main__":
    main()
