"""The bugs that tests plant into the processes that they start, and what each breaks."""

from collections.abc import Callable, Iterable

from runtime import database


def impatient() -> None:
    """No bug: locks of the dead are given up in seconds, so that a test need not wait for them."""
    database.LOCK_SECONDS = 1
    database.IDLE_SECONDS = 2


BUGS: dict[str, Callable[[], None]] = {each.__name__: each for each in (impatient,)}


def plant(names: Iterable[str]) -> None:
    """Plant these. KeyError for an unknown one."""
    for name in names:
        BUGS[name]()
