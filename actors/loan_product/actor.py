"""The loan product actor: what loans there are to be had, and under which rules, version by version."""

import asyncio

from actors.loan_product.rules.allocation_orders import spelled_out
from actors.loan_product.rules.chart_kinds import check_chart_kind
from actors.loan_product.rules.contradictions import account_roles, check_rules
from actors.loan_product.rules.trial_schedules import try_schedules
from actors.loan_product.store import Rows, Store
from messages.base import Forbidden, NotFound, VersionConflict
from messages.ids import AccountId, LoanProductId
from messages.ledger import Account, ChartKind, GetAccount, ListChart
from messages.loan_product import (
    CreateLoanProduct,
    GetLoanProduct,
    ListLoanProducts,
    LoanProduct,
    LoanProductChanged,
    LoanProductNotFound,
    LoanProductPage,
    ProductAccountUnfit,
    ProductCodeTaken,
    ProductContradictory,
    ProductRetired,
    ProductRules,
    ProductStatus,
    RetireLoanProduct,
    ReviseLoanProduct,
)
from runtime.actor import Actor, Turn, handles
from runtime.paging import decode_cursor, encode_cursor

TO_APPLY_FOR: ProductStatus = "active"
"""All that a member sees: a product belongs to nobody, and what cannot be applied for is no matter of theirs."""


class LoanProducts(Actor):
    """Keeps products whose every loan can be scheduled, allocated and booked. A version, once made, is never changed."""

    name = "loan_product"

    def __init__(self) -> None:
        self.store = Store()

    @handles
    async def create_loan_product(self, command: CreateLoanProduct, turn: Turn) -> LoanProduct:
        turn.sees_all(Forbidden())
        rules = await self._sound(turn, command.rules)
        product_id = LoanProductId(turn.derive("product"))
        if not await self.store.insert(turn, product_id, command.code, rules.currency):
            raise ProductCodeTaken(field="code")
        await self.store.insert_version(turn, product_id, 1, command.name, rules)
        return await self._told(turn, product_id)

    @handles
    async def revise_loan_product(self, command: ReviseLoanProduct, turn: Turn) -> LoanProduct:
        turn.sees_all(Forbidden())
        async with turn.apart() as rows:
            known = await self._as_it_is(rows, command.product_id)
        if command.rules.currency != known.currency:
            raise ProductContradictory(f"The product is in {known.currency}, and stays so.", field="rules.currency")
        rules = await self._sound(turn, command.rules)
        product = await self._to_change(turn, command.product_id, command.expected_version)
        version = product.latest_version + 1
        await self.store.insert_version(turn, command.product_id, version, command.name or product.name, rules)
        await self.store.advance(turn, command.product_id, version)
        return await self._told(turn, command.product_id)

    @handles
    async def retire_loan_product(self, command: RetireLoanProduct, turn: Turn) -> LoanProduct:
        turn.sees_all(Forbidden())
        await self._to_change(turn, command.product_id, command.expected_version)
        await self.store.retire(turn, command.product_id)
        return await self._told(turn, command.product_id)

    @handles
    async def get_loan_product(self, query: GetLoanProduct, turn: Turn) -> LoanProduct:
        product = await self._as_it_is(turn, query.product_id, query.product_version)
        if turn.scope != "all" and product.status != TO_APPLY_FOR:
            raise LoanProductNotFound
        return product

    @handles
    async def list_loan_products(self, query: ListLoanProducts, turn: Turn) -> LoanProductPage:
        after = "" if query.cursor is None else decode_cursor(query.cursor, 1)[0].replace("\0", "")
        status = query.status
        if turn.scope != "all":
            if status not in {None, TO_APPLY_FOR}:
                return LoanProductPage(items=())
            status = TO_APPLY_FOR
        found = await self.store.products(turn, after, status, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return LoanProductPage(items=tuple(page), next_cursor=encode_cursor(page[-1].code) if more else None)

    async def _sound(self, turn: Turn, rules: ProductRules) -> ProductRules:
        """The rules as they are kept, if every loan under them can be made and booked."""
        check_rules(rules)
        rules = rules.model_copy(update={"allocation": spelled_out(rules.allocation)})
        await asyncio.to_thread(try_schedules, rules, turn.now.date())
        await self._check_accounts(turn, rules)
        return rules

    async def _check_accounts(self, turn: Turn, rules: ProductRules) -> None:
        chart, known = await self._chart_kinds(turn), dict[AccountId, Account]()
        for role in account_roles(rules.accounting):
            account_id, field = getattr(rules.accounting, role), f"rules.accounting.{role}"
            if account_id not in known:
                known[account_id] = await self._account(turn, account_id, field)
            account = known[account_id]
            if (account.kind, account.status, account.currency) != ("internal", "open", rules.currency):
                raise ProductAccountUnfit(field=field, kind=account.kind, status=account.status, currency=account.currency)
            check_chart_kind(role, chart[account.gl_code])
        if (kind := chart.get(rules.accounting.principal_gl_code)) is None:
            raise ProductAccountUnfit("The chart of accounts has no such code.", field="rules.accounting.principal_gl_code")
        check_chart_kind("principal_gl_code", kind)

    async def _account(self, turn: Turn, account_id: AccountId, field: str) -> Account:
        try:
            return await turn.ask(GetAccount(account_id=account_id), step=f"account {account_id}")
        except NotFound:
            raise ProductAccountUnfit("There is no such account.", field=field) from None

    async def _chart_kinds(self, turn: Turn) -> dict[str, ChartKind]:
        found: dict[str, ChartKind] = {}
        cursor: str | None = None
        while True:
            page = await turn.ask(ListChart(cursor=cursor, limit=200), step=f"chart {cursor}")
            found |= {each.code: each.kind for each in page.items}
            if (cursor := page.next_cursor) is None:
                return found

    async def _to_change(self, turn: Turn, product_id: LoanProductId, expected_version: int | None) -> LoanProduct:
        product = await self.store.lock(turn, product_id)
        if product is None:
            raise LoanProductNotFound
        if expected_version is not None and expected_version != product.version:
            raise VersionConflict(version=product.version)
        if product.status == "retired":
            raise ProductRetired
        return product

    async def _told(self, turn: Turn, product_id: LoanProductId) -> LoanProduct:
        """The product as it is now, having told that it changed."""
        product = await self._as_it_is(turn, product_id)
        latest, status = product.latest_version, product.status
        turn.emit(LoanProductChanged(product_id=product_id, code=product.code, latest_version=latest, status=status))
        return product

    async def _as_it_is(self, rows: Rows, product_id: LoanProductId, version: int | None = None) -> LoanProduct:
        product = await self.store.product(rows, product_id, version)
        if product is None:
            raise LoanProductNotFound
        return product
