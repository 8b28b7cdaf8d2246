"""The loans of the PKDD'99 records, and how each of them is paid: the file says how a loan ended or runs, the history follows from it.

    A  finished, nothing owed       every installment is paid on its due date
    B  finished, the loan not paid  all but the last installments are paid; nothing of those
    C  running, all right so far    as A
    D  running, in debt             the first installments are paid, every third one a week late; later ones not at all

The loans bear no interest: an installment is the amount over the duration.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.loan_terms import LoanTerms
from messages.money import Money
from tests.real_data.records import CURRENCY, rows, written_day

LAST_DAY_OF_EVERY_MONTH = 28
Ending = Literal["A", "B", "C", "D"]
FILE = "loan.csv"

UNPAID_AT_THE_END = 3
"""Installments that a loan of status B never paid."""
PAID_OF_A_DEBTOR = 8
"""Installments that a loan of status D paid before it stopped."""
LATE_EVERY, LATE_DAYS = 3, 7
"""Which installments a debtor paid late, and by how much."""


@dataclass(frozen=True, slots=True)
class DueAmount:
    """An installment, and when it is paid. Amounts are hellers."""

    number: int
    due: date
    amount: int
    paid_on: date | None
    """None: never."""


@dataclass(frozen=True)
class LoanRecord:
    """A row of the file."""

    loan_id: int
    account_id: int
    paid_out: date
    amount: int
    """In hellers."""
    months: int
    payment: int
    """A month, in hellers."""
    ending: Ending

    @property
    def terms(self) -> LoanTerms:
        """As the loan is applied for."""
        return LoanTerms(
            principal=Money.of(self.amount, CURRENCY),
            annual_rate_percent="0",
            interest="zero",
            installments=self.months,
            start=self.paid_out,
        )

    def begun_in(self, first: date) -> "LoanRecord":
        """The same loan, paid out in another month."""
        return replace(self, paid_out=first.replace(day=min(self.paid_out.day, LAST_DAY_OF_EVERY_MONTH)))

    @cached_property
    def history(self) -> tuple[DueAmount, ...]:
        """Every installment of the schedule, with the day on which it is paid."""
        return tuple(
            DueAmount(row.number, row.due, row.total, self._paid_on(row.number, row.due))
            for row in make_schedule(terms_of(self.terms)).installments
        )

    def owed(self, on: date) -> int:
        """Principal at the end of a day."""
        return self.amount - sum(each.amount for each in self.history if each.paid_on is not None and each.paid_on <= on)

    def days_late(self, on: date) -> int:
        """Since the oldest due date of what is not paid at the end of a day."""
        late = (each.due for each in self.history if each.due < on and (each.paid_on is None or each.paid_on > on))
        return (on - min(late, default=on)).days

    def _paid_on(self, number: int, due: date) -> date | None:
        match self.ending:
            case "A" | "C":
                return due
            case "B":
                return due if number <= self.months - UNPAID_AT_THE_END else None
            case "D":
                if number > PAID_OF_A_DEBTOR:
                    return None
                return due + timedelta(days=LATE_DAYS) if number % LATE_EVERY == 0 else due


def read_loans(folder: Path) -> tuple[LoanRecord, ...]:
    """All rows, in order of their dates."""
    return tuple(sorted(_records(folder / FILE), key=lambda loan: (loan.paid_out, loan.loan_id)))


def of_each_ending(loans: tuple[LoanRecord, ...], count: int) -> tuple[LoanRecord, ...]:
    """The first so many of each status."""
    kept = [loan for ending in get_args(Ending) for loan in [each for each in loans if each.ending == ending][:count]]
    return tuple(sorted(kept, key=lambda loan: (loan.paid_out, loan.loan_id)))


def _records(path: Path) -> Iterator[LoanRecord]:
    for row in rows(path):
        yield LoanRecord(
            loan_id=int(row["loan_id"]),
            account_id=int(row["account_id"]),
            paid_out=written_day(row["date"]),
            amount=int(Decimal(row["amount"]) * 100),
            months=int(row["duration"]),
            payment=int(Decimal(row["payments"]) * 100),
            ending=row["status"],  # type: ignore[arg-type]  # the test of the file looks at them
        )
