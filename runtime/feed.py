"""What happened lately, for those who listen to the edge: the last events of all actors, in one bounded stream of Redis.

Whoever published an event adds it here before it counts as sent, so that a process that dies between the two leaves it to the
next (it may then stand here twice, under one message id). What could not be added is not kept for later: the cache's voucher is
told, and begins a new epoch when Redis is back (cache/vouching.py). The epoch and the server's run are the feed's generation; by
another one, or by a place that is no longer in the stream, a listener knows that something is missing and reads anew. Nothing is
ever missing in silence, and nothing here is the truth.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from runtime.cache.line import Away, Line
from runtime.cache.scripts import EPOCH, PREFIX, STAMP, VOUCHERS
from runtime.cache.vouching import Voucher
from runtime.envelope import Envelope
from runtime.topology import EVENTS

STREAM = f"{PREFIX}feed"
KEPT_EVENTS = 10_000
"""About 10 MB. A listener that was away for longer reads anew."""

Place = tuple[int, int]
"""A place in the stream: Redis's milliseconds, and a number within."""
BEGINNING: Place = (0, 0)

_ADD = f"""
-- KEYS stream    ARGV type, message id, seconds, body, and so on
for i = 1, #ARGV, 4 do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', {KEPT_EVENTS}, '*', 't', ARGV[i], 'i', ARGV[i + 1], 's', ARGV[i + 2], 'b', ARGV[i + 3])
end
return 1
"""

_READ = f"""
{STAMP}
-- KEYS epoch, vouchers, stream    ARGV word, after ('' for the end), count
if not trusted() then return {{''}} end
local generation = stamp(4)
if redis.call('EXISTS', KEYS[3]) == 0 then return {{generation, '0-0', '0-0', 0, {{}}}} end
local found, about = redis.call('XINFO', 'STREAM', KEYS[3]), {{}}
for i = 1, #found, 2 do about[found[i]] = found[i + 1] end
local first = about['first-entry'] and about['first-entry'][1] or about['last-generated-id']
local trimmed = about['entries-added'] > about['length'] and 1 or 0
local entries = {{}}
if ARGV[2] ~= '' then entries = redis.call('XRANGE', KEYS[3], '(' .. ARGV[2], '+', 'COUNT', ARGV[3]) end
return {{generation, first, about['last-generated-id'], trimmed, entries}}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the feed."""

    place: Place
    type: str
    event_id: str
    """The message id: one that stands here twice has the same."""
    at_seconds: int
    body: bytes


@dataclass(frozen=True, slots=True)
class FeedPage:
    """What comes after a place."""

    generation: str
    events: tuple[Told, ...]
    place: Place
    """From where to go on."""
    lost: bool
    """Something between the place asked for and the first event is not there any more."""


class Feed:
    """Adds what was published."""

    def __init__(self, line: Line, voucher: Voucher) -> None:
        self._line = line
        self._voucher = voucher

    async def add(self, envelopes: Sequence[Envelope]) -> None:
        """Add those of them that are events; never fails."""
        events = [each for each in envelopes if each.exchange == EVENTS]
        if not events or not self._line.is_there:
            return
        told: list[Any] = [part for each in events for part in (each.type, str(each.message_id), each.sent_seconds, each.body)]
        try:
            await self._line.run(_ADD, [STREAM], told)
        except Away:
            self._voucher.missed()


class FeedReader:
    """Reads it, a page at a time."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def after(self, place: Place | None, count: int) -> FeedPage | None:
        """What comes after a place (None: nothing, only where the end is). None while it is not to be trusted; Away without Redis."""
        asked = "" if place is None else f"{place[0]}-{place[1]}"
        found: list[Any] = await self._line.run(_READ, [EPOCH, VOUCHERS, STREAM], [uuid4().hex, asked, count])
        if not found[0]:
            return None
        generation = hashlib.blake2b(found[0], digest_size=6).hexdigest()
        first, last = _place(found[1]), _place(found[2])
        events = tuple(_told(raw, fields) for raw, fields in found[4])
        lost = place is not None and (place > last or (place < first and bool(found[3])))
        onward = events[-1].place if events and len(events) == count else last
        return FeedPage(generation, events, onward, lost)


def _told(raw: bytes, fields: list[bytes]) -> Told:
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    return Told(_place(raw), named[b"t"].decode(), named[b"i"].decode(), int(named[b"s"]), named[b"b"])


def _place(raw: bytes) -> Place:
    milliseconds, _, number = raw.partition(b"-")
    return int(milliseconds), int(number)
