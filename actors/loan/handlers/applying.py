"""From a draft to an approved loan: applying, changing, handing in, reviewing, and the decision by somebody else."""

from uuid import UUID

from actors.loan.handlers.booking import Booking
from actors.loan.handlers.counter_accounts import OF_MEMBERS
from actors.loan.handlers.loading import Held, asked, check_limit
from actors.loan.rules.exposure import check_count_within, check_documents, check_security, check_terms_within
from actors.loan.rules.life_cycle import Action, check_checker, moved
from actors.loan.rules.timetable import schedule_of
from actors.loan.store import who
from messages.ids import AccountId, LoanId, LoanProductId, MemberId
from messages.ledger import AccountKindRefused, AccountNotFound, CurrencyMismatch, GetAccount
from messages.loan import (
    ApplyForLoan,
    ApproveLoan,
    BorrowerNotActive,
    ChangeApplication,
    Loan,
    LoanApproved,
    LoanRejected,
    LoanSubmitted,
    LoanWithdrawn,
    RejectLoan,
    ReviewLoan,
    SubmitLoan,
    WithdrawLoan,
)
from messages.loan_product import GetLoanProduct, LoanProduct, LoanProductNotFound, ProductRetired, ProductRules
from messages.loan_terms import LoanTerms, ScheduleRules
from messages.member import GetGroup, GetMember, GroupNotFound, MemberNotFound, MemberStatus, NotInGroup
from runtime.actor import Turn, handles


class Applying(Booking):
    """The life of an application."""

    @handles
    async def apply_for_loan(self, command: ApplyForLoan, turn: Turn) -> Loan:
        await turn.sees(command.member_id, MemberNotFound(field="member_id"))
        await self._check_borrower(turn, command)
        product = await self._product_for_new_loans(turn, command.product_id)
        if command.settlement_account_id is not None:
            await self._check_settlement(turn, command.settlement_account_id, command.member_id, product.currency)
        terms = terms_for(product.rules, command)
        check_terms(product.rules, terms)
        loan_id = turn.derive("loan")
        await self.store.insert(
            turn,
            loan_id,
            command.member_id,
            command.group_id,
            product,
            terms.principal.minor,
            command.settlement_account_id,
            terms.model_dump(mode="json", exclude_defaults=True),
            command.purpose,
        )
        return await self.as_it_is(turn, LoanId(loan_id))

    async def _check_borrower(self, turn: Turn, command: ApplyForLoan) -> None:
        member = await asked(turn.said, GetMember(member_id=command.member_id), step="member", field="member_id")
        if member.status is not MemberStatus.ACTIVE:
            raise BorrowerNotActive(field="member_id", status=member.status)
        if command.group_id is not None:
            group = await asked(turn.said, GetGroup(group_id=command.group_id), step="group", field="group_id")
            if command.member_id not in {seat.member_id for seat in group.members}:
                raise GroupNotFound(field="group_id") if turn.scope != "all" else NotInGroup(field="group_id")

    async def _product_for_new_loans(self, turn: Turn, product_id: LoanProductId) -> LoanProduct:
        product = await asked(turn.said, GetLoanProduct(product_id=product_id), step="product", field="product_id")
        if product.status == "retired":
            raise LoanProductNotFound(field="product_id") if turn.scope != "all" else ProductRetired(field="product_id")
        return product

    async def _check_settlement(self, turn: Turn, account_id: AccountId, member_id: UUID, currency: str) -> None:
        field = "settlement_account_id"
        account = await asked(turn.said, GetAccount(account_id=account_id), step="account", field=field)
        if account.member_id != member_id:
            raise AccountNotFound(field=field, account_id=account_id)
        if account.kind not in OF_MEMBERS:
            raise AccountKindRefused(field=field, kind=account.kind)
        if account.currency != currency:
            raise CurrencyMismatch(field=field, currency=account.currency)

    @handles
    async def change_application(self, command: ChangeApplication, turn: Turn) -> Loan:
        if command.settlement_account_id is not None:
            async with turn.apart() as db:
                kept = (await self.held(db, turn.said, command.loan_id)).kept
            await self._check_settlement(turn, command.settlement_account_id, kept.member_id, kept.currency)
        held = await self.to_change(turn, command.loan_id, Action.CHANGE, command.expected_version)
        terms = changed_terms(held, command)
        check_terms(held.product.rules, terms)
        await self.store.change_application(
            turn,
            command.loan_id,
            terms.principal.minor,
            command.settlement_account_id or held.kept.settlement_account_id,
            terms.model_dump(mode="json", exclude_defaults=True),
            command.purpose or held.kept.purpose,
        )
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def submit_loan(self, command: SubmitLoan, turn: Turn) -> Loan:
        held = await self.to_change(turn, command.loan_id, Action.SUBMIT, command.expected_version)
        await check_limit(turn.said, held, held.kept.approved, turn)
        attached = (await self.store.attached(turn, [command.loan_id]))[command.loan_id]
        check_documents(held.rules, [row["name"] for row in attached.documents])
        guarantees = [row["amount"] for row in attached.guarantors]
        check_security(held.rules, held.kept.approved, guarantees, [row["value"] for row in attached.collateral])
        status = moved(held.kept.status, Action.SUBMIT)
        await self.store.change_status(turn, command.loan_id, status, submitted_by=who(turn))
        turn.emit(LoanSubmitted(loan_id=command.loan_id, member_id=MemberId(held.kept.member_id), by=who(turn)))
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def review_loan(self, command: ReviewLoan, turn: Turn) -> Loan:
        held = await self.to_change(turn, command.loan_id, Action.REVIEW, command.expected_version)
        await self.store.change_status(turn, command.loan_id, moved(held.kept.status, Action.REVIEW))
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def approve_loan(self, command: ApproveLoan, turn: Turn) -> Loan:
        held = await self.to_change(turn, command.loan_id, Action.APPROVE, command.expected_version)
        await check_limit(turn.said, held, held.kept.approved, turn)
        check_checker((held.kept.submitted_by,), who(turn))
        status = moved(held.kept.status, Action.APPROVE)
        await self.store.change_status(turn, command.loan_id, status, approved_by=who(turn))
        turn.emit(LoanApproved(loan_id=command.loan_id, member_id=MemberId(held.kept.member_id), by=who(turn)))
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def reject_loan(self, command: RejectLoan, turn: Turn) -> Loan:
        held = await self.to_change(turn, command.loan_id, Action.REJECT, command.expected_version)
        check_checker((held.kept.submitted_by,), who(turn))
        await self.store.change_status(turn, command.loan_id, moved(held.kept.status, Action.REJECT), reason=command.reason)
        turn.emit(LoanRejected(loan_id=command.loan_id, member_id=MemberId(held.kept.member_id), reason=command.reason))
        return await self.as_it_is(turn, command.loan_id)

    @handles
    async def withdraw_loan(self, command: WithdrawLoan, turn: Turn) -> Loan:
        held = await self.to_change(turn, command.loan_id, Action.WITHDRAW, command.expected_version)
        await self.store.change_status(turn, command.loan_id, moved(held.kept.status, Action.WITHDRAW), reason=command.reason)
        turn.emit(LoanWithdrawn(loan_id=command.loan_id, member_id=MemberId(held.kept.member_id), reason=command.reason))
        return await self.as_it_is(turn, command.loan_id)


