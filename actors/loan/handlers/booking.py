"""How a loan's money moves: decided and written down first, then the ledger is asked, then the loan's own rows are written.

A redelivery finds the decision and repeats what follows it; the entry's id stands in the decision, so the ledger books it once. What
the ledger refuses is undecided again. Another message's decision that was left behind is finished before anything new is decided.
"""

from dataclasses import replace
from uuid import UUID

from actors.loan.handlers import answers
from actors.loan.handlers.decisions import (
    KEPT,
    Decision,
    Plan,
    Planner,
    by_account,
    charged_by,
    entry_of,
    lines_of,
    standing_of,
    transaction_of,
)
from actors.loan.handlers.loading import ONE_DAY, Held, Loading, caught_up, check_version
from actors.loan.kept import Kept
from actors.loan.rules import figures
from actors.loan.rules.book import Book
from actors.loan.rules.happenings import Happening, Parts
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.rules.position import difference, position
from actors.loan.rules.replay import apply, replay
from actors.loan.store import Reads, who
from messages.base import Refusal
from messages.ids import MemberId
from messages.ledger import OpenAccount
from messages.loan import (
    ExternalPaymentCounted,
    Loan,
    LoanBalances,
    LoanChange,
    LoanCurrencyDiffers,
    LoanStatusChanged,
    LoanTransactionBooked,
    LoanValueDateTooLate,
)
from runtime.actor import Turn
from runtime.errors import Fenced

MOST_TRIES = 10
"""Of a decision, while others change the loan."""


class _Changed(Exception):
    """Somebody changed the loan since it was looked at."""


