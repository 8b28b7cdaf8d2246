"""What the close of business keeps in the schema `close_of_business`; its statements are in queries.sql."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from actors.close_of_business.rules.tally import Figures, Tally, buckets_with, figures_with
from actors.close_of_business.rules.work import Work
from messages.close_of_business import (
    MOST_FAILURES_SHOWN,
    BusinessDate,
    CloseFailure,
    CloseFigures,
    ClosePhase,
    CloseRun,
    CloseStatus,
    LoansInBucket,
    RunCloseOfBusiness,
)
from messages.ids import CloseRunId, LoanId
from messages.loan import AccrualsPosted
from messages.money import Money
from runtime.actor import Turn
from runtime.database import Connection
from runtime.errors import Fenced
from runtime.statements import Statements

Rows = Turn | Connection
"""The turn's own transaction, or one apart."""


@dataclass(frozen=True, slots=True)
class Page:
    """Loans that are to be closed."""

    number: int
    loan_ids: tuple[LoanId, ...]
    tries: int


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    # The business date

    async def business_date(self, turn: Turn) -> BusinessDate | None:
        row = await turn.fetchrow(self.sql["business_date"])
        return None if row is None else BusinessDate(system_date=turn.now.date(), **row)

    async def current(self, rows: Rows) -> date | None:
        """The business date alone."""
        row = await rows.fetchrow(self.sql["business_date"])
        return None if row is None else row["business_date"]

    async def lock_date(self, turn: Turn) -> date | None:
        """The business date, which nobody else moves until the commit."""
        day: date | None = await turn.fetchval(self.sql["lock_business_date"])
        return day

    async def set_date(self, turn: Turn, before: date | None, day: date, who: str) -> None:
        if not await turn.fetchval(self.sql["set_business_date"], day, turn.now, who, before):
            raise Fenced("the first business date was set by somebody else")
        await turn.execute(self.sql["note_date_change"], day, before, turn.now, who)

    # Runs, as they are worked on

    async def insert_run(self, turn: Turn, run_id: CloseRunId, day: date, command: RunCloseOfBusiness) -> bool:
        """Whether no other run is under way."""
        return bool(
            await turn.fetchval(
                self.sql["insert_run"], run_id, day, command.loan_id, command.dry_run, command.advance, who(turn), turn.now
            )
        )

    async def running(self, turn: Turn) -> UUID | None:
        """The run that is under way."""
        run_id: UUID | None = await turn.fetchval(self.sql["running"])
        return run_id

    async def work(self, rows: Rows, run_id: CloseRunId) -> Work | None:
        row = await rows.fetchrow(self.sql["work"], run_id)
        return None if row is None else Work(**{each.name: row[each.name] for each in fields(Work)})

    async def lock(self, rows: Rows, run_id: CloseRunId) -> Work | None:
        """How far a run is; nobody else writes its next step until the commit."""
        await rows.execute(self.sql["lock_run"], run_id)
        return await self.work(rows, run_id)

    async def note_listed(
        self, rows: Rows, work: Work, loan_ids: tuple[LoanId, ...], cursor: str | None, seconds: float
    ) -> None:
        """Keep a page of open loans, and where the next one begins."""
        if loan_ids:
            await rows.execute(self.sql["keep_page"], work.run_id, work.next_page, loan_ids)
        pages = 1 if loan_ids else 0
        phase: ClosePhase = "closing" if cursor is None else "listing"
        await rows.execute(self.sql["note_listed"], work.run_id, pages, cursor, phase, loan_ids, seconds)

    async def first_page(self, rows: Rows, run_id: CloseRunId) -> Page | None:
        """The next loans to close."""
        row = await rows.fetchrow(self.sql["first_page"], run_id)
        return None if row is None else Page(row["number"], tuple(row["loan_ids"]), row["tries"])

    async def note_closed(self, rows: Rows, run_id: CloseRunId, page: Page, tally: Tally, seconds: float) -> None:
        """Count a page, unless somebody else has."""
        if not await rows.fetchval(self.sql["take_page"], run_id, page.number):
            return
        before = await rows.fetchrow(self.sql["sums"], run_id)
        assert before is not None, "a run is never deleted"
        await rows.execute(
            self.sql["note_closed"],
            run_id,
            tally.counted,
            len(tally.closed) - tally.counted,
            figures_with(before["figures"], tally.figures),
            buckets_with(before["buckets"], tally.buckets),
            seconds,
        )
        await rows.execute(self.sql["forget_failures"], run_id, tally.closed)
        await rows.execute(
            self.sql["note_failures"],
            run_id,
            [failure.loan_id for failure in tally.failures],
            [failure.rule for failure in tally.failures],
            [failure.detail for failure in tally.failures],
        )

    async def begin_phase(self, rows: Rows, run_id: CloseRunId, phase: ClosePhase) -> None:
        await rows.execute(self.sql["begin_phase"], run_id, phase)

    async def note_posted(self, rows: Rows, run_id: CloseRunId, posted: AccrualsPosted, seconds: float) -> None:
        """A part of what accrued was told to the ledger; nothing was left where there was none."""
        phase: ClosePhase = "posting" if posted.lines else "done"
        await rows.execute(self.sql["note_posted"], run_id, phase, posted.entry_ids, seconds)

    async def pause(self, rows: Rows, run_id: CloseRunId, note: str | None = None) -> bool:
        """Whether it was under way."""
        return bool(await rows.fetchval(self.sql["pause"], run_id, note))

    async def start_again(self, turn: Turn, run_id: CloseRunId) -> int:
        """Its new start."""
        start: int = await turn.fetchval(self.sql["start_again"], run_id)
        return start

    async def is_forgotten(self, turn: Turn, run_id: CloseRunId, after: timedelta) -> bool:
        """Whether nobody has worked on it for so long."""
        return bool(await turn.fetchval(self.sql["is_forgotten"], run_id, after))

    async def end(self, turn: Turn, run_id: CloseRunId, ended_at: datetime) -> None:
        await turn.execute(self.sql["end_run"], run_id, ended_at)

    # Runs, as they are shown

    async def run(self, turn: Turn, run_id: CloseRunId) -> CloseRun | None:
        row = await turn.fetchrow(self.sql["run_by_id"], run_id, MOST_FAILURES_SHOWN)
        return None if row is None else _run(row)

    async def runs(
        self, turn: Turn, before_seq: int | None, status: CloseStatus | None, limit: int
    ) -> list[tuple[int, CloseRun]]:
        """Runs before a place, newest first, each with its place."""
        return [(row["seq"], _run(row)) for row in await turn.fetch(self.sql["runs"], before_seq, status, limit)]


def who(turn: Turn) -> str:
    """The principal, as it is written down."""
    return f"{turn.principal.kind}:{turn.principal.id}"


def _run(row: Any) -> CloseRun:
    same = {name: row[name] for name in CloseRun.model_fields if name in row.keys()}  # noqa: SIM118 - a record's own `in` asks its values
    done = row["closed"] + row["already_closed"] + row["failed"]
    return CloseRun(
        **{
            **same,
            "loans_per_second": f"{done / row['worked_seconds']:.1f}" if row["worked_seconds"] else None,
            "figures": _figures(row["figures"]),
            "buckets": tuple(LoansInBucket(bucket=name, loans=loans) for name, loans in row["buckets"].items()),
            "failures": tuple(CloseFailure(**failure) for failure in row["failures"]),
        }
    )


def _figures(sums: Figures) -> tuple[CloseFigures, ...]:
    return tuple(
        CloseFigures(currency=currency, accrued=Money.of(accrued, currency), penalties=Money.of(penalties, currency))
        for currency, (accrued, penalties) in sorted(sums.items())
    )
