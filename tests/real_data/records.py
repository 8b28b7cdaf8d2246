"""The bank records of the PKDD'99 challenge, read: clients, accounts, and the history of some accounts in the order in which it happened.

The data is not part of this repository. It is looked for in COFFER_TEST_BERKA, else beside the checkout.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from uuid import UUID, uuid5

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "berka"
NEEDED = ("client.csv", "account.csv", "disp.csv", "transactions.csv")
CURRENCY = "CZK"
NAMESPACE = UUID("c2a1b7de-6f0b-5d0c-9a53-3f2f2a5cbe01")
"""Ids here follow from the records' own, so that bringing them in again doubles nothing."""

_CHAINED = Decimal("0.50")
"""The file's balances were rounded; two that differ by less are the same."""


@dataclass(frozen=True, slots=True)
class Person:
    """A client."""

    client_id: int
    born_on: date
    gender: str


@dataclass(frozen=True, slots=True)
class Movement:
    """A row of the history. `amount` is in hellers, below zero where money leaves the account."""

    transaction_id: int
    account_id: int
    day: date
    amount: int
    operation: str
    purpose: str
    balance: Decimal
    """What the file says the account held after it; rounded, for the order within a day alone."""

    @property
    def entry_id(self) -> UUID:
        """The entry that it becomes."""
        return uuid5(NAMESPACE, f"transaction {self.transaction_id}")

    @property
    def description(self) -> str:
        """In words."""
        return (self.purpose or self.operation or "transaction").capitalize()

    @property
    def channel(self) -> str:
        """The code of the general-ledger account on the other side."""
        match self.purpose:
            case "interest credited":
                return "5010"
            case "payment for statement":
                return "4020"
            case "sanction interest if negative balance":
                return "4010"
        return "1010" if self.operation.endswith("in cash") else "2900"


@dataclass(slots=True)
class History:
    """An account with its owner and what happened on it, in order."""

    account_id: int
    owner: int
    opened_on: date
    movements: list[Movement] = field(default_factory=list)

    @property
    def balance(self) -> int:
        """The signed sum, in hellers."""
        return sum(each.amount for each in self.movements)

    @property
    def lowest(self) -> int:
        """How far below zero it ever was, in hellers; zero if it never was."""
        held = lowest = 0
        for each in self.movements:
            held += each.amount
            lowest = min(lowest, held)
        return lowest


@dataclass(frozen=True)
class Records:
    """All of it, or the part that belongs to some accounts."""

    persons: tuple[Person, ...]
    accounts: tuple[History, ...]

    @cached_property
    def movements(self) -> list[Movement]:
        """By date, over all accounts; those of one account in their own order."""
        return sorted((each for account in self.accounts for each in account.movements), key=lambda each: each.day)

    @property
    def balance(self) -> int:
        """The sum over all accounts, in hellers."""
        return sum(account.balance for account in self.accounts)

    def slice(self, accounts: int) -> "Records":
        """Only the first accounts that have a history, with their owners."""
        kept = tuple([account for account in self.accounts if account.movements][:accounts])
        owners = {account.owner for account in kept}
        return Records(tuple(person for person in self.persons if person.client_id in owners), kept)


def find() -> Path | None:
    """Where the data is; None where it is not."""
    folder = Path(os.environ.get("COFFER_TEST_BERKA") or BESIDE)
    return folder if all((folder / name).is_file() for name in NEEDED) else None


def read(folder: Path) -> Records:
    """All records."""
    owners = {int(row["account_id"]): int(row["client_id"]) for row in rows(folder / "disp.csv") if row["type"] == "OWNER"}
    accounts = {
        number: History(number, owners[number], written_day(row["date"]))
        for row in rows(folder / "account.csv")
        if (number := int(row["account_id"]))
    }
    days: dict[tuple[int, date], list[Movement]] = {}
    for row in rows(folder / "transactions.csv"):
        movement = _movement(row)
        days.setdefault((movement.account_id, movement.day), []).append(movement)
    for (account_id, _), movements in sorted(days.items()):
        history = accounts[account_id].movements
        history += _in_order(movements, history[-1].balance if history else Decimal())
    return Records(tuple(_person(row) for row in rows(folder / "client.csv")), tuple(accounts.values()))


def _in_order(day: list[Movement], before: Decimal) -> Iterator[Movement]:
    """The rows of one account and day stand in the file in any order; their balances tell which followed which."""
    left = list(day)
    while left:
        fits = (each for each in left if abs(before + Decimal(each.amount) / 100 - each.balance) < _CHAINED)
        following = next(fits, left[0])
        left.remove(following)
        before = following.balance
        yield following


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of one of the files."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=";")


def written_day(text: str) -> date:
    """A day as the files write it."""
    return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:6]))


def _person(row: dict[str, str]) -> Person:
    born = row["birth_number"]
    month = int(born[2:4])
    female = month > 50
    return Person(
        int(row["client_id"]),
        written_day(f"{born[:2]}{month - 50 if female else month:02d}{born[4:]}"),
        "female" if female else "male",
    )


def _movement(row: dict[str, str]) -> Movement:
    sign = 1 if row["type"] == "credit" else -1
    return Movement(
        int(row["trans_id"]),
        int(row["account_id"]),
        written_day(row["date"]),
        sign * int(Decimal(row["amount"]) * 100),
        row["operation"].strip(),
        row["k_symbol"].strip(),
        Decimal(row["balance"]),
    )
