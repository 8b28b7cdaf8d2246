"""Entity tags (RFC 9110, 8.8.3): what a GET answers has one, and whoever has it already gets 304 and no body.

"7-4f0c2b9d8a6e1357"    the version, for If-Match, and a digest of the body, because the same version can look different: to
                        somebody who sees less of it, or when something beside it changed
"4f0c2b9d8a6e1357"      where there is no version
"7"                     of what a change answers; it is good for If-Match
"""

import hashlib
import re

_OF_OURS = re.compile(r'"(?:([1-9][0-9]{0,17})(?:-[0-9a-f]{16})?|[0-9a-f]{16})"', re.ASCII)
_LISTED = re.compile(r'\s*(?:W/)?("[^"]*")\s*(?:,|$)')
LONGEST_LIST = 2_000
"""Characters of If-None-Match that are looked at."""


def tag_of(body: bytes, version: object = None) -> str:
    """The tag of a body, and of the version that it shows."""
    digest = hashlib.blake2b(body, digest_size=8).hexdigest()
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def version_in(tag: str) -> int | None:
    """The version that a strong tag names; None for a tag that is none of ours, or has no version."""
    match = _OF_OURS.fullmatch(tag)
    return None if match is None or match[1] is None else int(match[1])


def has_it(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has what the tag is of. Compared weakly, as If-None-Match is."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag in _LISTED.findall(if_none_match[:LONGEST_LIST])
