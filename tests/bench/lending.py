"""The loans' speed: the close of business over many active loans, and repayments over HTTP.

Two loans are made by messages, one paid as it is due and one late; the others are copies of them. A close is timed from the request
to the last entry of its accruals.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from messages.close_of_business import CloseRun, GetCloseOfBusiness, RunCloseOfBusiness, SetBusinessDate
from messages.ids import AccountId, LoanId, LoanProductId, new_id
from messages.ledger import GetAccount, OpenAccount
from messages.loan import ApplyForLoan, ApproveLoan, DecideRequest, RecordRepayment, RequestDisbursement, SubmitLoan
from messages.loan_product import (
    Accounting,
    AmountRange,
    CreateLoanProduct,
    InstallmentRange,
    PenaltyRules,
    ProductRules,
    RateRange,
)
from messages.money import Money
from messages.portfolio import PortfolioProof, ProvePortfolio
from runtime.client import reply_of
from runtime.clock import stopwatch_seconds
from runtime.principal import Principal
from runtime.statements import Statements
from tests.bank import until
from tests.bench.stage import CURRENCY, Process, Stage, load

CONNECTIONS = 32
CLOSES = 3
"""Days closed one after another; memory is looked at after each."""
ACCOUNTS = 64
REPAYMENTS = 6_000
CLOSE_SECONDS = 3_600
PAID_OUT = date(2026, 1, 15)
FILLED_ON = PAID_OUT + timedelta(days=45)
"""The first installment is due a fortnight before: one model has paid it, the other is late."""
CHECKER = Principal("user", "bench-checker", ("admin",))
EVERY_TABLE = ("accounts", "loans", "applications", "books", "standings", "transactions")


@dataclass(frozen=True)
class Closed:
    """The closes of some days over so many loans."""

    loans: int
    seconds: tuple[float, ...]
    processor_ms: float
    """Of the actors, a loan and day."""
    memory_before: int
    memory_after: tuple[int, ...]
    """Bytes that the actors hold after each."""

    @property
    def loans_per_second(self) -> float:
        """Over all days."""
        return self.loans * len(self.seconds) / sum(self.seconds)


@dataclass(frozen=True)
class Repaid:
    """Repayments over HTTP."""

    per_second: float
    p50_ms: float
    p99_ms: float
    actors_ms: float
    """Processor time of a repayment."""
    edge_ms: float


async def lent(stage: Stage, count: int) -> list[UUID]:
    """An institution with so many active loans, at the end of FILLED_ON; their ids. The actors are running."""
    await stage.say(SetBusinessDate(business_date=PAID_OUT))
    product_id = await product(stage)
    models = [await _model(stage, product_id, account) for account in stage.accounts[:2]]
    due = PAID_OUT + timedelta(days=31)
    await stage.say(SetBusinessDate(business_date=due, leave_open=True))
    await stage.say(RecordRepayment(loan_id=models[0], amount=Money.of(1_000_00, CURRENCY)))
    await stage.say(SetBusinessDate(business_date=FILLED_ON, leave_open=True))
    await _close(stage, FILLED_ON)
    return await _fill(stage, models, count - len(models))


async def closes(stage: Stage, actors: Process, count: int) -> Closed:
    """Close the days after FILLED_ON."""
    before, used, seconds, memory = actors.resident_bytes, actors.processor_seconds, [], []
    for number in range(1, CLOSES + 1):
        day = FILLED_ON + timedelta(days=number)
        await stage.say(SetBusinessDate(business_date=day))
        began = stopwatch_seconds()
        run = await _close(stage, day)
        seconds.append(stopwatch_seconds() - began)
        memory.append(actors.resident_bytes)
        assert run.total == count, run
    processor_ms = (actors.processor_seconds - used) * 1000 / (count * CLOSES)
    return Closed(count, tuple(seconds), processor_ms, before, tuple(memory))


async def proof(stage: Stage) -> tuple[float, int]:
    """Seconds that the proof of the loans' books takes after the last close, and how many lines it is about."""
    on = FILLED_ON + timedelta(days=CLOSES)
    last = await stage.database.fetchval("SELECT max(line_id) FROM reporting.loan_lines")

    async def is_carried() -> bool:
        through: int = await stage.database.fetchval("SELECT line_id FROM portfolio.carried_through")
        return through >= last

    await until(is_carried, within_seconds=CLOSE_SECONDS)
    began = stopwatch_seconds()
    found: PortfolioProof = await stage.say(ProvePortfolio(on=on))
    assert found.proven, found.differences[:3]
    return stopwatch_seconds() - began, found.lines


