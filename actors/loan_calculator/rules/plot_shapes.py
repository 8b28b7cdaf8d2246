"""A schedule drawn as shapes: in each installment principal below interest, and the balance as a line.

How they become a picture is the business of plot_svg.py and plot_png.py. Coordinates are whole pixels from the upper left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.loan_calculator.rules.schedule import Row
from messages.money import to_decimal

WIDTH, HEIGHT = 960, 480
LEFT, RIGHT, TOP, BOTTOM = 130, 830, 60, 420
MOST_BARS = RIGHT - LEFT
"""A bar is at least a pixel wide; of a longer schedule as many installments go into one bar."""

PRINCIPAL, INTEREST, BALANCE, INK, GRID = "#2b6cb0", "#dd8a2b", "#1a202c", "#4a5568", "#d8dee6"
PAPER = "#ffffff"


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: int
    y: int
    width: int
    height: int
    color: str


@dataclass(frozen=True, slots=True)
class Path:
    """A line from point to point."""

    points: tuple[tuple[int, int], ...]
    color: str


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; y is its foot, x its start, middle or end."""

    x: int
    y: int
    text: str
    anchor: str = "start"
    color: str = INK


Shape = Box | Path | Label


def shapes_of(rows: Sequence[Row], currency: str) -> list[Shape]:
    """Grid, bars, line, labels, in drawing order."""
    if not rows:
        return []
    groups = _groups(rows)
    highest = _round_above(max(sum(row.total - row.fees for row in group) for group in groups))
    owed = _round_above(max(row.balance + row.principal for row in rows))
    shapes: list[Shape] = [*_scale(highest, owed, currency)]
    line = [(LEFT, _height(rows[0].balance + rows[0].principal, owed))]
    for number, group in enumerate(groups):
        start = LEFT + (RIGHT - LEFT) * number // len(groups)
        end = LEFT + (RIGHT - LEFT) * (number + 1) // len(groups)
        shapes += _bar(group, highest, start, max(end - start - (1 if end - start > 3 else 0), 1))
        line.append((end, _height(group[-1].balance, owed)))
    shapes.append(Path(tuple(line), BALANCE))
    return [*shapes, *_legend(rows)]


def _groups(rows: Sequence[Row]) -> list[Sequence[Row]]:
    size = -(-len(rows) // MOST_BARS)
    return [rows[index : index + size] for index in range(0, len(rows), size)]


def _bar(group: Sequence[Row], highest: int, x: int, width: int) -> list[Shape]:
    principal = sum(row.principal for row in group)
    top_of_principal = _height(principal, highest)
    top = _height(principal + sum(row.interest for row in group), highest)
    return [
        Box(x, top_of_principal, width, BOTTOM - top_of_principal, PRINCIPAL),
        Box(x, top, width, top_of_principal - top, INTEREST),
    ]


def _scale(highest: int, owed: int, currency: str) -> list[Shape]:
    shapes: list[Shape] = []
    for quarter in range(5):
        y = BOTTOM - (BOTTOM - TOP) * quarter // 4
        shapes.append(Box(LEFT, y, RIGHT - LEFT, 1, GRID))
        shapes.append(Label(LEFT - 8, y + 5, _whole(highest * quarter // 4, currency), "end"))
        shapes.append(Label(RIGHT + 8, y + 5, _whole(owed * quarter // 4, currency)))
    shapes.append(Label(LEFT - 8, TOP - 22, currency, "end"))
    shapes.append(Label(RIGHT + 8, TOP - 22, currency))
    return shapes


def _legend(rows: Sequence[Row]) -> list[Shape]:
    return [
        Box(LEFT, TOP - 36, 12, 12, PRINCIPAL),
        Label(LEFT + 18, TOP - 24, "Principal"),
        Box(LEFT + 150, TOP - 36, 12, 12, INTEREST),
        Label(LEFT + 168, TOP - 24, "Interest"),
        Path(((LEFT + 300, TOP - 30), (LEFT + 312, TOP - 30)), BALANCE),
        Label(LEFT + 318, TOP - 24, "Balance, right scale"),
        Label(LEFT, BOTTOM + 24, rows[0].start.isoformat()),
        Label(RIGHT, BOTTOM + 24, rows[-1].due.isoformat(), "end"),
    ]


def _height(amount: int, highest: int) -> int:
    return BOTTOM - (BOTTOM - TOP) * amount // highest


def _round_above(amount: int) -> int:
    """The next of 1, 2, 4, 6, 8 or 10 times a power of ten, so that quarters are short numbers."""
    power = int("1" + "0" * max(len(str(amount)) - 1, 1))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= amount)


def _whole(minor: int, currency: str) -> str:
    """With thousands apart, and without decimals that are all zero."""
    whole, _, decimals = to_decimal(minor, currency).partition(".")
    grouped = f"{int(whole):,}"
    return f"{grouped}.{decimals}" if decimals.strip("0") else grouped
