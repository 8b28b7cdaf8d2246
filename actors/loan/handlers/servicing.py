"""Money of a loan that was paid out: repayments, charges, waivers, refunds, recoveries, and taking any of them back."""

from typing import Any

from actors.loan.handlers import answers
from actors.loan.handlers.counter_accounts import CounterAccounts, paid_from, paid_to
from actors.loan.handlers.decisions import Plan, happening_of
from actors.loan.handlers.loading import Held
from actors.loan.rules.life_cycle import Action
from actors.loan.store import Reads
from messages.loan import (
    ChargeFee,
    LoanChange,
    LoanTransactionNotFound,
    PaidFrom,
    RecordRecovery,
    RecordRepayment,
    RefundOverpayment,
    ReverseTransaction,
    TransactionReversed,
    WaiveDue,
)
from runtime.actor import Turn, handles


class Servicing(CounterAccounts):
    """Books what happens to a loan's money."""

    @handles
    async def record_repayment(self, command: RecordRepayment, turn: Turn) -> LoanChange:
        return await self._take(turn, command, Action.REPAY, "repayment", way=command.way)

    @handles
    async def record_recovery(self, command: RecordRecovery, turn: Turn) -> LoanChange:
        return await self._take(turn, command, Action.RECOVER, "recovery")

    async def _take(
        self, turn: Turn, command: RecordRepayment | RecordRecovery, action: Action, kind: Any, **more: Any
    ) -> LoanChange:
        await self.check_paid_from(turn, command.loan_id, command.paid_from)

        async def plan(_: Reads, held: Held) -> Plan:
            account = paid_from(held, command.paid_from, in_cash=command.in_cash)
            return Plan(
                action,
                happening_of(kind, held.today, amount=command.amount.minor, account=account, **more),
                value_date=command.value_date,
                asked=command.amount,
                account_field="paid_from.account_id",
                reference=command.reference or _external(command.paid_from),
                external_payment_id=_external(command.paid_from),
            )

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)

    @handles
    async def charge_fee(self, command: ChargeFee, turn: Turn) -> LoanChange:
        async def plan(_: Reads, held: Held) -> Plan:
            happening = happening_of(command.part, held.today, amount=command.amount.minor)
            return Plan(Action.CHARGE, happening, value_date=command.value_date, asked=command.amount, note=command.reason)

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)

    @handles
    async def waive_due(self, command: WaiveDue, turn: Turn) -> LoanChange:
        async def plan(_: Reads, held: Held) -> Plan:
            happening = happening_of("waiver", held.today, amount=command.amount.minor, part=command.part)
            return Plan(Action.WAIVE, happening, value_date=command.value_date, asked=command.amount, note=command.reason)

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)

    @handles
    async def refund_overpayment(self, command: RefundOverpayment, turn: Turn) -> LoanChange:
        await self.check_paid_to(turn, command.loan_id, command.to_account_id)

        async def plan(_: Reads, held: Held) -> Plan:
            account = paid_to(held, command.to_account_id, in_cash=command.in_cash)
            amount = held.book().overpaid if command.amount is None else command.amount.minor
            happening = happening_of("refund", held.today, amount=amount, account=account)
            return Plan(Action.REFUND, happening, asked=command.amount, account_field="to_account_id")

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)

    @handles
    async def reverse_transaction(self, command: ReverseTransaction, turn: Turn) -> LoanChange:
        async def plan(db: Reads, held: Held) -> Plan:
            row = await self.store.transaction(db, held.loan_id, command.transaction_id)
            if row is None:
                raise LoanTransactionNotFound(field="transaction_id")
            if row["kind"] == "reversal" or row["reversed_by"] is not None:
                raise TransactionReversed(field="transaction_id")
            happening = happening_of("reversal", held.today, reverses=command.transaction_id)
            return Plan(
                Action.REVERSE,
                happening,
                note=command.reason,
                takes_back=answers.transaction(row),
                account_field="transaction_id",
            )

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)


def _external(said: PaidFrom | None) -> str | None:
    return None if said is None else said.external_payment_id
