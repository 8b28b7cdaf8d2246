"""The command `coffer`: one place to start, look after and mend a bank. It reads words and prints; the work is elsewhere."""

import asyncio
import json
import logging
import os
import tomllib
from importlib import metadata
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

import typer
import uvloop
from rich.markup import escape

from config import entry_points
from config.errors import ConfigError
from config.pools import load_pools
from config.systems import load_systems
from runtime.broker_roles import broker_users
from runtime.commands import cache, dead, pools
from runtime.commands.administrator import HELP as ADMINISTRATOR_HELP
from runtime.commands.administrator import administrator
from runtime.commands.broker_rights import rabbitmqctl_lines
from runtime.commands.terminal import REFUSED, environment, examples, faults_in_a_line, out, settings, table
from runtime.doctor.examination import examine
from runtime.doctor.finding import Verdict
from runtime.migrations import migrate, schema_state
from runtime.process import end_with_parent, run_actors
from runtime.telemetry import log_json

app = typer.Typer(
    name="coffer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Core banking for small lenders and savings cooperatives. Start with `coffer up`.",
    epilog="Settings: config/REFERENCE.md. Something wrong? `coffer doctor`.",
)
app.add_typer(pools.app, name="pools")
app.add_typer(dead.app, name="dead")
app.add_typer(cache.app, name="cache")
app.command("administrator", epilog=ADMINISTRATOR_HELP)(administrator)

Part = Literal["edge", "actors"]
NEEDS_OF: dict[Part, tuple[str, ...]] = {
    "edge": ("broker", "redis", "identity"),
    "actors": ("database", "broker", "redis", "identity"),
}
"""What a process is given: the edge never the database; actors the cache, to tell it what their turns made old."""
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of standard output.", show_default=False)]


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"coffer {version()}")
        raise typer.Exit


def version() -> str:
    """The installed version, or the checkout's."""
    try:
        return metadata.version("coffer")
    except metadata.PackageNotFoundError:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])


@app.callback()
def coffer(
    *,
    show_version: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """The root; its help is the app's."""
    _version(wanted=show_version)


@app.command(
    epilog=examples(
        "coffer up", "COFFER_HTTP_PORT=9090 coffer up", "COFFER_DATABASE_URL=postgresql://me:secret@db/coffer coffer up"
    )
)
def up() -> None:
    """Start everything here: servers, migrations, demo data, actors, edge. Ctrl-C stops it cleanly; the data stays.

    Servers whose address is in the environment (COFFER_DATABASE_URL, COFFER_BROKER_URL, COFFER_REDIS_URL) are used as they are;
    the others are started privately, below COFFER_STATE_DIR (.local).
    """
    with faults_in_a_line():
        uvloop.run(resolve_name(entry_points.UP)(os.environ))


@app.command(epilog=examples("coffer run edge", "coffer run actors", "coffer run actors ledger ingress"))
def run(
    part: Annotated[Part, typer.Argument(help="Which part of the house this process is.", show_default=False)],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[POOL]...", help="Only these pools.", show_default=False)
    ] = None,
    *,
    with_parent: Annotated[bool, typer.Option("--with-parent", help="End when the process that started it ends.")] = False,
) -> None:
    """Run one process against given servers: the edge, all actors, or some pools.

    SIGTERM drains: readiness flips, what is in flight finishes, then it ends; a second signal ends it at once. SIGHUP lets
    actors read pools.yaml again. The log is JSON, a line an event, on standard error.
    """
    with faults_in_a_line():
        if part == "edge" and names:
            raise ConfigError([f"the edge has no pools: {' '.join(names)}; did you mean coffer run actors {' '.join(names)}?"])
        if with_parent:
            end_with_parent()
        ours, found = environment(), settings(NEEDS_OF[part])
        log_json(part, level=logging.getLevelNamesMapping()[found.telemetry.log_level.upper()])
        if part == "edge":
            uvloop.run(resolve_name(entry_points.RUN_EDGE)(found, ours))
        else:
            uvloop.run(run_actors(found, ours, only=names or ()))


@app.command(
    "migrate",
    epilog=examples("coffer migrate", "COFFER_DATABASE_URL=postgresql://owner:secret@db/coffer coffer migrate --check"),
)
def bring_up_to_date(
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 when something is to do.")] = False,
) -> None:
    """Bring the database to the schema that this Coffer needs. Safe to run twice, and by several at once.

    It runs as the user of COFFER_DATABASE_URL, who owns the schemas; the processes work as the role coffer_app.
    """
    with faults_in_a_line():
        url = settings(("database",)).database.url
        assert url is not None
        if check:
            state = asyncio.run(schema_state(url))
            out.print("\n".join(f"to do: {name}" for name in state.pending) or "current")
            raise typer.Exit(0 if state.is_current else REFUSED)
        applied = asyncio.run(migrate(url))
        out.print("\n".join(f"applied {name}" for name in applied) or "current")


@app.command(epilog=examples("coffer doctor", "COFFER_PROFILE=production coffer doctor", "coffer doctor --broker-users"))
def doctor(
    *,
    broker_rights: Annotated[
        bool, typer.Option("--broker-users", help="Print the broker's users and their rights as rabbitmqctl commands instead.")
    ] = False,
) -> None:
    """What is wrong with this machine or deployment. Looks only; exits with 1 when something keeps the bank from working."""
    with faults_in_a_line():
        if broker_rights:
            found = settings(())
            systems = load_systems(found.config_dir, environment(), found.profile)
            actors = {pool.actor_name for pool in load_pools(found.config_dir, environment()).values()}
            for line in rabbitmqctl_lines(broker_users(found.broker, systems, actors)):
                typer.echo(line)
            return
        findings = asyncio.run(examine(environment()))
    colours = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
    table(
        ("", "what", "found"),
        [(f"[{colours[each.verdict]}]{each.verdict}[/]", escape(each.what), escape(each.said)) for each in findings],
        empty="nothing to look at",
    )
    if any(each.verdict is Verdict.FAIL for each in findings):
        raise typer.Exit(REFUSED)


@app.command(epilog=examples("coffer openapi > openapi.json", "coffer openapi | jq '.paths | keys'"))
def openapi(
    output: Output = None,
    *,
    publish: Annotated[
        Path | None,
        typer.Option(
            help="Keep it in this file as the published one; refused where its clients could break.", show_default=False
        ),
    ] = None,
) -> None:
    """The OpenAPI 3.1 document of the HTTP interface, from the route table and the messages."""
    with faults_in_a_line():
        document = resolve_name(entry_points.OPENAPI_DOCUMENT)(resolve_name(entry_points.ROUTES))
        if publish is None:
            _write(document, output)
        else:
            resolve_name(entry_points.PUBLISH)(document, publish)


@app.command(epilog=examples("coffer asyncapi > asyncapi.json"))
def asyncapi(output: Output = None) -> None:
    """The AsyncAPI 3 document of what other systems may say and hear over AMQP, from the messages and systems.yaml."""
    with faults_in_a_line():
        _write(resolve_name(entry_points.ASYNCAPI_DOCUMENT)(settings(()), environment()), output)


def _write(document: Any, output: Path | None) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def main() -> None:
    """The entry point."""
    app(prog_name="coffer")
