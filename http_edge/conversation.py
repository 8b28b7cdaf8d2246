"""What ties a request to everything that follows from it: the correlation id.

`X-Request-Id` is the client's where it is a UUID, and always goes out. Where there is none, it is the message id;
so a request that is repeated under one idempotency key is one conversation. (The trace context is in runtime/telemetry.py.)
"""

import re
from uuid import UUID

from multidict import CIMultiDictProxy

from http_edge.response import REQUEST_ID

CORRELATION_HEADER = REQUEST_ID

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def correlation_id_of(headers: "CIMultiDictProxy[str]") -> UUID | None:
    """The id that the client gave this conversation, if it gave a UUID."""
    sent = headers.get(CORRELATION_HEADER)
    return UUID(sent) if sent is not None and _UUID.fullmatch(sent) else None
