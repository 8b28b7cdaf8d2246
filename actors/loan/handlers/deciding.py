"""What follows from a plan: the transaction, the book after it, and what moves on which account. Nothing is written here.

The same follows again from the same plan, loan and business date; so no more than the plan is written down before the ledger is asked.
"""

from dataclasses import replace
from uuid import UUID

from actors.loan.handlers.decisions import (
    PENDING,
    Decision,
    Plan,
    by_account,
    charged_by,
    lines_of,
    standing_of,
    transaction_of,
)
from actors.loan.handlers.loading import ONE_DAY, Held, Loading, caught_up
from actors.loan.kept import Kept
from actors.loan.rules import figures
from actors.loan.rules.book import Book
from actors.loan.rules.happenings import Happening, Parts
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.rules.position import difference, position
from actors.loan.rules.replay import apply, passed_through, replay
from actors.loan.store import Reads
from messages.ids import derived_id
from messages.loan import LoanBalances, LoanChange, LoanCurrencyDiffers, LoanValueDateTooLate
from runtime.actor import Said
from runtime.errors import MessageFault


class Deciding(Loading):
    """Decides what becomes of a loan."""

    async def decide_again(self, db: Reads, said: Said, kept: Kept) -> Decision:
        """What was decided about a loan and not finished."""
        assert kept.pending is not None and kept.pending_message_id is not None, "there is something to finish"
        pending = PENDING.validate_python(kept.pending)
        held = replace(await self.as_held(db, said, kept), today=pending.today)
        found = await self.decide(db, held, pending.plan, kept.pending_message_id, pending.by)
        if found.lines != pending.lines:
            raise MessageFault(f"another entry follows from what was decided about the loan {kept.loan_id} than did then")
        return replace(found, version=kept.version, account_id=pending.account_id or found.account_id)

    async def decide(self, db: Reads, held: Held, plan: Plan, message_id: UUID, by: str, *, dry_run: bool = False) -> Decision:
        """What follows. Refuses what may not be done with the loan, or not on that day."""
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
            transaction_id=derived_id(message_id, "transaction"),
            value_date=value_date,
            booked_on=held.today,
        )
        old = held.book()
        before, stood = _balances(held, old), position(old)
        new, parts, corrected = await self._booked(db, held, old, happening)
        moved = difference(position(new), stood)
        lines = lines_of(moved, held.product.rules.accounting, kept.account_id)
        entry_id = derived_id(message_id, "entry") if by_account(lines) else None
        after = _balances(held, new)
        since = kept.disbursed_on or (value_date if happening.kind == "disbursement" else None)
        change = LoanChange(
            transaction=transaction_of(held, happening, parts, entry_id, plan, by),
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
            version=kept.version + 1,  # as it is once the plan is written down
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
            by=by,
        )

    async def _booked(self, db: Reads, held: Held, book: Book, happening: Happening) -> tuple[Book, Parts, Parts]:
        """The book with the transaction (the same one, where nothing is replayed), what of it went where, and what else changed."""
        closed = passed_through(book, held.today)
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


def _balances(held: Held, book: Book) -> LoanBalances:
    """As of the business date. What is told is of today; what is stored is closed by the close."""
    today = held.today
    if book.closed_through is not None and book.closed_through < today - ONE_DAY:
        book = caught_up(book.copy(), today)
    return figures.balances(book, min(today, book.today)).model_copy(update={"on": today})
