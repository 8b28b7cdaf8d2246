"""`coffer dead`: the messages that could not be handled. Nothing is lost here: each waits until somebody decides."""

import asyncio
import json
from typing import Annotated, Any

import typer

from runtime.commands.terminal import environment, examples, faults_in_a_line, out, settings, table
from runtime.operator import message_of, say

NEEDS = ("broker",)
MOST = 200
LONGEST_ERROR = 80
"""Characters of an error in the list; `show` has the rest."""

app = typer.Typer(no_args_is_help=True, help="The messages that could not be handled: list, show, replay, discard.")

LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `coffer dead list` shows it.", show_default=False)]


@app.command(
    "list",
    epilog=examples("coffer dead list", "coffer dead list --actor ledger --limit 10", "coffer dead list --state discarded"),
)
def list_letters(
    *,
    state: Annotated[str, typer.Option(help="dead, replayed or discarded.")] = "dead",
    actor: Annotated[str | None, typer.Option(help="Only those of one actor's mailbox.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST)] = 50,
) -> None:
    """The dead letters, the last ones first."""
    with faults_in_a_line():
        page = _say("operations.list_dead_letters.v1", {"state": state, "mailbox": actor, "limit": limit})
    columns = ("id", "last", "actor", "type", "key", "reason", "attempts", "error")
    names = ("id", "last_at", "actor", "type", "key", "reason", "attempts", "error")
    rows = [[_word(name, letter[name]) for name in names] for letter in page["items"]]
    table(columns, rows, empty=f"no letters are {state}")
    if page.get("next_cursor"):
        out.print(f"there are more; --limit takes up to {MOST}")


@app.command("show", epilog=examples("coffer dead show 01990f3e-5a7b-7c1d-9e2f-3a4b5c6d7e8f | jq .envelope"))
def show(letter_id: LetterId) -> None:
    """One dead letter with its whole message, as JSON."""
    with faults_in_a_line():
        typer.echo(json.dumps(_say("operations.get_dead_letter.v1", {"dead_letter_id": letter_id}), indent=2))


@app.command(
    "replay", epilog=examples('coffer dead replay 01990f3e-5a7b-7c1d-9e2f-3a4b5c6d7e8f --note "product 12 was missing"')
)
def replay(
    letter_id: LetterId,
    *,
    note: Annotated[str | None, typer.Option(help="Why; kept with the letter.", show_default=False)] = None,
) -> None:
    """Send its message again, under its own id: what was done before is not done twice.

    Mend the cause first, or it will be back.
    """
    with faults_in_a_line():
        letter = _say("operations.replay_dead_letter.v1", {"dead_letter_id": letter_id, "note": note})
        out.print(f"replayed {letter['type']} to {letter['actor']}")


@app.command(
    "discard",
    epilog=examples(
        'coffer dead discard 01990f3e-5a7b-7c1d-9e2f-3a4b5c6d7e8f --note "sent twice by the branch, booked by hand"'
    ),
)
def discard(
    letter_id: LetterId,
    *,
    note: Annotated[str, typer.Option(help="Why; an auditor will ask.", show_default=False)],
) -> None:
    """Put it away for good. It stays readable, with the note and your name."""
    with faults_in_a_line():
        letter = _say("operations.discard_dead_letter.v1", {"dead_letter_id": letter_id, "note": note})
        out.print(f"discarded {letter['type']} of {letter['actor']}")


def _say(wire: str, fields: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(say(settings(NEEDS), environment(), message_of(wire, fields)))


def _word(name: str, value: Any) -> Any:
    """A cell of the list: times to the second, errors shortened to a line."""
    if name == "last_at":
        return value[:19]
    return " ".join(value.split())[:LONGEST_ERROR] if name == "error" else value
