"""What the portfolio reads of other actors' views, and what it carries of the proof; its statements are in queries.sql."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from actors.portfolio.rules.cells import Cell
from actors.portfolio.rules.vintages import Stand
from runtime.actor import Turn
from runtime.database import Connection
from runtime.statements import Statements

Rows = Turn | Connection
"""The turn's own transaction, or one apart."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The loans' books beside the ledger's, in minor units."""

    accounts: list[dict[str, Any]]
    differences: list[dict[str, Any]]


class Store:
    """Reads; all that it writes follows from what it reads."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    async def business_date(self, turn: Turn) -> date | None:
        """The date that the bank works on; None before one was set."""
        found: date | None = await turn.fetchval(self.sql["business_date"])
        return found

    async def cells(self, turn: Turn, on: date, currency: str | None, product: str | None) -> list[Cell]:
        """The loans at the end of a date, by currency, product and bucket."""
        return [Cell(**row) for row in await turn.fetch(self.sql["cells"], on, currency, product)]

    async def stands(self, turn: Turn, on: date, first: date, currency: str | None, product: str | None) -> list[Stand]:
        """The loans first paid out from a day on, at the ends of the months since."""
        return [Stand(**row) for row in await turn.fetch(self.sql["stands"], on, first, currency, product)]

    async def newest_line(self, rows: Rows) -> tuple[int, str]:
        """The last line of the loans' books, and the database's transaction before which all must be over for it to be the last."""
        row = await rows.fetchrow(self.sql["newest_line"])
        assert row is not None, "an aggregate answers one row"
        return row["line_id"], row["before"]

    async def are_over(self, rows: Rows, before: str) -> bool:
        """Whether every transaction of the database before this one is over."""
        return bool(await rows.fetchval(self.sql["are_over"], before))

    async def carried_through(self, rows: Rows) -> int:
        """The line up to which all are carried or open."""
        line_id: int = await rows.fetchval(self.sql["carried_through"])
        return line_id

    async def carry(self, turn: Turn, through: int) -> None:
        """Carry what loans and ledger agree on among the lines up to this one; the rest stays open."""
        await turn.execute(self.sql["carry"], through)

    async def compared(self, turn: Turn, on: date, currency: str | None, most: int, *, afresh: bool) -> Compared:
        """The loans' books and the ledger's at the end of a date, with so many differences at most."""
        row = await turn.fetchrow(self.sql["proof"], on, currency, most, afresh)
        assert row is not None, "a statement without FROM answers one row"
        return Compared(row["accounts"], row["differences"])
