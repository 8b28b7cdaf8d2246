"""What the three servers have in common: prepare, start, answer, stop, kill, begin anew."""

import asyncio
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from runtime.servers.errors import ServerFailed
from runtime.servers.kept import Command, Kept
from runtime.servers.place import Place
from runtime.servers.ports import Ports, is_free

READY_SECONDS = 60.0
"""The longest wait for a first answer; a crash recovery or a loaded machine can take long."""
PROBE_SECONDS = 5.0
"""The longest wait for the answer to one question."""
BETWEEN_PROBES_SECONDS = 0.05


class Server(ABC):
    """One server of ours, with its data below the place of its state directory."""

    name: ClassVar[str]
    """As a directory and in messages."""

    def __init__(self, place: Place, ports: Ports, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._kept: Kept | None = None
        self._data: Path | None = None
        self.port = ports.take(self.name)
        self._other_ports: tuple[int, ...] = ()

    @property
    def home(self) -> Path:
        """Where it keeps what it keeps."""
        return self._place.directory(self.name)

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._kept is not None and self._kept.running

    async def start(self) -> None:
        """Start it where it is, on its port, and wait until it answers. Nothing when it runs."""
        if self.running:
            return
        await self._forget()
        command = await asyncio.to_thread(self._prepare)
        for port in (self.port, *self._other_ports):
            if not is_free(port):
                raise ServerFailed(f"{self.name}: port {port} was taken by another program")
        self._kept = Kept(self._place, self.name, command)
        try:
            await self._until_it_answers(self._kept)
            await self._settle()
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End it politely: what it has is written down."""
        await self._end("stop")

    async def kill(self) -> None:
        """SIGKILL for it and all that it started, as when the power fails."""
        await self._end("kill")

    async def wipe(self) -> None:
        """Delete all that it keeps and start it anew: empty, on the same port, with the same users."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.home)
        await self.start()

    @abstractmethod
    def _prepare(self) -> Command:
        """Find the binaries and make what the server needs before its start. May take long; runs in a thread."""

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether it speaks its protocol. OSError and TimeoutError mean no."""

    @abstractmethod
    async def _settle(self) -> None:
        """What is done once it answers."""

    async def _until_it_answers(self, kept: Kept) -> None:
        give_up_at = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up_at:
            if not kept.running:
                raise ServerFailed(f"{self.name} ended at its start: {kept.said()} (more in {kept.log})")
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    if await self._answers():
                        return
            except OSError:
                pass
            await asyncio.sleep(BETWEEN_PROBES_SECONDS)
        raise ServerFailed(f"{self.name} gives no answer after {READY_SECONDS:.0f} s; its log is {kept.log}")

    async def _end(self, how: str) -> None:
        if self._kept is not None:
            await self._kept.end("kill" if how == "kill" else "stop")
            self._kept = None

    async def _forget(self) -> None:
        """Put away what is left of one that ended by itself."""
        await self._end("kill")
