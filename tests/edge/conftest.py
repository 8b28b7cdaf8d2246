"""The edge alone, on a real socket, before a stub of the runtime's client."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from config.limits import load_limits
from config.roles import load_roles
from config.sections import Settings
from http_edge.app import create_app
from http_edge.server import serve
from runtime.clock import SettableClock
from tests.edge.stub import Edge, StubClient, StubLimiter


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """A fresh edge."""
    client, limiter, clock, settings = StubClient(), StubLimiter(), SettableClock(), Settings()

    async def readiness() -> dict[str, str | None]:
        return made.pieces

    app = create_app(
        client,
        readiness=readiness,
        limiter=limiter,
        limits=load_limits(),
        settings=settings,
        roles=load_roles(),
        clock=clock,
    )
    made = Edge(app, client, limiter, clock, settings)
    runner = await serve(app, "127.0.0.1", 0, drain_seconds=1)
    made.port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{made.port}") as made.http:
        yield made
    await runner.cleanup()
