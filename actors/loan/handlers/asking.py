"""What one person asks for and another decides: paying out, charging off, writing off, rescheduling."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from actors.loan.handlers import answers
from actors.loan.handlers.counter_accounts import CounterAccounts, paid_to
from actors.loan.handlers.decisions import Plan, happening_of
from actors.loan.handlers.loading import ONE_DAY, Held, caught_up, check_limit
from actors.loan.rules.exposure import check_reschedule_within
from actors.loan.rules.happenings import Happening, Reschedule
from actors.loan.rules.lapses import Lapse, stands_in_the_way
from actors.loan.rules.life_cycle import Action, check_action, check_checker
from actors.loan.rules.owing import outstanding
from actors.loan.rules.replay import replay
from actors.loan.rules.rescheduling import compare
from actors.loan.store import Reads, who
from messages.base import Reply
from messages.loan import (
    DateIsPast,
    DecideRequest,
    DisbursementTooLarge,
    LoanCurrencyDiffers,
    LoanRequest,
    LoanRequestDecided,
    LoanRequestLapsed,
    LoanRequestNotFound,
    LoanValueDateTooLate,
    RequestChargeOff,
    RequestDecided,
    RequestDisbursement,
    RequestMade,
    RequestReschedule,
    RequestWriteOff,
)
from runtime.actor import Turn, handles

ACTIONS = {
    "disbursement": Action.DISBURSE,
    "charge_off": Action.CHARGE_OFF,
    "write_off": Action.WRITE_OFF,
    "reschedule": Action.RESCHEDULE,
}
"""What an approved request does."""


class Asking(CounterAccounts):
    """Requests and decisions."""

    @handles
    async def request_disbursement(self, command: RequestDisbursement, turn: Turn) -> LoanRequest:
        await self.check_paid_to(turn.said, command.loan_id, command.to_account_id)
        held = await self.to_change(turn, command.loan_id, Action.DISBURSE)
        account = paid_to(held, command.to_account_id, in_cash=False)
        if command.value_date is not None and command.value_date > held.today:
            raise LoanValueDateTooLate(field="value_date", business_date=held.today)
        left = held.book().undisbursed - await self.store.asked_to_disburse(turn, command.loan_id)
        if command.amount is not None and command.amount.currency != held.kept.currency:
            raise LoanCurrencyDiffers(field="amount", currency=held.kept.currency)
        amount = left if command.amount is None else command.amount.minor
        await check_limit(turn.said, held, amount, turn)
        if amount > left or amount == 0:
            raise DisbursementTooLarge(field="amount", undisbursed=left)
        asked = {"account": str(account), "value_date": None if command.value_date is None else command.value_date.isoformat()}
        return await self._asked(turn, held, "disbursement", asked, amount=amount)

    @handles
    async def request_charge_off(self, command: RequestChargeOff, turn: Turn) -> LoanRequest:
        held = await self.to_change(turn, command.loan_id, Action.CHARGE_OFF)
        await check_limit(turn.said, held, _owed(held), turn)
        return await self._asked(turn, held, "charge_off", {}, reason=command.reason)

    @handles
    async def request_write_off(self, command: RequestWriteOff, turn: Turn) -> LoanRequest:
        held = await self.to_change(turn, command.loan_id, Action.WRITE_OFF)
        await check_limit(turn.said, held, _owed(held), turn)
        return await self._asked(turn, held, "write_off", {}, reason=command.reason)

    @handles
    async def request_reschedule(self, command: RequestReschedule, turn: Turn) -> LoanRequest:
        held = await self.to_change(turn, command.loan_id, Action.RESCHEDULE)
        await check_limit(turn.said, held, _owed(held), turn)
        if command.effective_on < held.today:
            raise DateIsPast(field="effective_on", business_date=held.today)
        reschedule = Reschedule(
            kind=command.kind,
            annual_rate_percent=command.annual_rate_percent,
            installments=command.installments,
            every_count=None if command.every is None else command.every.count,
            every_unit=None if command.every is None else command.every.unit,
            holiday_installments=command.holiday_installments,
        )
        check_reschedule_within(held.rules, reschedule)
        book = caught_up(held.book(), held.today)
        if command.effective_on < book.today:  # the business date is closed for this loan: as it was before that
            history = [Happening.from_json(each) for each in await self.store.happenings(turn, command.loan_id)]
            book = replay(held.approved_terms, held.conditions, history, command.effective_on - ONE_DAY)
        figures = compare(book, reschedule, command.effective_on)
        asked = {name: getattr(reschedule, name) for name in Reschedule.__dataclass_fields__}
        asked["value_date"] = command.effective_on.isoformat()
        return await self._asked(turn, held, "reschedule", asked, reason=command.reason, figures=figures)

    async def _asked(
        self,
        turn: Turn,
        held: Held,
        kind: str,
        asked: dict[str, Any],
        *,
        amount: int | None = None,
        reason: str | None = None,
        figures: tuple[Reply, Reply] | None = None,
    ) -> LoanRequest:
        request_id = turn.derive("request")
        await self.store.insert_request(turn, request_id, held.loan_id, kind, amount, asked, reason, figures)
        request = answers.request(await self.store.request(turn, held.loan_id, request_id), held)
        turn.emit(RequestMade(request=request))
        return request

    @handles
    async def decide_request(self, command: DecideRequest, turn: Turn) -> LoanRequest:
        if command.approve:
            await self._carry_out(turn, command)
        else:
            await self._reject(turn, command)
        held = await self.held(turn, turn.said, command.loan_id)
        request = answers.request(await self.store.request(turn, command.loan_id, command.request_id), held)
        turn.emit(RequestDecided(request=request))
        return request

    async def _carry_out(self, turn: Turn, command: DecideRequest) -> None:
        try:
            await self.carry_out(turn, command.loan_id, lambda db, held: self._plan(db, turn, held, command.request_id))
        except LoanRequestLapsed as no:
            async with turn.apart() as db:  # it stays known, though the answer is a no
                await self.store.lapse_request(db, command.request_id, no.facts["because"], no.facts["why"])
            raise

    async def _reject(self, turn: Turn, command: DecideRequest) -> None:
        await self.locked(turn, command.loan_id)
        await self._open_request(turn, turn, command.loan_id, command.request_id)
        await self.store.decide_request(turn, command.request_id, "rejected", who(turn), turn.now, None)
        await self.store.touch(turn, command.loan_id)

    async def _open_request(self, db: Reads, turn: Turn, loan_id: UUID, request_id: UUID) -> Any:
        row = await self.store.request(db, loan_id, request_id)
        if row is None:
            raise LoanRequestNotFound(field="request_id")
        if row["status"] == "lapsed":
            raise _lapsed(Lapse(row["lapsed_because"], row["lapsed_detail"]))
        if row["status"] != "open":
            raise LoanRequestDecided(field="request_id", status=row["status"])
        check_checker((row["requested_by"],), who(turn))
        return row

    async def _plan(self, db: Reads, turn: Turn, held: Held, request_id: UUID) -> Plan:
        row = await self._open_request(db, turn, held.loan_id, request_id)
        asked, kind = row["asked"], row["kind"]
        if kind != "reschedule":
            check_action(held.kept.status, ACTIONS[kind])
        await check_limit(turn.said, held, row["amount"] or _owed(held), db)
        day = None if asked.get("value_date") is None else date.fromisoformat(asked["value_date"])
        happening = happening_of(kind, held.today, amount=row["amount"] or 0)
        plan = Plan(ACTIONS[kind], happening, note=row["reason"], reason=None, request_id=request_id)
        if kind == "disbursement":
            happening = replace(happening, account=UUID(asked["account"]))
            return replace(plan, happening=happening, value_date=day, account_field="request_id")
        if kind == "reschedule":
            reschedule = Reschedule(**{name: asked[name] for name in Reschedule.__dataclass_fields__})
            moved_on = max(day or held.today, held.today)  # it may have waited for its decision
            if lapse := stands_in_the_way(caught_up(held.book(), held.today), reschedule, moved_on):
                raise _lapsed(lapse)
            return replace(plan, happening=replace(happening, reschedule=reschedule), value_date=moved_on)
        return replace(plan, reason=row["reason"])


def _owed(held: Held) -> int:
    """All that the loan owes today, in minor units: what is decided about by whoever gives it up or changes its terms."""
    return sum(outstanding(caught_up(held.book(), held.today), held.today))


def _lapsed(lapse: Lapse) -> LoanRequestLapsed:
    return LoanRequestLapsed(field="request_id", because=lapse.rule, why=lapse.detail)
