"""What is done to the servers below a bank, beside killing them: memory runs short, the disk is late, order and floors are taken away."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

from runtime.link import Link
from runtime.topology import COMMANDS, HIGHEST_PRIORITY, declare
from tests.faults.branch import Branch
from tests.faults.processes import Worker

_ALARM = """
    vm_memory_monitor:set_vm_memory_high_watermark({{absolute, 1000000}}),
    timer:sleep({milliseconds}),
    vm_memory_monitor:set_vm_memory_high_watermark(0.4).
"""
_FLOOR = "CHECK (floor IS NULL OR normal * balance - held >= floor) NOT VALID"


async def be_short_of_memory(branch: Branch, seconds: float) -> None:
    """Let the broker's memory alarm last so long. One command, because a busy machine takes long to begin each."""
    await branch.servers.rabbitmq.ctl("eval", _ALARM.format(milliseconds=int(seconds * 1000)))


@contextlib.asynccontextmanager
async def lazy_disk(branch: Branch) -> AsyncIterator[None]:
    """PostgreSQL writes to the disk only what somebody waits for: the process that would write the rest hangs."""
    database = await branch.database()
    writer = await database.fetchval("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    await database.close()
    os.kill(writer, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(writer, signal.SIGCONT)


@contextlib.asynccontextmanager
async def without_the_last_word(branch: Branch) -> AsyncIterator[None]:
    """The database does not know the floors: the decision must be right by itself."""
    database = await branch.database()
    await database.execute("ALTER TABLE ledger.account DROP CONSTRAINT floor_is_never_passed")
    try:
        yield
    finally:
        await database.execute(f"ALTER TABLE ledger.account ADD CONSTRAINT floor_is_never_passed {_FLOOR}")
        await database.close()


@contextlib.asynccontextmanager
async def unordered(branch: Branch, worker: Worker) -> AsyncIterator[None]:
    """The broker hands the worker's commands to all who consume them at once."""
    queue = branch.topology.mailboxes[worker.pools[0]].command_queue(0)
    await worker.retire()
    await _make_anew(branch, queue, arguments={"x-queue-type": "classic", "x-max-priority": HIGHEST_PRIORITY})
    try:
        worker.start(branch.environment)
        yield
    finally:
        await worker.retire()
        await _make_anew(branch, queue)


async def _make_anew(branch: Branch, queue: str, arguments: Mapping[str, Any] | None = None) -> None:
    """Delete a queue of commands and declare it again: as it should be, or with other arguments."""
    link = await Link.connect(branch.servers.broker_url, name="test queues")
    try:
        channel = await link.admin_channel()
        await channel.queue_delete(queue)
        if arguments is not None:
            await channel.queue_declare(queue, durable=True, arguments=dict(arguments))
            await channel.queue_bind(queue, COMMANDS, queue.removeprefix("commands.") + ".#")
        else:
            await declare(link, branch.topology)
    finally:
        await link.close()
