"""A house of the close of business and loans on a shelf, in small pages and short slices."""

from collections.abc import AsyncIterator

import pytest

from actors.close_of_business import actor
from runtime import housekeeping, pool
from runtime.servers import LocalServers
from tests.actors.close_of_business.close_house import CloseHouse
from tests.bank import private_servers
from tests.conftest import LOCAL, STATE


@pytest.fixture(scope="session")
async def close_servers() -> AsyncIterator[LocalServers]:
    """PostgreSQL, RabbitMQ and Redis for this house alone."""
    async with private_servers(STATE.with_name(f"{STATE.name}-close"), fetched_from=LOCAL) as running:
        yield running


@pytest.fixture(scope="session")
async def opened_close_house(
    close_servers: LocalServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CloseHouse]:
    """The house, for as long as there are tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(housekeeping, "TIMER_SECONDS", 0.05)
        patch.setattr(pool, "REPLAY_SECONDS", 0.05)
        async with CloseHouse.opened(close_servers, tmp_path_factory.mktemp("config")) as opened:
            yield opened


@pytest.fixture
async def close(opened_close_house: CloseHouse, monkeypatch: pytest.MonkeyPatch) -> CloseHouse:
    """The house, empty. A hundred loans take what a hundred thousand would: many pages, many slices."""
    monkeypatch.setattr(actor, "PAGE_LOANS", 20)
    monkeypatch.setattr(actor, "SLICE_SECONDS", 0.05)
    monkeypatch.setattr(actor, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(actor, "MOST_UNANSWERED", 5)
    await opened_close_house.empty()
    return opened_close_house
