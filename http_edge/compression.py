"""Bodies made smaller for clients that say they can read it (`Accept-Encoding`, RFC 9110): zstd, br, gzip.

Only where it pays, from 1 kB on, and only where the route allows it: an answer with a secret in it, beside words that a stranger can
choose, would tell the secret by its length (BREACH).
"""

import asyncio
import gzip
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import brotli
import zstandard

from http_edge.response import Response

LEAST_BYTES = 1_024
"""Less fits into one packet as it is."""
LARGE_BYTES = 65_536
"""From here on it takes a millisecond and more, and is done beside the loop."""
MOST_AT_ONCE = 8
"""Large bodies that wait for the thread; the next one goes out as it is."""
LONGEST_HEADER = 500
"""Characters of Accept-Encoding; browsers send 30."""

_COMPRESSIBLE = ("application/json", "application/problem+json", "text/", "image/svg+xml")

_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=3).compress(body),
    "br": lambda body: brotli.compress(body, quality=4),
    "gzip": lambda body: gzip.compress(body, compresslevel=5, mtime=0),
}
"""The best first. The levels are those where time begins to grow faster than the gain."""


def _each_time(coding: str, body: bytes) -> bytes:
    return _ENCODERS[coding](body)


_once = lru_cache(maxsize=32)(_each_time)
"""Of files that lie here and never change."""

_CODED = re.compile(r'-(?:zstd|br|gzip)"')
QUOTE = '"'


def without_coding(tags: str) -> str:
    """Entity tags as they were before their bodies were compressed."""
    return _CODED.sub(QUOTE, tags)


class Compressor:
    """Compresses answers."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compression")
        self._at_once = 0

    async def compress(self, response: Response, accepted: str) -> None:
        """Compress the body as the client accepts it, if it is worth it."""
        body = response.payload
        if len(body) < LEAST_BYTES or not response.media_type.startswith(_COMPRESSIBLE):
            return
        response.carry({"Vary": "Accept-Encoding"})
        coding = chosen(accepted)
        if coding is None or (len(body) >= LARGE_BYTES and self._at_once >= MOST_AT_ONCE):
            return
        encode = _once if response.is_lasting else _each_time
        if len(body) < LARGE_BYTES:
            smaller = encode(coding, body)
        else:
            self._at_once += 1
            try:
                smaller = await asyncio.get_running_loop().run_in_executor(self._thread, encode, coding, body)
            finally:
                self._at_once -= 1
        if len(smaller) < len(body):
            response.payload = smaller
            response.carry({"Content-Encoding": coding})
            if response.tag is not None:
                # A tag names bytes, and these are others; a client sends it back, and `without_coding` takes it off.
                response.carry({"ETag": f'{response.tag.removesuffix(QUOTE)}-{coding}"'})

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False)


@lru_cache(maxsize=256)
def chosen(accepted: str) -> str | None:
    """The coding that the client likes best, ours first among equals; None: the body goes out as it is."""
    if len(accepted) > LONGEST_HEADER:
        return None
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        weight = _weight(parameters)
        if weight is None:
            return None
        weights[name.strip()] = weight
    rest = weights.get("*", 0.0)
    liked = {coding: weights.get(coding, rest) for coding in _ENCODERS}
    best = max(liked, key=lambda coding: liked[coding])
    # What is as good uncompressed stays so only where the client says that it likes it better.
    return best if liked[best] > 0 and liked[best] >= weights.get("identity", 0.0) else None


def _weight(parameters: str) -> float | None:
    """The q of a coding, from 0 to 1; None where it is none."""
    name, _, value = parameters.replace(" ", "").replace("\t", "").partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return None
    return weight if name == "q" and 0 <= weight <= 1 else None
