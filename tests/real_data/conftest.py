"""Banks for real records, on servers of their own: one of processes that can be killed, one whose business date is long ago."""

from collections.abc import AsyncIterator

import pytest

from tests.bank import Bank, House, private_servers
from tests.conftest import LOCAL, STATE
from tests.faults.branch import Branch
from tests.real_data import loans, records
from tests.real_data.loans import LoanRecord
from tests.real_data.records import Records


@pytest.fixture(scope="session")
def all_records() -> Records:
    """The records, where they are."""
    folder = records.find()
    if folder is None:
        pytest.skip("the bank records are not here: COFFER_TEST_BERKA names their folder")
    return records.read(folder)


@pytest.fixture(scope="session")
def loan_records() -> tuple[LoanRecord, ...]:
    """The loans, where they are."""
    folder = records.find()
    if folder is None or not (folder / loans.FILE).is_file():
        pytest.skip("the loan records are not here: COFFER_TEST_BERKA names their folder")
    return loans.read_loans(folder)


@pytest.fixture
async def lending_bank() -> AsyncIterator[Bank]:
    """Edge and actors in this process; empty, so that its business date is the test's."""
    async with private_servers(STATE / "lending", fetched_from=LOCAL) as servers, House.opened(servers) as house:
        yield Bank(house)


@pytest.fixture
async def branch() -> AsyncIterator[Branch]:
    """Edge, ledger and the other actors as processes; empty."""
    async with Branch.opened(STATE / "real_data", fetched_from=LOCAL) as branch:
        yield branch
