"""The loan calculator's speed, beside numpy-financial and pyxirr in the same run.

They count in binary floats and make no dates, no cents and no last installment; they are here to show what exactness costs.
"""

import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import numpy as np
import numpy_financial as npf
import pyxirr

from actors.loan_calculator.rules.cash_flows import Flow, flows_of
from actors.loan_calculator.rules.day_counts import DayCount
from actors.loan_calculator.rules.internal_rate import xirr
from actors.loan_calculator.rules.schedule import make_schedule
from actors.loan_calculator.rules.terms import Terms
from runtime.clock import stopwatch_seconds

MORTGAGE = Terms(200_000_00, Fraction(65, 1000), 360, date(2024, 1, 31), day_count=DayCount.ACT_365F)
PERSONAL = Terms(10_000_00, Fraction(18, 100), 24, date(2024, 1, 15))
QUOTES = 10_000


@dataclass(frozen=True)
class Timed:
    """One measurement."""

    name: str
    milliseconds: float
    promised: str = ""


def measured(quotes: int = QUOTES) -> list[Timed]:
    """Medians in milliseconds; of the quotes the whole."""
    thirty = replace(MORTGAGE, day_count=DayCount.THIRTY_E_360)
    flows = flows_of(make_schedule(MORTGAGE))
    return [
        Timed("360 monthly rows, ACT/365F", _median(lambda: make_schedule(MORTGAGE)), "1 ms"),
        Timed("360 monthly rows, 30E/360", _median(lambda: make_schedule(thirty)), "1 ms"),
        Timed("  numpy-financial, in floats", _median(_numpy_rows)),
        Timed("  pyxirr, in floats", _median(_pyxirr_rows)),
        Timed(f"{quotes:,} quotes of 24 rows", _once(lambda: _quotes(quotes)), "2,000 ms"),
        Timed("  numpy-financial, in floats", _once(lambda: _numpy_quotes(quotes))),
        Timed("  pyxirr, in floats", _once(lambda: _pyxirr_quotes(quotes))),
        Timed("XIRR of 361 flows, 40 digits", _median(lambda: xirr(flows), 7)),
        Timed("  pyxirr, in floats", _median(lambda: _pyxirr_xirr(flows))),
    ]


def memory_growth_bytes(quotes: int = QUOTES) -> int:
    """What is held after so many quotes beyond what was held after a tenth of them."""
    _quotes(quotes // 10)
    tracemalloc.start()
    _quotes(quotes // 10)
    before = tracemalloc.get_traced_memory()[0]
    _quotes(quotes // 2)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


def _quotes(count: int) -> None:
    for number in range(count):
        assert make_schedule(replace(PERSONAL, principal=10_000_00 + number)).rows[-1].balance == 0


def _numpy_rows() -> None:
    periods = np.arange(1, 361)
    rate = 0.065 / 12
    interest = npf.ipmt(rate, periods, 360, 200_000.0)
    principal = npf.ppmt(rate, periods, 360, 200_000.0)
    list(zip(interest.tolist(), principal.tolist(), (200_000.0 + principal.cumsum()).tolist(), strict=True))


def _pyxirr_rows() -> None:
    rate, balance = 0.065 / 12, 200_000.0
    for period in range(1, 361):
        pyxirr.ipmt(rate, period, 360, 200_000.0)
        balance += pyxirr.ppmt(rate, period, 360, 200_000.0) or 0.0


def _numpy_quotes(count: int) -> None:
    periods = np.arange(1, 25)
    for number in range(count):
        npf.ipmt(0.015, periods, 24, 10_000.0 + number)
        npf.ppmt(0.015, periods, 24, 10_000.0 + number)


def _pyxirr_quotes(count: int) -> None:
    for number in range(count):
        for period in range(1, 25):
            pyxirr.ipmt(0.015, period, 24, 10_000.0 + number)
            pyxirr.ppmt(0.015, period, 24, 10_000.0 + number)


def _pyxirr_xirr(flows: list[Flow]) -> None:
    pyxirr.xirr([flow.on for flow in flows], [float(flow.amount) for flow in flows])


def _once(work: Callable[[], object]) -> float:
    began = stopwatch_seconds()
    work()
    return (stopwatch_seconds() - began) * 1000


def _median(work: Callable[[], object], times: int = 51) -> float:
    return statistics.median(_once(work) for _ in range(times))