async def repayments(stage: Stage, actors: Process, edge: Process, loans: Sequence[UUID]) -> Repaid:
    """One of each loan on a day that is not closed, from its member's account; edge and actors are running."""
    await stage.say(SetBusinessDate(business_date=FILLED_ON + timedelta(days=CLOSES + 1)))
    chosen = loans[: REPAYMENTS * 6 // 5]
    warm = len(chosen) // 6
    await load("127.0.0.1", stage.port, CONNECTIONS, _requests(stage, chosen[:warm]))
    before = [process.processor_seconds for process in (actors, edge)]
    found = await load("127.0.0.1", stage.port, CONNECTIONS, _requests(stage, chosen[warm:]))
    used = [process.processor_seconds - then for process, then in zip((actors, edge), before, strict=True)]
    wrong = {status: number for status, number in found["statuses"].items() if int(status) not in (200, 201)}
    assert not wrong, f"answers that nobody expected: {wrong}"
    each = [seconds * 1000 / (len(chosen) - warm) for seconds in used]
    return Repaid(found["per_second"], found["p50_ms"], found["p99_ms"], *each)


def _requests(stage: Stage, loans: Sequence[UUID]) -> list[dict[str, Any]]:
    return [
        {
            "method": "POST",
            "path": f"/api/v1/loans/{loan_id}/repayments",
            "headers": {**stage.headers, "Idempotency-Key": f'"{new_id()}"'},
            "body": json.dumps({"amount": {"amount": "100.00", "currency": CURRENCY}}),
        }
        for loan_id in loans
    ]


async def _close(stage: Stage, day: date) -> CloseRun:
    run = await stage.say(RunCloseOfBusiness(business_date=day))

    async def has_ended() -> bool:
        now: CloseRun = await stage.say(GetCloseOfBusiness(run_id=run.run_id))
        return now.status != "running"

    await until(has_ended, within_seconds=CLOSE_SECONDS)
    found: CloseRun = await stage.say(GetCloseOfBusiness(run_id=run.run_id))
    assert (found.status, found.failed) == ("completed", 0), found
    return found


async def product(stage: Stage) -> LoanProductId:
    receivable, income, loss, owed = [await _internal(stage, code) for code in ("1200", "4010", "5020", "2900")]
    rules = ProductRules(
        currency=CURRENCY,
        amount=AmountRange(lowest=Money.of(1_00, CURRENCY), highest=Money.of(10**9, CURRENCY)),
        installments=InstallmentRange(lowest=1, highest=60, default=24),
        annual_rate_percent=RateRange(lowest="0", highest="60", default="18"),
        penalty=PenaltyRules(percent="0.1"),
        accounting=Accounting(
            basis="accrual",
            principal_gl_code="1100",
            interest_receivable=receivable,
            fee_receivable=receivable,
            penalty_receivable=receivable,
            interest_income=income,
            fee_income=income,
            penalty_income=income,
            charge_off_expense=loss,
            write_off_expense=loss,
            recovery_income=income,
            overpayment=owed,
            cash=await _internal(stage, "1010"),
        ),
    )
    product = await stage.say(CreateLoanProduct(code="BENCH", name="Bench", rules=rules))
    found: LoanProductId = product.product_id
    return found


async def _internal(stage: Stage, gl_code: str) -> AccountId:
    account = await stage.say(OpenAccount(kind="internal", currency=CURRENCY, gl_code=gl_code, name=f"Lending {gl_code}"))
    found: AccountId = account.account_id
    return found


async def _model(stage: Stage, product_id: LoanProductId, account_id: AccountId) -> LoanId:
    """A loan of 20,000.00 over 24 months, paid out."""
    member_id = (await stage.say(GetAccount(account_id=account_id))).member_id
    drafted = await stage.say(
        ApplyForLoan(
            member_id=member_id,
            product_id=product_id,
            principal=Money.of(20_000_00, CURRENCY),
            start=PAID_OUT,
            settlement_account_id=account_id,
        )
    )
    loan_id: LoanId = drafted.loan_id
    await stage.say(SubmitLoan(loan_id=loan_id))
    await _checked(stage, ApproveLoan(loan_id=loan_id))
    asked = await stage.say(RequestDisbursement(loan_id=loan_id))
    await _checked(stage, DecideRequest(loan_id=loan_id, request_id=asked.request_id, approve=True))
    return loan_id


async def _checked(stage: Stage, message: Any) -> None:
    """By somebody else than who asked."""
    reply_of(message, await stage.client.call(message, principal=CHECKER, deadline_seconds=10))


async def _fill(stage: Stage, models: list[LoanId], count: int) -> list[UUID]:
    """So many copies; the ids of all."""
    statements = Statements.beside(__file__, "fill_loans.sql")
    connection = await asyncpg.connect(stage.servers.database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for table in EVERY_TABLE:
            more = (stage.accounts,) if table == "loans" else ()
            await connection.execute(statements[table], models, count, *more, timeout=600)
        await connection.execute(statements["looked_through"], timeout=600)
        rows = await connection.fetch("SELECT loan_id FROM loan.loan WHERE status IN ('active', 'in_arrears') ORDER BY loan_id")
    finally:
        await connection.close()
    return [row["loan_id"] for row in rows]
