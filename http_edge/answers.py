"""What an actor answered -> what the HTTP client gets. The bytes of a reply go out as they came in.

So the stored first answer to an idempotency key is the same to the byte, whoever asks again and whenever.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from http_edge.conversation import CORRELATION_HEADER
from http_edge.idempotency import REPLAYED
from http_edge.problems import CONTENT_TYPE, Problem, refusal_body
from http_edge.response import JSON, Response
from http_edge.route import MEDIA_TYPE_FIELD, PREFIX, VERSION_FIELD, Route
from http_edge.security import CHALLENGE
from runtime.client import Answer

RETRY_AFTER = "Retry-After"
RETRY_AFTER_FACT = "retry_after_seconds"
"""The fact of a refusal that says when to come again."""

_SPLIT = re.compile(r"\{(\w+)\}")
"""Text and names of fields, by turns."""


class Answers:
    """How the answers of one route look."""

    def __init__(self, route: Route) -> None:
        self._status = route.reply_status
        self._location = None if route.makes is None else _SPLIT.split(PREFIX + route.makes)
        self._has_etag = route.has_etag
        self._serves = route.serves
        self._is_read = self._location is not None or self._has_etag

    def response(self, answer: Answer, *, keyed: bool, correlation_id: str, now: float) -> Response:
        """The response to an answer. Problem where there is none to give yet, or none at all."""
        headers = {CORRELATION_HEADER: correlation_id}
        if answer.kind == "reply":
            if answer.replayed and keyed:
                headers[REPLAYED] = "true"
            if self._is_read:
                self._point_to(orjson.loads(answer.body), headers)
            if self._status == 204:
                return Response(204, now=now, headers=headers, content_type=None)
            if self._serves is not None:
                reply = orjson.loads(answer.body)
                content = b64decode(reply[self._serves])
                return Response(self._status, content, now=now, headers=headers, content_type=reply[MEDIA_TYPE_FIELD])
            return Response(self._status, answer.body, now=now, headers=headers, content_type=JSON)
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

    def _point_to(self, reply: Mapping[str, Any], headers: dict[str, str]) -> None:
        if self._location is not None:
            parts = self._location.copy()
            for place in range(1, len(parts), 2):
                parts[place] = quote(str(reply[parts[place]]), safe="")
            headers["Location"] = "".join(parts)
        if self._has_etag:
            headers["ETag"] = f'"{reply[VERSION_FIELD]}"'
