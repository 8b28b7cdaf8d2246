"""The loans of the records: each schedule is the file's, and 24 months of paying and closing leave loans and ledger in agreement."""

from collections import Counter
from datetime import date, timedelta

import pytest

from messages.loan import GetLoan, GetLoanSchedule
from messages.portfolio import GetAtRisk, GetOutstanding, GetVintages, ProvePortfolio
from tests.bank import Bank
from tests.real_data.lending import LendingBank, month_ends
from tests.real_data.loans import LoanRecord, of_each_ending
from tests.real_data.records import CURRENCY

FIRST = date(1997, 1, 1)
MONTHS = 24
OF_EACH = 2
"""Loans of each status that are brought in by default; all of them take minutes."""

Loans = tuple[LoanRecord, ...]


def test_the_file_is_read_as_it_is(loan_records: Loans) -> None:
    assert len(loan_records) == 682
    assert Counter(loan.ending for loan in loan_records) == {"A": 203, "B": 31, "C": 403, "D": 45}


def test_each_schedules_installment_is_the_files_payment_to_the_cent(loan_records: Loans) -> None:
    for loan in loan_records:
        assert {each.amount for each in loan.history} == {loan.payment}, loan
        assert len(loan.history) == loan.months


def test_what_a_loans_status_says_is_what_its_history_comes_to(loan_records: Loans) -> None:
    for loan in loan_records:
        last = loan.history[-1].due
        assert (loan.owed(last) == 0) == (loan.ending in {"A", "C"})
        assert (loan.days_late(last) > 0) == (loan.ending in {"B", "D"})


async def two_years(bank: Bank, loans: Loans, *, every_day: bool) -> LendingBank:
    """Lend, pay and close, and compare at each month's end: with the ledger, and with what the records say."""
    lending = LendingBank(bank)
    await lending.open(FIRST)
    known = tuple(loan.begun_in(FIRST) for loan in loans)
    last = month_ends(FIRST, MONTHS)[-1]
    async for on in lending.live_through(known, month_ends(FIRST, MONTHS), every_day=every_day):
        proof = await bank.says(ProvePortfolio(on=on))
        assert proof.proven, proof.differences[:5]
        assert proof.pending_lines == 0
        await compare_with_the_records(bank, known, on)
    for record in known:
        loan = await bank.says(GetLoan(loan_id=lending.loans[record.loan_id]))
        assert loan.status == expected_status(record, last), record
        schedule = await bank.says(GetLoanSchedule(loan_id=loan.loan_id))
        assert {each.charged.principal.minor for each in schedule.installments} == {record.payment}
    return lending


async def compare_with_the_records(bank: Bank, known: Loans, on: date) -> None:
    """What the portfolio says, and what the records come to on that day."""
    out = [record for record in known if record.paid_out <= on]
    gross = sum(record.owed(on) for record in out)
    found = await bank.says(GetOutstanding(on=on, currency=CURRENCY))
    assert [total.principal.minor for total in found.totals] == [gross]
    (at_risk,) = (await bank.says(GetAtRisk(on=on, currency=CURRENCY))).rows
    assert at_risk.gross.minor == gross
    for late in at_risk.late:
        assert late.principal.minor == sum(record.owed(on) for record in out if record.days_late(on) > late.more_than_days)
    (vintage,) = (await bank.says(GetVintages(on=on, currency=CURRENCY, months=MONTHS))).vintages
    assert (vintage.points[-1].on, vintage.points[-1].outstanding.minor) == (on, gross)
    assert vintage.lent.minor == sum(record.amount for record in out)


def expected_status(record: LoanRecord, on: date) -> str:
    """Of a loan, by its history."""
    if record.owed(on) == 0:
        return "closed"
    return "in_arrears" if record.days_late(on) else "active"


async def test_two_years_of_some_loans_leave_loans_and_ledger_in_agreement(lending_bank: Bank, loan_records: Loans) -> None:
    lending = await two_years(lending_bank, of_each_ending(loan_records, OF_EACH), every_day=False)
    on = month_ends(FIRST, MONTHS)[-1]
    astray = await lending.post_astray(on)
    (difference,) = (await lending_bank.says(ProvePortfolio(on=on))).differences
    assert (difference.kind, difference.loan_id, difference.entry_id) == ("unknown_to_loans", astray.loan_id, astray.entry_id)
    assert (await lending_bank.says(ProvePortfolio(on=on - timedelta(days=1)))).proven


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_two_years_of_all_loans_leave_loans_and_ledger_in_agreement(lending_bank: Bank, loan_records: Loans) -> None:
    await two_years(lending_bank, loan_records, every_day=True)
