"""Time value functions by name: what each needs, and its figure."""

from collections.abc import Callable
from decimal import Decimal

from actors.loan_calculator.rules import time_value
from actors.loan_calculator.rules.time_value import When
from messages.loan_calculator import NoTerm, TermsBeyondLimit, TimeValue

_NEEDS = {
    "PMT": ("rate", "nper"),
    "IPMT": ("rate", "nper", "per"),
    "PPMT": ("rate", "nper", "per"),
    "PV": ("rate", "nper", "pmt"),
    "FV": ("rate", "nper", "pmt"),
    "NPER": ("rate", "pmt"),
    "RATE": ("nper", "pmt"),
}
HIGHEST_RATE = Decimal(1000)
LARGEST_RESULT = Decimal("1e100")


def worked(said: TimeValue) -> Decimal:
    """The function's figure. Refuses where an argument that it needs is missing."""
    for name in _NEEDS[said.function]:
        if getattr(said, name) is None:
            raise NoTerm(f"{said.function} needs {name}.", field=name)
    rate = Decimal(said.rate or 0)
    if not -1 < rate <= HIGHEST_RATE:
        raise TermsBeyondLimit("The rate is above -1, and not beyond 1000.", field="rate")
    found = _figure(said, rate)
    if abs(found) > LARGEST_RESULT:
        raise TermsBeyondLimit("The result is larger than any amount.", field="rate")
    return found


def _figure(said: TimeValue, rate: Decimal) -> Decimal:
    when, nper, per = When(said.type), said.nper or 1, said.per or 1
    pmt, pv, fv = Decimal(said.pmt or 0), Decimal(said.pv), Decimal(said.fv)
    figures: dict[str, Callable[[], Decimal]] = {
        "PMT": lambda: time_value.pmt(rate, nper, pv, fv, when),
        "IPMT": lambda: time_value.ipmt(rate, per, nper, pv, fv, when),
        "PPMT": lambda: time_value.ppmt(rate, per, nper, pv, fv, when),
        "PV": lambda: time_value.pv(rate, nper, pmt, fv, when),
        "FV": lambda: time_value.fv(rate, nper, pmt, pv, when),
        "NPER": lambda: time_value.nper(rate, pmt, pv, fv, when),
        "RATE": lambda: time_value.rate(nper, pmt, pv, fv, when),
    }
    return figures[said.function]()
