"""Time that passes for a while: the house is shared, and who comes after should meet it as it was."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from tests.bank import Bank


@contextlib.contextmanager
def time_passes(bank: Bank, **how_much: float) -> Iterator[None]:
    """Inside it is later, by so many days or seconds (as timedelta has them)."""
    seconds = timedelta(**how_much).total_seconds()
    bank.clock.advance(seconds=seconds)
    try:
        yield
    finally:
        bank.clock.advance(seconds=-seconds)
