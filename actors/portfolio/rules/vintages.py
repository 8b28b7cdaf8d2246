"""How the loans of a month stood month by month since -> vintages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from actors.portfolio.rules.parts import ratio
from messages.money import Money
from messages.portfolio import Vintage, VintagePoint


@dataclass(frozen=True, slots=True)
class Stand:
    """The loans of a currency first paid out in a month, at the end of a date. Amounts are minor units."""

    currency: str
    month: date
    on: date
    loans: int
    lent: int
    outstanding: int
    late_over_30: int
    written_off: int


def first_month(on: date, months: int) -> date:
    """The first day of the month that lies so many months back, the month of the date counted as one."""
    index = on.year * 12 + on.month - months
    return date(max(index // 12, 1), index % 12 + 1, 1)


def vintages_of(stands: Iterable[Stand]) -> tuple[Vintage, ...]:
    """By currency and month, each with its points in order of time."""
    by_month = sorted(stands, key=lambda stand: (stand.currency, stand.month, stand.on))
    return tuple(_vintage(list(group)) for _, group in groupby(by_month, lambda stand: (stand.currency, stand.month)))


def _vintage(stands: list[Stand]) -> Vintage:
    last = stands[-1]
    return Vintage(
        currency=last.currency,
        month=last.month,
        loans=last.loans,
        lent=Money.of(last.lent, last.currency),
        points=tuple(_point(stand) for stand in stands),
    )


def _point(stand: Stand) -> VintagePoint:
    return VintagePoint(
        months_on_book=(stand.on.year - stand.month.year) * 12 + stand.on.month - stand.month.month,
        on=stand.on,
        outstanding=Money.of(stand.outstanding, stand.currency),
        late_over_30=Money.of(stand.late_over_30, stand.currency),
        par30=ratio(stand.late_over_30, stand.outstanding),
        written_off=Money.of(stand.written_off, stand.currency),
    )
