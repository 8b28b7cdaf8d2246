"""`make bench`: what the bank does in a second, each figure beside a bare loop that is measured in the same run on the same machine.

    make bench                    everything, about twelve minutes
    make bench ARGS=--quick       the same with a tenth of the load, to see that it runs
    make bench ARGS="--only http" one part: loans, lending, caching, amqp, http, logins, memory, growth

These are measurements, not tests: nothing fails because a machine is slow.
"""

import contextlib
import os
import platform
import statistics
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from tests.bench import caching, lending, loans, logins, measures
from tests.bench.measures import Rate
from tests.bench.stage import ROOT, Stage

console = Console(width=118)
ROUNDS = 3
ACCOUNTS = 1000
PARTS = ("loans", "lending", "caching", "http", "amqp", "logins", "memory", "growth")


async def machine(stage: Stage) -> str:
    """Cores and versions."""
    version = (await stage.database.fetchval("SHOW server_version")).split()[0]
    broker = (await stage.servers.rabbitmq.ctl("version")).strip()
    return (
        f"{date.today()}: {os.cpu_count()} cores ({_processor()}), Linux {platform.release()}, "  # noqa: DTZ011 - the reader's date
        f"Python {platform.python_version()} on uvloop {uvloop.__version__}, PostgreSQL {version}, RabbitMQ {broker}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


async def rounds(stage: Stage, count: int) -> dict[str, list[Rate]]:
    """Each thing once a round, in turn, so that a drifting machine drifts for all."""
    found: dict[str, list[Rate]] = {}

    def note(name: str, rate: Rate) -> None:
        found.setdefault(name, []).append(rate)
        console.print(f"  {name:<52} {rate.per_second:9,.0f}/s" + (f"  p99 {rate.p99_ms:6.1f} ms" if rate.p99_ms else ""))

    for number in range(ROUNDS):
        console.print(f"[bold]round {number + 1} of {ROUNDS}[/bold]")
        note(BARE, await measures.bare_loop(stage, count))
        note(DATABASE, await measures.database_alone(stage, count))
        note(BROKER, await measures.broker_alone(stage, 2 * count))
        note(BACKLOG, await measures.backlog(stage, 3 * count))
        async with stage.actors():
            note(MEANWHILE, await measures.published_meanwhile(stage, 2 * count))
            async with stage.edge():
                note(HTTP, await measures.over_http(stage, count))
                note(READS, await measures.account_reads(stage, count))
    return found


BARE = "bare loop over HTTP, 64 connections"
DATABASE = "database alone, the bare loop's transaction"
BROKER = "broker alone, published confirmed and taken"
BACKLOG = "transfers over AMQP, from a backlog"
MEANWHILE = "transfers over AMQP, published meanwhile"
HTTP = "transfers over HTTP, 64 connections, logged in"
READS = "GET of an account over HTTP, 16 connections"


def show_rates(found: dict[str, list[Rate]]) -> None:
    """The table of medians and ratios."""
    table = Table(
        "", "per second", "p99 ms", "x bare loop", "x database", "x broker", "promised", title="medians of the rounds"
    )
    medians = {name: statistics.median(rate.per_second for rate in rates) for name, rates in found.items()}
    slowest = {name: statistics.median(rate.p99_ms for rate in rates) for name, rates in found.items()}
    promised = {
        BACKLOG: "2.5 x bare",
        MEANWHILE: "1.2 x bare",
        HTTP: "1.0 x bare, half its p99",
        READS: "p99 under 20 ms",
    }
    for name, per_second in medians.items():
        table.add_row(
            name,
            f"{per_second:,.0f}",
            f"{slowest[name]:.1f}" if slowest[name] else "",
            *(f"{per_second / medians[other]:.2f}" for other in (BARE, DATABASE, BROKER)),
            promised.get(name, ""),
        )
    console.print(table)


async def memory(stage: Stage, messages: int) -> None:
    """What edge and actors hold while they handle so many messages."""
    table = Table("messages handled", "actors, MB", "edge, MB", title="memory (promised: under 150 MB each, flat)")
    async with stage.actors() as actors, stage.edge() as edge:
        handled = 0
        while handled < messages:
            await measures.published_meanwhile(stage, messages // 10)
            await measures.over_http(stage, messages // 12)
            handled += messages // 10 + messages // 12 * 6 // 5
            table.add_row(f"{handled:,}", *(f"{process.resident_bytes / 1e6:.0f}" for process in (actors, edge)))
    console.print(table)


async def growth(state: Path, *, quick: bool) -> None:
    """The same questions to a small and a large journal."""
    sizes = (1_000, 20_000) if quick else (10_000, 1_000_000)
    answers: dict[int, dict[str, float]] = {}
    for size in sizes:
        async with Stage.opened(state, accounts=0) as stage:
            async with stage.actors():
                await stage.open_accounts(100, funded=False)
            console.print(f"filling a journal of {size:,} entries")
            await measures.fill(stage, size)
            async with stage.actors():
                await measures.grown(stage, stage.accounts, 100)
                answers[size] = await measures.grown(stage, stage.accounts, 500)
    small, large = sizes
    table = Table("", f"{small:,} entries, ms", f"{large:,} entries, ms", "ratio", title="growth (promised: within 2x)")
    for name, milliseconds in answers[small].items():
        other = answers[large][name]
        table.add_row(name, f"{milliseconds:.2f}", f"{other:.2f}", f"{other / milliseconds:.2f}")
    console.print(table)


def show_loans(*, quick: bool) -> None:
    """What schedules and rates cost."""
    quotes = loans.QUOTES // 10 if quick else loans.QUOTES
    table = Table("", "ms", "promised", title="the loan calculator, exact, beside two libraries that are not")
    for each in loans.measured(quotes):
        table.add_row(each.name, f"{each.milliseconds:,.3f}", each.promised)
    console.print(table)
    console.print(f"memory after {quotes // 2:,} more quotes: {loans.memory_growth_bytes(quotes):+,} bytes")


async def lending_figures(state: Path, sizes: tuple[int, ...]) -> None:
    """Closes over a small and a large portfolio, and repayments on the large one."""
    table = Table(
        "active loans",
        "a close, s",
        "loans/s",
        "actors' processor, ms a loan",
        "their MB before and after",
        title="close of business",
    )
    rates: list[float] = []
    for size in sizes:
        async with Stage.opened(state, accounts=lending.ACCOUNTS) as stage, stage.actors() as actors:
            loan_ids = await lending.lent(stage, size)
            found = await lending.closes(stage, actors, size)
            if size == sizes[-1]:
                proof_seconds, lines = await lending.proof(stage)
                async with stage.edge() as edge:
                    repaid = await lending.repayments(stage, actors, edge, loan_ids)
        rates.append(found.loans_per_second)
        table.add_row(
            f"{size:,}",
            " ".join(f"{each:.1f}" for each in found.seconds),
            f"{found.loans_per_second:,.0f}",
            f"{found.processor_ms:.2f}",
            " ".join(f"{each / 1e6:.0f}" for each in (found.memory_before, *found.memory_after)),
        )
    console.print(table)
    console.print(f"proof of the loans' books after the last close: {proof_seconds * 1000:.0f} ms, {lines:,} lines")
    console.print(f"time per loan, large to small: {rates[0] / rates[-1]:.2f} (promised: within 1.5; 100,000 in 120 s)")
    console.print(
        f"repayments over HTTP, {lending.CONNECTIONS} connections: {repaid.per_second:,.0f}/s, "
        f"p50 {repaid.p50_ms:.1f} ms, p99 {repaid.p99_ms:.1f} ms (promised: under 60); "
        f"processor of the actors {repaid.actors_ms:.2f} ms, of the edge {repaid.edge_ms:.2f} ms each"
    )


async def login_figures(state: Path, reads: int) -> None:
    """Logins, and what they cost the others."""
    async with Stage.opened(state, accounts=ACCOUNTS) as stage:
        stage.environment |= logins.SHIPPED
        async with stage.actors(), stage.edge():
            found = await logins.measured(stage, reads)
    console.print(
        f"{logins.AT_ONCE} parallel logins: {found.per_second:.1f}/s, {found.told_to_wait:,} told to come again; p99 of a GET of an "
        f"account over 16 connections {found.alone.p99_ms:.1f} ms alone, {found.beside.p99_ms:.1f} ms beside them: "
        f"{found.slower:.2f} x (promised: 2)"
    )


async def caching_figures(state: Path, count: int) -> None:
    """What a cached read saves."""
    async with Stage.opened(state, accounts=lending.ACCOUNTS) as stage, stage.actors() as actors:
        found = await caching.costs(stage, actors, count)
    table = Table("of one read", *found, "times", title=f"GET of a loan product, {count:,} times (promised: 10 to 20 times)")
    rows = {
        "messages of the broker": "messages",
        "transactions of the database": "transactions",
        "actors' processor, ms": "actors_ms",
        "edge's processor, ms": "edge_ms",
    }
    asked, cached = found.values()
    for title, field in rows.items():
        before, after = getattr(asked, field), getattr(cached, field)
        ratio = f"{before / after:,.0f}" if after > before / 1_000 else "over 1,000"
        table.add_row(title, f"{before:.3f}", f"{after:.4f}", ratio if ratio != "1" else f"{before / after:.1f}")
    table.add_row("reads in a second", f"{asked.per_second:,.0f}", f"{cached.per_second:,.0f}", "")
    console.print(table)


async def bench(only: str | None, *, quick: bool) -> None:
    """Run the parts."""
    count = 600 if quick else 6_000
    state = ROOT / ".local" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    parts = (only,) if only else PARTS
    if "loans" in parts:
        show_loans(quick=quick)
    if "lending" in parts:
        await lending_figures(state, (200, 1_000) if quick else (10_000, 100_000))
    if "caching" in parts:
        await caching_figures(state, count)
    if {"http", "amqp"} & set(parts):
        async with Stage.opened(state, accounts=ACCOUNTS) as stage:
            console.print(await machine(stage))
            show_rates(await rounds(stage, count))
    if "logins" in parts:
        await login_figures(state, 4 * count)
    if "memory" in parts:
        async with Stage.opened(state, accounts=ACCOUNTS) as stage:
            await memory(stage, 10_000 if quick else 100_000)
    if "growth" in parts:
        await growth(state, quick=quick)


def main(
    *,
    quick: Annotated[bool, typer.Option(help="A tenth of the load.")] = False,
    only: Annotated[str | None, typer.Option(help=f"One part: {', '.join(PARTS)}.")] = None,
) -> None:
    """Measure."""
    if only is not None and only not in PARTS:
        raise typer.BadParameter(f"{only}: there are {', '.join(PARTS)}")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(bench(only, quick=quick))


if __name__ == "__main__":
    typer.run(main)
