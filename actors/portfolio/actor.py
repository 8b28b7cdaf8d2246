"""The portfolio actor: what all loans together come to on a date, and the proof that their books agree with the ledger's."""

from datetime import date

from actors.portfolio.rules.cells import (
    ageing_rows,
    at_risk_rows,
    outstanding_rows,
    outstanding_totals,
    provision_rows,
    provision_totals,
)
from actors.portfolio.rules.proof import told_proof
from actors.portfolio.rules.vintages import first_month, vintages_of
from actors.portfolio.store import Store
from messages.base import Forbidden
from messages.portfolio import (
    MOST_DIFFERENCES,
    Ageing,
    AtRisk,
    GetAgeing,
    GetAtRisk,
    GetOutstanding,
    GetProvisions,
    GetVintages,
    Outstanding,
    PortfolioProof,
    ProvePortfolio,
    Provisions,
    Vintages,
)
from runtime.actor import Actor, Turn, handles


class Portfolio(Actor):
    """Only looks: it reads the views of others, keeps nothing, and answers for any date in the past as for today."""

    name = "portfolio"

    def __init__(self) -> None:
        self.store = Store()

    @handles
    async def get_outstanding(self, query: GetOutstanding, turn: Turn) -> Outstanding:
        on = await self._day(turn, query.on)
        cells = await self.store.cells(turn, on, query.currency, query.product)
        return Outstanding(on=on, rows=outstanding_rows(cells), totals=outstanding_totals(cells))

    @handles
    async def get_ageing(self, query: GetAgeing, turn: Turn) -> Ageing:
        on = await self._day(turn, query.on)
        return Ageing(on=on, rows=ageing_rows(await self.store.cells(turn, on, query.currency, query.product)))

    @handles
    async def get_at_risk(self, query: GetAtRisk, turn: Turn) -> AtRisk:
        on = await self._day(turn, query.on)
        return AtRisk(on=on, rows=at_risk_rows(await self.store.cells(turn, on, query.currency, query.product)))

    @handles
    async def get_provisions(self, query: GetProvisions, turn: Turn) -> Provisions:
        on = await self._day(turn, query.on)
        rows = provision_rows(await self.store.cells(turn, on, query.currency, query.product))
        return Provisions(on=on, rows=rows, totals=provision_totals(rows))

    @handles
    async def get_vintages(self, query: GetVintages, turn: Turn) -> Vintages:
        on = await self._day(turn, query.on)
        first = first_month(on, query.months)
        return Vintages(on=on, vintages=vintages_of(await self.store.stands(turn, on, first, query.currency, query.product)))

    @handles
    async def prove_portfolio(self, query: ProvePortfolio, turn: Turn) -> PortfolioProof:
        on = await self._day(turn, query.on)
        found = await self.store.compared(turn, on, query.currency, MOST_DIFFERENCES)
        return told_proof(on, found.accounts, found.differences)

    async def _day(self, turn: Turn, asked: date | None) -> date:
        """The date asked for, else the business date, else today. Who may see only their own has no portfolio."""
        turn.sees(None, Forbidden())
        return asked or await self.store.business_date(turn) or turn.now.date()
