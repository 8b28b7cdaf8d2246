"""The head of a request, looked at for what two programs in a row could understand in two ways (request smuggling).

The parser refuses most of it by itself: two lengths, length and chunks, folded lines, bare line feeds, NUL, Host missing or twice,
white space around names, sizes and targets. Here stands what it leaves open. Whoever sends such a thing loses the connection.
"""

import re
from functools import lru_cache

from aiohttp import HttpVersion10, HttpVersion11, web

from http_edge.problems import Problem

_HOST = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_WHOLE = re.compile(r"https?://([^/?#]+)(?:[/?].*)?", re.IGNORECASE)
_NEVER = frozenset({"CONNECT", "TRACE"})
"""We are no proxy, and show nobody what a proxy before us added to their request."""
_ONCE = (
    "Authorization",
    "X-API-Key",
    "Origin",
    "If-Match",
    "If-None-Match",
    "Content-Encoding",
    "Expect",
    "Access-Control-Request-Method",
)
"""Headers of one value: of two, one program takes the first and another the last."""


def check_head(request: web.BaseRequest) -> None:
    """Problem where the head has more than one meaning, or asks for what is never done."""
    headers, target = request.headers, request.raw_path
    if request.version is not HttpVersion11 and request.version != HttpVersion10:
        raise Problem("malformed_request")
    if "Transfer-Encoding" in headers and (
        request.version is not HttpVersion11 or headers["Transfer-Encoding"].lower() != "chunked"
    ):
        raise Problem("malformed_request")
    host = headers.get("Host")
    if host is not None and not _is_host(host):
        raise Problem("malformed_request")
    if request.method in _NEVER:
        raise Problem("method_never", headers={"Allow": ""})
    if "#" in target or (target[0] != "/" and not _is_ours(target, host, request.method)):
        raise Problem("malformed_request")
    for name in _ONCE:
        if name in headers and len(headers.getall(name)) > 1:
            raise Problem("malformed_request", f"The header {name} was sent more than once.")


def check_size(request: web.BaseRequest, most_bytes: int) -> None:
    """Problem where the head is larger than that. Each of its lines is not too long, or it would not have come here."""
    lines = sum(len(name) + len(value) + len(b": \r\n") for name, value in request._message.raw_headers)  # noqa: SLF001 - the bytes as they came
    if lines + len(request.raw_path) > most_bytes:
        raise Problem("head_too_large")


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def _is_ours(target: str, host: str | None, method: str) -> bool:
    """Whether a target that is no path means this server: `*` for OPTIONS, or a whole address of the very host."""
    if target == "*":
        return method == "OPTIONS"
    match = _WHOLE.fullmatch(target)
    return match is not None and _is_host(match[1]) and (host is None or host.lower() == match[1].lower())
