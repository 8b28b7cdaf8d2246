"""What a check of the doctor comes back with. A fault says what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: `fail` keeps the bank from working, `warn` will hurt one day."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    what: str
    verdict: Verdict
    said: str


def ok(what: str, said: str) -> Finding:
    """As it should be."""
    return Finding(what, Verdict.OK, said)


def warn(what: str, said: str) -> Finding:
    """Works, and will hurt one day."""
    return Finding(what, Verdict.WARN, said)


def fail(what: str, said: str) -> Finding:
    """Keeps the bank from working."""
    return Finding(what, Verdict.FAIL, said)
