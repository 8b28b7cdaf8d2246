"""What the closes of a page came to. Amounts are minor units."""

from collections import Counter
from dataclasses import dataclass, field

from messages.close_of_business import CloseFailure
from messages.ids import LoanId
from messages.loan import DayClosed

LONGEST_DETAIL = 500
NO_ANSWER, FAULT = "no_answer", "fault"

Figures = dict[str, list[int]]
"""Currency -> [accrued, penalties]."""


@dataclass(slots=True)
class Tally:
    """Counts as the answers come."""

    is_dry_run: bool
    closed: list[LoanId] = field(default_factory=list)
    """By whomever."""
    counted: int = 0
    """By this run."""
    failures: list[CloseFailure] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
    buckets: Counter[str] = field(default_factory=Counter)

    def count(self, closed: DayClosed) -> None:
        """A loan was closed, or would be."""
        self.closed.append(closed.loan_id)
        self.counted += closed.counted
        if closed.counted or self.is_dry_run:
            sums = self.figures.setdefault(closed.accrued.currency, [0, 0])
            sums[0] += closed.accrued.minor
            sums[1] += closed.penalties.minor
            self.buckets[closed.bucket] += 1

    def fail(self, loan_id: LoanId, rule: str, detail: str) -> None:
        """A loan was not closed."""
        self.failures.append(CloseFailure(loan_id=loan_id, rule=rule, detail=detail[:LONGEST_DETAIL]))

    @property
    def unanswered(self) -> int:
        """Loans from which no answer came."""
        return sum(failure.rule == NO_ANSWER for failure in self.failures)


def figures_with(before: Figures, more: Figures) -> Figures:
    """Both, by currency."""
    sums = {currency: list(amounts) for currency, amounts in before.items()}
    for currency, amounts in more.items():
        so_far = sums.get(currency, [0, 0])
        sums[currency] = [so_far[0] + amounts[0], so_far[1] + amounts[1]]
    return sums


def buckets_with(before: dict[str, int], more: Counter[str]) -> dict[str, int]:
    """Both, by bucket."""
    return dict(Counter(before) + more)
