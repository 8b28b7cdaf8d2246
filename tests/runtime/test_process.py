"""A process of actors: pools that change while it runs, a drain that finishes what was begun, and an end that does not wait."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from config.errors import ConfigError
from runtime.clock import stopwatch_seconds
from runtime.process import ActorsProcess, run_actors
from tests.bank import until
from tests.runtime import probe_process
from tests.runtime.probe import Probe, scene
from tests.runtime.probe_house import ACTORS, ProbeHouse, pools_in
from tests.runtime.vocabulary import Add


class Worker:
    """A process of its own, and what it logs."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [orjson.loads(line) for line in self._log.read_bytes().splitlines() if line.startswith(b"{")]

    def line(self, event: str) -> dict[str, Any] | None:
        """The last line of an event."""
        return next((line for line in reversed(self.lines) if line["event"] == event), None)

    async def ends(self, *, within_seconds: float) -> int:
        """Its exit code."""
        async with asyncio.timeout(within_seconds):
            return await self.process.wait()


@pytest.fixture
async def worker(probe: ProbeHouse, tmp_path: Path) -> AsyncIterator[Worker]:
    """The probe's pool in a process of its own, and nowhere else."""
    ours = probe.actors.pools["probe"]
    await ours.drain()
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            probe_process.__name__,
            "probe",
            env={**os.environ, **probe.environment},
            stderr=stream,
        )
    found = Worker(process, log)
    try:
        await until(lambda: _consumes(probe, process.pid), within_seconds=30)
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        probe.write_pools({})
        ours._open()
        await probe.until_ready()


async def _consumes(probe: ProbeHouse, pid: int, **settings: object) -> bool:
    rows = await probe.fetch(
        "SELECT pools FROM runtime.process WHERE pid = $1 AND seen_at > now() - interval '10 seconds'", pid
    )
    state = [orjson.loads(row["pools"]).get("probe", {}) for row in rows]
    return any(each.get("consuming") and all(each[name] == value for name, value in settings.items()) for each in state)


async def test_a_process_that_is_told_to_stop_finishes_what_it_has_begun(probe: ProbeHouse, worker: Worker) -> None:
    (first,) = await probe.mouth.say(Add(counter="drained", amount=1, trouble="nap:0.8"))
    await probe.mouth.say(*(Add(counter="drained", amount=amount) for amount in range(2, 6)))
    queue = f"commands.probe.{probe.topology.mailboxes['probe'].partition_of('drained'):02d}"
    await until(lambda: _is_taken(probe, queue))
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ends(within_seconds=10) == 0
    # The turn was finished and answered; what had not begun waits in its place for the next process.
    await probe.mouth.until_answered(first)
    assert await probe.steps("drained") == [1]
    assert [line["event"] for line in worker.lines if line["event"] in ("draining", "stopped")] == ["draining", "stopped"]
    assert not await probe.fetch("SELECT FROM runtime.process WHERE pid = $1", worker.process.pid)
    probe.actors.pools["probe"]._open()
    await probe.until_stepped("drained", [1, 2, 3, 4, 5])
    assert [each["amount"] for each in await probe.until_heard("drained", 5)] == [1, 2, 3, 4, 5]
    await probe.actors.pools["probe"].drain()


async def _is_taken(probe: ProbeHouse, queue: str) -> bool:
    found = await probe.depth(queue)
    return found is not None and found[0] == 0


async def test_a_second_signal_ends_at_once(probe: ProbeHouse, worker: Worker) -> None:
    await probe.mouth.say(Add(counter="abandoned", trouble="nap:2"))
    queue = f"commands.probe.{probe.topology.mailboxes['probe'].partition_of('abandoned'):02d}"
    await until(lambda: _is_taken(probe, queue))
    worker.process.send_signal(signal.SIGTERM)
    await until(lambda: worker.line("draining"))
    began = stopwatch_seconds()
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ends(within_seconds=3) == 130
    assert stopwatch_seconds() - began < 1
    probe.actors.pools["probe"]._open()
    await probe.until_stepped("abandoned", [1])
    await probe.actors.pools["probe"].drain()


