"""A message that ends the process that reads it, each time: after a few times it must be put aside, and cost nobody else anything."""

import asyncio
from typing import Any

import aiohttp

from tests.bank import until
from tests.faults.branch import CURRENCY, Branch
from tests.faults.checker import PROMISES, nothing_is_a_dead_letter
from tests.faults.partner import Partner
from tests.faults.planted import POISON
from tests.faults.rush import Rush

ENOUGH = 8
"""Deaths after which it will not be put aside any more."""
_LETTERS = "SELECT type, reason, attempts FROM runtime.dead_letter WHERE envelope ->> 'body' LIKE $1"


async def poison_is_put_aside(branch: Branch, partner: Partner, bug: str = "") -> list[str]:
    """Poison among customers; what speaks against the promise. `bug`: planted beside it."""
    found: list[str] = []
    async with Rush(branch, partner, seed="poison") as rush:
        await rush.flows()
        await branch.rebirth(branch.ledger, planted=",".join(filter(None, ("dies_of_poison", bug))))
        await rush.flows()
        mark = f"%{rush.accounts.savings[0]}%{POISON}%"
        sending = asyncio.create_task(_send(branch, str(rush.accounts.savings[0]), rush.seed))
        await until(lambda: _is_over(branch, mark), within_seconds=30)
        letters = await _letters(branch, mark)
        if not letters:
            found.append(f"it still kills after {len(branch.ledger.ended)} deaths")
        elif [letter["reason"] for letter in letters] != ["kills_process"]:
            found.append(f"it became {letters}")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        if found:
            await branch.mend()
        await rush.resumes()
    if not found:
        verdict = await rush.inquest([each for each in PROMISES if each is not nothing_is_a_dead_letter])
        found += [f"{promise}: {evidence[:3]}" for promise, evidence in verdict.broken.items()]
    return found


async def _is_over(branch: Branch, mark: str) -> bool:
    return len(branch.ledger.ended) >= ENOUGH or bool(await _letters(branch, mark))


async def _letters(branch: Branch, mark: str) -> list[dict[str, Any]]:
    database = await branch.database()
    try:
        return [dict(row) for row in await database.fetch(_LETTERS, mark)]
    finally:
        await database.close()


async def _send(branch: Branch, account: str, key: str) -> None:
    body = {"account_id": account, "amount": {"amount": "1.00", "currency": CURRENCY}, "description": POISON}
    headers = {"Authorization": f"Bearer {branch.token}", "Idempotency-Key": f"poison-{key}"}
    async with aiohttp.ClientSession(branch.url) as http, http.post("/api/v1/deposits", json=body, headers=headers) as response:
        await response.read()
