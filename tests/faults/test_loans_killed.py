"""The loan actor dies by SIGKILL between the ledger's answer and its own commit, or while payments and a close of business go on at once:
money moved once, each day of each loan counted once, and loan and ledger agree.
"""

import asyncio
import contextlib
import signal
from datetime import timedelta
from uuid import UUID

import pytest

from messages.base import Refusal
from messages.close_of_business import CloseRun, GetCloseOfBusiness, RunCloseOfBusiness, SetBusinessDate
from messages.ids import new_id
from messages.ledger import GetTrialBalance, ProveBooks
from messages.loan import CloseLoanDay, DecideRequest, ListLoanTransactions, LoanChange, RecordRepayment, RequestDisbursement
from messages.portfolio import ProvePortfolio
from runtime.client import Answer, Client, reply_of
from runtime.clock import SystemClock
from tests.actors.loan.lending import MANAGER, OFFICER, approved, balance, business_date, kes, lent, now, product
from tests.bank import ADMINISTRATOR, Bank, until
from tests.faults.branch import Branch

pytestmark = pytest.mark.faults

PATIENCE_SECONDS = 60
DYING = {"COFFER_FAILPOINTS": "before_commit=kill@1"}
"""Of the processes beside the ledger's: the first turn that has asked and is about to commit."""
AT_WORK = [{"COFFER_FAILPOINTS": place} for place in ("before_commit=kill@3", "after_commit_before_reply=kill@4")]
"""The same, in the middle of much that goes on at once."""


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


async def test_a_loan_is_paid_out_once_though_the_turn_dies_twice(branch: Branch, counter: Counter) -> None:
    loan = await approved(counter, await product(counter), start=await business_date(counter))
    request = await counter.says(RequestDisbursement(loan_id=loan.loan_id), as_=OFFICER)
    await branch.rebirth(branch.others, lives=[DYING, DYING])
    await branch.until_ready()
    command = DecideRequest(loan_id=loan.loan_id, request_id=request.request_id, approve=True)
    answer = await branch.client.call(command, principal=MANAGER, message_id=new_id(), deadline_seconds=PATIENCE_SECONDS)
    assert reply_of(command, answer).status == "approved"
    assert branch.others.ended == [-signal.SIGKILL] * 2
    assert await balance(counter, loan.settlement_account_id) == "112000.00"
    history = (await counter.says(ListLoanTransactions(loan_id=loan.loan_id))).items
    assert [each.kind for each in history] == ["disbursement"]
    assert (await counter.says(ProvePortfolio())).proven


async def test_payments_and_a_close_at_once_count_once_though_the_process_dies(branch: Branch, counter: Counter) -> None:
    of, day = await product(counter), await business_date(counter)
    loans = [await lent(counter, days_ago=40, of=of) for _ in range(4)]
    await branch.rebirth(branch.others, lives=AT_WORK)
    await branch.until_ready()

    payments = [
        (RecordRepayment(loan_id=each.loan_id, amount=kes(amount), value_date=day), new_id())
        for each in loans
        for amount in (300, 41)
    ]

    async def says(command: RecordRepayment | RunCloseOfBusiness, message_id: UUID) -> Answer:
        return await branch.client.call(
            command, principal=ADMINISTRATOR, message_id=message_id, deadline_seconds=PATIENCE_SECONDS
        )

    close = RunCloseOfBusiness(advance=True)
    answers = await asyncio.gather(says(close, new_id()), *(says(*each) for each in payments))
    run: CloseRun = reply_of(close, answers[0])

    async def is_over() -> bool:
        nonlocal run
        run = await counter.says(GetCloseOfBusiness(run_id=run.run_id))
        return run.status != "running"

    await until(is_over, within_seconds=PATIENCE_SECONDS)
    assert branch.others.ended == [-signal.SIGKILL] * 2
    assert (run.status, run.failed) == ("completed", 0)
    assert await business_date(counter) == day + timedelta(days=1)
    for each in loans:
        assert await balance(counter, each.account_id) == "111659.00"
        told = await now(counter, each)
        assert (told.closed_through, told.balances.paid.total) == (day, kes(341))
        assert not (await counter.says(CloseLoanDay(loan_id=each.loan_id, on=day))).counted
    # The same happened to all of them but for the order, in which nothing of it matters after a day.
    assert len({str(told.balances.outstanding) for told in [await now(counter, each) for each in loans]}) == 1
    found = await counter.says(ProvePortfolio())
    assert (found.proven, found.pending_lines) == (True, 0)
    assert (await counter.says(GetTrialBalance())).balanced
