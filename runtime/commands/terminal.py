"""How commands meet the terminal: settings read, faults told in a line, tables printed, the right exit code."""

import logging
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from config.errors import ConfigError
from config.production import NEEDS
from config.sections import Settings
from config.settings import load_settings
from messages.base import Refusal
from runtime.errors import Unavailable
from runtime.migrations import MigrationError
from runtime.running import environment_of_running
from runtime.servers import ServerError

REFUSED, MISCONFIGURED, UNAVAILABLE = 1, 2, 3
"""Exit codes: the house said no; a setting is wrong; somebody is away, try again."""

WITHOUT_THEM_NOTHING = ("database", "broker")
"""Redis is a cache; these are not."""

PIPED_COLUMNS = 1_000

out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
"""Piped output is not broken into lines, so that grep and awk find whole words."""


def environment() -> dict[str, str]:
    """Our variables, completed by those of a `coffer up` that runs here."""
    return environment_of_running(os.environ)


def settings(needs: Collection[str] = NEEDS) -> Settings:
    """The settings that this command needs, with the addresses of those servers."""
    found = load_settings(environment(), needs=needs)
    missing = [name for name in needs if name in WITHOUT_THEM_NOTHING and getattr(found, name).url is None]
    if missing:
        raise ConfigError(f"no {name}: set COFFER_{name.upper()}_URL, or start one with coffer up" for name in missing)
    return found


def examples(*commands: str) -> str:
    """The end of a command's help, in Markdown."""
    return "\n\n".join(["**For example**", *(f"`{command}`" for command in commands)])


@contextmanager
def faults_in_a_line() -> Iterator[None]:
    """Turn what an operator can mend into a line on standard error; anything else is our own fault and keeps its traceback."""
    logging.getLogger("coffer").addHandler(logging.NullHandler())
    try:
        yield
    except ConfigError as wrong:
        _say(*wrong.problems, code=MISCONFIGURED)
    except ValidationError as wrong:
        problems = (f"{'.'.join(map(str, error['loc'])) or 'message'}: {error['msg']}" for error in wrong.errors())
        _say(*problems, code=MISCONFIGURED)
    except Refusal as refusal:
        _say(f"{refusal.rule}: {refusal.detail}", code=REFUSED)
    except Unavailable as away:
        _say(f"{away.reason}; coffer doctor tells more", code=UNAVAILABLE)
    except (MigrationError, ServerError) as wrong:
        _say(str(wrong), code=REFUSED)


def _say(*lines: str, code: int) -> None:
    for line in lines:
        typer.echo(f"coffer: {line}", err=True)
    raise typer.Exit(code)


def table(columns: Collection[str], rows: Collection[Collection[Any]], *, empty: str) -> None:
    """A table, or a word where there is nothing."""
    if not rows:
        out.print(empty)
        return
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*("-" if cell is None else str(cell) for cell in row))
    out.print(drawn)
