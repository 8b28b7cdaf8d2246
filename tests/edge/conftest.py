"""The edge alone, on a real socket, before a stub of the runtime's client."""

from collections.abc import AsyncIterator

import pytest

from tests.edge.stub import Edge, opened_edge


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    """A fresh edge."""
    async with opened_edge() as opened:
        yield opened
