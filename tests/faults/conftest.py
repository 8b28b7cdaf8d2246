"""One bank of processes for all fault tests, mended after each; the long ones run by command only."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import LOCAL, STATE
from tests.faults.branch import Branch
from tests.faults.partner import USER, Partner


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is long, unless the command says what it wants."""
    if config.option.markexpr or config.option.keyword:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="package")
async def whole_branch() -> AsyncIterator[Branch]:
    """Edge, ledger and the other actors as processes, on servers of their own, so that no other test sees them fall."""
    async with Branch.opened(STATE / "faults", fetched_from=LOCAL) as branch:
        yield branch


@pytest.fixture(scope="package")
async def partner(whole_branch: Branch) -> AsyncIterator[Partner]:
    """The other system, listening to all that is told."""
    partner = Partner(whole_branch.servers.broker_urls[USER])
    await partner.open()
    yield partner
    await partner.close()


@pytest.fixture
async def branch(whole_branch: Branch) -> AsyncIterator[Branch]:
    """The bank to hurt."""
    yield whole_branch
    await whole_branch.mend()