class Booking(Loading):
    """Carries out transactions."""

    async def to_change(self, turn: Turn, loan_id: UUID, action: Action, expected_version: int | None = None) -> Held:
        """A loan that nobody else changes until the commit, with which this may be done."""
        held = await self.held(turn, turn, loan_id, lock=True)
        if held.kept.pending is not None:
            await turn.rollback()
            await self.finish(turn, held.kept)
            held = await self.held(turn, turn, loan_id, lock=True)
        check_version(held.kept.version, expected_version)
        check_action(held.kept.status, action)
        return held

    async def as_it_is(self, turn: Turn, loan_id: UUID) -> Loan:
        """A loan as it is now."""
        held = await self.held(turn, turn, loan_id)
        return answers.loan(held, (await self.store.attached(turn, [loan_id]))[loan_id])

    async def carry_out(self, turn: Turn, loan_id: UUID, planner: Planner, *, dry_run: bool = False) -> LoanChange:
        """Decide, ask the ledger, write. With `dry_run` only decide."""
        found = await self._decided_alone(turn, loan_id, planner, dry_run=dry_run)
        if isinstance(found, LoanChange):
            return found
        decision = await self._ask_ledger(turn, found, turn.message_id)
        await self._write(turn, turn, decision, turn.message_id)
        return decision.change

    async def _decided_alone(self, turn: Turn, loan_id: UUID, planner: Planner, *, dry_run: bool) -> Decision | LoanChange:
        """Decide about the loan as it is when the decision is written down: a close may have come in between."""
        for _ in range(MOST_TRIES):
            try:
                async with turn.apart() as db:
                    held = await self.held(db, turn, loan_id, transaction_id=turn.derive("transaction"))
                    if held.kept.pending_message_id in {None, turn.message_id}:
                        return await self._decided(turn, db, held, planner, dry_run=dry_run)
            except _Changed:
                continue
            await self.finish(turn, held.kept)
        raise Fenced(f"the loan {loan_id} changed again and again while it was decided about")

    async def _decided(self, turn: Turn, db: Reads, held: Held, planner: Planner, *, dry_run: bool) -> Decision | LoanChange:
        if held.kept.pending is not None:
            return KEPT.validate_python(held.kept.pending)
        if held.kept.done is not None:  # somebody finished it for this message
            return LoanChange.model_validate(held.kept.done)
        plan = await planner(db, held)
        decision = await self._decide(turn, db, held, plan, dry_run=dry_run)
        if dry_run:
            return decision.change
        if plan.external_payment_id is not None:
            claim = (plan.external_payment_id, held.loan_id, decision.transaction_id)
            if not await self.store.claim_external_payment(db, *claim):
                raise ExternalPaymentCounted(field="paid_from.external_payment_id")
        kept = KEPT.dump_python(decision, mode="json")
        if not await self.store.insert_pending(db, held.loan_id, held.kept.version, turn.message_id, kept, turn.now):
            raise _Changed
        return decision

    async def _decide(self, turn: Turn, db: Reads, held: Held, plan: Plan, *, dry_run: bool) -> Decision:
        kept = held.kept
        check_action(kept.status, plan.action)
        if plan.asked is not None and plan.asked.currency != kept.currency:
            raise LoanCurrencyDiffers(field="amount", currency=kept.currency)
        value_date = plan.value_date or held.today
        if value_date > held.today and plan.action is not Action.RESCHEDULE:
            raise LoanValueDateTooLate(field="value_date", business_date=held.today)
        happening = replace(
            plan.happening,
            number=kept.last_number + 1,
            transaction_id=turn.derive("transaction"),
            value_date=value_date,
            booked_on=held.today,
        )
        old = held.book()
        before, stood = _balances(held, old), position(old)
        new, parts, corrected = await self._booked(db, held, old, happening)
        moved = difference(position(new), stood)
        lines = lines_of(moved, held.product.rules.accounting, kept.account_id)
        entry_id = turn.derive("entry") if by_account(lines) else None
        after = _balances(held, new)
        since = kept.disbursed_on or (value_date if happening.kind == "disbursement" else None)
        change = LoanChange(
            transaction=transaction_of(held, happening, parts, entry_id, plan, who(turn)),
            before=before,
            after=after,
            corrections=figures.told_parts(corrected, kept.currency),
            is_dry_run=dry_run,
        )
        opens = any(account is None for _, account, _ in lines)
        return Decision(
            loan_id=kept.loan_id,
            member_id=kept.member_id,
            transaction_id=happening.transaction_id,
            version=kept.version + 1,  # as it is once this is written down
            status_before=kept.status,
            entry_id=entry_id,
            opens_under=held.product.rules.accounting.principal_gl_code if opens else None,
            account_id=kept.account_id,
            lines=lines,
            happening=happening.to_json(),
            change=change,
            book=new.to_json(),
            standing=standing_of(new, min(held.today, new.today), kept.account_id, since),
            account_field=plan.account_field,
            reason=plan.reason,
            request_id=plan.request_id,
            frees_payment_of=None if plan.takes_back is None else plan.takes_back.transaction_id,
            by=who(turn),
        )

    async def _booked(self, db: Reads, held: Held, book: Book, happening: Happening) -> tuple[Book, Parts, Parts]:
        """The book with the transaction (the same one, where nothing is replayed), what of it went where, and what else changed."""
        closed = book.closed_through
        if happening.kind != "reversal" and (closed is None or happening.value_date > closed):
            return (book, apply(book, happening), Parts())
        history = [Happening.from_json(each) for each in await self.store.happenings(db, held.loan_id)]
        terms, conditions = held.approved_terms, held.conditions
        new = replay(terms, conditions, [*history, happening], closed, new=happening.number)
        if happening.kind == "reversal":
            parts, charged = Parts(), None
        else:
            then = replay(terms, conditions, history, happening.value_date - ONE_DAY)
            parts = apply(then, happening)
            charged = charged_by(happening)
        return new, parts, figures.corrections(book, new, charged)

    # After the decision

    async def finish(self, turn: Turn, kept: Kept) -> None:
        """Do what another message decided and did not finish."""
        assert kept.pending is not None and kept.pending_message_id is not None, "there is something to finish"
        left = KEPT.validate_python(kept.pending)
        try:
            left = await self._ask_ledger(turn, left, kept.pending_message_id, f" of {left.transaction_id}")
        except Refusal:
            return  # it is undecided again, and whoever wanted it is told when they ask again
        async with turn.apart() as db:
            await self._write(db, turn, left, kept.pending_message_id)

    async def _ask_ledger(self, turn: Turn, decision: Decision, message_id: UUID, step: str = "") -> Decision:
        currency = decision.change.transaction.amount.currency
        try:
            if decision.opens_under is not None and decision.account_id is None:
                opened = await turn.ask(
                    OpenAccount(
                        member_id=MemberId(decision.member_id),
                        kind="loan",
                        currency=currency,
                        gl_code=decision.opens_under,
                    ),
                    step=f"account{step}",
                    in_own_name=True,
                )
                decision = replace(decision, account_id=opened.account_id)
                async with turn.apart() as db:
                    await self.store.note_account(db, decision.loan_id, message_id, opened.account_id)
            if decision.entry_id is not None:
                await turn.ask(entry_of(decision, decision.entry_id), step=f"entry{step}", in_own_name=True)
        except Refusal as no:
            async with turn.apart() as db:
                await self.store.forget_pending(db, decision.loan_id, message_id)
                await self.store.free_external_payment(db, decision.transaction_id)
            if no.field is not None and no.field.startswith("postings."):
                no.field = "amount" if no.field.endswith(".amount") else decision.account_field
            raise
        return decision

    async def _write(self, db: Reads, turn: Turn, decision: Decision, message_id: UUID) -> None:
        store, loan_id, told = self.store, decision.loan_id, decision.change.transaction
        now = replace(decision.standing, account_id=decision.account_id)
        lines = [(role, account or decision.account_id, amount) for role, account, amount in decision.lines]
        is_alone = await store.book_money(
            db,
            loan_id,
            decision.version,
            message_id,
            now,
            decision.book,
            decision.happening,
            decision.change,
            decision.entry_id,
            lines,
            turn.now,
        )
        if not is_alone:
            raise Fenced(f"the loan {loan_id} changed while its money was moved")
        if decision.reason is not None:
            await store.give_reason(db, loan_id, decision.reason)
        if decision.request_id is not None:
            await store.decide_request(db, decision.request_id, "approved", decision.by, turn.now, decision.transaction_id)
        if decision.frees_payment_of is not None:
            await store.free_external_payment(db, decision.frees_payment_of)
        turn.emit(LoanTransactionBooked(transaction=told))
        if now.status != decision.status_before:
            turn.emit(
                LoanStatusChanged.model_validate(
                    {"loan_id": loan_id, "member_id": decision.member_id, "status": now.status, "on": told.booked_on}
                )
            )


def _balances(held: Held, book: Book) -> LoanBalances:
    """As of the business date. What is told is of today; what is stored is closed by the close."""
    today = held.today
    if book.closed_through is not None and book.closed_through < today - ONE_DAY:
        book = caught_up(book.copy(), today)
    return figures.balances(book, min(today, book.today)).model_copy(update={"on": today})
