"""State directories of these tests' own, so that servers may be killed, wiped and missed without disturbing the bank's."""

import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from runtime.servers import BrokerUser, LocalServers, TopicPermission
from runtime.servers.place import Place

LOCAL = Path(__file__).parents[3] / ".local"

EDGE = BrokerUser(
    "an_edge", read="^replies$", write="^commands$", topic_permissions=(TopicPermission("commands", write=r"^ledger\."),)
)
PARTNER = BrokerUser("a_partner", password="partner's / own", write="^ingress$")


def a_state_dir() -> Path:
    """A new one, where the servers' account gets in; pytest's own temporary directories are closed to it."""
    return LOCAL / f"test-{secrets.token_hex(4)}"


def forget(state_dir: Path) -> None:
    """Leave nothing, also not where root's servers may live."""
    if (state_dir / "servers").exists():
        place = Place.of(state_dir)
        place.forget()
        shutil.rmtree(place.root, ignore_errors=True)
    shutil.rmtree(state_dir, ignore_errors=True)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """An empty state directory, deleted afterwards."""
    path = a_state_dir()
    yield path
    forget(path)


@pytest.fixture(scope="module")
async def local() -> AsyncIterator[LocalServers]:
    """All three, begun from nothing."""
    path = a_state_dir()
    async with LocalServers(path, broker_users=[EDGE, PARTNER], fetched_from=LOCAL) as servers:
        yield servers
    forget(path)
