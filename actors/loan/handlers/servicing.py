"""Money of a loan that was paid out: repayments, charges, waivers, refunds, recoveries, and taking any of them back."""

import asyncio

from actors.loan.handlers import answers
from actors.loan.handlers.booking import Order
from actors.loan.handlers.counter_accounts import CounterAccounts, paid_from, paid_to
from actors.loan.handlers.decisions import Plan, Planner, happening_of
from actors.loan.handlers.loading import Held, check_limit
from actors.loan.rules.life_cycle import Action
from actors.loan.store import Reads
from messages.base import Refusal
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
from runtime.actor import Batch, Said, Turn, handles, handles_batch


class Servicing(CounterAccounts):
    """Books what happens to a loan's money."""

    @handles_batch(RecordRepayment, RecordRecovery)
    async def take_payments(self, batch: Batch) -> None:
        """Payments come in crowds: at the end of a month, and when a payment system tells a day's."""
        orders = [Order(said, said.message.loan_id, self._taken(said), said.message.dry_run) for said in batch]
        ends = await asyncio.gather(*(self._check_payer(order) for order in orders), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        await self.carry_out_all(batch, [order for order in orders if order.refusal is None])
        for order in orders:
            order.give_answer()

    async def _check_payer(self, order: Order) -> None:
        try:
            await self.check_paid_from(order.said, order.loan_id, order.said.message.paid_from)
        except Refusal as no:
            order.refusal = no

    def _taken(self, said: Said) -> Planner:
        command: RecordRepayment | RecordRecovery = said.message

        async def plan(_: Reads, held: Held) -> Plan:
            account = paid_from(held, command.paid_from, in_cash=command.in_cash)
            paid = {"amount": command.amount.minor, "account": account}
            if isinstance(command, RecordRepayment):
                action, happening = Action.REPAY, happening_of("repayment", held.today, **paid, way=command.way)
            else:
                action, happening = Action.RECOVER, happening_of("recovery", held.today, **paid)
            return Plan(
                action,
                happening,
                value_date=command.value_date,
                asked=command.amount,
                account_field="paid_from.account_id",
                reference=command.reference or _external(command.paid_from),
                external_payment_id=_external(command.paid_from),
            )

        return plan

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
        await self.check_paid_to(turn.said, command.loan_id, command.to_account_id)

        async def plan(db: Reads, held: Held) -> Plan:
            account = paid_to(held, command.to_account_id, in_cash=command.in_cash)
            amount = held.book().overpaid if command.amount is None else command.amount.minor
            await check_limit(turn.said, held, amount, db)
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
            taken_back = answers.transaction(row)
            await check_limit(turn.said, held, taken_back.amount.minor, db)
            happening = happening_of("reversal", held.today, reverses=command.transaction_id)
            return Plan(
                Action.REVERSE,
                happening,
                note=command.reason,
                takes_back=taken_back,
                account_field="transaction_id",
            )

        return await self.carry_out(turn, command.loan_id, plan, dry_run=command.dry_run)


def _external(said: PaidFrom | None) -> str | None:
    return None if said is None else said.external_payment_id
