"""`?dry_run=true`: what would change is shown, and nothing is written, by every route that takes it."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from http_edge.route import DRY_RUN_FIELD
from http_edge.routes import ROUTES
from messages.ids import LoanId
from messages.loan import LoanStatus, RecordRepayment
from tests.actors.loan.lending import business_date, kes
from tests.actors.loan.statuses import asks, loan_that_is
from tests.bank import Bank

SHILLING = {"amount": {"amount": "1.00", "currency": "KES"}}
LOAN = "/loans/{loan_id}"
DEEDS: dict[str, tuple[LoanStatus, dict[str, Any]]] = {
    f"{LOAN}/repayments": ("active", {**SHILLING, "in_cash": True}),
    f"{LOAN}/charges": ("active", {**SHILLING, "reason": "Visit"}),
    f"{LOAN}/waivers": ("in_arrears", {**SHILLING, "part": "interest", "reason": "Kindness"}),
    f"{LOAN}/refunds": ("closed", {"in_cash": True}),
    f"{LOAN}/recoveries": ("written_off", {**SHILLING, "in_cash": True}),
    f"{LOAN}/transactions/{{transaction_id}}/reverse": ("active", {"reason": "Wrong"}),
}
"""A loan's status, and what is sent."""
REMEMBERED = "runtime"
"""The schema of what messages were handled: a dry run is answered the same again, as everything is."""


async def all_rows(database: asyncpg.Pool) -> dict[str, str]:
    """A fingerprint of each table of the business."""
    tables = await database.fetch(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema', $1)",
        REMEMBERED,
    )
    found = {}
    for table in tables:
        rows = f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table['name']} AS t"
        found[table["name"]] = await database.fetchval(rows)
    return found


async def test_every_route_that_takes_it_is_tried_here() -> None:
    takes = {route.path for route in ROUTES if DRY_RUN_FIELD in route.message.model_fields}
    assert takes == {*DEEDS, "/close-of-business"}


@pytest.mark.parametrize("path", DEEDS)
async def test_nothing_is_written(bank: Bank, path: str) -> None:
    status, body = DEEDS[path]
    loan_id = await loan_that_is(bank, status)
    if status == "closed":
        loan_id = await overpaid(bank)
    code, history = await asks(bank, "GET", f"/loans/{loan_id}/transactions")
    where = path.format(loan_id=loan_id, transaction_id=history["items"][-1]["transaction_id"])
    before = await all_rows(bank.database)
    code, shown = await asks(bank, "POST", f"{where}?dry_run=true", body)
    assert (code, shown["is_dry_run"]) == (201, True), shown
    assert await all_rows(bank.database) == before
    code, done = await asks(bank, "POST", where, body)
    assert (code, done["is_dry_run"]) == (201, False)
    assert {name: done[name] for name in ("before", "after", "corrections")} == {
        name: shown[name] for name in ("before", "after", "corrections")
    }
    assert await all_rows(bank.database) != before


async def overpaid(bank: Bank) -> LoanId:
    """A loan of which more was paid than it owed."""
    loan_id = await loan_that_is(bank, "active")
    await bank.says(RecordRepayment(loan_id=loan_id, amount=kes(20_000), in_cash=True))
    return loan_id


@pytest.mark.parametrize("path", DEEDS)
async def test_what_is_refused_is_refused_in_a_dry_run_too(bank: Bank, path: str) -> None:
    loan_id = await loan_that_is(bank, "draft")
    where = path.format(loan_id=loan_id, transaction_id=loan_id)
    seen = [await asks(bank, "POST", f"{where}{query}", DEEDS[path][1]) for query in ("?dry_run=true", "")]
    assert {(code, told["rule"]) for code, told in seen} <= {(409, "loan_state_forbids"), (404, "loan_transaction_not_found")}
    assert seen[0][1]["rule"] == seen[1][1]["rule"]


async def test_a_back_dated_payment_is_shown_as_it_is_booked(bank: Bank) -> None:
    loan_id = await loan_that_is(bank, "in_arrears")
    day = await business_date(bank) - timedelta(days=39)
    body = {"amount": {"amount": "1066.19", "currency": "KES"}, "in_cash": True, "value_date": day.isoformat()}
    before = await all_rows(bank.database)
    _, shown = await asks(bank, "POST", f"/loans/{loan_id}/repayments?dry_run=true", body)
    assert await all_rows(bank.database) == before
    assert shown["corrections"]["penalty"]["amount"].startswith("-")
    _, done = await asks(bank, "POST", f"/loans/{loan_id}/repayments", body)
    assert done["corrections"] == shown["corrections"]
