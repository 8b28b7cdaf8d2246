"""A wire between actors and PostgreSQL that is cut in the middle of a COMMIT: before the server has it, or before its answer is back.

async with CommitCutter(port) as cutter:        # actors connect to cutter.port
cutter.cut("after", passing=3)              # the third COMMIT from now is done, and nobody is told
await until(lambda: cutter.cuts == 1)
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, Self

HOST = "127.0.0.1"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""A turn's COMMIT as PostgreSQL's protocol carries it."""

When = Literal["before", "after"]
Pump = Callable[[asyncio.StreamReader, asyncio.StreamWriter, "Line"], Awaitable[None]]


class Line:
    """One connection through the proxy."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.answer_is_due = False
        """A COMMIT went through, and its answer must not."""

    def cut(self) -> None:
        """Reset it on both sides."""
        for writer in self._writers:
            writer.transport.abort()


class CommitCutter:
    """The proxy."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._when: When | None = None
        self._left = 0
        self.cuts = 0
        """How many COMMITs were cut."""
        self._server: asyncio.Server
        self._lines: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self, when: When, *, passing: int) -> None:
        """Cut one COMMIT, counted from now."""
        self._when, self._left = when, passing

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for line in list(self._lines):
            line.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer), name="line to postgres")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, server_writer)
        self._lines.add(line)
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, line, self._asks), self._pump(server_reader, writer, line, self._answers)
            )
        finally:
            line.cut()
            self._lines.discard(line)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        line: Line,
        passes: Callable[[bytes, Line], bool],
    ) -> None:
        try:
            while data := await reader.read(65536):
                if not passes(data, line):
                    self.cuts += 1
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # the other side is gone; so is this line
        line.cut()

    def _asks(self, data: bytes, line: Line) -> bool:
        """Whether what the actor says may pass."""
        if self._when is None or not data.endswith(COMMIT):
            return True
        self._left -= 1
        if self._left:
            return True
        when, self._when = self._when, None
        line.answer_is_due = when == "after"
        return when == "after"

    def _answers(self, _data: bytes, line: Line) -> bool:
        """Whether what the server says may pass."""
        return not line.answer_is_due
