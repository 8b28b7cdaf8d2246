"""Real records, brought into a bank whose processes are killed on the way: all of it arrives, once."""

import asyncio
import os
import sys

import pytest
from rich.console import Console

from tests.bank import ROOT_NAME, ROOT_PASSWORD
from tests.faults.branch import Branch
from tests.faults.processes import Worker
from tests.real_data.berka import Bank, Progressing, bring_in
from tests.real_data.records import Records

SLICE = 20
"""Accounts whose whole history is brought in by default; the rest takes minutes."""
KILLED = -9


class Killer:
    """Kills a process when a part of the work has come so far."""

    def __init__(self, plan: dict[tuple[str, int], Worker]) -> None:
        self._plan = plan
        self.kills: list[asyncio.Task[None]] = []

    def on_tick(self, part: str, done: int) -> None:
        worker = self._plan.pop((part, done), None)
        if worker is not None:
            self.kills.append(asyncio.create_task(worker.kill()))


async def bring(branch: Branch, wanted: Records, kills: dict[tuple[str, int], Worker]) -> None:
    """The whole program, while processes are killed."""
    progress, killer = Progressing(Console(quiet=True)), Killer(dict(kills))
    progress.on_tick = killer.on_tick
    amqp = branch.servers.broker_urls["records_import"]
    report = await bring_in(Bank(branch.url, amqp, ROOT_NAME, ROOT_PASSWORD), wanted, progress)
    await asyncio.gather(*killer.kills)
    ended = branch.ledger.ended + branch.others.ended
    assert ended.count(KILLED) == len(kills) == len(killer.kills)
    assert report.found.differences == []
    assert report.found.postings == len(wanted.movements)
    assert float(report.found.net) == 0


async def bring_again(branch: Branch, *arguments: str) -> str:
    """The program as one starts it, in a process of its own; what it prints."""
    amqp = branch.servers.broker_urls["records_import"]
    command = ["--url", branch.url, "--amqp", amqp, "--user", ROOT_NAME, "--password", ROOT_PASSWORD, *arguments]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.real_data.berka",
        *command,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "120"},
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.faults
async def test_whole_accounts_arrive_once_though_processes_are_killed(branch: Branch, all_records: Records) -> None:
    wanted = all_records.slice(SLICE)
    tenth = len(wanted.movements) // 10
    await bring(
        branch,
        wanted,
        {
            ("transactions", 1 * tenth): branch.ledger,
            ("transactions", 3 * tenth): branch.others,
            ("transactions", 5 * tenth): branch.ledger,
            ("transactions", 7 * tenth): branch.others,
            ("transactions", 9 * tenth): branch.ledger,
        },
    )
    said = await bring_again(branch, "--accounts", str(SLICE))
    assert f"{len(wanted.movements):,}" in said


@pytest.mark.faults
@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_all_records_arrive_once_though_processes_are_killed(branch: Branch, all_records: Records) -> None:
    assert len(all_records.movements) == 30_200
    await bring(
        branch,
        all_records,
        {
            ("clients", 2_000): branch.others,
            ("accounts", 2_000): branch.ledger,
            ("transactions", 3_000): branch.ledger,
            ("transactions", 9_000): branch.others,
            ("transactions", 15_000): branch.ledger,
            ("transactions", 21_000): branch.others,
            ("transactions", 27_000): branch.ledger,
        },
    )
    said = await bring_again(branch)
    assert "15012846.20" in said


def test_the_records_are_read_as_they_are(all_records: Records) -> None:
    assert (len(all_records.persons), len(all_records.accounts), len(all_records.movements)) == (5_369, 4_500, 30_200)
    assert all_records.balance == 1_501_284_620
    assert sum(account.lowest < 0 for account in all_records.accounts) == 14
    days = [each.day for each in all_records.movements]
    assert days == sorted(days)
