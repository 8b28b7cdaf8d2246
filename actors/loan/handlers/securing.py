"""What a loan stands on beside the borrower's word: documents, guarantors, collateral. So it is noted by staff alone."""

from actors.loan.handlers.booking import Booking
from actors.loan.handlers.loading import asked
from actors.loan.rules.exposure import check_guarantee
from actors.loan.rules.life_cycle import Action
from messages.base import Forbidden
from messages.ids import MemberId
from messages.loan import (
    AddCollateral,
    AddGuarantor,
    CollateralNotFound,
    GuarantorNotFound,
    GuarantorTwice,
    GuarantorUnfit,
    Loan,
    LoanCurrencyDiffers,
    RecordDocument,
    RemoveCollateral,
    RemoveGuarantor,
)
from messages.member import GetGroup, GetMember, Group, ListGroups, MemberStatus
from messages.money import Money
from runtime.actor import Turn, handles


class Securing(Booking):
    """Adds and removes what secures a loan."""

    @handles
    async def record_document(self, command: RecordDocument, turn: Turn) -> Loan:
        turn.sees_others(Forbidden())
        await self.to_change(turn, command.loan_id, Action.CHANGE)
        await self.store.record_document(turn, command.loan_id, command.name, command.reference)
        await self.store.touch(turn, command.loan_id)
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def add_guarantor(self, command: AddGuarantor, turn: Turn) -> Loan:
        turn.sees_others(Forbidden())
        await self._check_guarantor(turn, command)
        group = await self._group_of(turn, command.member_id)
        held = await self.to_change(turn, command.loan_id, Action.GUARANTEE)
        _check_currency(command.amount, held.kept.currency)
        attached = (await self.store.attached(turn, [command.loan_id]))[command.loan_id]
        if command.member_id in {row["member_id"] for row in attached.guarantors}:
            raise GuarantorTwice(field="member_id")
        currency, amount = held.kept.currency, command.amount.minor
        group_id = None if group is None else group.group_id
        seats = [] if group is None else [seat.member_id for seat in group.members]
        by_member, by_group = await self.store.exposure(turn, command.member_id, group_id, seats, currency)
        in_group = None if group is None else by_group
        check_guarantee(held.rules, amount, answered_by_member=by_member, answered_in_group=in_group)
        guarantor_id = turn.derive("guarantor")
        await self.store.add_guarantor(turn, guarantor_id, command.loan_id, command.member_id, group_id, amount, currency)
        await self.store.touch(turn, command.loan_id)
        return await self.as_it_is(turn, command.loan_id)

    async def _check_guarantor(self, turn: Turn, command: AddGuarantor) -> None:
        async with turn.apart() as db:
            kept = (await self.held(db, turn.said, command.loan_id)).kept
        if command.member_id == kept.member_id:
            raise GuarantorUnfit("Nobody answers for a loan of their own.", field="member_id")
        member = await asked(turn.said, GetMember(member_id=MemberId(command.member_id)), step="member", field="member_id")
        if member.status is not MemberStatus.ACTIVE:
            raise GuarantorUnfit(field="member_id", status=member.status)

    async def _group_of(self, turn: Turn, member_id: MemberId) -> Group | None:
        """The group that a member is in, whichever the borrower is in: its members fall together."""
        found = await turn.ask(ListGroups(member_id=member_id, limit=1), step="groups", in_own_name=True)
        if not found.items:
            return None
        return await turn.ask(GetGroup(group_id=found.items[0].group_id), step="group", in_own_name=True)

    @handles
    async def remove_guarantor(self, command: RemoveGuarantor, turn: Turn) -> Loan:
        turn.sees_others(Forbidden())
        await self.to_change(turn, command.loan_id, Action.GUARANTEE)
        if not await self.store.remove_guarantor(turn, command.loan_id, command.guarantor_id):
            raise GuarantorNotFound
        await self.store.touch(turn, command.loan_id)
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def add_collateral(self, command: AddCollateral, turn: Turn) -> Loan:
        turn.sees_others(Forbidden())
        held = await self.to_change(turn, command.loan_id, Action.SECURE)
        _check_currency(command.value, held.kept.currency, field="value")
        collateral_id = turn.derive("collateral")
        await self.store.add_collateral(turn, collateral_id, command.loan_id, command.description, command.value.minor)
        await self.store.touch(turn, command.loan_id)
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def remove_collateral(self, command: RemoveCollateral, turn: Turn) -> Loan:
        turn.sees_others(Forbidden())
        await self.to_change(turn, command.loan_id, Action.RELEASE)
        if not await self.store.remove_collateral(turn, command.loan_id, command.collateral_id):
            raise CollateralNotFound
        await self.store.touch(turn, command.loan_id)
        return await self.as_it_is(turn, command.loan_id)


def _check_currency(money: Money, currency: str, field: str = "amount") -> None:
    if money.currency != currency:
        raise LoanCurrencyDiffers(field=field, currency=currency)
