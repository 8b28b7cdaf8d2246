"""What the portfolio reads of other actors' views; its statements are in queries.sql. It keeps nothing."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from actors.portfolio.rules.cells import Cell
from actors.portfolio.rules.vintages import Stand
from runtime.actor import Turn
from runtime.statements import Statements


@dataclass(frozen=True, slots=True)
class Compared:
    """The loans' books beside the ledger's, in minor units."""

    accounts: list[dict[str, Any]]
    differences: list[dict[str, Any]]


class Store:
    """Reads; writes nothing."""

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

    async def compared(self, turn: Turn, on: date, currency: str | None, most: int) -> Compared:
        """The loans' books and the ledger's at the end of a date, with so many differences at most."""
        row = await turn.fetchrow(self.sql["proof"], on, currency, most)
        assert row is not None, "a statement without FROM answers one row"
        return Compared(row["accounts"], row["differences"])
