"""A bank of processes for real records, on servers of its own, so that its processes can be killed."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import LOCAL, STATE
from tests.faults.branch import Branch
from tests.real_data import records
from tests.real_data.records import Records


@pytest.fixture(scope="session")
def all_records() -> Records:
    """The records, where they are."""
    folder = records.find()
    if folder is None:
        pytest.skip("the bank records are not here: COFFER_TEST_BERKA names their folder")
    return records.read(folder)


@pytest.fixture
async def branch() -> AsyncIterator[Branch]:
    """Edge, ledger and the other actors as processes; empty."""
    async with Branch.opened(STATE / "real_data", fetched_from=LOCAL) as branch:
        yield branch
