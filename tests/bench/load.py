"""A load of HTTP requests over so many kept connections, each with one request in flight.

A bare protocol, so that the load itself costs little.

Run as a process of its own: `python -m tests.bench.load` reads a plan (JSON) from standard input and prints what it measured.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import uvloop


@dataclass
class Measured:
    """Latencies in seconds, by the time at which each request ended."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One connection; sends the next request when the answer to the last is complete."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP transport
        self._next()

    def _next(self) -> None:
        request = self._load.take()
        assert self._transport is not None
        if request is None:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._buffer = b""
        self._load.measured.latencies.append(time.perf_counter() - self._began)
        status = int(head[9:12])
        self._load.measured.statuses[status] = self._load.measured.statuses.get(status, 0) + 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Load:
    """The requests, taken one by one by whichever connection is free."""

    def __init__(self, requests: list[bytes]) -> None:
        self._requests = iter(requests)
        self.measured = Measured()

    def take(self) -> bytes | None:
        """The next request."""
        return next(self._requests, None)


def request(method: str, path: str, headers: dict[str, str], body: str = "") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


async def run(host: str, port: int, connections: int, requests: list[bytes]) -> tuple[float, Measured]:
    """Send them all; seconds, and what was measured."""
    load = Load(requests)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [await loop.create_connection(lambda: Connection(load), host, port) for _ in range(connections)]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return time.perf_counter() - began, load.measured


def main() -> None:
    """Read a plan, run it, print what was measured."""
    plan = json.load(sys.stdin)
    requests = [request(each["method"], each["path"], each["headers"], each.get("body", "")) for each in plan["requests"]]
    seconds, measured = uvloop.run(run(plan["host"], plan["port"], plan["connections"], requests))
    latencies = sorted(measured.latencies)

    def percentile(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000 if latencies else 0.0

    found = {
        "seconds": seconds,
        "per_second": len(latencies) / seconds,
        "p50_ms": percentile(0.5),
        "p99_ms": percentile(0.99),
        "statuses": measured.statuses,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
