"""The wire to PostgreSQL is cut in the middle of a COMMIT, so that nobody knows: the inbox knows, and nothing is done twice or lost."""

import pytest
from yarl import URL

from tests.bank import until
from tests.faults.branch import Branch
from tests.faults.partner import Partner
from tests.faults.proxy import CommitCutter, When
from tests.faults.rush import Rush

pytestmark = pytest.mark.faults

CUTS = 3


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_commit_whose_answer_nobody_gets(branch: Branch, partner: Partner, when: When) -> None:
    """`before` the server has it: nothing was done. `after`: all was done."""
    database = URL(branch.servers.database_url)
    assert database.port is not None
    async with CommitCutter(database.port) as cutter, Rush(branch, partner, seed=f"commit-{when}") as rush:
        await rush.flows()
        through = str(database.with_host("127.0.0.1").with_port(cutter.port))
        await branch.rebirth(branch.ledger, environment={"COFFER_DATABASE_URL": through})
        for number in range(1, CUTS + 1):
            await rush.flows()
            cutter.cut(when, passing=number)
            await until(lambda number=number: cutter.cuts == number)
        took = await rush.resumes()
        assert not branch.ledger.ended
        await branch.mend()
    assert took < 3
    (await rush.inquest()).assert_sound()
