"""What a product says about how its loans are kept: allocation, penalties, accounting basis, delinquency buckets. Parsed once a product."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from actors.loan.rules.happenings import FEE, PARTS, PENALTY
from actors.loan_calculator.rules.penalties import PenaltyBase, PenaltyPer, PenaltyTerms
from actors.loan_calculator.rules.rounding import Rounding
from actors.loan_calculator.rules.spoken_terms import share_of
from messages.loan_terms import PrepaymentWay
from messages.money import to_minor

DueClass = Literal["past_due", "due", "in_advance"]
PAST_DUE, DUE, IN_ADVANCE = get_args(DueClass)

_WORDS: dict[str, int] = {name: index for index, name in enumerate(PARTS)} | {"penalties": PENALTY, "fees": FEE}
_USUAL = "penalties_fees_interest_principal"
"""Where a product says nothing."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """In which order a repayment pays what is owed."""

    order: tuple[tuple[DueClass, int], ...]
    """(when it is due, index of the part)."""
    is_horizontal: bool
    """Installment by installment; else part by part over all installments."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Allocation":
        """Of an order, or else of a preset's name."""
        steps = data.get("order") or ()
        order = tuple((step["due"], _WORDS[step["part"]]) for step in steps) or preset(data.get("preset") or _USUAL)
        return cls(order, is_horizontal=data.get("direction", "horizontal") == "horizontal")

    def groups(self) -> list[tuple[DueClass, list[int]]]:
        """What is paid together: of a horizontal order the parts between two changes of when it is due, else each step alone."""
        found: list[tuple[DueClass, list[int]]] = []
        for when, part in self.order:
            if self.is_horizontal and found and found[-1][0] == when:
                found[-1][1].append(part)
            else:
                found.append((when, [part]))
        return found


def preset(name: str) -> tuple[tuple[DueClass, int], ...]:
    """The order that a preset's name says: for what is past due, then due, then in advance; the latter may have its own."""
    now, _, ahead = name.removeprefix("due_").partition("_in_advance_")
    parts = [_WORDS[word] for word in now.split("_")]
    early = [_WORDS[word] for word in ahead.split("_")] if ahead else parts
    return (
        *((PAST_DUE, part) for part in parts),
        *((DUE, part) for part in parts),
        *((IN_ADVANCE, part) for part in early),
    )


@dataclass(frozen=True, slots=True)
class Bucket:
    """How late a loan is, in words."""

    name: str
    from_days: int
    provision_percent: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """A product's conditions."""

    allocation: Allocation
    charged_off_allocation: Allocation
    penalty: PenaltyTerms | None
    """Without its cap."""
    penalty_cap: int | None
    """The most that one installment's penalty comes to."""
    prepayment: PrepaymentWay
    is_accrual: bool
    """Whether interest, fees and penalties are income when they are earned; else when they are paid."""
    buckets: tuple[Bucket, ...]
    """By days, rising; the first from 0."""
    most_disbursements: int

    def bucket(self, days_past_due: int) -> Bucket:
        """The bucket of so many days."""
        found = self.buckets[0]
        for each in self.buckets:
            if each.from_days > days_past_due:
                break
            found = each
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Conditions":
        """Of a product's rules (`ProductRules` as JSON). Costs some microseconds; keep it where many loans share a product."""
        allocation = data.get("allocation") or {}
        usual = Allocation.from_json(allocation.get("repayment") or {})
        late = allocation.get("charged_off_repayment")
        penalty = data.get("penalty")
        schedule = data.get("schedule") or {}
        return cls(
            allocation=usual,
            charged_off_allocation=Allocation.from_json(late) if late else usual,
            penalty=None if penalty is None else _penalty(penalty, schedule.get("rounding", "half_even")),
            penalty_cap=None if penalty is None else _minor(penalty.get("cap")),
            prepayment=data.get("prepayment", "shorten"),
            is_accrual=data["accounting"]["basis"] == "accrual",
            buckets=tuple(
                Bucket(each["name"], each["from_days"], each.get("provision_percent", "0")) for each in data["buckets"]
            ),
            most_disbursements=data.get("disbursements", 1),
        )


def _penalty(said: Mapping[str, Any], rounding: str) -> PenaltyTerms:
    return PenaltyTerms(
        amount=_minor(said.get("amount")) or 0,
        share=share_of(said.get("percent", "0")),
        base=PenaltyBase(said.get("of", "principal_and_interest")),
        per=PenaltyPer(said.get("per", "day")),
        grace_days=said.get("grace_days", 0),
        charges_grace=said.get("charges_grace", False),
        rounding=Rounding(rounding),
    )


def _minor(money: Mapping[str, Any] | None) -> int | None:
    return None if money is None else to_minor(money["amount"], money["currency"])
