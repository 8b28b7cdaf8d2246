"""A house of the probe's actors on servers of its own, so that its broker and database may be killed and wiped."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from runtime import housekeeping, outbox, pool, reconciler
from runtime.servers import LocalServers
from tests.bank import private_servers
from tests.conftest import LOCAL, STATE
from tests.runtime.probe import scene
from tests.runtime.probe_house import ACTORS, ProbeHouse


@pytest.fixture(scope="session")
async def probe_servers() -> AsyncIterator[LocalServers]:
    """PostgreSQL, RabbitMQ and Redis for the probe's house alone."""
    state = STATE.with_name(f"{STATE.name}-probe")
    async with private_servers(state, fetched_from=LOCAL, actors=ACTORS) as running:
        yield running


@pytest.fixture(scope="session")
def impatience() -> Iterator[None]:
    """What happens every few seconds happens every fraction of one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "REPLAY_SECONDS", 0.05)
        patch.setattr(outbox, "SWEEP_SECONDS", 0.2)
        patch.setattr(outbox, "LEFT_BEHIND_SECONDS", 1)
        for name, seconds in (("TIMER_SECONDS", 0.05), ("RECONCILE_SECONDS", 0.2), ("TOPOLOGY_SECONDS", 0.5)):
            patch.setattr(housekeeping, name, seconds)
        patch.setattr(reconciler, "SENT_BEFORE", timedelta(seconds=0.5))
        patch.setattr(reconciler, "AGAIN_SECONDS", 2.0)
        yield


@pytest.fixture(scope="session")
async def probe_house(
    probe_servers: LocalServers, impatience: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ProbeHouse]:
    """The house, for as long as there are tests."""
    async with ProbeHouse.opened(probe_servers, tmp_path_factory.mktemp("config")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def emptied_house(probe_house: ProbeHouse) -> ProbeHouse:
    """The house, empty at the beginning of each file."""
    await probe_house.empty()
    return probe_house


@pytest.fixture
async def probe(emptied_house: ProbeHouse) -> AsyncIterator[ProbeHouse]:
    """The house, with an empty scene, everybody consuming."""
    scene.forget()
    await emptied_house.until_ready()
    yield emptied_house
    scene.forget()


@pytest.fixture
def no_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may name servers by variable; these tests are about machines where nobody did."""
    for variable in ("COFFER_POSTGRES_BIN", "COFFER_REDIS_BIN", "COFFER_RABBITMQ_HOME"):
        monkeypatch.delenv(variable, raising=False)
