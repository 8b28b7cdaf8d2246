"""Fields of a message that come from neither body, query nor path: the edge fills them from what it knows of the request."""

from collections.abc import Callable, Mapping

from aiohttp import web

from http_edge.addresses import address_of, counted_as
from http_edge.security import Caller

LONGEST_USER_AGENT = 200


def _user_agent(request: web.BaseRequest, _caller: Caller) -> str | None:
    sent = "".join(letter for letter in request.headers.get("User-Agent", "")[:LONGEST_USER_AGENT] if " " <= letter <= "~")
    return sent or None


def _session(_request: web.BaseRequest, caller: Caller) -> str | None:
    return None if caller.session_id is None else str(caller.session_id)


_SOURCES: Mapping[str, Callable[[web.BaseRequest, Caller], str | None]] = {
    "address": lambda request, _caller: counted_as(address_of(request)) or None,
    "user_agent": _user_agent,
    "session": _session,
}


def filled(fields: Mapping[str, str], request: web.BaseRequest, caller: Caller) -> dict[str, str]:
    """The values of these fields (name -> what it is filled from), as far as there are any."""
    values = {name: _SOURCES[what](request, caller) for name, what in fields.items()}
    return {name: value for name, value in values.items() if value is not None}
