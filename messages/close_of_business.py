"""What is said to and by the close of business: the business date, and the runs that close it for every loan.

    SetBusinessDate(business_date="2026-01-15")  ->  BusinessDate
    RunCloseOfBusiness(advance=True)             ->  CloseRun, running; GetCloseOfBusiness tells how far it is

The business date is the institution's day, which moves on when it is told to; the system date is the calendar's. Refusals stand at
the end.
"""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from messages.base import BankDay, Command, Done, Event, Flag, Job, NotFound, Page, Query, Refusal, Reply
from messages.ids import CloseRunId, EntryId, LoanId
from messages.money import Currency, Money

CloseStatus = Literal["running", "paused", "completed", "incomplete"]
"""`incomplete`: it ended, and some loans could not be closed."""
ClosePhase = Literal["listing", "closing", "posting", "done"]
MOST_FAILURES_SHOWN = 100

# ---- what is answered ----


class BusinessDate(Reply):
    """The institution's day."""

    business_date: date
    system_date: date
    """Today in UTC, by the clock."""
    changed_at: AwareDatetime
    changed_by: str


class CloseFigures(Reply):
    """What the closes came to in one currency."""

    currency: Currency
    accrued: Money
    """Interest."""
    penalties: Money


class LoansInBucket(Reply):
    """How many of the loans that were closed are so late."""

    bucket: str
    loans: int


class CloseFailure(Reply):
    """A loan that could not be closed; it stopped no other."""

    loan_id: LoanId
    rule: str
    """Of the loan's refusal; `no_answer` where none came in time, `fault` where it could not be handled."""
    detail: str


class CloseRun(Reply):
    """A run of the close of business, as far as it is."""

    run_id: CloseRunId
    business_date: date
    """The date that it closes, with what was open before it."""
    loan_id: LoanId | None
    """Of a run for one loan."""
    is_dry_run: bool
    advance: bool
    """Whether it moves the business date on when every loan is closed."""
    status: CloseStatus
    phase: ClosePhase
    note: str | None
    """Why it stands still, where nobody paused it."""
    total: int
    """Loans found so far; all of them once the phase is `closing`."""
    closed: int
    """By this run."""
    already_closed: int
    """By somebody else meanwhile, or before this run was interrupted."""
    failed: int
    loans_per_second: str | None
    """Over the time that it worked, as a decimal string."""
    figures: tuple[CloseFigures, ...]
    buckets: tuple[LoansInBucket, ...]
    failures: tuple[CloseFailure, ...]
    """At most 100 of them."""
    accrual_entry_ids: tuple[EntryId, ...]
    """The ledger's entries of what was accrued."""
    started_by: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None


class CloseRunPage(Page[CloseRun]):
    """A page of runs, newest first; their failures are shown by each alone."""


# ---- the business date ----


class SetBusinessDate(Command[BusinessDate], wire="close_of_business.set_business_date.v1", permission="business-date:write"):
    """Set the business date: any the first time, then only forward. The dates before it are closed for every loan."""

    business_date: BankDay
    leave_open: Flag = False
    """Move on although an earlier date is not closed for every loan; a later close closes it too."""


class GetBusinessDate(
    Query[BusinessDate],
    wire="close_of_business.get_business_date.v1",
    permission="business-date:read",
    cached=("business_date",),
):
    """The business date."""


# ---- the close ----


class RunCloseOfBusiness(Job[CloseRun], wire="close_of_business.run_close_of_business.v1", permission="close-of-business:run"):
    """Close the business date for every loan that it is open for. The answer comes at once; the work goes on after it."""

    business_date: BankDay | None = None
    """Not after the current one. Default: the current one."""
    loan_id: LoanId | None = None
    """Close it for this loan alone."""
    dry_run: bool = False
    """Find out what it would come to, and change nothing."""
    advance: Flag = False
    """When every loan is closed, make the next day the business date. If the institution's calendar says that it is no business day, a
    run of its own closes it as well, and so on to the next business day."""


class PauseCloseOfBusiness(
    Command[CloseRun], wire="close_of_business.pause_close_of_business.v1", permission="close-of-business:run"
):
    """Let a run rest. What it is in the middle of, which takes a few seconds, it ends."""

    run_id: CloseRunId


class ResumeCloseOfBusiness(
    Command[CloseRun], wire="close_of_business.resume_close_of_business.v1", permission="close-of-business:run"
):
    """Let a paused run go on where it stopped."""

    run_id: CloseRunId


class CarryOnClose(Command[Done], wire="close_of_business.carry_on_close.v1", key="run_id", permission="close-of-business:run"):
    """Work on a run for a while. The close of business says it to itself; said by anybody else it does no harm and no more."""

    run_id: CloseRunId
    start: int = Field(ge=1)
    """Which of the run's starts it belongs to; it does nothing once there is a later one."""


class WatchClose(Command[Done], wire="close_of_business.watch_close.v1", permission="close-of-business:run"):
    """See whether a run that is under way is worked on. The close of business says it to itself, now and then."""

    run_id: CloseRunId
    start: int = Field(ge=1)


class GetCloseOfBusiness(
    Query[CloseRun], wire="close_of_business.get_close_of_business.v1", permission="close-of-business:read"
):
    """One run, as far as it is."""

    run_id: CloseRunId


class ListCloseRuns(Query[CloseRunPage], wire="close_of_business.list_close_runs.v1", permission="close-of-business:read"):
    """The runs, newest first."""

    status: CloseStatus | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


# ---- what happened ----


class BusinessDateAdvanced(Event, wire="close_of_business.business_date_advanced.v1", renews=("business_date",)):
    """The institution has another day."""

    before: date | None
    """Absent when it was set for the first time."""
    business_date: date
    by: str


class CloseOfBusinessCompleted(Event, wire="close_of_business.close_of_business_completed.v1"):
    """A run ended; not said of dry runs."""

    run_id: CloseRunId
    business_date: date
    loan_id: LoanId | None
    loans: int
    failed: int


# ---- refusals ----


class BusinessDateNotSet(NotFound):
    """The institution has no business date yet; set it first."""

    rule = "business_date_not_set"


class BusinessDateOnlyForward(Refusal):
    """The business date only moves forward."""

    rule = "business_date_only_forward"
    status = 409


class DatesStillOpen(Refusal):
    """An earlier date is not closed for every loan; close it first, or say that it stays open."""

    rule = "dates_still_open"
    status = 409


class DateNotReached(Refusal):
    """A date after the business date cannot be closed."""

    rule = "date_not_reached"
    status = 409


class CannotAdvance(Refusal):
    """Only a run that closes the business date for every loan can move it on."""

    rule = "cannot_advance"


class CloseRunNotFound(NotFound):
    """There is no such run."""

    rule = "close_run_not_found"


class CloseAlreadyRunning(Refusal):
    """A run is under way; there is one at a time."""

    rule = "close_already_running"
    status = 409


class CloseNotRunning(Refusal):
    """The run is not under way."""

    rule = "close_not_running"
    status = 409


class CloseNotPaused(Refusal):
    """The run is not paused."""

    rule = "close_not_paused"
    status = 409
