"""The places of a turn where a process can be made to die; the runtime names them."""

from collections.abc import Mapping, Sequence

from runtime.failpoints import NAMES

PLACES = NAMES


def dying_at(passage: int, places: Sequence[str] = PLACES) -> list[Mapping[str, str]]:
    """A life for each place, which ends there by SIGKILL, at the passage."""
    return [{"COFFER_FAILPOINTS": f"{place}=kill@{passage}"} for place in places]
