"""Answers that the edge may keep: those of queries that say so (`cached=` in their declaration), in front of broker and actors.

Whose answer it is stands in the name it is kept under: what a role lets its holders see of `all` is one answer for all of them,
everything narrower is each principal's own. So nobody meets what was answered to somebody else. Whether the caller may ask at all
has been looked at before this room is entered, at each request. What Redis gives back is read by the reply's own model, so that
whatever came there otherwise is no answer.
"""

import hashlib
from collections.abc import Awaitable, Callable

import orjson
from pydantic import ValidationError

from http_edge.needs import Shelf
from http_edge.route import Asked
from messages.base import Message
from messages.ids import new_id
from runtime.cache.vouching import everything_of
from runtime.client import Answer
from runtime.principal import Authority, Principal, Scope, widest

Ask = Callable[[], Awaitable[Answer]]


def _digest(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


class CachedReads:
    """The answers to one kind of query."""

    def __init__(self, message: Asked, shelf: Shelf, authority: Authority) -> None:
        self._message = message
        self._shelf = shelf
        self._authority = authority
        shape = message.reply_type.model_json_schema(mode="serialization")
        self._kind = f"{message.wire}:{_digest(orjson.dumps(shape, option=orjson.OPT_SORT_KEYS))}"
        """With the shape of the reply, so that an edge of another version does not read it."""

    async def answer(self, message: Message, principal: Principal, ask: Ask) -> Answer:
        """The answer that is kept, or the actor's. runtime.errors.Unavailable where there is neither."""
        grants = self._authority.grants(principal, self._message.permission)
        if not grants:  # the institution's own roles, which the actor knows
            return await ask()
        asked: list[Answer] = []

        async def load() -> bytes | None:
            answer = await ask()
            asked.append(answer)
            return answer.body if answer.kind == "reply" else None

        name = f"{self._kind}:{self._whose(principal, widest(grants))}:{_digest(message.model_dump_json().encode())}"
        tags = [everything_of(message.actor), *message.filled(self._message.cached)]
        body = await self._shelf.through(name, tags, load, counted_as=self._message.wire)
        if asked:
            return asked[0]
        if body is None or not self._can_be_read(body):
            return await ask()
        return Answer("reply", body, new_id())

    def _whose(self, principal: Principal, reach: Scope) -> str:
        if self._message.permission is not None and reach == "all":
            return "all"
        # With the reach, which the same roles may have otherwise tomorrow.
        return f"{reach}:{_digest(principal.to_header().encode())}"

    def _can_be_read(self, body: bytes) -> bool:
        try:
            self._message.reply_type.model_validate_json(body)
        except ValidationError:
            return False
        return True
