"""`coffer cache`: what the edges keep of answers. Writes renew it by themselves; this is for rows that somebody changed by hand."""

import asyncio
from typing import Annotated

import typer

from runtime.cache.line import Away, Line
from runtime.cache.patterns import forget_matching, known_tags
from runtime.commands.terminal import examples, faults_in_a_line, out, settings
from runtime.errors import Unavailable
from runtime.house import load_vocabularies

app = typer.Typer(no_args_is_help=True, help="The answers that the edges keep: forget them.")


@app.callback()
def cache() -> None:
    """The answers that the edges keep."""


@app.command("forget", epilog=examples("coffer cache forget 'actor/*'", "coffer cache forget loan_products"))
def forget(
    pattern: Annotated[str, typer.Argument(help="Of tags; `*` is any text, `actor/*` all there is.", show_default=False)],
) -> None:
    """Let everything be asked anew that is kept under the tags that a pattern takes."""
    with faults_in_a_line():
        load_vocabularies()
        tags = asyncio.run(_forget(settings(("redis",)).redis.url, pattern))
        out.print("\n".join(f"forgot {tag}" for tag in tags) or f"no such tag; there are {', '.join(known_tags())}")


async def _forget(url: str | None, pattern: str) -> list[str]:
    line = Line(url)
    try:
        return await forget_matching(line, pattern)
    except Away:
        raise Unavailable("redis is away") from None
    finally:
        await line.close()
