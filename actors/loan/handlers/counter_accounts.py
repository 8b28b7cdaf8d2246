"""Where a loan's money comes from and goes to: which account of the ledger, and whether it may be that one.

The ledger is asked in the loan actor's own name, so what somebody names is checked here: an account that holds money of the borrower
or, to pay from, of a guarantor, or one of the institution's by which money comes and goes, an asset or a clearing liability. Never
another loan's, and none that a product books its receivables, income and losses to.
"""

from uuid import UUID

from actors.loan.handlers.booking import Booking
from actors.loan.handlers.loading import Held, asked
from messages.ids import AccountId
from messages.ledger import (
    Account,
    AccountKindRefused,
    AccountNotFound,
    ChartKind,
    CurrencyMismatch,
    GetAccount,
    ListChart,
)
from messages.loan import NoAccountNamed, PaidFrom, PayerUnfit
from messages.loan_product import Accounting
from runtime.actor import Said

OF_MEMBERS = frozenset({"savings", "current"})
"""Kinds of accounts that loans are paid out to and paid from."""


KINDS_OF_CHANNELS = frozenset({"asset", "liability"})
"""Of the chart: a bank, mobile money, clearing. Nobody pays from income, expenses or equity."""


class CounterAccounts(Booking):
    """Knows where money may come from and go to."""

    def __init__(self) -> None:
        super().__init__()
        self._chart_kinds: dict[str, ChartKind] = {}

    async def check_paid_from(self, said: Said, loan_id: UUID, named: PaidFrom | None) -> None:
        """Refuse a payment from what is neither borrower's nor guarantor's, nor what a payment made elsewhere comes by."""
        if named is None or named.account_id is None:
            return
        async with said.work.autocommit() as db:
            held = await self.held(db, said, loan_id)
            guarantors = (await self.store.attached(db, [loan_id]))[loan_id].guarantors
        accounting, field = held.product.rules.accounting, "paid_from.account_id"
        if _is_settled(held, said) or named.account_id in {held.kept.settlement_account_id, *channels_of(accounting)}:
            return
        account = await self._account(said, named.account_id, field, held.kept.currency)
        if account.kind == "internal":
            if named.external_payment_id is None:
                raise _no_channel(field)
            await self._check_channel(said, account, field)
        elif account.member_id not in {held.kept.member_id, *(row["member_id"] for row in guarantors)}:
            raise PayerUnfit(field=field)

    async def check_paid_to(self, said: Said, loan_id: UUID, named: AccountId | None, field: str = "to_account_id") -> None:
        """Refuse to pay out to what is neither the borrower's account nor a channel of the institution."""
        if named is None:
            return
        async with said.work.autocommit() as db:
            held = await self.held(db, said, loan_id)
        accounting = held.product.rules.accounting
        if _is_settled(held, said) or named in {held.kept.settlement_account_id, *channels_of(accounting)}:
            return
        account = await self._account(said, named, field, held.kept.currency)
        if account.kind == "internal":
            await self._check_channel(said, account, field)
        elif account.member_id != held.kept.member_id:
            raise AccountNotFound(field=field, account_id=named)

    async def _check_channel(self, said: Said, account: Account, field: str) -> None:
        async with said.work.autocommit() as db:
            is_booked_to = await self.store.is_booked_to(db, account.account_id)
        if is_booked_to or await self._chart_kind(said, account.gl_code) not in KINDS_OF_CHANNELS:
            raise _no_channel(field)

    async def _chart_kind(self, said: Said, code: str) -> ChartKind | None:
        """The kind of a chart code. They never change, so a process remembers them."""
        cursor: str | None = None
        while code not in self._chart_kinds:
            page = await said.ask(ListChart(cursor=cursor, limit=200), step=f"chart {cursor}", in_own_name=True)
            self._chart_kinds.update({each.code: each.kind for each in page.items})
            if (cursor := page.next_cursor) is None:
                break
        return self._chart_kinds.get(code)

    async def _account(self, said: Said, account_id: AccountId, field: str, currency: str) -> Account:
        account = await asked(said, GetAccount(account_id=account_id), step="counter account", field=field)
        if account.kind not in OF_MEMBERS | {"internal"}:
            raise AccountKindRefused(field=field, kind=account.kind)
        if account.currency != currency:
            raise CurrencyMismatch(field=field, currency=account.currency)
        return account


def paid_from(held: Held, said: PaidFrom | None, *, in_cash: bool) -> UUID:
    """The account that a payment is taken from. One made elsewhere comes by where the product says, unless it says otherwise itself."""
    named = None if said is None else said.account_id
    if in_cash and named is not None:
        raise AccountKindRefused("What is paid in cash names no account.", field="paid_from.account_id")
    is_external = said is not None and said.external_payment_id is not None
    accounting = held.product.rules.accounting
    if in_cash:
        return accounting.cash
    if named is None and is_external:
        return accounting.external_payments or accounting.cash
    return named or _settlement(held, "paid_from.account_id")


def channels_of(accounting: Accounting) -> set[UUID]:
    """The accounts that a product itself says money comes and goes by."""
    return {each for each in (accounting.cash, accounting.external_payments) if each is not None}


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


def _no_channel(field: str) -> AccountKindRefused:
    return AccountKindRefused("Money does not come or go by this account of the institution.", field=field)
