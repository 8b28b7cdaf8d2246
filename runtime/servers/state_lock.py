"""One process at a time runs the servers of a state directory. The keepers hold the lock too, until all servers have ended."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from runtime.servers.errors import StateInUse

LAST_BREATH_SECONDS = 12.0
"""How long the servers of a process that was killed are waited for; they end within 10 seconds."""
TICK_SECONDS = 0.1
LONGEST_PID = 20


def take_lock(file: Path, say: Callable[[str], None], or_else: str) -> int:
    """The descriptor that holds the lock until it is closed, here and in whoever inherited it."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for_the_dead(fd, file, say, or_else)
    except BaseException:
        os.close(fd)
        raise
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    return fd


def _wait_for_the_dead(fd: int, file: Path, say: Callable[[str], None], or_else: str) -> None:
    give_up_at = time.monotonic() + LAST_BREATH_SECONDS
    told = False
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, LONGEST_PID, 0).decode()
            if (holder.isdigit() and Path("/proc", holder).exists()) or time.monotonic() > give_up_at:
                raise StateInUse(f"the servers in {file.parent} are run by process {holder}; stop it, or {or_else}") from None
        else:
            return
        if not told:
            say("waiting for the servers of a process that was killed")
            told = True
        time.sleep(TICK_SECONDS)
