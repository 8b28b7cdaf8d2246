"""The fixture language: `bank` is a running house on private servers of its own; tests say messages to it and look at the answers."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from runtime.servers import LocalServers
from tests.bank import Bank, House, private_servers

# Properties are about what is right; how long an example takes on a busy machine is no property.
settings.register_profile("bank", deadline=None)
settings.load_profile("bank")

LOCAL = Path(__file__).parent.parent / ".local"
STATE = Path(os.environ.get("COFFER_TEST_STATE") or LOCAL / "test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pure tests first: a broker takes a house in this process for dead whose loop stands still behind half a minute of them. And leave
    out what is long, unless the command says what it wants.
    """
    items.sort(key=_needs_servers)
    if config.option.markexpr or config.option.keyword:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def _needs_servers(item: pytest.Item) -> bool:
    names: list[str] = getattr(item, "fixturenames", [])
    return item.get_closest_marker("asyncio") is not None or any(name.endswith("servers") for name in names)


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[LocalServers]:
    """PostgreSQL, RabbitMQ and Redis for these tests alone, on free ports."""
    async with private_servers(STATE, fetched_from=LOCAL) as running:
        yield running


@pytest.fixture(scope="session")
async def house(servers: LocalServers) -> AsyncIterator[House]:
    """Edge and all actors in this process, on an empty bank."""
    async with House.opened(servers) as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def machine_time() -> None:
    """Each file begins at the machine's time. Within a file time only moves on, as the ledger's journal does."""
    for opened in House.open:
        opened.clock.rewind()


@pytest.fixture
async def bank(house: House) -> Bank:
    """The bank to speak to."""
    return Bank(house)
