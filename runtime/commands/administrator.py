"""`coffer administrator`: the first user of a new institution. There is no default one, and no way to make a second one here."""

import asyncio
import getpass
import sys
from typing import Annotated

import typer

from runtime.commands.terminal import environment, examples, faults_in_a_line, out, settings
from runtime.operator import message_of, say

NEEDS = ("broker",)
LONGEST_LINE = 1_000
HELP = examples("coffer administrator anna@lender.example", "pass show coffer | coffer administrator anna@lender.example")


def administrator(
    name: Annotated[str, typer.Argument(help="To log in with; a mail address is best.", show_default=False)],
) -> None:
    """Make the first administrator, who lets everybody else in. Refused once there is any user.

    The password is asked for, or read from a pipe; never from the command's arguments, which other users of the machine can see.
    """
    with faults_in_a_line():
        found = settings(NEEDS)
        message = message_of("identity.create_first_administrator.v1", {"username": name, "password": _password()})
        made = asyncio.run(say(found, environment(), message))
        out.print(f"made {made['username']}: log in at POST /api/v1/auth/login")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(LONGEST_LINE).rstrip("\r\n")
    while True:
        typed = getpass.getpass("password: ")
        if typed == getpass.getpass("once more: "):
            return typed
        typer.echo("these two differ", err=True)
