"""The portfolio actor: what all loans together come to on a date, and the proof that their books agree with the ledger's.

The proof grows with the days, not with the lines of years: after a close of business what agrees is carried, summed by account and
date. What does not agree, is late or is new is compared each time.
"""

import asyncio
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
from messages.base import Done, Forbidden
from messages.close_of_business import CloseOfBusinessCompleted
from messages.portfolio import (
    MOST_DIFFERENCES,
    Ageing,
    AtRisk,
    CarryProof,
    GetAgeing,
    GetAtRisk,
    GetOutstanding,
    GetProvisions,
    GetVintages,
    Outstanding,
    PortfolioProof,
    ProvePortfolio,
    Provisions,
    TooMuchToCompare,
    Vintages,
)
from runtime.actor import Actor, Turn, handles

MOST_AFRESH = 1_000_000
"""Lines compared in one answer: 6 seconds' work."""
LINES_AT_ONCE = 200_000
"""Carried in one turn: about a second's work."""
LOOKS, LOOK_SECONDS = 40, 0.05
"""How often, and after how long each time, it is looked whether whoever was writing lines is done. It takes thousandths of a second."""


class Portfolio(Actor):
    """Reads the views of others and answers for any date in the past as for today. All that it keeps is what of the proof it need not
    compare again, and that can be had afresh from what others keep.
    """

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
        if query.afresh and (await self.store.newest_line(turn))[0] > MOST_AFRESH:
            raise TooMuchToCompare(field="afresh", most_lines=MOST_AFRESH)
        found = await self.store.compared(turn, on, query.currency, MOST_DIFFERENCES, afresh=query.afresh)
        return told_proof(on, found.accounts, found.differences)

    @handles
    async def carry_what_was_closed(self, event: CloseOfBusinessCompleted, turn: Turn) -> None:
        if event.loan_id is None:
            await self._carry(turn)

    @handles
    async def carry_proof(self, command: CarryProof, turn: Turn) -> Done:
        del command
        turn.sees_all(Forbidden())
        await self._carry(turn)
        return Done()

    async def _carry(self, turn: Turn) -> None:
        """So much at a time that a turn is short. Where somebody has been writing lines for long, the next close carries them."""
        async with turn.apart() as rows:
            newest, before = await self.store.newest_line(rows)
        for _ in range(LOOKS):
            async with turn.apart() as rows:
                is_settled = await self.store.are_over(rows, before)
                carried = await self.store.carried_through(rows)
            if is_settled:
                break
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return
        through = min(newest, carried + LINES_AT_ONCE)
        await self.store.carry(turn, through)
        if through < newest:
            turn.later(CarryProof(), turn.now, step="go on")

    async def _day(self, turn: Turn, asked: date | None) -> date:
        """The date asked for, else the business date, else today. Who may see only their own has no portfolio."""
        turn.sees_all(Forbidden())
        return asked or await self.store.business_date(turn) or turn.now.date()
