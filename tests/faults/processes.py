"""The bank's processes in fault tests: started, killed by any signal, stopped and let go on, and started again by a small supervisor."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from tests.bank import until
from tests.faults import launch

RESTART_SECONDS = 0.1
BIRTH_SECONDS = 60
"""Importing everything takes two seconds of a processor; a busy machine takes its time."""
DEATH_SECONDS = 25


class Nursery:
    """Forks processes that have imported everything; `launch.py`."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._births: asyncio.Queue[int] = asyncio.Queue()
        self._deaths: dict[int, asyncio.Future[int]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._one_order = asyncio.Lock()

    async def open(self) -> None:
        """Start it, and wait until it takes orders."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", launch.__name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._listening = asyncio.create_task(self._listen(), name="nursery")
        async with asyncio.timeout(BIRTH_SECONDS):
            assert await self._births.get() == self._process.pid

    async def close(self) -> None:
        """End it; its processes end with it."""
        assert self._process is not None
        assert self._listening is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = orjson.loads(line)
            if "died" in told:
                self._death_of(told["died"]).set_result(told["status"])
            else:
                self._births.put_nowait(told.get("born") or told["ready"])

    def _death_of(self, pid: int) -> "asyncio.Future[int]":
        return self._deaths.setdefault(pid, asyncio.get_running_loop().create_future())

    async def born(self, order: launch.Order) -> tuple[int, "asyncio.Future[int]"]:
        """A new process: its id, and how it will have ended (an exit code, or a signal below zero)."""
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._one_order:
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            await self._process.stdin.drain()
            async with asyncio.timeout(BIRTH_SECONDS):
                pid = await self._births.get()
        return pid, self._death_of(pid)


class Worker:
    """One process of the bank, born again whenever it dies, until it is retired.

    `lives` holds the additional environment of each coming life, such as the failpoint that ends it; later lives have none.
    """

    def __init__(self, nursery: Nursery, name: str, part: str, pools: list[str], log: Path) -> None:
        self.name = name
        self.part = part
        self.pools = pools
        self.log = log
        self.environment: Mapping[str, str] = {}
        self.lives: list[Mapping[str, str]] = []
        self.ended: list[int] = []
        """How each life ended: 0, or the signal below zero."""
        self.pid = 0
        self._nursery = nursery
        self._supervising: asyncio.Task[None] | None = None
        self._retiring = False

    def start(self, environment: Mapping[str, str]) -> None:
        """Be born, and again after each death."""
        assert self._supervising is None, f"{self.name} runs already"
        self.environment = environment
        self.ended = []
        self._retiring = False
        self._supervising = asyncio.create_task(self._supervise(), name=self.name)

    async def _supervise(self) -> None:
        while not self._is_retired():
            extra = self.lives.pop(0) if self.lives else {}
            self.pid, death = await self._nursery.born(
                {
                    "part": self.part,
                    "pools": self.pools,
                    "environment": {**self.environment, **extra},
                    "log": str(self.log),
                }
            )
            if self._is_retired():
                os.kill(self.pid, signal.SIGKILL)
            status = await death
            self.pid = 0
            self.ended.append(status)
            if not self._is_retired():
                await asyncio.sleep(RESTART_SECONDS)

    def _is_retired(self) -> bool:
        return self._retiring

    async def alive(self) -> int:
        """Wait until it lives; its process id."""
        await until(lambda: self.pid)
        return self.pid

    async def until_died(self, *, within_seconds: float = 20) -> None:
        """Wait until this life has ended by itself."""
        lived = len(self.ended)
        await until(lambda: len(self.ended) > lived, within_seconds=within_seconds)

    async def kill(self) -> None:
        """SIGKILL this life; the next one follows by itself."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> None:
        """SIGTERM this life and wait for its end; the next one follows by itself."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        lived = len(self.ended)
        os.kill(await self.alive(), number)
        self.send(signal.SIGUSR1, after_seconds=DEATH_SECONDS - 1)  # the log tells what it waits for
        await until(lambda: len(self.ended) > lived, within_seconds=DEATH_SECONDS)

    def send(self, number: signal.Signals, *, after_seconds: float = 0) -> None:
        """A signal, now or a little later, if it still lives then."""
        asyncio.get_running_loop().call_later(after_seconds, self._send, self.pid, number)

    def _send(self, pid: int, number: signal.Signals) -> None:
        if pid and pid == self.pid:
            os.kill(pid, number)

    async def stop(self) -> None:
        """SIGSTOP: it hangs, as under a debugger or in a machine that is moved."""
        os.kill(await self.alive(), signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def is_employed(self) -> bool:
        """Whether it was started and not retired."""
        return self._supervising is not None

    @property
    def is_stopped(self) -> bool:
        """Whether it hangs."""
        if not self.pid:
            return False
        with contextlib.suppress(FileNotFoundError):  # it has just died
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    async def retire(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it for good; with SIGTERM it may finish what it has in hand."""
        self._retiring = True
        self.lives.clear()
        if self._supervising is None:
            return
        if self.pid:
            os.kill(self.pid, how)
        async with asyncio.timeout(DEATH_SECONDS):
            await self._supervising
        self._supervising = None