async def test_the_pools_file_is_read_again_when_asked_and_a_bad_one_is_refused(probe: ProbeHouse, worker: Worker) -> None:
    probe.write_pools({"probe": {"concurrency": 3, "prefetch": 7}})
    worker.process.send_signal(signal.SIGHUP)
    await until(lambda: _consumes(probe, worker.process.pid, concurrency=3, prefetch=7), within_seconds=15)
    assert (await probe.says(Add(counter="changed"))).total == 1

    (probe.folder / "pools.yaml").write_text(
        "pools:\n  probe:\n    actor: actors.probe\n    mailbox: keyed\n    concurency: 5\n"
    )
    worker.process.send_signal(signal.SIGHUP)
    await until(lambda: worker.line("pools.yaml refused; the old settings stay"))
    refused = worker.line("pools.yaml refused; the old settings stay")
    assert refused is not None
    assert ":5:" in refused["problems"]
    assert "concurency" in refused["problems"]
    assert await _consumes(probe, worker.process.pid, concurrency=3, prefetch=7)
    assert (await probe.says(Add(counter="changed"))).total == 2

    metrics = worker.line("metrics")
    assert metrics is not None
    async with aiohttp.ClientSession() as http, http.get(metrics["url"]) as response:
        told = await response.text()
    assert 'coffer_handled_total{actor="probe",outcome="reply",type="probe.add.v1"} 2.0' in told


async def test_a_pool_changes_under_load_and_loses_and_reorders_nothing(probe: ProbeHouse) -> None:
    keys = [f"reloaded {number}" for number in range(8)]
    said = asyncio.create_task(_keep_saying(probe, keys, 30))
    for concurrency in (1, 5, 2, 8):
        probe.write_pools({"probe": {"concurrency": concurrency, "prefetch": 10 * concurrency}})
        # Twice at once, as an impatient operator does.
        await asyncio.gather(probe.actors.reload(), probe.actors.reload())
        assert probe.actors.pools["probe"].settings.concurrency == concurrency
        assert len(probe.actors.pools["probe"]._mailboxes) == 17
    await said
    for key in keys:
        await probe.until_stepped(key, list(range(30)))
        assert scene.most_working[key] == 1
    probe.write_pools({})
    await probe.actors.reload()


async def _keep_saying(probe: ProbeHouse, keys: list[str], times: int) -> None:
    for amount in range(times):
        await probe.mouth.say(*(Add(counter=key, amount=amount) for key in keys), reply_to="")
        await asyncio.sleep(0.02)


async def test_a_partition_is_handed_over_between_processes_in_order(probe: ProbeHouse) -> None:
    other = probe.another_process(only=("probe",))
    await other.start()
    await until(lambda: other.pools["probe"].is_consuming)
    keys = [f"handed over {number}" for number in range(16)]
    said = asyncio.create_task(_keep_saying(probe, keys, 40))
    ours = probe.actors.pools["probe"]
    for one, two in ((ours, other.pools["probe"]), (other.pools["probe"], ours)):
        await until(lambda: two.is_consuming)  # noqa: B023 - waited for within the round
        began = len(scene.begun)
        await one.drain()
        await until(lambda: len(scene.begun) > began + 50 or said.done())  # noqa: B023 - waited for within the round
        one._open()
    await said
    for key in keys:
        await probe.until_stepped(key, list(range(40)))
        assert scene.most_working[key] == 1
    await other.stop()


async def test_a_second_replica_stands_by(probe: ProbeHouse) -> None:
    probe.write_pools({"probe": {"replicas": 2}})
    await probe.actors.reload()
    await probe.until_ready()
    assert await probe.depth("commands.probe.00") == (0, 2)
    for number in range(20):
        assert (await probe.says(Add(counter=f"standby {number}"))).total == 1
    probe.write_pools({})
    await probe.actors.reload()


