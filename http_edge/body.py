"""The body of a request, within limits of size and time. What it means is none of this room's business."""

import asyncio

from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from http_edge.problems import Problem
from http_edge.response import JSON

SECONDS_FOR_A_BODY = 10.0
"""For all of it. At 256 KiB that is 26 kB/s; who is slower holds a connection, not a worker, and not for longer."""


async def read_json_body(request: web.BaseRequest, most_bytes: int) -> bytes:
    """The bytes of a JSON body; none where none was sent. Problem where they are too many, too slow, or something else."""
    content = request.content
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
            async with asyncio.timeout(SECONDS_FOR_A_BODY):
                body = await _read_on(request, most_bytes)
    except TimeoutError:
        raise Problem("request_too_slow") from None
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise Problem("malformed_request") from None
    if len(body) > most_bytes:
        raise _too_large(most_bytes)
    return body


async def _read_on(request: web.BaseRequest, most_bytes: int) -> bytes:
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
    return bytes(body)


def _is_json(media: str | None) -> bool:
    if media is None:
        return False
    kind, _, parameter = media.lower().partition(";")
    return kind.strip() == JSON and parameter.replace(" ", "").replace('"', "") in {"", "charset=utf-8"}


def _too_large(most_bytes: int) -> Problem:
    return Problem("body_too_large", f"The body is larger than {most_bytes} bytes.")
