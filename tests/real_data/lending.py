"""An institution that lends to the persons of the records: pays out, takes repayments and closes its days, all by messages.

Staff are two, because nobody approves what they asked for.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from messages.base import Command, Job, Query, Reply
from messages.close_of_business import CloseRun, GetCloseOfBusiness, RunCloseOfBusiness, SetBusinessDate
from messages.ids import AccountId, EntryId, LoanId, LoanProductId, MemberId
from messages.ledger import AdoptStandardChart, OpenAccount, PostEntry, PostingOrder
from messages.loan import ApplyForLoan, ApproveLoan, DecideRequest, GetLoan, RecordRepayment, RequestDisbursement, SubmitLoan
from messages.loan_product import (
    Accounting,
    AmountRange,
    CreateLoanProduct,
    InstallmentRange,
    PenaltyRules,
    ProductRules,
    RateRange,
)
from messages.loan_terms import ScheduleRules
from messages.member import ActivateMember, PersonDetails, RegisterPerson
from messages.money import Money
from messages.portfolio import ProvePortfolio
from runtime.errors import Unavailable
from runtime.principal import Principal
from tests.bank import Bank, until
from tests.real_data.loans import DueAmount, LoanRecord
from tests.real_data.records import CURRENCY

OFFICER = Principal("user", "officer", ("admin",))
MANAGER = Principal("user", "manager", ("admin",))
SIDE_BY_SIDE = 16
CLOSE_SECONDS = 600
GRACE_DAYS = 10
"""Before a penalty; debtors who pay pay within it, so that what they pay is all principal."""

MOST_TRIES, PAUSE_SECONDS = 30, 0.25

R = TypeVar("R", bound=Reply)
T = TypeVar("T")


def month_ends(first: date, months: int) -> list[date]:
    """The last days of so many months, from the month of a day on."""
    after = [first.year * 12 + first.month + number for number in range(months)]
    return [date(index // 12, index % 12 + 1, 1) - timedelta(days=1) for index in after]


@dataclass(frozen=True)
class Astray:
    """A posting on a loan's account that its loan knows nothing of."""

    loan_id: LoanId
    entry_id: EntryId


