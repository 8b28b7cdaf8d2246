"""The trial balance and the proof of the books, from what was summed anew and what was found to differ."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from messages.ledger import BookDifference, BooksProof, TrialBalance, TrialBalanceRow, TrialBalanceTotal
from messages.money import to_decimal

Row = Mapping[str, Any]
MOST_DIFFERENCES = 1000
"""Enough to see the pattern of what is wrong; a reply stays bounded."""

CHECKS = ("account_differences", "running_differences", "hold_differences", "shift_differences", "entry_differences")
"""What a whole proof compares, each by a statement of its own; the first is what a trial balance looks at."""


def trial_balance(at: datetime, rows: Sequence[Row], differences: Sequence[Row]) -> TrialBalance:
    """Rows by currency and code, and their totals; balanced when each currency nets to zero and nothing differs."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        debits, credited = sums.get(row["currency"], (0, 0))
        sums[row["currency"]] = debits + int(row["debits"]), credited + int(row["credits"])
    return TrialBalance(
        at=at,
        rows=tuple(
            TrialBalanceRow(
                gl_code=row["code"],
                name=row["name"],
                kind=row["kind"],
                accounts=row["accounts"],
                **_sides(int(row["debits"]), int(row["credits"]), row["currency"]),
            )
            for row in rows
        ),
        totals=tuple(TrialBalanceTotal(**_sides(*sums[currency], currency)) for currency in sorted(sums)),
        balanced=not differences and all(debits == credited for debits, credited in sums.values()),
        differences=_told(differences),
    )


def books_proof(accounts: int, postings: int, differences: Sequence[Row]) -> BooksProof:
    """Proven when nothing differs."""
    return BooksProof(proven=not differences, accounts=accounts, postings=postings, differences=_told(differences))


def _sides(debits: int, credited: int, currency: str) -> dict[str, str]:
    return {
        "currency": currency,
        "debits": to_decimal(debits, currency),
        "credits": to_decimal(credited, currency),
        "net": to_decimal(debits - credited, currency),
    }


def _told(differences: Sequence[Row]) -> tuple[BookDifference, ...]:
    return tuple(
        BookDifference(
            what=row["what"],
            account_id=row["account_id"],
            entry_id=row["entry_id"],
            seq=row["seq"],
            stored=_decimal(row["stored"], row["currency"]),
            recomputed=_decimal(row["recomputed"], row["currency"]),
        )
        for row in differences[:MOST_DIFFERENCES]
    )


def _decimal(minor: Any, currency: str | None) -> str | None:
    return None if minor is None or currency is None else to_decimal(int(minor), currency)
