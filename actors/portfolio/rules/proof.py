"""What was compared, in minor units -> the proof as it is told."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from messages.money import Money
from messages.portfolio import BookedDifference, ControlAccount, PortfolioProof

Row = Mapping[str, Any]


def told_proof(on: date, accounts: Iterable[Row], differences: Iterable[Row]) -> PortfolioProof:
    """Proven where no entry differs and the accounts come to the same."""
    known = list(accounts)
    rows = tuple(_account(row) for row in known)
    different = tuple(_difference(row) for row in differences)
    return PortfolioProof(
        on=on,
        proven=not different and all(row.difference.minor == 0 for row in rows),
        lines=sum(row["lines"] for row in known),
        pending_lines=sum(row["pending_lines"] for row in known),
        accounts=rows,
        differences=different,
    )


def _account(row: Row) -> ControlAccount:
    currency = row["currency"]
    return ControlAccount(
        currency=currency,
        gl_code=row["gl_code"],
        account_id=row["account_id"],
        accounts=row["accounts"],
        roles=tuple(row["roles"]),
        loans=Money.of(row["said"], currency),
        ledger=Money.of(row["posted"], currency),
        difference=Money.of(row["posted"] - row["said"], currency),
        pending=Money.of(row["pending"], currency),
    )


def _difference(row: Row) -> BookedDifference:
    currency = row["currency"]
    return BookedDifference(
        kind=row["kind"],
        loan_id=row["loan_id"],
        account_id=row["account_id"],
        entry_id=row["entry_id"],
        loans=Money.of(row["said"], currency),
        ledger=Money.of(row["posted"], currency),
        difference=Money.of(row["posted"] - row["said"], currency),
    )
