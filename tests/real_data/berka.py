"""Brings the bank records of the PKDD'99 challenge into a running bank, and compares: clients and accounts over HTTP, history over AMQP.

    make run                                                    prints the addresses
    python -m tests.real_data.berka --amqp amqp://records_import:...@127.0.0.1:PORT/coffer

It may be stopped and run again at any time: nothing is doubled.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.sections import DEMO_PASSWORD
from http_edge.demo import ADMINISTRATOR
from tests.real_data import records
from tests.real_data.comparing import Found, compare
from tests.real_data.over_amqp import Courier
from tests.real_data.over_http import Counter, Refused, Tick, bring_accounts, bring_persons, decimal, own_accounts
from tests.real_data.records import Records

MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Bank:
    """Where the bank is, and as whom one speaks to it."""

    url: str
    amqp: str
    username: str = ADMINISTRATOR
    password: str = DEMO_PASSWORD


@dataclass(slots=True)
class Stage:
    """A part of the work: how much, and how long."""

    name: str
    count: int
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """What was done, and what the bank says then."""

    stages: list[Stage] = field(default_factory=list)
    found: Found = field(default_factory=Found)


class Progressing:
    """Shows how far each part is; a test looks on by `on_tick`."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self.on_tick: Callable[[str, int], None] = lambda _part, _done: None
        """Called with a part's name and how much of it is done."""

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """While it is shown."""
        with self._bars:
            yield

    @contextlib.contextmanager
    def part(self, report: Report, name: str, count: int) -> Iterator[Tick]:
        """A part of the work."""
        bar = self._bars.add_task(name, total=count)
        stage = Stage(name, count)
        began, done = perf_counter(), 0

        def tick() -> None:
            nonlocal done
            done += 1
            self._bars.advance(bar)
            self.on_tick(name, done)

        yield tick
        stage.seconds = perf_counter() - began
        report.stages.append(stage)


async def bring_in(bank: Bank, wanted: Records, progress: Progressing) -> Report:
    """Everything, then the comparison. Refused: the bank said no to a record."""
    report = Report()
    counter = Counter(bank.url, bank.username, bank.password)
    try:
        with progress.shown():
            channels = await own_accounts(counter)
            with progress.part(report, "clients", len(wanted.persons)) as tick:
                members = await bring_persons(counter, wanted, tick)
            with progress.part(report, "accounts", len(wanted.accounts)) as tick:
                accounts = await bring_accounts(counter, wanted, members, tick)
            with progress.part(report, "transactions", len(wanted.movements)) as tick:
                await Courier(bank.amqp, accounts, channels, tick).bring(wanted.movements)
            with progress.part(report, "comparison", len(wanted.accounts)) as tick:
                report.found = await compare(counter, wanted, accounts)
                for _ in wanted.accounts:
                    tick()
    finally:
        await counter.close()
    return report


def show(report: Report, wanted: Records, console: Console) -> None:
    """The tables."""
    work = Table("part", "records", "seconds", "a second", title="Brought in")
    for stage in report.stages:
        work.add_row(stage.name, f"{stage.count:,}", f"{stage.seconds:.1f}", f"{stage.count / max(stage.seconds, 0.001):,.0f}")
    found = report.found
    books = Table("code", "general ledger", "debits less credits", title=f"Trial balance in {records.CURRENCY}")
    for row in found.books:
        books.add_row(*row)
    books.add_section()
    books.add_row("", "in all", found.net)
    checks = Table("", "the records", "the bank", title="Compared")
    checks.add_row("accounts", f"{len(wanted.accounts):,}", f"{found.accounts:,}")
    checks.add_row("postings on them", f"{len(wanted.movements):,}", f"{found.postings:,}")
    checks.add_row("they hold", decimal(wanted.balance), found.balance)
    checks.add_row("differences", "0", f"{len(found.differences):,}")
    for table in (work, books, checks):
        for column in table.columns[2 if table is books else 1 :]:
            column.justify = "right"
        console.print(table)
    for difference in found.differences[:MOST_SHOWN]:
        console.print(f"[red]{difference}")


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.real_data.berka",
        description="Bring the bank records of the PKDD'99 challenge into a running bank, and compare. "
        "It may be stopped and run again at any time: nothing is doubled.",
        epilog="The records are looked for in COFFER_TEST_BERKA, else beside the checkout.",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the bank's HTTP address (%(default)s)")
    parser.add_argument("--amqp", required=True, help="its broker, with the user of the system records-import")
    parser.add_argument("--user", default=ADMINISTRATOR, help="who registers members and opens accounts (%(default)s)")
    parser.add_argument("--password", default=DEMO_PASSWORD, help="their password (the demo's)")
    parser.add_argument("--accounts", type=int, metavar="N", help="only the first N accounts that have a history")
    parser.add_argument("--data", type=Path, help="where the records are")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """The program. 0: the bank agrees with the records; 1: it does not; 2: it could not be tried."""
    arguments = _arguments(given)
    console = Console()
    folder = arguments.data or records.find()
    if folder is None:
        console.print("The records are not here: set COFFER_TEST_BERKA to the folder that has client.csv and the others.")
        return 2
    wanted = records.read(folder)
    if arguments.accounts:
        wanted = wanted.slice(arguments.accounts)
    bank = Bank(arguments.url, arguments.amqp, arguments.user, arguments.password)
    try:
        report = asyncio.run(bring_in(bank, wanted, Progressing(console)))
    except (Refused, OSError, TimeoutError) as wrong:
        console.print(f"[red]{wrong or type(wrong).__name__}[/red]\nRun it again when that is mended; it goes on where it was.")
        return 2
    show(report, wanted, console)
    return 0 if report.found.agrees else 1


if __name__ == "__main__":
    sys.exit(main())
