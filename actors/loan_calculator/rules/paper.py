"""A schedule as a printed document: a title, facts, a picture, a table that may go on for pages, and what is said below it.

What stands in it is the business of paper_of_terms.py, and of the loan actor; how it becomes a file is that of paper_pdf.py. Here is
which row stands on which page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from actors.loan_calculator.rules.plot_shapes import Shape
from messages.money import to_decimal


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed. All texts are as they are shown."""

    title: str
    facts: Sequence[tuple[str, str]]
    """(what, figure), in two columns, the left one first."""
    plot: Sequence[Shape]
    heads: Sequence[str]
    texts: int
    """So many first columns are words; the others are figures, flush right."""
    rows: Sequence[Sequence[str]]
    totals: Sequence[str]
    notes: Sequence[str]
    """Each a line below the totals."""


def pages(rows: int, tail: int, on_first: int, on_others: int) -> list[range]:
    """Which rows stand on which page. The tail, as high as so many rows, stays together below the last one."""
    ends = [min(rows, on_first)]
    while ends[-1] < rows:
        ends.append(min(rows, ends[-1] + on_others))
    begins = [0, *ends[:-1]]
    room = on_first if len(ends) == 1 else on_others
    if ends[-1] - begins[-1] + tail > room:
        # Its sums shall not stand on a page without a row.
        kept = max(ends[-1] - 1, begins[-1])
        ends = [*ends[:-1], kept, rows]
    return [range(begin, end) for begin, end in pairwise([0, *ends])]


def shown(minor: int, currency: str) -> str:
    """With thousands apart: 1,250.00."""
    sign, digits = ("-", -minor) if minor < 0 else ("", minor)
    whole, point, decimals = to_decimal(digits, currency).partition(".")
    return f"{sign}{int(whole):,}{point}{decimals}"
