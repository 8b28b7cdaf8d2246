"""The body of a request, within limits of size and time. What it means is none of this room's business."""

import asyncio

from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from config.sections import HttpLimits
from http_edge.problems import Problem
from http_edge.response import JSON

GRACE_SECONDS = 3.0
"""Before a body must have come at the least rate: a phone that changes its cell loses about as long."""
MOST_AROUND_CHUNKS = 131_072
"""Bytes that a chunked body may have beside itself and as many again: sizes, extensions that nobody reads, the next request."""


async def read_json_body(request: web.BaseRequest, limits: HttpLimits) -> bytes:
    """The bytes of a JSON body; none where none was sent. Problem where they are too many, too slow, or something else."""
    most_bytes, content = limits.body_bytes, request.content
    headers = request.headers
    media = headers.get(hdrs.CONTENT_TYPE)
    if media != JSON and not (content.at_eof() or _is_json(media)):
        raise Problem("unsupported_media_type")
    if hdrs.CONTENT_ENCODING in headers and headers[hdrs.CONTENT_ENCODING].lower() != "identity":
        raise Problem("unsupported_media_type")
    try:
        if content.is_eof():
            body = content.read_nowait()
        else:
            body = await _read_on(request, limits)
    except TimeoutError:
        raise Problem("request_too_slow") from None
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise Problem("malformed_request") from None
    if len(body) > most_bytes:
        raise _too_large(most_bytes)
    if "Transfer-Encoding" in headers and _bytes_in(request) > 2 * len(body) + MOST_AROUND_CHUNKS:
        raise Problem("malformed_request")
    return body


async def _read_on(request: web.BaseRequest, limits: HttpLimits) -> bytes:
    most_bytes = limits.body_bytes
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(min(GRACE_SECONDS, limits.body_seconds)) as bound:
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > most_bytes:
                raise _too_large(most_bytes)
            due = GRACE_SECONDS + len(body) / limits.body_bytes_per_second
            bound.reschedule(began + min(due, limits.body_seconds))
    return bytes(body)


def _bytes_in(request: web.BaseRequest) -> int:
    """What has come on the request's connection; 0 where that is not counted."""
    return getattr(request.protocol, "bytes_in", 0)


def _is_json(media: str | None) -> bool:
    if media is None:
        return False
    kind, _, parameter = media.lower().partition(";")
    return kind.strip() == JSON and parameter.replace(" ", "").replace('"', "") in {"", "charset=utf-8"}


def _too_large(most_bytes: int) -> Problem:
    return Problem("body_too_large", f"The body is larger than {most_bytes} bytes.")
