"""What happened to a loan's money, as it is folded into a book: one value for each transaction, and no more than its figures need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from messages.loan import Part, RescheduleKind, TransactionKind
from messages.loan_terms import PrepaymentWay

PARTS: tuple[Part, Part, Part, Part] = ("principal", "interest", "fee", "penalty")
"""The order of parts in every list of four."""
PRINCIPAL, INTEREST, FEE, PENALTY = range(4)


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Other terms from a day on: what `RequestReschedule` asks for."""

    kind: RescheduleKind
    annual_rate_percent: str | None = None
    installments: int | None = None
    every_count: int | None = None
    every_unit: str | None = None
    holiday_installments: int | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """A transaction. Amounts are minor units above zero, in the loan's currency.

    `amount` is 0 for charge-offs, write-offs, reschedules and reversals: what they come to is found by the fold.
    """

    number: int
    """In the order of booking, from 1."""
    transaction_id: UUID
    kind: TransactionKind
    value_date: date
    booked_on: date
    amount: int = 0
    account: UUID | None = None
    """The counter account in the ledger, where money came from or went to."""
    part: Part | None = None
    """Of a waiver."""
    way: PrepaymentWay | None = None
    """Of a repayment: what principal paid in advance does. Default: the product's."""
    reschedule: Reschedule | None = None
    reverses: UUID | None = None
    """Of a reversal: the transaction that it takes back."""

    def to_json(self) -> dict[str, Any]:
        """Without what is absent."""
        found: dict[str, Any] = {
            "number": self.number,
            "transaction_id": str(self.transaction_id),
            "kind": self.kind,
            "value_date": self.value_date.isoformat(),
            "booked_on": self.booked_on.isoformat(),
            "amount": self.amount,
        }
        for name in ("account", "reverses"):
            if (value := getattr(self, name)) is not None:
                found[name] = str(value)
        for name in ("part", "way"):
            if (value := getattr(self, name)) is not None:
                found[name] = value
        if self.reschedule is not None:
            asked = {name: getattr(self.reschedule, name) for name in Reschedule.__dataclass_fields__}
            found["reschedule"] = {name: value for name, value in asked.items() if value is not None}
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Happening":
        """The same again."""
        reschedule = data.get("reschedule")
        return cls(
            number=data["number"],
            transaction_id=UUID(data["transaction_id"]),
            kind=data["kind"],
            value_date=date.fromisoformat(data["value_date"]),
            booked_on=date.fromisoformat(data["booked_on"]),
            amount=data["amount"],
            account=UUID(data["account"]) if "account" in data else None,
            part=data.get("part"),
            way=data.get("way"),
            reschedule=None if reschedule is None else Reschedule(**reschedule),
            reverses=UUID(data["reverses"]) if "reverses" in data else None,
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount by what it is made of. Minor units."""

    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    overpaid: int = 0
    """Of a repayment: what was left over."""

    @property
    def total(self) -> int:
        """Without what is overpaid."""
        return self.principal + self.interest + self.fee + self.penalty

    @classmethod
    def of(cls, four: Iterable[int], overpaid: int = 0) -> "Parts":
        """From a list in the order of PARTS."""
        principal, interest, fee, penalty = four
        return cls(principal, interest, fee, penalty, overpaid)

    def as_list(self) -> list[int]:
        """In the order of PARTS."""
        return [self.principal, self.interest, self.fee, self.penalty]


def in_force(happenings: Iterable[Happening]) -> list[Happening]:
    """Those that are not taken back, by value date and number; reversals themselves are none of them."""
    known = list(happenings)
    taken_back = {each.reverses for each in known if each.reverses is not None}
    found = [each for each in known if each.kind != "reversal" and each.transaction_id not in taken_back]
    return sorted(found, key=lambda each: (each.value_date, each.number))
