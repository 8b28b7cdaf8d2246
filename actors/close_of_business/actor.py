"""The close of business: the institution's day, and its end for every loan.

A run works in slices of some seconds, each a message that the actor says to itself by a timer, so that no turn is long and a stop
of the process is short. What is done stands in rows after each page of loans; whoever takes the message again after a crash goes on
there, and asks under the same ids, so that each loan's date counts once. A message that was put aside for killing its process too
often is missed by another timer, which says it anew. Loans are asked side by side and none is locked.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import date, timedelta

from actors.close_of_business.rules.dates import check_advance, check_forward, date_to_close, day_after, day_before, is_worked
from actors.close_of_business.rules.tally import FAULT, NO_ANSWER, Tally
from actors.close_of_business.rules.work import Work
from actors.close_of_business.store import Page, Store, who
from config.settings import BusinessCalendar, Settings
from messages.base import Done, Forbidden, Invalid, Refusal
from messages.close_of_business import (
    BusinessDate,
    BusinessDateAdvanced,
    BusinessDateNotSet,
    CarryOnClose,
    CloseAlreadyRunning,
    CloseNotPaused,
    CloseNotRunning,
    CloseOfBusinessCompleted,
    CloseRun,
    CloseRunNotFound,
    CloseRunPage,
    DatesStillOpen,
    GetBusinessDate,
    GetCloseOfBusiness,
    ListCloseRuns,
    PauseCloseOfBusiness,
    ResumeCloseOfBusiness,
    RunCloseOfBusiness,
    SetBusinessDate,
    WatchClose,
)
from messages.ids import CloseRunId, LoanId
from messages.loan import AccrualsPosted, CloseLoanDay, CloseLoanDays, ListOpenLoans, PostAccruals
from runtime.actor import Actor, Turn, handles
from runtime.clock import stopwatch_seconds
from runtime.errors import MessageFault, Unavailable
from runtime.paging import decode_cursor, encode_cursor

SLICE_SECONDS = 5.0
"""How long one turn works on a run; the pause between two is half a second at most."""
WATCH = timedelta(seconds=30)
FORGOTTEN = timedelta(seconds=60)
"""When nobody has worked on a run for so long, its message is lost or was put aside; it is said again."""
PAGE_LOANS = 1000
"""Closed before they are counted: about a second's work, and what is asked again after a crash."""
TOGETHER = 50
"""Loans closed in one transaction: a quarter of the work of one each, and a user of one of them waits hundredths of a second."""
MESSAGES_IN_FLIGHT = 4
"""So many of these at once: enough that database and Python work side by side. More close no loan sooner, and whoever pays meanwhile
waits longer behind them."""
IN_FLIGHT = 20
"""Loans that are asked by themselves at once."""
ANSWER_SECONDS = 3.0
"""How long one loan's answer is waited for. A loan whose messages wait, because one failed, gives none; its page waits for it."""
MOST_UNANSWERED = 50
"""Of a page. When more give no answer, it is not the loans; the page is tried again."""
MOST_TRIES = 3
"""Of a page, before its loans are listed as failed; of other questions, before the message waits until broker and database answer."""
LARGEST_SEQ = 2**63 - 1


