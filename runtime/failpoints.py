"""Named places where a test may make the process die, wait or fail. They do nothing outside of the test profile.

    COFFER_FAILPOINTS="after_commit_before_reply=kill@3"      die with SIGKILL at the third passage

Actions: kill, stop (SIGSTOP), raise, and wait (for as many seconds as follow a colon: wait:2). Without @n, at the first passage
only; @* is each.
"""

import asyncio
import os
import signal

from runtime.errors import MessageFault

NAMES = (
    "after_receive",
    "after_begin",
    "before_commit",
    "after_commit_before_reply",
    "after_reply_before_ack",
    "before_event_publish",
    "after_event_publish",
)
FLUSH_SECONDS = 0.02
"""Before a signal: what was said up to here leaves the process, so that it dies where its name says."""

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Failpoints:
    """What is to happen at which passage."""

    def __init__(self, wanted: str = "") -> None:
        self._wanted: dict[str, tuple[str, str]] = {}
        self._passed: dict[str, int] = {}
        for one in filter(None, wanted.split(",")):
            name, _, action = one.partition("=")
            action, _, when = action.partition("@")
            if name not in NAMES:
                raise ValueError(f"no failpoint {name}; there are {', '.join(NAMES)}")
            self._wanted[name] = (action, when or "1")

    async def passing(self, name: str) -> None:
        """Do what is wanted here, if anything."""
        if not self._wanted or name not in self._wanted:
            return
        action, when = self._wanted[name]
        self._passed[name] = self._passed.get(name, 0) + 1
        if when not in ("*", str(self._passed[name])):
            return
        if action in _SIGNALS:
            await asyncio.sleep(FLUSH_SECONDS)
            os.kill(os.getpid(), _SIGNALS[action])
        elif action == "raise":
            raise MessageFault(f"failpoint {name}")
        elif action.startswith("wait:"):
            await asyncio.sleep(float(action.removeprefix("wait:")))


def failpoints_of(environment: dict[str, str]) -> Failpoints:
    """From COFFER_FAILPOINTS, in the test profile only."""
    if environment.get("COFFER_PROFILE") != "test":
        return Failpoints()
    return Failpoints(environment.get("COFFER_FAILPOINTS", ""))
