"""One bank of processes for all fault tests, mended after each."""

import logging
from collections.abc import AsyncIterator

import pytest

from tests.conftest import LOCAL, STATE
from tests.faults.branch import Branch
from tests.faults.partner import USER, Partner


@pytest.fixture(scope="package")
async def whole_branch() -> AsyncIterator[Branch]:
    """Edge, ledger and the other actors as processes, on servers of their own, so that no other test sees them fall."""
    for library in ("aiormq", "aio_pika"):  # they log each lost connection with a traceback, and here all are lost
        logging.getLogger(library).setLevel(logging.CRITICAL)
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