class LendingBank:
    """What it does, day by day."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._product: LoanProductId
        self.loans: dict[int, LoanId] = {}
        """By the records' number."""

    async def _say(self, message: Command[R] | Query[R] | Job[R], *, as_: Principal | None = None) -> R:
        """The reply. What got no answer in time is said again under the same id, as a client should."""
        message_id = self._bank.new_id()
        for _ in range(MOST_TRIES):
            with contextlib.suppress(Unavailable):
                return await self._bank.says(message, as_=as_, message_id=message_id)
            await asyncio.sleep(PAUSE_SECONDS)
        raise TimeoutError(f"{message.wire} got no answer")

    async def open(self, first: date) -> None:
        """Chart, accounts, a product without interest, and the day before the first one."""
        await self._say(AdoptStandardChart(currency=CURRENCY))
        await self._say(SetBusinessDate(business_date=first - timedelta(days=1)))
        product = await self._say(CreateLoanProduct(code="BERKA", name="Loans of the records", rules=await self._rules()))
        self._product = product.product_id

    async def _rules(self) -> ProductRules:
        receivable, income, loss = [await self._internal(code) for code in ("1200", "4020", "5020")]
        return ProductRules(
            currency=CURRENCY,
            amount=AmountRange(lowest=crowns(1_00), highest=crowns(1_000_000_00)),
            installments=InstallmentRange(lowest=1, highest=60, default=12),
            annual_rate_percent=RateRange(lowest="0", highest="0", default="0"),
            schedule=ScheduleRules(interest="zero"),
            penalty=PenaltyRules(percent="0.05", grace_days=GRACE_DAYS),
            accounting=Accounting(
                basis="accrual",
                principal_gl_code="1100",
                interest_receivable=receivable,
                fee_receivable=receivable,
                penalty_receivable=receivable,
                interest_income=await self._internal("4010"),
                fee_income=income,
                penalty_income=income,
                charge_off_expense=loss,
                write_off_expense=loss,
                recovery_income=income,
                overpayment=await self._internal("2900"),
                cash=await self._internal("1010"),
            ),
        )

    async def _internal(self, gl_code: str) -> AccountId:
        account = await self._say(OpenAccount(kind="internal", currency=CURRENCY, gl_code=gl_code, name=f"Lending {gl_code}"))
        return account.account_id

    async def live_through(self, loans: Sequence[LoanRecord], ends: Sequence[date], *, every_day: bool) -> AsyncIterator[date]:
        """Lend and take what is paid, day by day, and close every day or only each month's last one, which is told when it is closed."""
        lent, paid = defaultdict[date, list[LoanRecord]](list), defaultdict[date, list[tuple[LoanRecord, DueAmount]]](list)
        for loan in loans:
            lent[loan.paid_out].append(loan)
            for each in loan.history:
                if each.paid_on is not None and each.paid_on <= ends[-1]:
                    paid[each.paid_on].append((loan, each))
        first = min(lent)
        every = {first + timedelta(days=number) for number in range((ends[-1] - first).days + 1)}
        for day in sorted(every if every_day else {*lent, *paid, *ends}):
            await self._say(SetBusinessDate(business_date=day, leave_open=not every_day))
            await _side_by_side(self._lend, lent[day])
            await asyncio.gather(_side_by_side(self._take, paid[day]), self._prove_meanwhile(day))
            if every_day or day in ends:
                await self._close(day)
            if day in ends:
                yield day

    async def post_astray(self, on: date) -> Astray:
        """Somebody books by hand on the account of a loan."""
        loan = await self._say(GetLoan(loan_id=next(iter(self.loans.values()))))
        assert loan.account_id is not None
        one = crowns(1_00)
        postings = (
            PostingOrder(account_id=loan.account_id, side="debit", amount=one),
            PostingOrder(account_id=await self._internal("1900"), side="credit", amount=one),
        )
        entry = await self._say(PostEntry(postings=postings, description="By hand", value_date=on))
        return Astray(loan.loan_id, entry.entry_id)

    async def _lend(self, record: LoanRecord) -> None:
        member_id, account_id = await self._borrower(record)
        drafted = await self._say(
            ApplyForLoan(
                member_id=member_id,
                product_id=self._product,
                principal=crowns(record.amount),
                installments=record.months,
                start=record.paid_out,
                settlement_account_id=account_id,
            ),
            as_=OFFICER,
        )
        loan_id = self.loans[record.loan_id] = drafted.loan_id
        await self._say(SubmitLoan(loan_id=loan_id), as_=OFFICER)
        await self._say(ApproveLoan(loan_id=loan_id), as_=MANAGER)
        asked = await self._say(RequestDisbursement(loan_id=loan_id), as_=OFFICER)
        await self._say(DecideRequest(loan_id=loan_id, request_id=asked.request_id, approve=True), as_=MANAGER)

    async def _borrower(self, record: LoanRecord) -> tuple[MemberId, AccountId]:
        person = PersonDetails(given_name="Borrower", family_name=str(record.account_id), born_on=date(1960, 1, 1))
        member = await self._say(RegisterPerson(person=person))
        await self._say(ActivateMember(member_id=member.member_id))
        account = await self._say(OpenAccount(member_id=member.member_id, kind="savings", currency=CURRENCY))
        return member.member_id, account.account_id

    async def _take(self, due: tuple[LoanRecord, DueAmount]) -> None:
        """From the account that the loan was paid out to, which holds as much as is owed."""
        record, each = due
        await self._say(RecordRepayment(loan_id=self.loans[record.loan_id], amount=crowns(each.amount)))

    async def _prove_meanwhile(self, day: date) -> None:
        """While money moves the books agree, too: an entry that one side has alone is known to be under way."""
        proof = await self._say(ProvePortfolio(on=day))
        assert proof.proven, proof.differences[:5]

    async def _close(self, day: date) -> None:
        run = await self._say(RunCloseOfBusiness(business_date=day))

        async def now() -> CloseRun:
            return await self._say(GetCloseOfBusiness(run_id=run.run_id))

        async def has_ended() -> bool:
            return (await now()).status != "running"

        await until(has_ended, within_seconds=CLOSE_SECONDS)
        found = await now()
        assert (found.status, found.failures) == ("completed", ()), found


def crowns(hellers: int) -> Money:
    """Money of the records."""
    return Money.of(hellers, CURRENCY)


async def _side_by_side(work: Callable[[T], Awaitable[None]], things: Iterable[T]) -> None:
    waiting = iter(things)

    async def one_after_another() -> None:
        for thing in waiting:
            await work(thing)

    async with asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(one_after_another())
