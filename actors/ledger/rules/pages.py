"""Which postings a statement page shows. Numbers have no gap, so a page is a range of them."""

from typing import Literal, NamedTuple


class PageRange(NamedTuple):
    """Postings `first` to `last`, both included; empty when first is above last."""

    first: int
    last: int
    cursor: int | None
    """The number at which this page ended, when there is more beyond it."""


def page_range(first: int, last: int, order: Literal["newest", "oldest"], cursor: int | None, limit: int) -> PageRange:
    """The page after `cursor` of the postings `first` to `last`."""
    if order == "newest":
        last = last if cursor is None else min(last, cursor - 1)
        lowest = max(first, last - limit + 1)
        return PageRange(lowest, last, lowest if lowest > first else None)
    first = first if cursor is None else max(first, cursor + 1)
    highest = min(last, first + limit - 1)
    return PageRange(first, highest, highest if highest < last else None)
