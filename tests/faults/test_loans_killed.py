"""The loan actor dies by SIGKILL between the ledger's answer and its own commit, twice: the money moved once, and loan and ledger agree."""

import contextlib
import signal
from datetime import timedelta

import pytest

from messages.base import Refusal
from messages.close_of_business import SetBusinessDate
from messages.ids import new_id
from messages.ledger import GetTrialBalance, ProveBooks
from messages.loan import CloseLoanDay, ListLoanTransactions, LoanChange, RecordRepayment
from runtime.client import Client, reply_of
from runtime.clock import SystemClock
from tests.actors.loan.lending import balance, business_date, kes, lent, now
from tests.bank import ADMINISTRATOR, Bank
from tests.faults.branch import Branch

pytestmark = pytest.mark.faults

PATIENCE_SECONDS = 60
DYING = {"COFFER_FAILPOINTS": "before_commit=kill@1"}
"""Of the processes beside the ledger's: the first turn that has asked and is about to commit."""


class Counter(Bank):
    """The counter of a branch, which speaks to it as tests do to the bank."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch

    @property
    def client(self) -> Client:
        """The branch's."""
        return self.branch.client


@pytest.fixture
async def counter(branch: Branch) -> Counter:
    """A counter on a business day."""
    found = Counter(branch)
    with contextlib.suppress(Refusal):
        await found.says(SetBusinessDate(business_date=SystemClock().now().date()))
    return found


async def test_a_repayment_is_taken_once_though_its_turn_dies_twice(branch: Branch, counter: Counter) -> None:
    loan = await lent(counter, days_ago=40)
    today = await business_date(counter)
    await counter.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=1)))
    before = await now(counter, loan)
    await branch.rebirth(branch.others, lives=[DYING, DYING])
    await branch.until_ready()

    command, message_id = RecordRepayment(loan_id=loan.loan_id, amount=kes(700)), new_id()
    answer = await branch.client.call(
        command, principal=ADMINISTRATOR, message_id=message_id, deadline_seconds=PATIENCE_SECONDS
    )
    change: LoanChange = reply_of(command, answer)

    assert branch.others.ended == [-signal.SIGKILL] * 2
    assert await counter.says(command, message_id=message_id) == change
    after = await now(counter, loan)
    assert (after.balances, change.before) == (change.after, before.balances)
    assert await balance(counter, loan.account_id) == "111300.00"
    assert await balance(counter, after.account_id) == after.balances.outstanding.principal.amount
    history = (await counter.says(ListLoanTransactions(loan_id=loan.loan_id))).items
    assert [each.kind for each in history] == ["disbursement", "repayment"]
    assert (await counter.says(GetTrialBalance())).balanced
    assert (await counter.says(ProveBooks())).proven
