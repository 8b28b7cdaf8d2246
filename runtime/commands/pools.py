"""`coffer pools`: how the actors' pools are, in every process that lives, and changing them while they run."""

import asyncio
import os
import signal
import socket
from typing import Annotated, Any

import typer

from config.errors import ConfigError
from config.layers import did_you_mean
from config.pools import load_pools, parse_partitions
from runtime.commands.terminal import environment, examples, faults_in_a_line, out, settings, table
from runtime.operator import message_of, say

NEEDS = ("broker",)

CHANGEABLE = {
    "replicas": "replicas",
    "prefetch": "prefetch",
    "concurrency": "concurrency",
    "batch": "batch",
    "partitions": "partitions",
    "priority": "consumer_priority",
}
"""Key of pools.yaml -> field of the message."""

app = typer.Typer(no_args_is_help=True, help="How the actors' pools are, and changing them while they run.")


@app.command("list", epilog=examples("coffer pools list"))
def list_pools() -> None:
    """Every pool in every process that lives."""
    with faults_in_a_line():
        rows = _living()
    columns = (
        "pool",
        "host",
        "pid",
        "consuming",
        "waiting",
        "restarts",
        "replicas",
        "prefetch",
        "concurrency",
        "batch",
        "partitions",
    )
    names = ("pool", "host", "pid", "consuming", "depth", "restarts", "replicas", "prefetch", "concurrency", "batch")
    cells = [[*(_word(row[name]) for name in names), _ranges(row["partitions"])] for row in rows]
    table(columns, cells, empty="no process runs any pool")


@app.command(
    "set", epilog=examples("coffer pools set ledger prefetch=1024 batch=512", "coffer pools set member partitions=0-7")
)
def set_pool(
    pool: Annotated[str, typer.Argument(help="The pool's name in pools.yaml.", show_default=False)],
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", show_default=False)],
) -> None:
    """Change a pool in all processes, within two seconds and without a restart.

    The change lies over the files, also after restarts, until `coffer pools reset`. Messages in hand are finished first and
    keep their order. Keys: replicas, prefetch, concurrency, batch, partitions, priority.
    """
    with faults_in_a_line():
        fields = {"pool": pool, **_fields(changes)}
        reply = _say("operations.change_pool.v1", fields)
        out.print(f"{pool}: {', '.join(f'{key} {value}' for key, value in sorted(reply['changes'].items()))}")


@app.command("reset", epilog=examples("coffer pools reset ledger"))
def reset_pool(pool: Annotated[str, typer.Argument(help="The pool's name in pools.yaml.", show_default=False)]) -> None:
    """Let the files decide about a pool again."""
    with faults_in_a_line():
        _say("operations.reset_pool.v1", {"pool": pool})
        out.print(f"{pool}: as in the files")


@app.command("reload", epilog=examples("coffer pools reload"))
def reload() -> None:
    """Let the processes on this machine read pools.yaml again, as SIGHUP does.

    A file with a fault is told here, by its line, and nothing is sent.
    """
    with faults_in_a_line():
        load_pools(settings(NEEDS).config_dir, environment())
        living: set[tuple[str, int]] = {(row["host"], row["pid"]) for row in _living()}
        here = {process for process in living if process[0] == socket.gethostname()}
        for _, pid in sorted(here):
            os.kill(pid, signal.SIGHUP)
        told = ", ".join(str(pid) for _, pid in sorted(here))
        out.print(f"told {told}" if here else "no process of actors runs on this machine")
        if elsewhere := ", ".join(f"{host} {pid}" for host, pid in sorted(living - here)):
            out.print(f"elsewhere, send SIGHUP there: {elsewhere}")


def _say(wire: str, fields: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(say(settings(NEEDS), environment(), message_of(wire, fields)))


def _living() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = _say("operations.list_pools.v1", {})["items"]
    return items


def _fields(changes: list[str]) -> dict[str, Any]:
    """KEY=VALUE words as fields of the message; their values are checked by the message and by the pool's own limits."""
    fields: dict[str, Any] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigError([f"{change}: write KEY=VALUE, such as prefetch=512"])
        if key not in CHANGEABLE:
            raise ConfigError([f"{key}: no key of a pool that can change while it runs{did_you_mean(key, CHANGEABLE)}"])
        fields[CHANGEABLE[key]] = parse_partitions(value) if key == "partitions" else value
    return fields


def _word(value: Any) -> Any:
    return {True: "yes", False: "NO"}[value] if isinstance(value, bool) else value


def _ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 5] as 0-2,5."""
    pieces: list[list[int]] = []
    for number in sorted(numbers):
        if pieces and pieces[-1][1] == number - 1:
            pieces[-1][1] = number
        else:
            pieces.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in pieces) or "-"