class CloseOfBusiness(Actor):
    """Moves the business date forward only, and closes it for every loan once, however often it is stopped and begun again."""

    name = "close_of_business"

    def __init__(self, calendar: BusinessCalendar | None = None) -> None:
        self.store = Store()
        self.calendar = calendar or BusinessCalendar()

    @classmethod
    def configured(cls, settings: Settings) -> "CloseOfBusiness":
        """It knows the institution's business days."""
        return cls(settings.business_calendar)

    # The business date

    @handles
    async def set_business_date(self, command: SetBusinessDate, turn: Turn) -> BusinessDate:
        turn.sees_all(Forbidden())
        async with turn.apart() as rows:
            current = await self.store.current(rows)
        check_forward(current, command.business_date)
        if current is not None and not command.leave_open:
            question = ListOpenLoans(on=day_before(command.business_date), limit=1)
            if (await turn.ask(question, step="open loans")).loan_ids:
                raise DatesStillOpen(field="business_date", open_through=question.on)
        before = await self.store.lock_date(turn)
        check_forward(before, command.business_date)
        await self.store.set_date(turn, before, command.business_date, who(turn))
        turn.emit(BusinessDateAdvanced(before=before, business_date=command.business_date, by=who(turn)))
        return await self._date_as_it_is(turn)

    @handles
    async def get_business_date(self, query: GetBusinessDate, turn: Turn) -> BusinessDate:
        del query
        return await self._date_as_it_is(turn)

    async def _date_as_it_is(self, turn: Turn) -> BusinessDate:
        found = await self.store.business_date(turn)
        if found is None:
            raise BusinessDateNotSet
        return found

    # Runs

    @handles
    async def run_close_of_business(self, job: RunCloseOfBusiness, turn: Turn) -> CloseRun:
        turn.sees_all(Forbidden())
        current = await self.store.current(turn)
        day = date_to_close(current, job.business_date)
        if job.advance:
            check_advance(current or day, day, one_loan=job.loan_id is not None, dry_run=job.dry_run)
        run_id = CloseRunId(turn.derive("run"))
        if not await self.store.insert_run(turn, run_id, day, job):
            raise CloseAlreadyRunning(run_id=await self.store.running(turn))
        _set_going(turn, run_id, 1)
        return await self._run_as_it_is(turn, run_id)

    @handles
    async def pause_close_of_business(self, command: PauseCloseOfBusiness, turn: Turn) -> CloseRun:
        turn.sees_all(CloseRunNotFound())
        await self._to_change(turn, command.run_id)
        if not await self.store.pause(turn, command.run_id):
            raise CloseNotRunning
        return await self._run_as_it_is(turn, command.run_id)

    @handles
    async def resume_close_of_business(self, command: ResumeCloseOfBusiness, turn: Turn) -> CloseRun:
        turn.sees_all(CloseRunNotFound())
        work = await self._to_change(turn, command.run_id)
        if work.status != "paused":
            raise CloseNotPaused(status=work.status)
        if (other := await self.store.running(turn)) is not None:
            raise CloseAlreadyRunning(run_id=other)
        _set_going(turn, command.run_id, await self.store.start_again(turn, command.run_id))
        return await self._run_as_it_is(turn, command.run_id)

    @handles
    async def get_close_of_business(self, query: GetCloseOfBusiness, turn: Turn) -> CloseRun:
        turn.sees_all(CloseRunNotFound())
        return await self._run_as_it_is(turn, query.run_id)

    @handles
    async def list_close_runs(self, query: ListCloseRuns, turn: Turn) -> CloseRunPage:
        turn.sees_all(Forbidden())
        found = await self.store.runs(turn, _seq_before(query.cursor), query.status, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return CloseRunPage(items=tuple(run for _, run in page), next_cursor=encode_cursor(str(page[-1][0])) if more else None)

    # The work

    @handles
    async def carry_on_close(self, command: CarryOnClose, turn: Turn) -> Done:
        turn.sees_all(Forbidden())
        began = stopwatch_seconds()
        while True:
            async with turn.apart() as rows:
                work = await self.store.work(rows, command.run_id)
            if work is None or not work.is_under_way(command.start):
                break
            if work.phase == "done":
                await self._end(turn, work, timedelta(seconds=stopwatch_seconds() - began))
                break
            if stopwatch_seconds() - began >= SLICE_SECONDS:
                turn.later(command, turn.now, step="go on")
                break
            await self._step(turn, work)
        return Done()

    @handles
    async def watch_close(self, command: WatchClose, turn: Turn) -> Done:
        turn.sees_all(Forbidden())
        work = await self.store.lock(turn, command.run_id)
        if work is None or not work.is_under_way(command.start):
            return Done()
        if await self.store.is_forgotten(turn, command.run_id, FORGOTTEN):
            _set_going(turn, command.run_id, await self.store.start_again(turn, command.run_id))
        else:
            turn.later(command, turn.now + WATCH, step="watch")
        return Done()

    async def _step(self, turn: Turn, work: Work) -> None:
        """One listing, one page, or one part of the postings. Where the loan actor refuses, the run rests and says why."""
        try:
            if work.phase == "listing":
                await self._list(turn, work)
            elif work.phase == "closing":
                await self._close(turn, work)
            else:
                await self._post(turn, work)
        except (Refusal, MessageFault) as no:
            async with turn.apart() as rows:
                await self.store.pause(rows, work.run_id, f"{work.phase}: {no}"[:500])

    async def _list(self, turn: Turn, work: Work) -> None:
        began = stopwatch_seconds()
        loan_ids: tuple[LoanId, ...] = ()
        cursor: str | None = None
        if work.loan_id is not None:
            loan_ids = (work.loan_id,)
        else:
            question = ListOpenLoans(on=work.business_date, cursor=work.list_cursor, limit=PAGE_LOANS)
            found = await turn.ask(question, step=f"list {work.round} {work.list_cursor}")
            loan_ids, cursor = found.loan_ids, found.next_cursor
        async with turn.apart() as rows:
            if work.is_where(await self.store.lock(rows, work.run_id)):
                await self.store.note_listed(rows, work, loan_ids, cursor, stopwatch_seconds() - began)

    async def _close(self, turn: Turn, work: Work) -> None:
        began = stopwatch_seconds()
        async with turn.apart() as rows:
            page = await self.store.first_page(rows, work.run_id)
        if page is None:
            async with turn.apart() as rows:
                if work.is_where(await self.store.lock(rows, work.run_id)):
                    await self.store.begin_phase(rows, work.run_id, work.phase_after_closing())
            return
        tally = await self._closed(turn, work, page)
        if tally.unanswered > MOST_UNANSWERED and page.tries < MOST_TRIES:
            raise Unavailable(f"{tally.unanswered} of {len(page.loan_ids)} loans gave no answer")
        async with turn.apart() as rows:
            await self.store.lock(rows, work.run_id)
            await self.store.note_closed(rows, work.run_id, page, tally, stopwatch_seconds() - began)

    async def _closed(self, turn: Turn, work: Work, page: Page) -> Tally:
        """Ask for the loans of a page, many in one message; then for each by itself that was left."""
        tally = Tally(work.is_dry_run)
        left: list[LoanId] = []
        ids = page.loan_ids
        together = iter([ids[begin : begin + TOGETHER] for begin in range(0, len(ids), TOGETHER)])
        async with asyncio.TaskGroup() as side_by_side:
            for _ in range(MESSAGES_IN_FLIGHT):
                side_by_side.create_task(self._close_many(turn, work, together, tally, left))
        waiting = iter(left)
        async with asyncio.TaskGroup() as side_by_side:
            for _ in range(min(IN_FLIGHT, len(left))):
                side_by_side.create_task(self._close_each(turn, work, waiting, tally))
        return tally

    async def _close_many(
        self, turn: Turn, work: Work, together: Iterator[tuple[LoanId, ...]], tally: Tally, left: list[LoanId]
    ) -> None:
        for loan_ids in together:
            command = CloseLoanDays(loan_ids=loan_ids, on=work.business_date, dry_run=work.is_dry_run)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await turn.ask(command, step=f"close {work.run_id} {work.round} {loan_ids[0]} and more")
            except (Refusal, MessageFault, Unavailable, TimeoutError):
                left.extend(loan_ids)  # one by one it shows which of them it is
            else:
                for each in answer.closed:
                    tally.count(each)
                left.extend(answer.left)

    async def _close_each(self, turn: Turn, work: Work, waiting: Iterator[LoanId], tally: Tally) -> None:
        for loan_id in waiting:
            command = CloseLoanDay(loan_id=loan_id, on=work.business_date, dry_run=work.is_dry_run)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    tally.count(await turn.ask(command, step=f"close {work.run_id} {work.round} {loan_id}"))
            except Refusal as no:
                tally.fail(loan_id, no.rule, no.detail)
            except MessageFault as fault:
                tally.fail(loan_id, FAULT, str(fault))
            except (Unavailable, TimeoutError) as away:
                tally.fail(loan_id, NO_ANSWER, str(away) or f"No answer in {ANSWER_SECONDS:g} seconds.")

    async def _post(self, turn: Turn, work: Work) -> None:
        began = stopwatch_seconds()
        posted = await self._posted(turn, work)
        async with turn.apart() as rows:
            if work.is_where(await self.store.lock(rows, work.run_id)):
                await self.store.note_posted(rows, work.run_id, posted, stopwatch_seconds() - began)

    async def _posted(self, turn: Turn, work: Work) -> AccrualsPosted:
        """The sums of many lines may take longer than one answer is waited for; then the same is asked again."""
        command, step = PostAccruals(through=work.business_date), f"post {work.run_id} {work.posts}"
        for _ in range(MOST_TRIES):
            with contextlib.suppress(Unavailable):
                return await turn.ask(command, step=step)
        return await turn.ask(command, step=step)

    async def _end(self, turn: Turn, work: Work, after: timedelta) -> None:
        if await self.store.lock(turn, work.run_id) != work:
            return  # paused at the last moment
        await self.store.end(turn, work.run_id, turn.now + after)
        run = await self._run_as_it_is(turn, work.run_id)
        if work.advance and run.failed == 0 and await self.store.lock_date(turn) == work.business_date:
            await self._advance(turn, work.business_date)
        if not work.is_dry_run:
            turn.emit(
                CloseOfBusinessCompleted(
                    run_id=work.run_id,
                    business_date=work.business_date,
                    loan_id=work.loan_id,
                    loans=run.closed + run.already_closed,
                    failed=run.failed,
                )
            )

    async def _advance(self, turn: Turn, closed: date) -> None:
        """Move the business date on. A day on which nobody works is closed at once, by a run of its own, like every other day."""
        tomorrow = day_after(closed)
        await self.store.set_date(turn, closed, tomorrow, who(turn))
        turn.emit(BusinessDateAdvanced(before=closed, business_date=tomorrow, by=who(turn)))
        if is_worked(tomorrow, self.calendar.weekend, self.calendar.holidays):
            return
        run_id = CloseRunId(turn.derive("run of the next day"))
        if await self.store.insert_run(turn, run_id, tomorrow, RunCloseOfBusiness(advance=True)):
            _set_going(turn, run_id, 1)

    # Loading

    async def _to_change(self, turn: Turn, run_id: CloseRunId) -> Work:
        work = await self.store.lock(turn, run_id)
        if work is None:
            raise CloseRunNotFound
        return work

    async def _run_as_it_is(self, turn: Turn, run_id: CloseRunId) -> CloseRun:
        run = await self.store.run(turn, run_id)
        if run is None:
            raise CloseRunNotFound
        return run


def _set_going(turn: Turn, run_id: CloseRunId, start: int) -> None:
    """Have the run worked on, and watched."""
    turn.later(CarryOnClose(run_id=run_id, start=start), turn.now, step="go on")
    turn.later(WatchClose(run_id=run_id, start=start), turn.now + WATCH, step="watch")


def _seq_before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    (text,) = decode_cursor(cursor, 1)
    if not text.isascii() or not text.isdigit() or int(text[:20]) > LARGEST_SEQ:
        raise Invalid("This cursor did not come from the previous page.", field="cursor")
    return int(text[:20])
