"""Forgetting by pattern: of the tags that the vocabularies declare, never by a walk through Redis's keys."""

from fnmatch import fnmatchcase
from uuid import uuid4

from messages.base import all_message_types
from runtime.cache.line import Line
from runtime.cache.scripts import FORGET, PREFIX
from runtime.cache.vouching import everything_of


def known_tags() -> list[str]:
    """`actor/<name>` of each actor whose replies are cached, and the tags that name no field."""
    cached = [kind for kind in all_message_types() if kind.cached]
    plain = {tag for kind in cached for tag in kind.cached if "{" not in tag}
    return sorted(plain | {everything_of(kind.actor) for kind in cached})


async def forget_matching(line: Line, pattern: str) -> list[str]:
    """Let all be asked anew that is kept under the tags that a pattern such as `actor/*` takes; those tags. Away where Redis is."""
    tags = [tag for tag in known_tags() if fnmatchcase(tag, pattern)]
    if tags:
        await line.run(FORGET, [f"{PREFIX}tag:{tag}" for tag in tags], [uuid4().hex], insist=True)
    return tags
