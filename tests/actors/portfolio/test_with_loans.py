"""Real loans in the portfolio: as they are lent, repaid, charged off and written off; and their books agree with the ledger's."""

import asyncio
import contextlib
from datetime import timedelta

import asyncpg
import pytest

from actors.portfolio import actor
from messages.base import Refusal
from messages.close_of_business import RunCloseOfBusiness, SetBusinessDate
from messages.loan import (
    CloseLoanDay,
    DecideRequest,
    ListLoanTransactions,
    RecordRepayment,
    RequestChargeOff,
    RequestWriteOff,
    ReverseTransaction,
)
from messages.money import Money
from messages.portfolio import CarryProof, GetAtRisk, GetOutstanding, GetVintages, ProvePortfolio
from tests.actors.loan.lending import MANAGER, OFFICER, Lent, business_date, lent, product
from tests.bank import Bank, until


@pytest.fixture(autouse=True)
async def business_day(bank: Bank) -> None:
    """There is a business date."""
    with contextlib.suppress(Refusal):
        await bank.says(SetBusinessDate(business_date=bank.clock.now().date()))


async def shown(bank: Bank, loan: Lent) -> list[tuple[str, str]]:
    """Principal under the loan's product, and what of it is charged off."""
    found = await bank.says(GetOutstanding(product=loan.product.code))
    return [(row.principal.amount, row.charged_off.amount) for row in found.rows]


async def late_by_more_than_30(bank: Bank, loan: Lent) -> list[str]:
    found = await bank.says(GetAtRisk(product=loan.product.code))
    return [late.ratio for row in found.rows for late in row.late if late.more_than_days == 30]


async def carried_out(bank: Bank, loan: Lent, request: RequestChargeOff | RequestWriteOff) -> None:
    asked = await bank.says(request, as_=OFFICER if isinstance(request, RequestChargeOff) else MANAGER)
    checker = MANAGER if isinstance(request, RequestChargeOff) else None
    await bank.says(DecideRequest(loan_id=loan.loan_id, request_id=asked.request_id, approve=True), as_=checker)


async def written_off(bank: Bank, loan: Lent) -> Money:
    """What the loan's own transactions say, the one that is taken back aside."""
    said = await bank.says(ListLoanTransactions(loan_id=loan.loan_id))
    (found,) = [each for each in said.items if each.kind == "write_off" and each.reversed_by is None]
    return found.parts.principal


async def test_a_vintage_loses_what_was_written_off_and_not_what_was_owed_the_day_before(bank: Bank) -> None:
    loan, on = await lent(bank, days_ago=75), await business_date(bank)

    async def lost() -> Money:
        (vintage,) = (await bank.says(GetVintages(product=loan.product.code))).vintages
        assert all(point.written_off.minor == 0 for point in vintage.points[:-1]), "it was still owed then"
        return vintage.points[-1].written_off

    write_off = RequestWriteOff(loan_id=loan.loan_id, reason="Gone")
    paid = RecordRepayment(loan_id=loan.loan_id, amount=Money(amount="5000.00", currency="KES"))
    early = await bank.says(paid)
    await carried_out(bank, loan, write_off)
    assert await lost() == await written_off(bank, loan)
    gone = (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items[-1]
    await bank.says(ReverseTransaction(loan_id=loan.loan_id, transaction_id=gone.transaction_id, reason="Paid"), as_=MANAGER)
    assert (await lost()).minor == 0
    await bank.says(paid.model_copy(update={"value_date": on - timedelta(days=30)}))
    await carried_out(bank, loan, write_off)
    assert await lost() == await written_off(bank, loan)
    back = ReverseTransaction(loan_id=loan.loan_id, transaction_id=early.transaction.transaction_id, reason="Bounced")
    change = await bank.says(back, as_=MANAGER)
    assert await lost() == change.after.written_off.principal
    assert change.after.written_off.principal.minor > change.before.written_off.principal.minor


async def test_a_loan_is_in_the_portfolio_until_it_is_written_off(bank: Bank) -> None:
    loan = await lent(bank, days_ago=75)
    on = await business_date(bank)
    assert await shown(bank, loan) == [("12000.00", "0.00")]
    await bank.says(CloseLoanDay(loan_id=loan.loan_id, on=on))
    assert await late_by_more_than_30(bank, loan) == ["1.000000"]
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=Money(amount="5000.00", currency="KES")))
    ((owed, _),) = await shown(bank, loan)
    assert "7000.00" < owed < "9000.00"
    assert await late_by_more_than_30(bank, loan) == ["0.000000"]
    await carried_out(bank, loan, RequestChargeOff(loan_id=loan.loan_id, reason="Not found"))
    assert await shown(bank, loan) == [(owed, owed)]
    await carried_out(bank, loan, RequestWriteOff(loan_id=loan.loan_id, reason="Gone"))
    assert await shown(bank, loan) == []
    (vintage,) = (await bank.says(GetVintages(product=loan.product.code))).vintages
    assert (vintage.points[-1].on, vintage.points[-1].outstanding.amount) == (on, "0.00")
    assert vintage.points[-1].written_off == await written_off(bank, loan)
    proof = await bank.says(ProvePortfolio(on=on))
    assert [each for each in proof.differences if each.loan_id == loan.loan_id] == []


