"""The daily close of a loan: a date counts once, days past due and states follow, and the ledger is told of it in sums, once."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from actors.loan.store import ClosingStore
from messages.ids import new_id
from messages.ledger import GetTrialBalance
from messages.loan import (
    CloseLoanDay,
    CloseLoanDays,
    GetLoanBalances,
    GetLoanPayoff,
    ListLoanTransactions,
    ListOpenLoans,
    LoanTransactionPage,
    PostAccruals,
    RecordRepayment,
)
from runtime.errors import MessageFault
from tests.actors.loan.lending import TELLER, balance, business_date, kes, lent, now, product
from tests.bank import Bank


async def test_a_date_counts_once(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=3), await business_date(bank)
    shown = await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today, dry_run=True))
    assert (shown.counted, (await now(bank, loan)).closed_through) == (True, today - timedelta(days=4))
    closes = [bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today)) for _ in range(3)]
    answers = await asyncio.gather(*closes)
    assert [each.counted for each in answers].count(True) == 1
    counted = next(each for each in answers if each.counted)
    assert (counted.accrued, counted.penalties, counted.days_past_due, counted.bucket) == (
        shown.accrued,
        kes(0),
        0,
        "current",
    )
    assert counted.accrued.minor == 4 * 400  # 12,000 at 12 %, four days of a year of 360
    after = await now(bank, loan)
    assert after.closed_through == today
    earlier = await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=2)))
    assert not earlier.counted


async def test_a_loan_that_is_not_paid_falls_behind_day_by_day(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=70), await business_date(bank)
    one_by_one = [
        await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=days))) for days in range(35, -1, -1)
    ]
    assert one_by_one[0].bucket == "1-30"
    assert one_by_one[-1].bucket == "31-60"
    assert [after.days_past_due - before.days_past_due for before, after in itertools.pairwise(one_by_one)] == ([1] * 35)
    assert (await now(bank, loan)).status == "in_arrears"
    standings = await bank.database.fetch(
        "SELECT from_date, bucket FROM reporting.loan_standings WHERE loan_id = $1 ORDER BY from_date", loan.loan_id
    )
    assert [row["bucket"] for row in standings] == ["1-30", "31-60", "31-60"], "the last is of the day it was booked on"
    twin = await lent(bank, days_ago=70)
    await bank.says(CloseLoanDay(loan_id=twin.loan_id, on=today))
    assert (await now(bank, twin)).balances == (await now(bank, loan)).balances, "one by one, or all at once"


async def test_open_loans_are_listed_until_their_day_is_closed(bank: Bank) -> None:
    loans, today = [await lent(bank) for _ in range(3)], await business_date(bank)
    found, cursor = set(), None
    while True:
        page = await bank.says(ListOpenLoans(on=today, limit=2, cursor=cursor))
        found |= set(page.loan_ids)
        if (cursor := page.next_cursor) is None:
            break
    assert {loan.loan_id for loan in loans} <= found
    await bank.says(CloseLoanDay(loan_id=loans[0].loan_id, on=today))
    assert loans[0].loan_id not in (await bank.says(ListOpenLoans(on=today, limit=5000))).loan_ids
    with bank.refuses("forbidden"):
        await bank.says(ListOpenLoans(on=today), as_=TELLER)


async def test_what_was_accrued_is_told_to_the_ledger_once(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    today = await business_date(bank)
    await bank.says(PostAccruals(through=today))
    of = await product(bank)
    income = of.rules.accounting.interest_income
    before = await balance(bank, income)
    loans = [await lent(bank, of=of) for _ in range(3)]
    for loan in loans:
        await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today))

    note_told, deaths = ClosingStore.note_told, [1]

    async def dies_once(self: ClosingStore, *arguments: object) -> None:
        if deaths:
            raise MessageFault(f"death {deaths.pop()}")
        await note_told(self, *arguments)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(ClosingStore, "note_told", dies_once)
    message_id = new_id()
    posted = await bank.says(PostAccruals(through=today), message_id=message_id)
    assert await bank.says(PostAccruals(through=today), message_id=message_id) == posted
    assert (posted.lines, len(posted.entry_ids)) == (6, 1)
    assert (await bank.says(PostAccruals(through=today))).lines == 0
    assert float(await balance(bank, income)) == pytest.approx(float(before) + 3 * 4)
    untold = await bank.database.fetchval("SELECT count(*) FROM reporting.loan_lines WHERE entry_id IS NULL")
    assert untold == 0
    assert (await bank.says(GetTrialBalance())).balanced


async def test_payments_and_closes_at_once_agree_afterwards(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=40), await business_date(bank)
    said = [bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(100 + number))) for number in range(6)]
    said += [bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today - timedelta(days=days))) for days in (3, 2, 1, 0)]  # type: ignore[misc]  # answers are not looked at
    said += [bank.says(CloseLoanDays(loan_ids=(loan.loan_id,), on=today - timedelta(days=days))) for days in (4, 2, 0)]  # type: ignore[misc]  # as above
    await asyncio.gather(*said)
    page: LoanTransactionPage = await bank.says(ListLoanTransactions(loan_id=loan.loan_id))
    assert [each.number for each in page.items] == list(range(1, 8))
    assert await balance(bank, loan.account_id) == "111385.00"
    after = await now(bank, loan)
    assert after.balances.paid.total == kes(615)
    assert await balance(bank, after.account_id) == after.balances.outstanding.principal.amount
    replayed = await bank.says(GetLoanBalances(loan_id=loan.loan_id, on=today - timedelta(days=5)))
    assert replayed.paid.total == kes(0)


async def test_the_payoff_of_a_day_that_is_closed_closes_the_loan(bank: Bank) -> None:
    loan, today = await lent(bank, days_ago=45), await business_date(bank)
    before = await bank.says(GetLoanPayoff(loan_id=loan.loan_id))
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=today))
    payoff = await bank.says(GetLoanPayoff(loan_id=loan.loan_id))
    assert payoff == before
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=payoff.total))
    after = await now(bank, loan)
    assert (after.status, after.balances.overpaid) == ("closed", kes(0))
