"""What a run has to do next. It lists the open loans page by page, closes them, and lists again what was added or failed meanwhile,
until a round closes nothing more; then the ledger is told what accrued.
"""

from dataclasses import dataclass, replace
from datetime import date

from messages.close_of_business import ClosePhase, CloseStatus
from messages.ids import CloseRunId, LoanId

MOST_ROUNDS = 5
"""A loan that is paid out while the close runs is found by the next round; there is no need to wait for the last one."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far a run is. Whoever writes the next step compares it with what is stored, so that each step is taken once."""

    run_id: CloseRunId
    business_date: date
    loan_id: LoanId | None
    is_dry_run: bool
    advance: bool
    status: CloseStatus
    phase: ClosePhase
    start: int
    round: int
    round_closed: int
    next_page: int
    list_cursor: str | None
    posts: int

    def is_under_way(self, start: int) -> bool:
        """Whether this start of it is the one that works."""
        return self.status == "running" and self.start == start

    def is_where(self, other: "Work | None") -> bool:
        """Whether nobody has taken the next step since; a pause is none."""
        return other is not None and replace(other, status=self.status, start=self.start) == self

    def phase_after_closing(self) -> ClosePhase:
        """What follows when no page is left."""
        if self.is_dry_run:
            return "done"
        if self.loan_id is None and self.round_closed > 0 and self.round < MOST_ROUNDS:
            return "listing"
        return "posting"
