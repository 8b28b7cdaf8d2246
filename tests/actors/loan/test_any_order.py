"""Whatever happens to a loan and in whatever order: loan, lines and ledger say the same, and a replay finds the same book."""

import contextlib
import random
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from actors.loan.rules.book import Book
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.happenings import Happening
from actors.loan.rules.position import position
from actors.loan.rules.replay import replay
from messages.base import Command, Refusal
from messages.ledger import ProveBooks
from messages.loan import (
    ChargeFee,
    CloseLoanDay,
    ListLoanTransactions,
    LoanTransaction,
    PostAccruals,
    RecordRepayment,
    RefundOverpayment,
    ReverseTransaction,
    WaiveDue,
)
from messages.loan_terms import LoanTerms
from tests.actors.loan.lending import Lent, balance, business_date, kes, lent, now, product
from tests.bank import Bank

STEPS = 25


def something(chance: random.Random, loan: Lent, today: date, known: tuple[LoanTransaction, ...]) -> Command[Any]:
    """A thing that may happen to a loan."""
    loan_id, amount = loan.loan_id, kes(chance.choice([37, 400, 1066, 2500, 9000]))
    day = today - timedelta(days=chance.choice([0, 0, 1, 3, 20, 50]))
    part = chance.choice(["interest", "fee", "penalty"])
    return chance.choice(
        [
            RecordRepayment(loan_id=loan_id, amount=amount, value_date=day, way=chance.choice([None, "lower", "advance"])),
            RecordRepayment(loan_id=loan_id, amount=amount, in_cash=True),
            ChargeFee.model_validate({"loan_id": loan_id, "amount": kes(50), "reason": "Visit", "value_date": day}),
            WaiveDue.model_validate({"loan_id": loan_id, "part": part, "amount": kes(5), "reason": "Kindness"}),
            RefundOverpayment(loan_id=loan_id),
            ReverseTransaction(loan_id=loan_id, transaction_id=chance.choice(known).transaction_id, reason="Wrong"),
            CloseLoanDay(loan_id=loan_id, on=day),
        ]
    )


@pytest.mark.parametrize("basis", ["accrual", "cash"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_loan_lines_and_ledger_say_the_same(bank: Bank, seed: int, basis: str) -> None:
    chance = random.Random(seed)
    loan, today = await lent(bank, of=await product(bank, basis), days_ago=70), await business_date(bank)
    done = 0
    for _ in range(STEPS):
        known = (await bank.says(ListLoanTransactions(loan_id=loan.loan_id))).items
        with contextlib.suppress(Refusal):
            await bank.says(something(chance, loan, today, known))
            done += 1
    assert done > 2
    await the_same_everywhere(bank, loan)


async def the_same_everywhere(bank: Bank, loan: Lent) -> None:
    """The book is its replay's, the lines come to its position, and the ledger's account to its principal."""
    told = await now(bank, loan)
    kept = await bank.database.fetchrow(
        "SELECT b.book::text, l.closed_through, a.terms::text FROM loan.loan AS l JOIN loan.book AS b USING (loan_id)"
        " JOIN loan.application AS a USING (loan_id) WHERE loan_id = $1",
        loan.loan_id,
    )
    rows = await bank.database.fetch("SELECT happening::text FROM loan.transaction WHERE loan_id = $1", loan.loan_id)
    conditions = Conditions.from_json(loan.product.rules.model_dump(mode="json"))
    book = Book.from_json(orjson.loads(kept["book"]), conditions, kept["closed_through"])
    history = [Happening.from_json(orjson.loads(row["happening"])) for row in rows]
    terms = LoanTerms.model_validate(orjson.loads(kept["terms"]))
    again = replay(terms, conditions, history, kept["closed_through"])
    assert position(again) == position(book)
    assert again.dues == book.dues

    lines = await bank.database.fetch(
        "SELECT role, sum(amount)::bigint AS amount FROM reporting.loan_lines WHERE loan_id = $1 GROUP BY role", loan.loan_id
    )
    assert {row["role"]: row["amount"] for row in lines if row["amount"]} == position(book)
    principal = "0.00" if told.account_id is None else await balance(bank, told.account_id)
    assert principal == told.balances.outstanding.principal.amount
    await bank.says(PostAccruals(through=await business_date(bank)))
    assert (await bank.says(ProveBooks())).proven
