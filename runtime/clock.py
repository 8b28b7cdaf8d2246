"""What time it is. The only place that asks the machine; a test sets it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time in UTC."""

    def now(self) -> datetime:
        """Aware UTC time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)


class SettableClock:
    """Follows the machine's clock at a distance that a test sets."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Aware UTC time, moved by what was advanced."""
        return datetime.now(UTC) + self._ahead

    def advance(self, *, seconds: float) -> None:
        """Move on by so many seconds."""
        self._ahead += timedelta(seconds=seconds)

    def rewind(self) -> None:
        """Back to the machine's time."""
        self._ahead = timedelta()


def unix_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, as deadlines travel."""
    return int(moment.timestamp() * 1000)


def stopwatch_seconds() -> float:
    """For measuring how long something took; never for telling the time."""
    return time.monotonic()
