"""The portfolio in cells (loans of one currency, product and bucket together) -> what is asked of it.

A cell has amounts in minor units. Cells are as many as products and buckets, not as loans, so each answer is a sum over few rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from actors.portfolio.rules.parts import percent_of, ratio
from messages.money import Money
from messages.portfolio import (
    AgeingRow,
    AtRiskRow,
    LateBy,
    OutstandingRow,
    OutstandingTotal,
    ProvisionRow,
    ProvisionTotal,
)

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Cell:
    """The loans of one currency, product, bucket and provision that still owe principal and are not written off."""

    currency: str
    product: str
    bucket: str
    from_days: int
    percent: str
    loans: int = 0
    principal: int = 0
    charged_off: int = 0
    """Of the principal."""
    loans_over_1: int = 0
    """Late by more than one day; so the others."""
    principal_over_1: int = 0
    loans_over_30: int = 0
    principal_over_30: int = 0
    loans_over_60: int = 0
    principal_over_60: int = 0
    loans_over_90: int = 0
    principal_over_90: int = 0


_SUMMED = tuple(field.name for field in fields(Cell) if field.type is int and field.name != "from_days")


def outstanding_rows(cells: Iterable[Cell]) -> tuple[OutstandingRow, ...]:
    """By currency and product."""
    return tuple(
        OutstandingRow(
            currency=cell.currency,
            product=cell.product,
            loans=cell.loans,
            principal=Money.of(cell.principal, cell.currency),
            charged_off=Money.of(cell.charged_off, cell.currency),
        )
        for cell in _together(cells, attrgetter("currency", "product"))
    )


def outstanding_totals(cells: Iterable[Cell]) -> tuple[OutstandingTotal, ...]:
    """By currency."""
    return tuple(
        OutstandingTotal(
            currency=cell.currency,
            loans=cell.loans,
            principal=Money.of(cell.principal, cell.currency),
            charged_off=Money.of(cell.charged_off, cell.currency),
        )
        for cell in _by_currency(cells)
    )


def ageing_rows(cells: Iterable[Cell]) -> tuple[AgeingRow, ...]:
    """By currency and bucket, the least late first."""
    known = list(cells)
    gross = {cell.currency: cell.principal for cell in _by_currency(known)}
    return tuple(
        AgeingRow(
            currency=cell.currency,
            bucket=cell.bucket,
            from_days=cell.from_days,
            loans=cell.loans,
            principal=Money.of(cell.principal, cell.currency),
            share=ratio(cell.principal, gross[cell.currency]),
        )
        for cell in _together(known, attrgetter("currency", "from_days", "bucket"))
    )


def at_risk_rows(cells: Iterable[Cell]) -> tuple[AtRiskRow, ...]:
    """By currency, each with its four figures."""
    return tuple(
        AtRiskRow(
            currency=cell.currency,
            gross=Money.of(cell.principal, cell.currency),
            late=(
                _late(cell, 1, cell.loans_over_1, cell.principal_over_1),
                _late(cell, 30, cell.loans_over_30, cell.principal_over_30),
                _late(cell, 60, cell.loans_over_60, cell.principal_over_60),
                _late(cell, 90, cell.loans_over_90, cell.principal_over_90),
            ),
        )
        for cell in _by_currency(cells)
    )


def provision_rows(cells: Iterable[Cell]) -> tuple[ProvisionRow, ...]:
    """By currency, bucket and percentage, each rounded by itself."""
    return tuple(
        ProvisionRow(
            currency=cell.currency,
            bucket=cell.bucket,
            from_days=cell.from_days,
            percent=cell.percent,
            loans=cell.loans,
            principal=Money.of(cell.principal, cell.currency),
            provision=Money.of(percent_of(cell.percent, cell.principal), cell.currency),
        )
        for cell in _together(cells, attrgetter("currency", "from_days", "bucket", "percent"))
    )


def provision_totals(rows: Iterable[ProvisionRow]) -> tuple[ProvisionTotal, ...]:
    """The sums of the rows, by currency."""
    return tuple(
        ProvisionTotal(
            currency=currency,
            principal=Money.of(sum(row.principal.minor for row in group), currency),
            provision=Money.of(sum(row.provision.minor for row in group), currency),
        )
        for currency, found in groupby(rows, attrgetter("currency"))
        if (group := list(found))
    )


def _late(cell: Cell, days: int, loans: int, principal: int) -> LateBy:
    return LateBy(
        more_than_days=days,
        loans=loans,
        principal=Money.of(principal, cell.currency),
        ratio=ratio(principal, cell.principal),
    )


def _by_currency(cells: Iterable[Cell]) -> list[Cell]:
    return _together(cells, attrgetter("currency"))


def _together(cells: Iterable[Cell], key: Callable[[Cell], Any]) -> list[Cell]:
    """One cell for all of the same key, in the order of the keys; what is not of the key is that of the first."""
    return [_sum(list(group)) for _, group in groupby(sorted(cells, key=key), key)]


def _sum(cells: list[Cell]) -> Cell:
    first, *others = cells
    sums = {name: sum(getattr(cell, name) for cell in others) + getattr(first, name) for name in _SUMMED}
    return Cell(first.currency, first.product, first.bucket, first.from_days, first.percent, **sums)
