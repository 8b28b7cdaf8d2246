"""The loans' own books against the ledger's: they agree, or the entry is named with its loan."""

import random
from datetime import date
from uuid import uuid4

import pytest

from actors.portfolio import actor
from messages.portfolio import CarryProof, PortfolioProof, ProvePortfolio
from tests.actors.portfolio.shelf import LaidLoan, Shelf
from tests.bank import Bank

DAY = date(2026, 1, 31)


async def paid_out(shelf: Shelf, amount: int = 100_00, *, posted: int | None = None, day: str = "2026-01-15") -> LaidLoan:
    """A loan that was paid out, and the ledger's posting of it; 0 for none."""
    loan, entry = await shelf.loan(await shelf.product()), uuid4()
    await loan.books(day, amount, entry, account=loan.account_id)
    await loan.books(day, -amount, entry, role=f"account:{uuid4()}", account=uuid4())
    if (told := amount if posted is None else posted) != 0:
        await shelf.posted(day, loan.account_id, entry, told)
    return loan


async def proof(bank: Bank, on: date = DAY) -> PortfolioProof:
    """The same whether it is compared afresh, or what agrees was carried before, or is carried now."""
    found = await bank.says(ProvePortfolio(on=on))
    assert found == await bank.says(ProvePortfolio(on=on, afresh=True))
    await bank.says(CarryProof())
    assert found == await bank.says(ProvePortfolio(on=on))
    return found


async def test_books_that_agree_are_proven(bank: Bank, shelf: Shelf) -> None:
    await paid_out(shelf)
    await paid_out(shelf, 50_00)
    found = await proof(bank)
    assert found.proven
    (row,) = found.accounts
    assert (row.gl_code, row.account_id, row.accounts, row.roles) == ("1100", None, 2, ("principal",))
    assert (row.loans.amount, row.ledger.amount, row.difference.amount) == ("150.00", "150.00", "0.00")


async def test_what_the_ledger_has_not_is_listed_by_loan(bank: Bank, shelf: Shelf) -> None:
    await paid_out(shelf)
    missing, other = await paid_out(shelf, posted=0), await paid_out(shelf, posted=90_00)
    found = await proof(bank)
    assert not found.proven
    assert found.accounts[0].difference.amount == "-110.00"
    listed = {
        each.loan_id: (each.kind, each.loans.amount, each.ledger.amount, each.difference.amount) for each in found.differences
    }
    assert listed == {
        missing.loan_id: ("missing_in_ledger", "100.00", "0.00", "-100.00"),
        other.loan_id: ("other_amount", "100.00", "90.00", "-10.00"),
    }


async def test_what_no_loan_knows_is_listed(bank: Bank, shelf: Shelf) -> None:
    loan = await paid_out(shelf)
    income = await shelf.account(uuid4(), "internal", "4010")
    booked = uuid4()
    await loan.books("2026-01-20", -5_00, booked, role="interest_income", account=income)
    await shelf.posted("2026-01-20", income, booked, -5_00)
    assert (await proof(bank)).proven
    await shelf.posted("2026-01-21", income, uuid4(), -3_00)
    await shelf.posted("2026-01-22", loan.account_id, uuid4(), 1_00)
    found = await proof(bank)
    assert {(each.kind, each.loan_id, each.difference.amount) for each in found.differences} == {
        ("unknown_to_loans", None, "-3.00"),
        ("unknown_to_loans", loan.loan_id, "1.00"),
    }
    assert (await proof(bank, date(2026, 1, 20))).proven


async def test_an_entry_of_many_loans_is_compared_as_one_and_listed_by_loan_when_it_is_missing(
    bank: Bank, shelf: Shelf
) -> None:
    receivable = await shelf.account(uuid4(), "internal", "1200")
    told, missing = uuid4(), uuid4()
    first, second = await paid_out(shelf), await paid_out(shelf)
    for loan, amount in ((first, 2_00), (second, 3_00)):
        await loan.books("2026-01-30", amount, told, role="interest_receivable", account=receivable)
        await loan.books("2026-01-31", amount, missing, role="interest_receivable", account=receivable)
    await shelf.posted("2026-01-30", receivable, told, 5_00)
    assert {(each.loan_id, each.difference.amount) for each in (await proof(bank)).differences} == {
        (first.loan_id, "-2.00"),
        (second.loan_id, "-3.00"),
    }


async def test_what_is_not_told_yet_is_pending_and_no_difference(bank: Bank, shelf: Shelf) -> None:
    receivable = await shelf.account(uuid4(), "internal", "1200")
    loan, telling = await paid_out(shelf), uuid4()
    await loan.books("2026-01-30", 2_00, None, role="interest_receivable", account=receivable)
    await loan.books("2026-01-31", 3_00, telling, role="interest_receivable", account=receivable)
    await shelf.posted("2026-01-31", receivable, telling, 3_00)
    await shelf.lay("loan_entries_under_way", entry_id=telling)
    found = await proof(bank)
    assert found.proven and found.pending_lines == 2
    row = next(row for row in found.accounts if row.account_id == receivable)
    assert (row.loans.amount, row.ledger.amount, row.pending.amount) == ("0.00", "0.00", "5.00")


