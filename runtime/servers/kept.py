"""Our side of a keeper: start it, tell it to stop or kill its server, see whether it is still there."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runtime.servers import keeper
from runtime.servers.errors import ServerFailed
from runtime.servers.place import Place

LONGEST_LOG_BYTES = 8 * 1024 * 1024
"""A log that is longer at a start is moved aside; one old log is kept."""
TICK_SECONDS = 0.02
SLACK_SECONDS = 8.0
"""What the keeper itself may take, beside the server's own time to stop."""

CLEAN_NAMES = ("TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What servers inherit of our environment. Nothing else: PGPORT, RABBITMQ_* or ERL_* of the operator would change them."""


_COMPLAINT = re.compile(r"error|fatal|cannot|could not|fail", re.IGNORECASE)


@dataclass(frozen=True)
class Command:
    """How a server is run in the foreground."""

    argv: Sequence[str | Path]
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
    stop_seconds: float = 10.0
    env: Mapping[str, str] = field(default_factory=dict)


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for the servers and their tools."""
    kept = {name: os.environ[name] for name in CLEAN_NAMES if name in os.environ}
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **kept, **extra}


class Kept:
    """A running server, by way of its keeper."""

    def __init__(self, place: Place, name: str, command: Command) -> None:
        logs = place.root / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        self.log = logs / f"{name}.log"
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old"))
        self._name = name
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._stop_seconds = command.stop_seconds
        account = place.account
        order = keeper.Order(
            argv=[str(part) for part in command.argv],
            env=clean_environment(command.env),
            cwd=str(place.root),
            uid=account.uid if account else None,
            gid=account.gid if account else None,
            parent=os.getpid(),
            stop_signals=[int(number) for number in command.stop_signals],
            stop_seconds=command.stop_seconds,
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", "-S", keeper.__file__],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=() if place.lock_fd is None else (place.lock_fd,),
                start_new_session=True,  # an interrupt at the terminal is ours to pass on
                cwd="/",
            )
        self._say(json.dumps(order))

    @property
    def running(self) -> bool:
        """Whether the server has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """What it logged last since its start, best of all a complaint."""
        with self.log.open("rb") as stream:
            stream.seek(self._log_start)
            lines = [line.strip() for line in stream.read().decode(errors="replace").splitlines() if line.strip()]
        return next((line for line in reversed(lines) if _COMPLAINT.search(line)), lines[-1] if lines else "it said nothing")

    async def end(self, how: Literal["stop", "kill"]) -> None:
        """Return when the server and all that it started are gone."""
        self._say(how)
        give_up_at = time.monotonic() + self._stop_seconds + SLACK_SECONDS
        while self.running:  # asked, not awaited: the process belongs to no event loop, so one may start it and another end it
            if time.monotonic() > give_up_at:
                self._process.kill()
                raise ServerFailed(f"{self._name} does not end; look for its processes")
            await asyncio.sleep(TICK_SECONDS)
        self._close()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # it has ended already

    def _close(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            return
