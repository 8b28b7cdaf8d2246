"""However we end, the servers end too; and a state directory has one process at a time."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from runtime.servers import LocalServers, StateInUse
from tests.runtime.servers.conftest import LOCAL

REPOSITORY = Path(__file__).parents[3]
GONE_SECONDS = 10.0

PARENT = """
import asyncio, sys
from pathlib import Path
from runtime.servers import LocalServers

async def main():
    async with LocalServers(Path(sys.argv[1]), fetched_from=Path(sys.argv[2]), only=sys.argv[3:]):
        print("up", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def a_parent(state_dir: Path, *servers: str) -> asyncio.subprocess.Process:
    """Another process that has these servers up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, state_dir, LOCAL, *servers,
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    return process


def processes_of(state_dir: Path) -> dict[int, str]:
    """Every process that names this state directory in its arguments or environment: keepers, servers, epmd, all children."""
    place = str((state_dir / "servers").resolve()).encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = [(entry / name).read_bytes() for name in ("cmdline", "environ")] + [bytes((entry / "cwd").readlink())]
            except OSError:
                continue
            if any(place in text for text in told):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
    return found


async def gone(state_dir: Path, seconds: float = GONE_SECONDS) -> bool:
    give_up_at = time.monotonic() + seconds
    while left := processes_of(state_dir):
        if time.monotonic() > give_up_at:
            print(left)
            return False
        await asyncio.sleep(0.1)
    return True


async def test_nothing_is_left_ten_seconds_after_the_parent_was_killed(state_dir: Path) -> None:
    parent = await a_parent(state_dir, "postgres", "rabbitmq", "redis")
    names = set(processes_of(state_dir).values())
    assert {"postgres", "epmd"} <= names
    assert any("beam" in name for name in names)
    parent.kill()
    await parent.wait()
    assert await gone(state_dir)


async def test_a_killed_parent_is_followed_at_once_by_another(state_dir: Path) -> None:
    parent = await a_parent(state_dir, "postgres", "redis")
    parent.kill()
    await parent.wait()
    said: list[str] = []
    async with LocalServers(state_dir, only=("postgres",), fetched_from=LOCAL, say=said.append) as servers:
        assert servers.postgres.running
    assert "waiting for the servers of a process that was killed" in said


async def test_an_interrupt_ends_everything(state_dir: Path) -> None:
    parent = await a_parent(state_dir, "postgres", "rabbitmq", "redis")
    parent.send_signal(signal.SIGINT)
    await asyncio.wait_for(parent.wait(), GONE_SECONDS)
    assert await gone(state_dir, seconds=1)


async def test_a_server_does_not_outlive_its_keeper(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL) as servers:
        assert servers.redis._kept is not None
        servers.redis._kept._process.kill()
        assert await gone(state_dir)
        assert not servers.redis.running
        await servers.redis.start()
        assert servers.redis.running


async def test_a_server_that_died_by_itself_can_be_started_again(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL) as servers:
        for pid, name in processes_of(state_dir).items():
            if "server" in name:
                os.kill(pid, signal.SIGKILL)
        while servers.redis.running:
            await asyncio.sleep(0.02)
        await servers.redis.start()


async def test_a_second_process_on_the_same_state_is_told_who_has_it(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL):
        with pytest.raises(StateInUse, match=rf"are run by process {os.getpid()}; stop it, or set COFFER_STATE_DIR"):
            async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL):
                pass


async def test_the_same_state_has_the_same_addresses_again(state_dir: Path) -> None:
    async with LocalServers(state_dir, only=("redis", "postgres"), fetched_from=LOCAL) as servers:
        first = (servers.redis_url, servers.database_url)
    async with LocalServers(state_dir, only=("redis", "postgres"), fetched_from=LOCAL) as servers:
        assert (servers.redis_url, servers.database_url) == first
    with socket.create_server(("127.0.0.1", servers.redis.port)):
        async with LocalServers(state_dir, only=("redis",), fetched_from=LOCAL) as servers:
            assert servers.redis_url != first[0]
