"""The bugs that tests plant into the processes that they start, and what each breaks."""

from collections.abc import Callable, Iterable

BUGS: dict[str, Callable[[], None]] = {}


def plant(names: Iterable[str]) -> None:
    """Plant these. KeyError for an unknown one."""
    for name in names:
        BUGS[name]()
