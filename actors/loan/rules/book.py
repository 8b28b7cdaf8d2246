"""The book of one loan: what is due when, what became of it, and the totals that no due carries. It is what is stored between turns.

Amounts are minor units; lists of four are in the order of PARTS. Interest accrued is not stored: it follows from the terms and from
`closed_through`, so that the close of a day on which nothing is due or late changes one date.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from actors.loan.rules.conditions import Conditions
from actors.loan.rules.happenings import PRINCIPAL, Happening
from actors.loan_calculator.rules.schedule import Schedule
from messages.base import Refusal
from messages.loan import LoanStatus
from messages.loan_terms import LoanTerms

INSTALLMENT, DOWN_PAYMENT, CHARGE = "installment", "down_payment", "charge"
KINDS = (INSTALLMENT, DOWN_PAYMENT, CHARGE)
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
ONE_DAY = timedelta(days=1)
_WHOLE_ROW = 24


def four() -> list[int]:
    """Nothing of each part."""
    return [0, 0, 0, 0]


@dataclass(slots=True)
class Due:
    """Something that is due: an installment, a down payment, a charge."""

    kind: str
    number: int
    leg: int
    """The stretch of terms that it came with; only those of the last one are made anew when the terms change."""
    start: date
    end: date
    """The first day whose interest is not in it."""
    due: date
    balance: int
    """Principal left after it, by schedule."""
    charged: list[int]
    paid: list[int] = field(default_factory=four)
    waived: list[int] = field(default_factory=four)
    given_up: list[int] = field(default_factory=four)
    """Written off."""
    paid_on: date | None = None

    def owed(self, part: int) -> int:
        """What is left of a part."""
        return self.charged[part] - self.paid[part] - self.waived[part] - self.given_up[part]

    def settled(self, part: int) -> int:
        """What became of a part so far."""
        return self.paid[part] + self.waived[part] + self.given_up[part]

    @property
    def is_owed(self) -> bool:
        """Whether anything of it is left."""
        return sum(self.charged) != sum(self.paid) + sum(self.waived) + sum(self.given_up)

    def to_row(self) -> list[int]:
        """Integers; zeros at the end are left out."""
        row = [
            _KIND_NUMBERS[self.kind],
            self.number,
            self.leg,
            self.start.toordinal(),
            self.end.toordinal(),
            self.due.toordinal(),
            self.balance,
            *self.charged,
        ]
        if self.paid_on or any(self.paid) or any(self.waived) or any(self.given_up):
            row += [*self.paid, self.paid_on.toordinal() if self.paid_on else 0, *self.waived, *self.given_up]
        while row[-1] == 0:
            row.pop()
        return row

    @classmethod
    def of_row(cls, short: list[int]) -> "Due":
        """The same again."""
        row = short + [0] * (_WHOLE_ROW - len(short))
        day = date.fromordinal
        return cls(
            KINDS[row[0]],
            row[1],
            row[2],
            day(row[3]),
            day(row[4]),
            day(row[5]),
            row[6],
            row[7:11],
            row[11:15],
            row[16:20],
            row[20:24],
            day(row[15]) if row[15] else None,
        )


@dataclass(slots=True)
class Book:
    """See the module. It is changed by `replay.apply` and `replay.close_day` alone."""

    conditions: Conditions
    currency: str
    status: LoanStatus
    approved: int
    """What may be paid out in all."""
    spoken: dict[str, Any]
    """The terms, as JSON."""
    closed_through: date | None = None
    """The last day that is closed; None before the first disbursement."""
    disbursements: int = 0
    disbursed: int = 0
    capitalized: int = 0
    """Fees that became principal."""
    paid: list[int] = field(default_factory=four)
    """Principal paid in advance, which no due carries, is in it."""
    waived: list[int] = field(default_factory=four)
    given_up: list[int] = field(default_factory=four)
    """Written off."""
    overpaid: int = 0
    recovered: int = 0
    accounts: dict[str, int] = field(default_factory=dict)
    """What came to each counter account (above zero) and went from it, by its id."""
    leg: int = 0
    leg_start: date | None = None
    """From when the terms count; None while nothing accrues."""
    accrued_before: int = 0
    """Interest of earlier legs; all of it where nothing accrues any more."""
    carried: int = 0
    """Interest that earlier legs left to the dues of this one."""
    spreads_carried: bool = False
    """Whether it is due in equal parts; else with the first."""
    is_frozen: bool = False
    """Nothing accrues and no penalty is charged: charged off or written off."""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """Reschedules of days to come, as JSON."""
    lapsed: list[list[str]] = field(default_factory=list)
    """Reschedules that were not possible any more when their day came: transaction, rule, sentence."""
    quiet_until: date | None = None
    """Before the close of this day nothing falls due and nothing is late."""
    accruals: tuple[int, list[int]] | None = None
    """Interest of the leg until each of some days in a row, from the day with this number of the leg; remembered, not known otherwise."""
    schedule: Schedule | None = None
    """The calculator's, of the terms as they are; made when it is needed, never stored."""
    accrued_by: dict[date, int] = field(default_factory=dict)
    """Interest of the leg before a day, where it was asked for; never stored."""
    _rows: list[list[int]] | None = None
    _dues: list[Due] | None = None
    _terms: LoanTerms | None = None

    @property
    def terms(self) -> LoanTerms:
        """As they are now."""
        if self._terms is None:
            self._terms = LoanTerms.model_validate(self.spoken)
        return self._terms

    @terms.setter
    def terms(self, terms: LoanTerms) -> None:
        self._terms = terms
        self.spoken = spoken_terms(terms)
        self.accruals, self.schedule, self.accrued_by = None, None, {}

    @property
    def dues(self) -> list[Due]:
        """By due date."""
        if self._dues is None:
            self._dues = [Due.of_row(row) for row in self._rows or ()]
        return self._dues

    @dues.setter
    def dues(self, dues: Iterable[Due]) -> None:
        self._dues = sorted(dues, key=_place)

    @property
    def today(self) -> date:
        """The day that is open: the one after `closed_through`; before anything is paid out the expected start."""
        return self.terms.start if self.closed_through is None else self.closed_through + ONE_DAY

    @property
    def undisbursed(self) -> int:
        """Approved and not paid out."""
        return self.approved - self.disbursed

    @property
    def principal_outstanding(self) -> int:
        """Paid out or capitalized, less paid and written off."""
        return self.disbursed + self.capitalized - self.paid[PRINCIPAL] - self.given_up[PRINCIPAL]

    def past_due_since(self, on: date) -> date | None:
        """The oldest due date before the day that is not paid in full."""
        if self.quiet_until is None or self.quiet_until >= on:
            return None
        return next((each.due for each in self.dues if each.due < on and each.is_owed), None)

    def days_past_due(self, on: date) -> int:
        """Since then."""
        since = self.past_due_since(on)
        return 0 if since is None else (on - since).days

    def bucket(self, on: date) -> str:
        """The product's name for so many days."""
        return self.conditions.bucket(self.days_past_due(on)).name

    def copy(self) -> "Book":
        """Another one that says the same."""
        return Book.from_json(self.to_json(), self.conditions)

    def to_json(self) -> dict[str, Any]:
        """Compact: dues are lists of integers, dates are ordinals; what is zero or absent is left out."""
        found: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(self, name))}
        found.update({name: list(value) for name in _FOURS if any(value := getattr(self, name))})
        found.update({name: value.toordinal() for name in _DATES if (value := getattr(self, name)) is not None})
        found["spoken"] = self.spoken
        found["dues"] = [each.to_row() for each in self._dues] if self._dues is not None else self._rows or []
        if self.accounts:
            found["accounts"] = dict(self.accounts)
        for name in _LISTS:
            if value := getattr(self, name):
                found[name] = list(value)
        if self.accruals is not None:
            found["accruals"] = [self.accruals[0], self.accruals[1]]
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any], conditions: Conditions, closed_through: date | None = None) -> "Book":
        """The same again; `closed_through` where days were closed since that changed nothing else."""
        book = cls(conditions, data["currency"], data["status"], data["approved"], data["spoken"])
        for name in _PLAIN:
            if name in data:
                setattr(book, name, data[name])
        for name in _FOURS:
            if name in data:
                setattr(book, name, list(data[name]))
        for name in _DATES:
            if name in data:
                setattr(book, name, date.fromordinal(data[name]))
        book.accounts = dict(data.get("accounts", ()))
        for name in _LISTS:
            setattr(book, name, list(data.get(name, ())))
        if (accruals := data.get("accruals")) is not None:
            book.accruals = accruals[0], accruals[1]
        book._rows = data["dues"]
        if closed_through is not None:
            book.closed_through = closed_through
        return book

    def wait_for(self, happening: Happening) -> None:
        """Keep a reschedule for its day."""
        self.waiting = sorted([*self.waiting, happening.to_json()], key=lambda each: (each["value_date"], each["number"]))

    def waiting_days(self) -> list[date]:
        """The days that reschedules wait for."""
        return [Happening.from_json(each).value_date for each in self.waiting]

    def lapse(self, happening: Happening, because: Refusal) -> None:
        """Remember that a reschedule came to nothing, and why."""
        self.lapsed = [*self.lapsed, [str(happening.transaction_id), because.rule, because.detail]]

    def next_waiting(self, on: date) -> Happening | None:
        """The first reschedule that waits for a day up to this one."""
        if not self.waiting:
            return None
        first = Happening.from_json(self.waiting[0])
        return first if first.value_date <= on else None


_PLAIN = (
    "currency",
    "status",
    "approved",
    "disbursements",
    "disbursed",
    "capitalized",
    "overpaid",
    "recovered",
    "leg",
    "accrued_before",
    "carried",
    "spreads_carried",
    "is_frozen",
)
_LISTS = ("waiting", "lapsed")
_FOURS = ("paid", "waived", "given_up")
_DATES = ("closed_through", "leg_start", "quiet_until")


def _place(due: Due) -> tuple[date, int, int, date]:
    return due.due, due.leg, due.number, due.start


def spoken_terms(terms: LoanTerms) -> dict[str, Any]:
    """Terms as JSON, without what is as usual."""
    return terms.model_dump(mode="json", exclude_defaults=True)