async def test_what_agrees_after_a_close_of_business_is_carried(bank: Bank) -> None:
    loan, on = await lent(bank, days_ago=40), await business_date(bank)
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=Money(amount="1000.00", currency="KES")))
    await bank.says(RunCloseOfBusiness())

    async def is_carried() -> bool:
        theirs = "SELECT max(line_id) FROM loan.line WHERE loan_id = $1 AND entry_id IS NOT NULL AND transaction_id IS NULL"
        through = await bank.database.fetchval("SELECT line_id FROM portfolio.carried_through")
        return through >= (await bank.database.fetchval(theirs, loan.loan_id) or through + 1)

    await until(is_carried)
    lines = await bank.database.fetchval("SELECT sum(lines) FROM portfolio.carried")
    late = RecordRepayment(
        loan_id=loan.loan_id, amount=Money(amount="500.00", currency="KES"), value_date=on - timedelta(days=20)
    )
    await bank.says(late)
    for days in (0, 1, 30):
        question = ProvePortfolio(on=on - timedelta(days=days))
        found = await bank.says(question)
        assert found.proven
        assert found == await bank.says(question.model_copy(update={"afresh": True}))
    await bank.says(CarryProof())
    assert await bank.database.fetchval("SELECT sum(lines) FROM portfolio.carried") > lines
    assert (await bank.says(ProvePortfolio(on=on))).proven


async def test_a_line_that_was_told_is_never_changed(bank: Bank) -> None:
    changed = (
        "UPDATE loan.line SET amount = amount + 1 WHERE entry_id IS NOT NULL",
        "DELETE FROM loan.line",
        "TRUNCATE loan.line",
    )
    await lent(bank)
    for statement in changed:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="append-only"):
            await bank.database.execute(statement)


async def carried_through(bank: Bank) -> int:
    return int(await bank.database.fetchval("SELECT line_id FROM portfolio.carried_through"))


async def test_carrying_while_money_moves_misses_nothing(bank: Bank) -> None:
    of = await product(bank)
    loans = [await lent(bank, of=of) for _ in range(4)]
    amount = Money(amount="10.00", currency="KES")

    async def pays(loan: Lent) -> None:
        for _ in range(5):
            await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=amount))

    async def carries() -> None:
        for _ in range(10):
            await bank.says(CarryProof())

    await asyncio.gather(*(pays(loan) for loan in loans), carries(), carries())
    question = ProvePortfolio(on=await business_date(bank))
    found = await bank.says(question)
    assert found.proven
    assert found == await bank.says(question.model_copy(update={"afresh": True}))


async def test_lines_are_carried_only_when_nobody_is_writing_earlier_ones(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "LOOKS", 2)
    slow, quick = await lent(bank), await lent(bank)
    async with bank.database.acquire() as connection:
        writing = connection.transaction()
        await writing.start()
        await connection.execute("SELECT FROM loan.loan WHERE loan_id = $1 FOR UPDATE", slow.loan_id)
        earlier = await connection.fetchval(
            """
            INSERT INTO loan.line (loan_id, on_date, role, account_id, currency, amount)
            SELECT loan_id, on_date, role, account_id, currency, amount FROM loan.line
            WHERE loan_id = $1 LIMIT 1
            RETURNING line_id
            """,
            slow.loan_id,
        )
        await bank.says(RecordRepayment(loan_id=quick.loan_id, amount=Money(amount="10.00", currency="KES")))
        await bank.says(CarryProof())
        assert await carried_through(bank) < earlier
        await writing.rollback()
    await bank.says(CarryProof())
    assert await carried_through(bank) > earlier
