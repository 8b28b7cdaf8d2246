"""When each session and each API key was last used, as this edge sees it: a moment in memory at each request, told once a minute.

All that were used since are told to the identity actor together, so that a request costs one entry of a dictionary, and a busy
client one row a minute. What could not be told is told with the next; an edge that is killed takes its last minute with it.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from http_edge.needs import Client
from http_edge.security import Caller
from messages.base import Refusal
from messages.identity import MOST_USES, ApiKeyId, NoteUses, SessionId
from runtime.client import reply_of
from runtime.errors import Unavailable
from runtime.principal import Principal

log = logging.getLogger("coffer.edge")

THE_EDGE = Principal("actor", "edge")
"""As whom an edge speaks for itself."""
SECONDS_BETWEEN = 60.0
SECONDS_TO_ANSWER = 5.0

_Moments = dict[UUID, float]


class Uses:
    """Notes and tells."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sessions: _Moments = {}
        self._api_keys: _Moments = {}

    def note(self, caller: Caller, now: float) -> None:
        """They asked for something now, in seconds since 1970."""
        if caller.session_id is not None:
            self._sessions[caller.session_id] = now
        elif caller.api_key_id is not None:
            self._api_keys[caller.api_key_id] = now

    async def keep_telling(self) -> None:
        """Tell each minute, until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN)
            await self.tell()

    async def tell(self) -> None:
        """Tell all that was noted since it was last told."""
        while self._sessions or self._api_keys:
            sessions, api_keys = _some(self._sessions), _some(self._api_keys)
            message = NoteUses(
                sessions={SessionId(each): _moment(at) for each, at in sessions.items()},
                api_keys={ApiKeyId(each): _moment(at) for each, at in api_keys.items()},
            )
            try:
                answer = await self._client.call(message, principal=THE_EDGE, deadline_seconds=SECONDS_TO_ANSWER)
                reply_of(message, answer)
            except Unavailable as away:
                log.info("uses are told later", extra={"reason": away.reason})
                return
            except Refusal:
                log.exception("uses are not taken")
            _drop(self._sessions, sessions)
            _drop(self._api_keys, api_keys)


def _some(moments: Mapping[UUID, float]) -> _Moments:
    return dict(islice(moments.items(), MOST_USES))


def _drop(moments: _Moments, told: Mapping[UUID, float]) -> None:
    """But those of a later moment, which is to be told yet."""
    for each, at in told.items():
        if moments.get(each) == at:
            del moments[each]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
