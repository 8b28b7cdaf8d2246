"""How a loan's money moves: decided and written down first, then the ledger is asked, then the loan's own rows are written.

A redelivery finds the decision and repeats what follows it; the entry's id stands in the decision, so the ledger books it once. What
the ledger refuses is undecided again. Another message's decision that was left behind is finished before anything new is decided.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from actors.loan.handlers import answers
from actors.loan.handlers.deciding import Deciding
from actors.loan.handlers.decisions import Decision, Planner, entry_of, events_of, money_of, pending_of
from actors.loan.handlers.loading import Held, check_version
from actors.loan.kept import Kept, PendingKept
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.store import Reads, who
from messages.base import Refusal
from messages.ids import MemberId, derived_id
from messages.ledger import OpenAccount, PostEntries
from messages.loan import ExternalPaymentCounted, Loan, LoanChange
from runtime.actor import Said, Turn, Work
from runtime.database import Connection
from runtime.errors import Fenced

MOST_TRIES = 10
"""Of a decision, while others change the loan."""


@dataclass(slots=True)
class Order:
    """What one message wants done about a loan, and what became of it: refused, decided and to be carried out, or done."""

    said: Said
    loan_id: UUID
    planner: Planner
    dry_run: bool = False
    refusal: Refusal | None = None
    decision: Decision | None = None
    change: LoanChange | None = None

    def give_answer(self) -> None:
        """Answer the message with what became of it."""
        if self.refusal is not None:
            self.said.refuse(self.refusal)
        else:
            assert self.change is not None, "it was refused or done"
            self.said.answer(self.change)


@dataclass(slots=True)
class Undertaking:
    """A decision that is being carried out, by the message that it was decided for or by another."""

    said: Said
    """Whoever carries it out."""
    message_id: UUID
    """Of the message that it was decided for."""
    decision: Decision
    refusal: Refusal | None = None
    """The ledger's."""

    def name_field(self) -> None:
        """Let the ledger's refusal name what the client wrote."""
        no = self.refusal
        if no is not None and no.field is not None and no.field.startswith("postings."):
            no.field = "amount" if no.field.endswith(".amount") else self.decision.account_field