async def test_what_a_pool_is_does_not_change_while_it_runs(probe: ProbeHouse) -> None:
    probe.write_pools({"probe": {"mailbox": "competing", "concurrency": 4}})
    await probe.actors.reload()
    assert probe.actors.pools["probe"].settings.mailbox.value == "keyed"
    assert probe.actors.pools["probe"].settings.concurrency == 4
    await probe.until_ready()
    assert len(probe.actors.pools["probe"]._mailboxes) == 17
    probe.write_pools({})
    await probe.actors.reload()


async def test_only_the_partitions_that_are_asked_for_are_served(probe: ProbeHouse) -> None:
    probe.write_pools({"probe": {"partitions": "0-3"}})
    await probe.actors.reload()
    queues = {box.queue for box in probe.actors.pools["probe"]._mailboxes}
    assert queues == {*(f"commands.probe.{number:02d}" for number in range(4)), "queries.probe"}
    probe.write_pools({})
    await probe.actors.reload()


async def test_a_pool_that_nobody_knows_is_refused_by_its_name(probe: ProbeHouse) -> None:
    with pytest.raises(ConfigError, match="nobody"):
        probe.another_process(only=("nobody",))


async def test_actors_that_cannot_be_started_end_the_process_instead_of_hanging_it(probe: ProbeHouse) -> None:
    class Broken(Probe):
        """Falls over at its start."""

        name = "probe"

        async def started(self) -> None:
            raise RuntimeError("this actor cannot be started")

    loop = asyncio.get_running_loop()
    running = run_actors(
        probe.settings,
        probe.environment,
        only=("probe",),
        read_pools=pools_in(probe.folder),
        actors={**ACTORS, "probe": Broken},
    )
    try:
        with pytest.raises(RuntimeError, match="cannot be started"):
            async with asyncio.timeout(20):
                await running
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def test_a_part_that_falls_over_is_started_again(monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse) -> None:
    pool = probe.actors.pools["tally"]
    restarts = pool._supervisor.restarts
    box = pool._mailboxes[0]
    lane = box._lane
    assert lane is not None
    with monkeypatch.context() as patch:
        patch.setattr(box, "_consume_until_lost", _falls_over)
        await lane.close()
        await until(lambda: pool._supervisor.restarts > restarts)
    await until(lambda: pool.is_consuming)
    assert pool.describe()["restarts"] > restarts


async def _falls_over() -> None:
    raise RuntimeError("a bug in the mailbox")


async def test_a_mailbox_whose_wait_is_cut_off_by_the_library_is_started_again(
    monkeypatch: pytest.MonkeyPatch, probe: ProbeHouse
) -> None:
    pool = probe.actors.pools["tally"]
    restarts = pool._supervisor.restarts
    box = pool._mailboxes[0]
    lane = box._lane
    assert lane is not None
    with monkeypatch.context() as patch:
        patch.setattr(box, "_consume_until_lost", _cut_off)
        await lane.close()
        await until(lambda: pool._supervisor.restarts > restarts)
    await until(lambda: pool.is_consuming)


async def _cut_off() -> None:
    raise asyncio.CancelledError


@contextlib.asynccontextmanager
async def started(process: ActorsProcess) -> AsyncIterator[ActorsProcess]:
    """A process while it runs."""
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def test_a_process_tells_how_its_pools_are_and_is_forgotten_when_it_ends(probe: ProbeHouse) -> None:
    async with started(probe.another_process(only=("herald",))) as other:
        other.housekeeping._id  # noqa: B018 - it has one
        await until(lambda: _is_told_of(probe, other))
    assert not await _is_told_of(probe, other)


async def _is_told_of(probe: ProbeHouse, process: ActorsProcess) -> bool:
    rows = await probe.fetch("SELECT pools FROM runtime.process WHERE id = $1", process.housekeeping._id)
    return bool(rows) and orjson.loads(rows[0]["pools"])["herald"]["actor"] == "herald"
