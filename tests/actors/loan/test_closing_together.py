"""Many loans closed in one message: as each by itself would be, and without waiting for those that somebody is at work on."""

import asyncio
from datetime import timedelta

import pytest

from actors.loan.handlers import closing
from messages.loan import CloseLoanDay, CloseLoanDays, ListLoanTransactions, RecordRepayment
from tests.actors.loan.lending import Lent, balance, business_date, kes, lent, now, product
from tests.bank import Bank


async def some(bank: Bank, count: int, *, days_ago: int = 40) -> list[Lent]:
    """Loans of one product, one of them late."""
    of = await product(bank)
    return [await lent(bank, of=of, days_ago=days_ago) for _ in range(count)]


async def test_together_or_by_itself_is_the_same(bank: Bank) -> None:
    today = await business_date(bank)
    *together, alone = await some(bank, 4)
    await bank.says(RecordRepayment(loan_id=together[0].loan_id, amount=kes(2000), value_date=today))
    ids = tuple(each.loan_id for each in together)
    shown = await bank.says(CloseLoanDays(loan_ids=ids, on=today, dry_run=True))
    done = await bank.says(CloseLoanDays(loan_ids=ids, on=today))
    by_itself = await bank.says(CloseLoanDay(loan_id=alone.loan_id, on=today))
    assert (shown.closed, done.left) == (done.closed, ())
    unpaid = [each for each in done.closed if each.loan_id != ids[0]]
    assert [each.model_copy(update={"loan_id": alone.loan_id}) for each in unpaid] == [by_itself] * 2
    assert (await now(bank, together[1])).balances == (await now(bank, alone)).balances
    lines = "SELECT role, account_id, amount FROM loan.line WHERE loan_id = $1 AND transaction_id IS NULL ORDER BY role"
    of_each = [await bank.database.fetch(lines, each.loan_id) for each in (together[1], alone)]
    assert of_each[0] == of_each[1]
    again = await bank.says(CloseLoanDays(loan_ids=ids, on=today))
    assert not any(each.counted for each in again.closed)


async def test_a_loan_that_somebody_is_at_work_on_is_left_and_nobody_waits(bank: Bank) -> None:
    today = await business_date(bank)
    busy, deciding, free = await some(bank, 3)
    ids = tuple(each.loan_id for each in (busy, deciding, free))
    await bank.database.execute(
        "INSERT INTO loan.pending (loan_id, message_id, decision, decided_at) VALUES ($1, gen_random_uuid(), '{}', now())",
        deciding.loan_id,
    )
    async with bank.database.acquire() as connection, connection.transaction():
        await connection.fetch("SELECT FROM loan.loan WHERE loan_id = $1 FOR UPDATE", busy.loan_id)
        done = await bank.says(CloseLoanDays(loan_ids=ids, on=today))
    assert ([each.loan_id for each in done.closed], set(done.left)) == ([free.loan_id], {busy.loan_id, deciding.loan_id})
    await bank.database.execute("DELETE FROM loan.pending WHERE loan_id = $1", deciding.loan_id)


async def test_what_is_wrong_with_one_loan_stops_no_other(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    today = await business_date(bank)
    wrong, right = await some(bank, 2)
    close_day = closing.close_day
    calls = iter((True, False))

    def breaks(*arguments: object) -> object:
        if next(calls):
            raise ArithmeticError
        return close_day(*arguments)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(closing, "close_day", breaks)
    first, second = sorted((wrong.loan_id, right.loan_id))
    done = await bank.says(CloseLoanDays(loan_ids=(first, second), on=today))
    assert ([each.loan_id for each in done.closed], done.left) == ([second], (first,))


async def test_payments_and_closes_of_many_at_once_agree_afterwards(bank: Bank) -> None:
    today = await business_date(bank)
    loans = await some(bank, 4)
    ids = tuple(each.loan_id for each in loans)
    payments = [bank.says(RecordRepayment(loan_id=each.loan_id, amount=kes(100 + n))) for each in loans for n in range(4)]

    async def closes() -> None:
        for days in range(6, -1, -1):
            day = today - timedelta(days=days)
            done = await bank.says(CloseLoanDays(loan_ids=ids, on=day))
            for loan_id in done.left:
                await bank.says(CloseLoanDay(loan_id=loan_id, on=day))

    await asyncio.gather(closes(), *payments)
    for loan in loans:
        after = await now(bank, loan)
        page = await bank.says(ListLoanTransactions(loan_id=loan.loan_id))
        assert [each.number for each in page.items] == [1, 2, 3, 4, 5]
        assert (after.closed_through, after.balances.paid.total) == (today, kes(406))
        assert await balance(bank, after.account_id) == after.balances.outstanding.principal.amount