class Booking(Deciding):
    """Carries out transactions."""

    async def locked(self, turn: Turn, loan_id: UUID) -> Held:
        """A loan that nobody else changes until the commit, and about which nothing is left undone."""
        held = await self.held(turn, turn.said, loan_id, lock=True)
        if held.kept.pending is not None:
            await turn.rollback()
            await self.finish(turn, turn.said, held.kept)
            held = await self.held(turn, turn.said, loan_id, lock=True)
        return held

    async def to_change(self, turn: Turn, loan_id: UUID, action: Action, expected_version: int | None = None) -> Held:
        """The same, of a loan with which this may be done."""
        held = await self.locked(turn, loan_id)
        check_version(held.kept.version, expected_version)
        check_action(held.kept.status, action)
        return held

    async def as_it_is(self, turn: Turn, loan_id: UUID) -> Loan:
        """A loan as it is now."""
        held = await self.held(turn, turn.said, loan_id)
        return answers.loan(held, (await self.store.attached(turn, [loan_id]))[loan_id])

    async def carry_out(self, turn: Turn, loan_id: UUID, planner: Planner, *, dry_run: bool = False) -> LoanChange:
        """Decide, ask the ledger, write. With `dry_run` only decide."""
        order = Order(turn.said, loan_id, planner, dry_run)
        await self.carry_out_all(turn, [order])
        if order.refusal is not None:
            raise order.refusal
        assert order.change is not None, "it was refused or done"
        return order.change

    async def carry_out_all(self, work: Work, orders: Sequence[Order]) -> None:
        """The same of many loans, each once."""
        await self._decide_all(work, orders)
        doing = [
            (order, Undertaking(order.said, order.said.message_id, order.decision))
            for order in orders
            if order.decision is not None
        ]
        await self._ask_ledger(work, [each for _, each in doing])
        await self._write(work, work.now, [each for _, each in doing if each.refusal is None])
        for order, each in doing:
            order.refusal = each.refusal
            if each.refusal is None:
                order.change = each.decision.change
                for event in events_of(each.decision):
                    order.said.emit(event)

    async def _decide_all(self, work: Work, orders: Sequence[Order]) -> None:
        """Decide about each loan as it is when the decision is written down: a close may have come in between."""
        for _ in range(MOST_TRIES):
            async with work.autocommit() as db:
                left = await self._decide_some(db, work.now, orders)
            if not left:
                return
            for order, kept in left:
                if kept is not None:
                    await self.finish(work, order.said, kept)
            orders = [order for order, _ in left]
        raise Fenced(f"the loan {orders[0].loan_id} changed again and again while it was decided about")

    async def _decide_some(self, db: Connection, now: datetime, orders: Sequence[Order]) -> list[tuple[Order, Kept | None]]:
        """Those whose loan is somebody else's for now: what is left behind of it, or None where it was only changed meanwhile."""
        left: list[tuple[Order, Kept | None]] = []
        chosen: list[tuple[Order, PendingKept]] = []
        found = await self.store.loans_by_id(db, [(order.loan_id, order.said.derive("transaction")) for order in orders])
        for order in orders:
            try:
                held = await self.seen(db, order.said, found.get(order.loan_id))
                if held.kept.pending_message_id not in {None, order.said.message_id}:
                    left.append((order, held.kept))
                    continue
                pending = await self._decided(db, order, held)
            except Refusal as no:
                order.refusal = no
                continue
            if pending is not None:
                chosen.append((order, pending))
        return left + await self._write_down(db, now, chosen)

    async def _decided(self, db: Connection, order: Order, held: Held) -> PendingKept | None:
        """What is to be written down before it counts; None where nothing is."""
        if held.kept.pending is not None:
            order.decision = await self.decide_again(db, order.said, held.kept)
            return None
        if held.kept.done is not None:  # somebody finished it for this message
            order.change = LoanChange.model_validate(held.kept.done)
            return None
        plan = await order.planner(db, held)
        by = who(order.said)
        decision = await self.decide(db, held, plan, order.said.message_id, by, dry_run=order.dry_run)
        if order.dry_run:
            order.change = decision.change
            return None
        order.decision = decision
        return pending_of(decision, plan, held.today, order.said.message_id)

    async def _write_down(
        self, db: Connection, now: datetime, chosen: Sequence[tuple[Order, PendingKept]]
    ) -> list[tuple[Order, Kept | None]]:
        """Write decisions down. Those whose loan was changed meanwhile are left, and all but one that name the same payment."""
        named = [each.external_payment_id for _, each in chosen if each.external_payment_id is not None]
        counted = await self.store.counted_payments(db, named) if named else set()
        fresh: dict[str | UUID, PendingKept] = {}
        for order, each in chosen:
            if each.external_payment_id in counted:
                order.refusal, order.decision = ExternalPaymentCounted(field="paid_from.external_payment_id"), None
            else:
                fresh.setdefault(each.external_payment_id or order.loan_id, each)
        written = await self.store.insert_pending(db, list(fresh.values()), now) if fresh else set()
        left = [order for order, each in chosen if order.refusal is None and each.message_id not in written]
        for order in left:
            order.decision = None
        return [(order, None) for order in left]

    # After the decision

    async def finish(self, work: Work, said: Said, kept: Kept) -> None:
        """Do what another message decided and did not finish."""
        assert kept.pending_message_id is not None, "something was decided"
        async with work.autocommit() as db:
            left = Undertaking(said, kept.pending_message_id, await self.decide_again(db, said, kept))
        await self._ask_ledger(work, [left])
        if left.refusal is not None:
            return  # it is undecided again, and whoever wanted it is told when they ask again
        async with work.apart() as db:
            await self._write(db, work.now, [left], for_others=True)
            await work.tell_apart(db, said, left.message_id, events_of(left.decision))

    async def _ask_ledger(self, work: Work, doing: Sequence[Undertaking]) -> None:
        """Have the ledger book what was decided. What it refuses is undecided again."""
        await _all_of(self._open_account(work, each) for each in doing if each.decision.opens_account)
        telling = [each for each in doing if each.refusal is None and each.decision.entry_id is not None]
        if telling:
            entries = tuple(entry_of(each.decision) for each in telling)
            # Whoever of them is handled alone later asks under another id, for the ids of the entries make it.
            step = f"entries {derived_id(entries[0].entry_id, ' '.join(str(each.entry_id) for each in entries))}"
            answer = await work.ask_because(telling[0].said, PostEntries(entries=entries), step=step, in_own_name=True)
            refused = {each.entry_id: Refusal.from_wire(each.problem) for each in answer.refused}
            for each, entry in zip(telling, entries, strict=True):
                each.refusal = refused.get(entry.entry_id)
        undecided = [each for each in doing if each.refusal is not None]
        if undecided:
            async with work.apart() as db:
                await self.store.forget_pending(db, [(each.decision.loan_id, each.message_id) for each in undecided])
                await self.store.free_external_payments(db, [each.decision.transaction_id for each in undecided])
        for each in undecided:
            each.name_field()

    async def _open_account(self, work: Work, doing: Undertaking) -> None:
        decision = doing.decision
        assert decision.opens_under is not None, "an account is opened under a code"
        wanted = OpenAccount(
            member_id=MemberId(decision.member_id),
            kind="loan",
            currency=decision.change.transaction.amount.currency,
            gl_code=decision.opens_under,
        )
        try:
            opened = await doing.said.ask(wanted, step=f"account of {decision.transaction_id}", in_own_name=True)
        except Refusal as no:
            doing.refusal = no
            return
        doing.decision = replace(decision, account_id=opened.account_id)
        async with work.autocommit() as db:
            await self.store.note_account(db, decision.loan_id, doing.message_id, opened.account_id)

    async def _write(self, db: Reads, now: datetime, doing: Sequence[Undertaking], *, for_others: bool = False) -> None:
        """What the ledger has booked. Fenced where a loan is another than was decided about."""
        store = self.store
        money = [money_of(each.decision, each.message_id, whole=for_others) for each in doing]
        written = await store.book_money(db, money, now) if money else set()
        for decision in (each.decision for each in doing):
            if decision.loan_id not in written:
                raise Fenced(f"the loan {decision.loan_id} changed while its money was moved")
            if decision.reason is not None:
                await store.give_reason(db, decision.loan_id, decision.reason)
            if decision.request_id is not None:
                await store.decide_request(db, decision.request_id, "approved", decision.by, now, decision.transaction_id)
            if decision.frees_payment_of is not None:
                await store.free_external_payments(db, [decision.frees_payment_of])


async def _all_of(work: Iterable[Awaitable[None]]) -> None:
    """Side by side, each to its end."""
    for end in await asyncio.gather(*work, return_exceptions=True):
        if end is not None:
            raise end
