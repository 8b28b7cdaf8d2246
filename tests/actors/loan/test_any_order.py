"""Whatever happens to a loan and in whatever order: a cash box that is counted beside it, its lines and the ledger say the same, a
replay finds the same book, and every kind of transaction can be taken back.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from actors.loan.rules.book import Book
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.happenings import Happening
from actors.loan.rules.position import position
from actors.loan.rules.replay import replay
from messages.base import Command, Refusal
from messages.ids import AccountId, LoanTransactionId, new_id
from messages.ledger import ProveBooks
from messages.loan import (
    ChargeFee,
    CloseLoanDay,
    DecideRequest,
    GetLoanBalances,
    ListLoanTransactions,
    Loan,
    LoanTransaction,
    PostAccruals,
    RecordRecovery,
    RecordRepayment,
    RefundOverpayment,
    RequestChargeOff,
    RequestDisbursement,
    RequestReschedule,
    RequestWriteOff,
    ReverseTransaction,
    WaiveDue,
)
from messages.loan_terms import LoanTerms
from messages.portfolio import PortfolioProof, ProvePortfolio
from tests.actors.loan.lending import MANAGER, OFFICER, Lent, approved, balance, business_date, kes, now, paid_out, product
from tests.bank import Bank

STEPS = 30
DAYS_AGO = 70
COMES, GOES = {"repayment", "recovery"}, {"disbursement", "refund"}
RESCHEDULES: list[dict[str, Any]] = [
    {"kind": "rate_change", "annual_rate_percent": "18.5"},
    {"kind": "new_terms", "installments": 5},
    {"kind": "re_age", "installments": 8},
    {"kind": "re_amortize"},
    {"kind": "payment_holiday", "holiday_installments": 2},
]


@dataclass
class Walk:
    """One loan, what is done to it, and where its money came from and went to, counted by hand."""

    bank: Bank
    loan: Lent
    today: date
    chance: random.Random
    counters: dict[LoanTransactionId, AccountId] = field(default_factory=dict)
    """The account beside the loan that a transaction moved money of."""
    began: dict[AccountId, Decimal] = field(default_factory=dict)
    """What those accounts held before the loan was paid out."""
    done: Counter[str] = field(default_factory=Counter)

    async def history(self) -> tuple[LoanTransaction, ...]:
        """All transactions."""
        return (await self.bank.says(ListLoanTransactions(loan_id=self.loan.loan_id, limit=200))).items

    async def step(self) -> None:
        """Try something; what is refused changed nothing."""
        known = await self.history()
        kind = self.chance.choice(list(TRIALS))
        before = await now(self.bank, self.loan)
        command, account = TRIALS[kind](self, known)
        try:
            reply = await self.bank.says(command, as_=OFFICER if kind in DECIDED else None)
            if kind in DECIDED:
                decision = DecideRequest(loan_id=self.loan.loan_id, request_id=reply.request_id, approve=True)
                await self.bank.says(decision, as_=MANAGER)
        except Refusal:
            told = await now(self.bank, self.loan)
            assert (told.balances, told.status) == (before.balances, before.status)
            return
        fresh = [each for each in await self.history() if each.number > len(known)]
        if account is not None:
            self.counters |= {each.transaction_id: account for each in fresh}
        self.done[kind] += 1
        await self.check()

    async def check(self) -> None:
        """What money in and money out say of the loan, without asking how it thinks."""
        told, history = await now(self.bank, self.loan), await self.history()
        taken_back = {each.reverses for each in history}
        standing = [each for each in history if each.kind != "reversal" and each.transaction_id not in taken_back]
        sums: Counter[str] = Counter()
        held = dict(self.began)
        for each in standing:
            amount = Decimal(each.amount.amount)
            sums[each.kind] += amount  # type: ignore[assignment]  # a Counter counts whatever can be added
            if each.kind in COMES | GOES:
                held[self.counters[each.transaction_id]] += amount if each.kind in COMES else -amount
        account, cash = self.loan.account_id, self.loan.product.rules.accounting.cash
        # An account of the borrower is the bank's debt, cash is its asset.
        assert Decimal(await balance(self.bank, cash)) == held[cash]
        assert Decimal(await balance(self.bank, account)) == 2 * self.began[account] - held[account]
        now_owed, paid, gone = told.balances.outstanding, told.balances.paid, told.balances.written_off
        lent = Decimal(told.balances.disbursed.amount)
        assert lent == sums["disbursement"]
        assert lent == sum(Decimal(each.principal.amount) for each in (now_owed, paid, gone))
        kept = [paid.total.amount, told.balances.overpaid.amount, told.balances.recovered.amount]
        assert sum(map(Decimal, kept)) == sums["repayment"] + sums["recovery"] - sums["refund"]
        for parts in (now_owed, paid, gone, told.balances.overdue):
            assert all(Decimal(getattr(parts, name).amount) >= 0 for name in ("principal", "interest", "fee", "penalty"))
        assert min(map(Decimal, kept)) >= 0
        check_status(told, is_caught_up=told.closed_through is None or told.closed_through >= self.today - timedelta(days=1))


def check_status(told: Loan, *, is_caught_up: bool) -> None:
    """A status follows from what is owed; that a loan is late is found by the close of its days."""
    owed = Decimal(told.balances.outstanding.total.amount)
    if told.status in {"closed", "written_off", "approved"}:
        assert owed == 0
    else:
        assert owed > 0
    # Days past due are told as of the open day, the status is as of the last close.
    assert told.status != "active" or told.balances.days_past_due <= 1 or not is_caught_up
    assert told.status != "in_arrears" or told.balances.days_past_due > 0


Trial = Callable[[Walk, tuple[LoanTransaction, ...]], tuple[Command[Any], AccountId | None]]


def _amount(walk: Walk) -> Any:
    return kes(walk.chance.choice([37, 400, 1066, 2500]))


def _day(walk: Walk) -> date:
    return walk.today - timedelta(days=walk.chance.choice([0, 0, 1, 3, 20, 50]))


def _repay(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    way = walk.chance.choice([None, "lower", "advance"])
    said = RecordRepayment(loan_id=walk.loan.loan_id, amount=_amount(walk), value_date=_day(walk), way=way)
    return said, walk.loan.account_id


def _repay_in_cash(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    amount = kes(walk.chance.choice([500, 9000]))
    return RecordRepayment(loan_id=walk.loan.loan_id, amount=amount, in_cash=True), walk.loan.product.rules.accounting.cash


def _repay_from_elsewhere(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    said = {"loan_id": walk.loan.loan_id, "amount": _amount(walk), "paid_from": {"external_payment_id": str(new_id())}}
    return RecordRepayment.model_validate(said), walk.loan.product.rules.accounting.cash


def _charge(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    part = walk.chance.choice(["fee", "penalty"])
    said = {"loan_id": walk.loan.loan_id, "amount": kes(50), "part": part, "reason": "Visit", "value_date": _day(walk)}
    return ChargeFee.model_validate(said), None


def _waive(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    part = walk.chance.choice(["interest", "fee", "penalty"])
    said = {"loan_id": walk.loan.loan_id, "amount": kes(5), "part": part, "reason": "Kindness", "value_date": _day(walk)}
    return WaiveDue.model_validate(said), None


def _refund(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    return RefundOverpayment(loan_id=walk.loan.loan_id), walk.loan.account_id


def _recover(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    said = RecordRecovery(loan_id=walk.loan.loan_id, amount=kes(250), in_cash=True)
    return said, walk.loan.product.rules.accounting.cash


def _pay_out(walk: Walk, _: Any) -> tuple[Command[Any], AccountId]:
    said = RequestDisbursement(loan_id=walk.loan.loan_id, amount=kes(2000), value_date=_day(walk))
    return said, walk.loan.account_id


def _charge_off(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    return RequestChargeOff(loan_id=walk.loan.loan_id, reason="Lost hope"), None


def _write_off(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    return RequestWriteOff(loan_id=walk.loan.loan_id, reason="Gone"), None


def _reschedule(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    on = walk.today + timedelta(days=walk.chance.choice([0, 0, 7]))
    said = {"loan_id": walk.loan.loan_id, "effective_on": on, "reason": "Drought", **walk.chance.choice(RESCHEDULES)}
    return RequestReschedule.model_validate(said), None


def _reverse(walk: Walk, known: tuple[LoanTransaction, ...]) -> tuple[Command[Any], None]:
    chosen = walk.chance.choice(known[-4:] if walk.chance.random() < 0.7 else known)
    return ReverseTransaction(loan_id=walk.loan.loan_id, transaction_id=chosen.transaction_id, reason="Wrong"), None


def _close(walk: Walk, _: Any) -> tuple[Command[Any], None]:
    return CloseLoanDay(loan_id=walk.loan.loan_id, on=_day(walk)), None


DECIDED = {"disbursement", "charge_off", "write_off", "reschedule"}
"""What one asks for and another approves."""
TRIALS: dict[str, Trial] = {
    "repayment": _repay,
    "cash": _repay_in_cash,
    "elsewhere": _repay_from_elsewhere,
    "charge": _charge,
    "waiver": _waive,
    "refund": _refund,
    "recovery": _recover,
    "disbursement": _pay_out,
    "charge_off": _charge_off,
    "write_off": _write_off,
    "reschedule": _reschedule,
    "reversal": _reverse,
    "reversal again": _reverse,
    "close": _close,
}


async def walk_of(bank: Bank, basis: str, seed: int) -> Walk:
    """A loan of which a part is paid out."""
    of, today = await product(bank, basis, disbursements=5), await business_date(bank)
    start = today - timedelta(days=DAYS_AGO)
    loan = await approved(bank, of, start=start)
    account, cash = loan.settlement_account_id, of.rules.accounting.cash
    assert account is not None
    began = {each: Decimal(await balance(bank, each)) for each in (account, cash)}
    request = await paid_out(bank, loan.loan_id, amount=kes(7_000), value_date=start)
    assert request.transaction_id is not None
    lent = Lent(loan.loan_id, loan.member_id, account, of, request.transaction_id)
    return Walk(bank, lent, today, random.Random(seed), {request.transaction_id: account}, began)


@pytest.mark.parametrize("basis", ["accrual", "cash"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_loan_lines_and_ledger_say_the_same(bank: Bank, seed: int, basis: str) -> None:
    walk = await walk_of(bank, basis, seed)
    differences = (await proof(bank)).differences
    for _ in range(STEPS):
        await walk.step()
    assert sum(walk.done.values()) > STEPS / 4
    await the_same_everywhere(bank, walk.loan)
    found = await proof(bank)
    assert (found.differences, found.pending_lines) == (differences, 0)


@pytest.mark.parametrize(
    "kinds",
    [
        ["charge", "waiver", "repayment", "elsewhere", "reschedule", "disbursement", "cash", "refund"],
        ["repayment", "charge_off", "elsewhere", "waiver", "write_off", "recovery"],
    ],
)
@pytest.mark.parametrize("basis", ["accrual", "cash"])
async def test_every_kind_of_transaction_is_taken_back_and_nothing_is_left_of_it(
    bank: Bank, basis: str, kinds: list[str]
) -> None:
    walk = await walk_of(bank, basis, 0)
    loan_id, history = walk.loan.loan_id, await walk.history()
    await bank.says(CloseLoanDay(loan_id=loan_id, on=walk.today - timedelta(days=1)))
    seen = [(await now(bank, walk.loan)).balances]
    for kind in kinds:
        before = walk.done[kind]
        for _ in range(40):
            if walk.done[kind] > before:
                break
            await try_only(walk, kind)
        assert walk.done[kind] > before, f"{kind} is never possible"
        seen.append((await now(bank, walk.loan)).balances)
    made = (await walk.history())[len(history) :]
    for each, as_it_was in zip(reversed(made), reversed(seen[:-1]), strict=True):
        await bank.says(ReverseTransaction(loan_id=loan_id, transaction_id=each.transaction_id, reason="Wrong"))
        await walk.check()
        assert (await now(bank, walk.loan)).balances == as_it_was, each.kind
    await bank.says(ReverseTransaction(loan_id=loan_id, transaction_id=history[0].transaction_id, reason="Wrong"))
    assert (await now(bank, walk.loan)).status == "approved"
    await the_same_everywhere(bank, walk.loan)
    assert Decimal(await balance(bank, walk.loan.account_id)) == walk.began[walk.loan.account_id]


async def try_only(walk: Walk, kind: str) -> None:
    """A step of one kind."""
    kept = dict(TRIALS)
    TRIALS.clear()
    TRIALS[kind] = kept[kind]
    try:
        await walk.step()
    finally:
        TRIALS.clear()
        TRIALS.update(kept)


async def proof(bank: Bank) -> PortfolioProof:
    """The portfolio's, when all accruals are told."""
    await bank.says(PostAccruals(through=await business_date(bank)))
    return await bank.says(ProvePortfolio())


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
    owed = told.balances.outstanding.principal.amount
    assert principal == ("0.00" if told.status == "charged_off" else owed)
    assert (await bank.says(GetLoanBalances(loan_id=loan.loan_id, on=await business_date(bank)))) == told.balances
    await bank.says(PostAccruals(through=await business_date(bank)))
    assert (await bank.says(ProveBooks())).proven
