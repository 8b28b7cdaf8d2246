"""A small process between us and one server: whatever becomes of us, the server and all that it started ends.

Run by path, on the standard library alone, so that it starts at once: `python -I -S keeper.py`. Standard input is one line of
JSON (see `Order`), then commands, `stop` or `kill`, a line each. Its end, or the end of the parent, means stop. The server
writes to the keeper's own output, a log file. The keeper ends when no process that descends from the server is left, with the
server's exit status (128 and the signal's number for a signal).
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypedDict

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

ORPHAN_STOP_SECONDS = 5.0
"""What a server gets to end in when our parent is gone. Nobody waits for it, but the next start of the same state does."""
IMMEDIATE_SECONDS = 1.0
"""What it gets after the second, harder signal, where it has one."""
KILL_SECONDS = 5.0
"""The longest that killed processes take to be gone; longer only when the kernel holds them."""
TICK_SECONDS = 0.02
"""How often a server that was told to stop is looked at."""


class Order(TypedDict):
    """What to keep: how it is started and how it is stopped."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    uid: int | None
    gid: int | None
    parent: int
    stop_signals: list[int]
    """The polite one; then, where there is one, the one for an immediate end."""
    stop_seconds: float
    """What the polite one gets."""


def main() -> int:
    """Start the server, wait for its end or an order to end it, leave nothing behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # daemons that the server starts (epmd) stay ours
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    line, commands = _first_line()
    order: Order = json.loads(line)
    server = _start(order, libc)
    how, seconds = _wait(server, order, wake, commands)
    if how == "stop" and server.poll() is None:
        _ask_to_end(server, order["stop_signals"], seconds)
    _kill_all(server)
    status = server.returncode
    return status if status >= 0 else 128 - status


def _first_line() -> tuple[bytes, bytes]:
    """The order, and what came with it."""
    data = b""
    while b"\n" not in data:
        chunk = os.read(0, 65536)
        if not chunk:
            sys.exit(0)
        data += chunk
    line, _, rest = data.partition(b"\n")
    return line, rest


def _start(order: Order, libc: ctypes.CDLL) -> "subprocess.Popen[bytes]":
    def die_with_keeper() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

    who: dict[str, Any] = {} if order["uid"] is None else {"user": order["uid"], "group": order["gid"], "extra_groups": []}
    try:
        return subprocess.Popen(  # noqa: S603 - a binary found by this package; no shell
            order["argv"],
            env=order["env"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_keeper,  # noqa: PLW1509 - the keeper has one thread
            **who,
        )
    except OSError as error:
        sys.exit(f"cannot start {order['argv'][0]}: {error}")


def _wait(server: "subprocess.Popen[bytes]", order: Order, wake: int, commands: bytes) -> tuple[str, float]:
    """Until there is a reason to end: its name, `stop` or `kill`, and how long a stop may take."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(wake, select.POLLIN)
    parent = -1
    with contextlib.suppress(
        OSError, AttributeError
    ):  # gone already, or an old Python build: the end of our input tells it too
        parent = os.pidfd_open(order["parent"])
        poll.register(parent, select.POLLIN)
    while True:
        if b"kill" in commands or server.poll() is not None:
            return "kill", 0
        if b"stop" in commands:
            return "stop", order["stop_seconds"]
        ready = {fd for fd, _ in poll.poll()}
        told = set(os.read(wake, 64)) - {signal.SIGCHLD} if wake in ready else set()
        heard = os.read(0, 4096) if 0 in ready else b""
        if parent in ready or told or (0 in ready and not heard):
            return "stop", ORPHAN_STOP_SECONDS
        commands += heard


def _ask_to_end(server: "subprocess.Popen[bytes]", signals: list[int], seconds: float) -> None:
    for number in signals:
        server.send_signal(number)
        give_up_at = time.monotonic() + seconds
        while server.poll() is None and time.monotonic() < give_up_at:
            time.sleep(TICK_SECONDS)
        seconds = IMMEDIATE_SECONDS


def _kill_all(server: "subprocess.Popen[bytes]") -> None:
    """SIGKILL for the server and whatever descends from it, until the kernel says that we have no children."""
    give_up_at = time.monotonic() + KILL_SECONDS
    if server.poll() is None:
        server.kill()
    while time.monotonic() < give_up_at:
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if server.poll() is not None and not _reap():
            return
        time.sleep(TICK_SECONDS)
    sys.exit(1)


def _reap() -> bool:
    """Bury orphans that became ours; whether children are left. Only once the server itself has been waited for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text(errors="replace")
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


if __name__ == "__main__":
    sys.exit(main())