async def test_an_account_that_the_ledger_has_not_is_a_difference(bank: Bank, shelf: Shelf) -> None:
    loan = await paid_out(shelf)
    await loan.books("2026-01-20", 7_00, uuid4(), role="fee_receivable", account=uuid4())
    (difference,) = (await proof(bank)).differences
    assert (difference.loan_id, difference.kind) == (loan.loan_id, "missing_in_ledger")


async def carried_lines(bank: Bank) -> int:
    return int(await bank.database.fetchval("SELECT coalesce(sum(lines), 0) FROM portfolio.carried"))


async def test_what_agrees_is_carried_and_what_does_not_is_compared_until_it_does(bank: Bank, shelf: Shelf) -> None:
    await paid_out(shelf)
    missing = await paid_out(shelf, posted=0)
    assert not (await proof(bank)).proven
    assert await carried_lines(bank) == 1
    entry = await bank.database.fetchval("SELECT entry_id FROM shelf.loan_lines WHERE account_id = $1", missing.account_id)
    await shelf.posted("2026-01-15", missing.account_id, entry, 100_00)
    assert (await proof(bank)).proven
    assert await carried_lines(bank) == 2
    assert not await bank.database.fetchval("SELECT count(*) FROM portfolio.open_line")
    assert not await bank.database.fetchval("SELECT count(*) FROM portfolio.open_posting")


async def test_more_than_can_be_compared_in_time_is_not_compared_afresh(
    bank: Bank, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await paid_out(shelf)
    monkeypatch.setattr(actor, "MOST_AFRESH", 1)
    with bank.refuses("too_much_to_compare", field="afresh"):
        await bank.says(ProvePortfolio(on=DAY, afresh=True))
    assert (await bank.says(ProvePortfolio(on=DAY))).proven


async def test_a_difference_of_dates_is_one_between_them(bank: Bank, shelf: Shelf) -> None:
    loan, entry = await paid_out(shelf), uuid4()
    await loan.books("2026-01-20", 7_00, entry, account=loan.account_id)
    await shelf.posted("2026-01-22", loan.account_id, entry, 7_00)
    for day, differs in ((19, False), (20, True), (21, True), (22, False)):
        assert (await proof(bank, date(2026, 1, day))).proven is not differs


@pytest.mark.parametrize("seed", range(4))
async def test_every_date_is_answered_as_if_all_were_compared_afresh(bank: Bank, shelf: Shelf, seed: int) -> None:
    chance = random.Random(seed)
    loans = [await shelf.loan(await shelf.product(), currency=chance.choice(["KES", "UGX"])) for _ in range(3)]
    receivables = {loan: await shelf.account(uuid4(), "internal", "1200", loan.currency) for loan in loans}

    def day() -> str:
        return date(2026, 1, chance.randint(1, 28)).isoformat()

    for _ in range(40):
        loan, entry, said_on, amount = chance.choice(loans), uuid4(), day(), chance.randint(1, 900)
        role, account = chance.choice([("principal", loan.account_id), ("interest_receivable", receivables[loan])])
        what = chance.choice(["agrees"] * 6 + ["late", "missing", "unknown", "other", "pending", "under way"])
        if what == "under way":
            await shelf.lay("loan_entries_under_way", entry_id=entry)
        if what != "unknown":
            await loan.books(said_on, amount, None if what == "pending" else entry, role=role, account=account)
        if what not in {"missing", "pending"}:
            posted = amount + 1 if what == "other" else amount
            await shelf.posted(day() if what == "late" else said_on, account, entry, posted)
        if what == "under way" and chance.random() < 0.5:
            await bank.says(CarryProof())
            await bank.database.execute("DELETE FROM shelf.loan_entries_under_way WHERE entry_id = $1", entry)
        if chance.random() < 0.2:
            await bank.says(CarryProof())
    for _ in range(6):
        on, currency = date.fromisoformat(day()), chance.choice([None, "KES", "UGX"])
        afresh = await bank.says(ProvePortfolio(on=on, currency=currency, afresh=True))
        assert await bank.says(ProvePortfolio(on=on, currency=currency)) == afresh
    assert await carried_lines(bank) > 0


async def test_the_ledgers_views_show_what_it_booked(bank: Bank) -> None:
    wrong = await bank.database.fetchval(
        """
        SELECT count(*) FROM ledger.posting AS p
        FULL JOIN reporting.ledger_postings AS v USING (account_id, entry_id, value_date, amount)
        FULL JOIN reporting.ledger_accounts AS a USING (account_id)
        WHERE v.account_id IS NULL AND p.account_id IS NOT NULL OR a.kind IS NULL
        """
    )
    assert wrong == 0
