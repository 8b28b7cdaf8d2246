"""Where a loan's money comes from and goes to: which account of the ledger, and whether it may be that one.

The ledger is asked in the loan actor's own name, so what somebody names is checked here: an account that holds money of the borrower
or, to pay from, of a guarantor, or one of the institution's by which money comes and goes. Never another loan's, and none that the
product books its own income and losses to.
"""

from uuid import UUID

from actors.loan.handlers.booking import Booking
from actors.loan.handlers.loading import Held, asked
from messages.ids import AccountId
from messages.ledger import Account, AccountKindRefused, AccountNotFound, CurrencyMismatch, GetAccount
from messages.loan import NoAccountNamed, PaidFrom, PayerUnfit
from messages.loan_product import Accounting
from runtime.actor import Said

OF_MEMBERS = frozenset({"savings", "current"})
"""Kinds of accounts that loans are paid out to and paid from."""


class CounterAccounts(Booking):
    """Knows where money may come from and go to."""

    async def check_paid_from(self, said: Said, loan_id: UUID, named: PaidFrom | None) -> None:
        """Refuse a payment from what is neither borrower's nor guarantor's, nor what a payment made elsewhere comes by."""
        if named is None or named.account_id is None:
            return
        async with said.work.autocommit() as db:
            held = await self.held(db, said, loan_id)
            guarantors = (await self.store.attached(db, [loan_id]))[loan_id].guarantors
        accounting, field = held.product.rules.accounting, "paid_from.account_id"
        if _is_settled(held, said) or named.account_id in {held.kept.settlement_account_id, accounting.cash}:
            return
        account = await self._account(said, named.account_id, field, held.kept.currency)
        if account.kind == "internal":
            _check_channel(account, accounting, field, is_external=named.external_payment_id is not None)
        elif account.member_id not in {held.kept.member_id, *(row["member_id"] for row in guarantors)}:
            raise PayerUnfit(field=field)

    async def check_paid_to(self, said: Said, loan_id: UUID, named: AccountId | None, field: str = "to_account_id") -> None:
        """Refuse to pay out to what is neither the borrower's account nor a channel of the institution."""
        if named is None:
            return
        async with said.work.autocommit() as db:
            held = await self.held(db, said, loan_id)
        accounting = held.product.rules.accounting
        if _is_settled(held, said) or named in {held.kept.settlement_account_id, accounting.cash}:
            return
        account = await self._account(said, named, field, held.kept.currency)
        if account.kind == "internal":
            _check_channel(account, accounting, field, is_external=True)
        elif account.member_id != held.kept.member_id:
            raise AccountNotFound(field=field, account_id=named)

    async def _account(self, said: Said, account_id: AccountId, field: str, currency: str) -> Account:
        account = await asked(said, GetAccount(account_id=account_id), step="counter account", field=field)
        if account.kind not in OF_MEMBERS | {"internal"}:
            raise AccountKindRefused(field=field, kind=account.kind)
        if account.currency != currency:
            raise CurrencyMismatch(field=field, currency=account.currency)
        return account


def paid_from(held: Held, said: PaidFrom | None, *, in_cash: bool) -> UUID:
    """The account that a payment is taken from. A payment made elsewhere comes by cash unless it says otherwise."""
    named = None if said is None else said.account_id
    if in_cash and named is not None:
        raise AccountKindRefused("What is paid in cash names no account.", field="paid_from.account_id")
    is_external = said is not None and said.external_payment_id is not None
    if in_cash or (named is None and is_external):
        return held.product.rules.accounting.cash
    return named or _settlement(held, "paid_from.account_id")


def paid_to(held: Held, named: AccountId | None, *, in_cash: bool) -> UUID:
    """The account that is paid to."""
    if in_cash and named is not None:
        raise AccountKindRefused("What is paid in cash names no account.", field="to_account_id")
    if in_cash:
        return held.product.rules.accounting.cash
    return named or _settlement(held, "to_account_id")


def _settlement(held: Held, field: str) -> UUID:
    if held.kept.settlement_account_id is None:
        raise NoAccountNamed(field=field)
    return held.kept.settlement_account_id


def _is_settled(held: Held, said: Said) -> bool:
    """It was judged before: what this message decided is only to be finished."""
    return held.kept.pending_message_id == said.message_id


def _check_channel(account: Account, accounting: Accounting, field: str, *, is_external: bool) -> None:
    booked_to = {value for name, value in accounting if name not in {"cash", "basis", "principal_gl_code"}}
    if not is_external or account.account_id in booked_to:
        raise AccountKindRefused("Money does not come or go by this account of the institution.", field=field)
