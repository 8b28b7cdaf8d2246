"""What an actor answered -> what the HTTP client gets. The bytes of a reply go out as they came in.

So the stored first answer to an idempotency key is the same to the byte, whoever asks again and whenever.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from http_edge.api_keys import CREDENTIAL_HEADERS
from http_edge.conversation import CORRELATION_HEADER
from http_edge.idempotency import REPLAYED
from http_edge.problems import CONTENT_TYPE, Problem, refusal_body
from http_edge.response import JSON, Response
from http_edge.route import MEDIA_TYPE_FIELD, PREFIX, VERSION_FIELD, Route
from http_edge.security import CHALLENGE
from http_edge.validators import has_it, tag_of
from runtime.client import Answer

RETRY_AFTER = "Retry-After"
RETRY_AFTER_FACT = "retry_after_seconds"
"""The fact of a refusal that says when to come again."""
ASK_AGAIN = "private, no-cache"
"""Of what is the same for many and nobody's private matter: a client may keep it, and asks each time whether it is still so. A time
for which it need not ask would hide a write from whoever made it. Everything else is not to be kept (response.py)."""

_SPLIT = re.compile(r"\{(\w+)\}")
"""Text and names of fields, by turns."""


class Answers:
    """How the answers of one route look."""

    def __init__(self, route: Route) -> None:
        self._status = route.reply_status
        self._location = None if route.makes is None else _SPLIT.split(PREFIX + route.makes)
        self._has_etag = route.has_etag
        self._is_get = route.method == "GET"
        self._may_be_kept = bool(route.message.cached)
        self._serves = route.serves
        self._is_read = self._location is not None or self._has_etag

    def response(
        self, answer: Answer, *, keyed: bool, correlation_id: str, now: float, if_none_match: str | None = None
    ) -> Response:
        """The response to an answer. Problem where there is none to give yet, or none at all."""
        headers = {CORRELATION_HEADER: correlation_id}
        if answer.kind == "reply":
            if answer.replayed and keyed:
                headers[REPLAYED] = "true"
            return self._of_reply(answer.body, headers, now, if_none_match)
        if answer.kind == "refusal":
            refusal = orjson.loads(answer.body)
            if answer.replayed and keyed:
                headers[REPLAYED] = "true"
            if (seconds := refusal.get("facts", {}).get(RETRY_AFTER_FACT)) is not None:
                headers[RETRY_AFTER] = str(seconds)
            if refusal["status"] == 401:
                headers["WWW-Authenticate"] = CHALLENGE
            body = refusal_body(refusal, None if keyed else correlation_id)
            return Response(int(refusal["status"]), body, now=now, headers=headers, content_type=CONTENT_TYPE)
        if answer.kind == "busy":
            raise Problem("request_in_progress", headers={RETRY_AFTER: "1"})
        if answer.kind == "expired":
            raise Problem("expired", headers={RETRY_AFTER: "1"})
        raise Problem("could_not_be_handled")

    def _of_reply(self, body: bytes, headers: dict[str, str], now: float, if_none_match: str | None) -> Response:
        reply = orjson.loads(body) if self._is_read or self._serves is not None else {}
        if self._is_read:
            self._point_to(reply, headers)
        if self._status == 204:
            return Response(204, now=now, headers=headers, content_type=None)
        media_type = JSON
        if self._serves is not None:
            body, media_type = b64decode(reply[self._serves]), reply[MEDIA_TYPE_FIELD]
        if self._is_get:
            tag = tag_of(body, reply[VERSION_FIELD] if self._has_etag else None)
            headers |= {"ETag": tag, "Vary": CREDENTIAL_HEADERS}
            if self._may_be_kept:
                headers["Cache-Control"] = ASK_AGAIN
            if has_it(if_none_match, tag):
                return Response(304, now=now, headers=headers, content_type=None)
        return Response(self._status, body, now=now, headers=headers, content_type=media_type)

    def _point_to(self, reply: Mapping[str, Any], headers: dict[str, str]) -> None:
        if self._location is not None:
            parts = self._location.copy()
            for place in range(1, len(parts), 2):
                parts[place] = quote(str(reply[parts[place]]), safe="")
            headers["Location"] = "".join(parts)
        if self._has_etag:
            headers["ETag"] = f'"{reply[VERSION_FIELD]}"'