def terms_for(rules: ProductRules, said: ApplyForLoan) -> LoanTerms:
    """The terms of an application: what it says, and what the product says where it is silent."""
    installments = said.installments
    if installments is None and said.fixed_installment is None:
        installments = rules.installments.default
    return LoanTerms.model_validate(
        {
            **{name: getattr(rules.schedule, name) for name in ScheduleRules.model_fields},
            "principal": said.principal,
            "annual_rate_percent": said.annual_rate_percent or rules.annual_rate_percent.default,
            "installments": installments,
            "start": said.start,
            "first_due": said.first_due,
            "balloon": said.balloon,
            "fixed_installment": said.fixed_installment,
        }
    )


def changed_terms(held: Held, command: ChangeApplication) -> LoanTerms:
    """The terms of a draft with what is said now."""
    names = ("principal", "installments", "annual_rate_percent", "fixed_installment", "balloon", "start", "first_due")
    said = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
    known = held.approved_terms
    return LoanTerms.model_validate({**{name: getattr(known, name) for name in LoanTerms.model_fields}, **said})


def check_terms(rules: ProductRules, terms: LoanTerms) -> None:
    """Refuse another currency, what lies beyond the product's limits, and terms that no schedule follows from."""
    for name in ("principal", "fixed_installment", "balloon"):
        money = getattr(terms, name)
        if money is not None and money.currency != rules.currency:
            raise CurrencyMismatch("The amount is in another currency than the product.", field=name, currency=rules.currency)
    limits = rules.model_dump(mode="json")
    check_terms_within(limits, terms)
    schedule = schedule_of(terms)
    if terms.installments is None:  # as many as the fixed installment makes
        check_count_within(limits, len(schedule.plan.dues), field="fixed_installment")
