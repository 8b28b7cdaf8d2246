"""The nursery: where the bank's processes are born in fault tests. Everything is imported once; each process is a fork.

    python -m tests.faults.launch      reads orders on standard input, tells births and deaths on standard output, JSON a line each

So a process that was killed is back in a moment, and a test can kill many. All of them end with the nursery, and the nursery with
the tests, however they end. Bugs are planted here, in the forked process alone; the product has no switch for them.
"""

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import orjson
import uvloop

from config.pools import load_pools
from config.settings import load_settings
from http_edge.process import run_edge
from runtime.failpoints import failpoints_of
from runtime.house import find_actors
from runtime.process import run_actors
from runtime.telemetry import log_json
from tests.faults.planted import plant

PLANTED = "COFFER_TEST_PLANTED"
"""Names of bugs to plant, comma-separated. Nobody but this module reads it."""


class Order(TypedDict):
    """A process to start."""

    part: str
    """`edge` or `actors`."""
    pools: list[str]
    environment: dict[str, str]
    log: str


def main() -> None:
    """Take orders until standard input ends."""
    _end_with_parent()
    find_actors(load_pools())
    gc.freeze()
    signal.signal(signal.SIGCHLD, lambda *_: _tell_deaths())
    _tell({"ready": os.getpid()})
    while line := sys.stdin.buffer.readline():
        order: Order = orjson.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _live(order)
        _tell({"born": pid})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _tell(what: Mapping[str, int]) -> None:
    os.write(1, orjson.dumps(what) + b"\n")


def _tell_deaths() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"died": pid, "status": os.waitstatus_to_exitcode(status)})


def _live(order: Order) -> None:
    """The whole life of one process; never returns."""
    status = 1
    try:
        _end_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        _rewire(Path(order["log"]))
        os.environ.clear()
        os.environ.update(order["environment"])
        _run(order["part"], order["pools"])
        status = 0
    except BaseException:  # noqa: BLE001 - whatever ends a process is told in its log
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run(part: str, pools: list[str]) -> None:
    environment = dict(os.environ)
    log_json(part)
    signal.signal(signal.SIGUSR1, lambda *_: _tell_what_is_waited_for())
    plant(filter(None, environment.pop(PLANTED, "").split(",")))
    settings = load_settings(environment)
    work: Any = run_edge(settings, environment)
    if part == "actors":
        work.close()
        work = run_actors(settings, environment, only=pools, failpoints=failpoints_of(environment))
    uvloop.run(work)


def _tell_what_is_waited_for() -> None:
    """Into the log, for whoever wonders why a process does not end."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    sys.stderr.flush()


def _rewire(log: Path) -> None:
    """Standard input is nobody's, what is said goes to the log."""
    for stream, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
        opened = os.open(os.devnull, flags)
        os.dup2(opened, stream)
        os.close(opened)
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(opened, 2)
    os.close(opened)


def _end_with_parent() -> None:
    """SIGKILL when the parent is gone: a test that was killed leaves nothing behind, not even what it had stopped."""
    parent_death_signal = 1  # PR_SET_PDEATHSIG
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
