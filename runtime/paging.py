"""Cursors of lists: opaque to the client, the last position for us."""

import base64

import orjson

from messages.base import Invalid

LONGEST_CURSOR = 500


def encode_cursor(*position: str) -> str:
    """The position after which the next page begins."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int | None = None) -> tuple[str, ...]:
    """The position again. Refused (`invalid`, field `cursor`) where it is none of ours."""
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError("too long")
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(position, list) or not all(isinstance(part, str) for part in position):
            raise ValueError("no position")
        if parts is not None and len(position) != parts:
            raise ValueError("another list's cursor")
    except ValueError:
        raise Invalid("This cursor did not come from the previous page.", field="cursor") from None
    return tuple(position)
