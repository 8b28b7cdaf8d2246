"""The ledger's handlers, in the order of an account's life: chart, opening, settings, moving money, closing; then what is read.

All commands form one ordered stream (one partition), and what moves or reserves money is decided in batches: one load, one
decision after the other in memory (`rules/`), one write. Nothing here decides about money. The file is long because the ledger
has many messages; no handler is.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from actors.ledger.rules import answers, chart, proof, settings
from actors.ledger.rules.book import Book, Mover
from actors.ledger.rules.deciding import MOVING, decide
from actors.ledger.rules.needs import amount_inside, needs_of
from actors.ledger.rules.pages import page_range
from actors.ledger.rules.state import AccountState
from actors.ledger.store import Store
from messages.base import Invalid, Refusal
from messages.ids import AccountId, EntryId, HoldId, MemberId
from messages.ledger import (
    Account,
    AccountClosed,
    AccountFrozen,
    AccountLimitsChanged,
    AccountNotFound,
    AccountOpened,
    AccountPage,
    AccountUnfrozen,
    AdoptStandardChart,
    Balance,
    BooksProof,
    ChangeLimits,
    Chart,
    ChartAccount,
    ChartAccountExists,
    ChartChanged,
    ChartPage,
    CloseAccount,
    CreateChartAccount,
    Entry,
    EntryNotFound,
    ExpireHold,
    FreezeAccount,
    GetAccount,
    GetBalance,
    GetEntry,
    GetHold,
    GetStatement,
    GetTrialBalance,
    Hold,
    HoldNotFound,
    HoldPage,
    ListAccounts,
    ListChart,
    ListHolds,
    OpenAccount,
    PlaceHold,
    ProveBooks,
    Statement,
    TrialBalance,
    UnfreezeAccount,
    UnknownChartAccount,
)
from messages.member import GetMember, MemberActivated, MemberClosed, MemberNotFound, MemberSuspended
from messages.money import Money
from runtime.actor import Actor, Batch, Said, Turn, handles, handles_batch
from runtime.paging import decode_cursor, encode_cursor

T = TypeVar("T")
NOBODY = UUID(int=0)
"""Owns nothing, and sorts before every id."""


class Ledger(Actor):
    """Keeps the journal: entries balance, are never changed, and count once."""

    name = "ledger"

    def __init__(self) -> None:
        self.store = Store()

    # ---- who may open accounts ----

    @handles
    async def note_activated(self, event: MemberActivated, turn: Turn) -> None:
        await self.store.set_standing(turn, event.member_id, "active")

    @handles
    async def note_suspended(self, event: MemberSuspended, turn: Turn) -> None:
        await self.store.set_standing(turn, event.member_id, "suspended")

    @handles
    async def note_closed(self, event: MemberClosed, turn: Turn) -> None:
        await self.store.set_standing(turn, event.member_id, "closed")

    # ---- the chart ----

    @handles
    async def create_chart_account(self, command: CreateChartAccount, turn: Turn) -> ChartAccount:
        asked = ChartAccount(code=command.code, name=command.name, kind=command.kind)
        known = (await self.store.chart_accounts(turn, [command.code])).get(command.code)
        if known is not None and known != asked:
            raise ChartAccountExists(field="code", name=known.name, kind=known.kind)
        if known is None:
            await self.store.add_to_chart(turn, [asked])
        turn.emit(ChartChanged(codes=(command.code,)))
        return asked

    @handles
    async def adopt_standard_chart(self, command: AdoptStandardChart, turn: Turn) -> Chart:
        codes = [row.code for row in chart.STANDARD_CHART]
        known = await self.store.chart_accounts(turn, codes)
        await self.store.add_to_chart(turn, chart.to_create(known))
        rows = await self.store.chart_accounts(turn, codes)
        turn.emit(ChartChanged(codes=tuple(codes)))
        currency = command.currency
        for own in chart.OWN_ACCOUNTS:
            row = rows[own.gl_code]
            name, normal = f"{row.name} {currency}", chart.normal_side(row.kind)
            opened = await self.store.open_account(
                turn, own.account_id(currency), None, "internal", currency, row.code, name, normal, None, None, None, turn.now
            )
            if opened is not None:
                turn.emit(AccountOpened(account=opened))
        accounts = await self.store.accounts_by_id(turn, [own.account_id(currency) for own in chart.OWN_ACCOUNTS])
        return Chart(
            currency=currency,
            chart=tuple(rows[code] for code in codes),
            cash_account_id=chart.cash_account_id(currency),
            accounts=tuple(accounts),
        )

    @handles
    async def list_chart(self, query: ListChart, turn: Turn) -> ChartPage:
        (after,) = _place(query.cursor, str) if query.cursor else ("",)
        rows = await self.store.chart(turn, after, query.limit + 1)
        return ChartPage(items=tuple(rows[: query.limit]), next_cursor=_next(rows, query.limit, lambda row: (row.code,)))

    # ---- opening ----

    @handles
    async def open_account(self, command: OpenAccount, turn: Turn) -> Account:
        chart.check_owner(command.kind, command.member_id)
        if command.member_id is not None:
            await turn.sees(command.member_id, MemberNotFound(field="member_id"))
            settings.check_member(await self._standing(command.member_id, turn))
        code = chart.gl_code_for(command.kind, command.gl_code)
        row = (await self.store.chart_accounts(turn, [code])).get(code)
        if row is None:
            raise UnknownChartAccount(field="gl_code", gl_code=code)
        chart.check_kind(command.kind, row)
        settings.check_limits(command, command.currency)
        account = await self.store.open_account(
            turn,
            turn.derive("account"),
            command.member_id,
            command.kind,
            command.currency,
            code,
            command.name or settings.KIND_NAMES.get(command.kind, row.name),
            chart.normal_side(row.kind),
            settings.first_floor(command.kind),
            _minor(command.transaction_limit),
            _minor(command.daily_limit),
            turn.now,
        )
        assert account is not None, "its id follows from this message, which is handled once"
        turn.emit(AccountOpened(account=account))
        return account

    async def _standing(self, member_id: MemberId, turn: Turn) -> str | None:
        """What is known here of the member. News may be on its way, so anything but a clear answer is asked for."""
        async with turn.apart() as connection:
            standing = await self.store.standing(connection, member_id)
        if standing in {"active", "closed"}:
            return standing
        try:
            return (await turn.ask(GetMember(member_id=member_id), step="member")).status
        except MemberNotFound:
            raise MemberNotFound(field="member_id") from None

    # ---- settings ----

    @handles
    async def freeze_account(self, command: FreezeAccount, turn: Turn) -> Account:
        await self._to_change(command, turn)
        account = await self.store.freeze(turn, command.account_id, command.side, command.reason)
        turn.emit(AccountFrozen(account=account))
        return account

    @handles
    async def unfreeze_account(self, command: UnfreezeAccount, turn: Turn) -> Account:
        account = await self._to_change(command, turn)
        if account.freeze is None:
            return account
        account = await self.store.freeze(turn, command.account_id, None, None)
        turn.emit(AccountUnfrozen(account=account, reason=command.reason))
        return account

    @handles
    async def change_limits(self, command: ChangeLimits, turn: Turn) -> Account:
        account = await self._to_change(command, turn)
        settings.check_limits(command, account.currency)
        floor = settings.new_floor(account, command.overdraft_limit)
        account = await self.store.change_limits(
            turn, command.account_id, floor, _minor(command.transaction_limit), _minor(command.daily_limit)
        )
        turn.emit(AccountLimitsChanged(account=account))
        return account

    @handles
    async def close_account(self, command: CloseAccount, turn: Turn) -> Account:
        settings.check_closable(await self._to_change(command, turn))
        account = await self.store.close_account(turn, command.account_id, turn.now)
        turn.emit(AccountClosed(account=account, reason=command.reason))
        return account

    async def _to_change(self, command: FreezeAccount | UnfreezeAccount | ChangeLimits | CloseAccount, turn: Turn) -> Account:
        account = await self.store.account(turn, command.account_id, lock=True)
        account = await _seen(account, command.account_id, turn)
        settings.check_changeable(account, command.expected_version)
        return account

    # ---- moving money ----

    @handles_batch(*MOVING)
    async def move_money(self, batch: Batch) -> None:
        needs = needs_of((said.message_id, said.message) for said in batch)
        book = await self.store.load_book(batch, needs, batch.now)
        for said in batch:
            message = said.message
            hold_id = HoldId(said.derive("hold")) if type(message) is PlaceHold else HoldId(NOBODY)
            try:
                if (amount := amount_inside(book, message)) is not None:
                    await said.stays_within(*amount)
                reply, events = decide(book, message, await _mover(said, book), hold_id)
            except Refusal as refusal:
                said.refuse(refusal)
                continue
            said.answer(reply)
            for event in events:
                said.emit(event)
            if type(message) is PlaceHold and message.expires_at is not None:
                batch.later(said, ExpireHold(hold_id=hold_id), message.expires_at, step="expire")
        await self.store.write_book(batch, book)

    # ---- what is read ----

    @handles
    async def get_account(self, query: GetAccount, turn: Turn) -> Account:
        return await _seen(await self.store.account(turn, query.account_id), query.account_id, turn)

    @handles
    async def list_accounts(self, query: ListAccounts, turn: Turn) -> AccountPage:
        (after,) = _place(query.cursor, UUID) if query.cursor else (NOBODY,)
        accounts = await self.store.accounts(turn, query, after, turn.reach)
        return AccountPage(
            items=tuple(accounts[: query.limit]),
            next_cursor=_next(accounts, query.limit, lambda account: (str(account.account_id),)),
        )

    @handles
    async def get_entry(self, query: GetEntry, turn: Turn) -> Entry:
        found = await self.store.entries(turn, [query.entry_id])
        not_found = EntryNotFound(field="entry_id", entry_id=query.entry_id)
        if not found:
            raise not_found
        if turn.scope == "all":
            return answers.entry(found[0])
        near = await turn.said.seen_among(answers.owners(found[0]))
        if not near:
            raise not_found
        return answers.entry(found[0], near)

    @handles
    async def get_hold(self, query: GetHold, turn: Turn) -> Hold:
        not_found = HoldNotFound(field="hold_id", hold_id=query.hold_id)
        hold = await self.store.hold(turn, query.hold_id)
        if hold is None:
            raise not_found
        account = await self.store.state(turn, hold.account_id)
        assert account is not None, "a hold has an account"
        await turn.sees(account.member_id, not_found)
        return answers.hold(hold, account.currency)

    @handles
    async def list_holds(self, query: ListHolds, turn: Turn) -> HoldPage:
        account = await self._state(query.account_id, turn)
        after = _place(query.cursor, datetime.fromisoformat, UUID) if query.cursor else (None, None)
        holds = await self.store.holds(turn, query, *after)
        return HoldPage(
            items=tuple(answers.hold(hold, account.currency) for hold in holds[: query.limit]),
            next_cursor=_next(holds, query.limit, lambda hold: (hold.placed_at.isoformat(), str(hold.hold_id))),
        )

    @handles
    async def get_balance(self, query: GetBalance, turn: Turn) -> Balance:
        account = await self._state(query.account_id, turn)
        if query.at is not None:
            just_after = query.at + timedelta(microseconds=1)
            seq, balance = await self.store.balance_before(turn, query.account_id, just_after)
            return answers.balance_then(account, balance, seq)
        if query.value_date is not None:
            end = _start_of(query.value_date + timedelta(days=1))
            balance = await self.store.balance_by_value_date(turn, query.account_id, query.value_date, end)
            return answers.balance_then(account, balance, None)
        return answers.balance_now(account)

    @handles
    async def get_statement(self, query: GetStatement, turn: Turn) -> Statement:
        account = await self._state(query.account_id, turn)
        before, opening = 0, 0
        if query.from_date is not None:
            before, opening = await self.store.balance_before(turn, query.account_id, _start_of(query.from_date))
        last, closing = account.seq, account.balance
        if query.to_date is not None:
            end = _start_of(query.to_date + timedelta(days=1))
            last, closing = await self.store.balance_before(turn, query.account_id, end)
        (cursor,) = _place(query.cursor, int) if query.cursor else (None,)
        page = page_range(before + 1, last, query.order, cursor, query.limit)
        rows = await self.store.statement(turn, query, page.first, page.last)
        return Statement(
            account_id=query.account_id,
            items=tuple(answers.statement_line(row, account) for row in rows),
            next_cursor=None if page.cursor is None else encode_cursor(str(page.cursor)),
            opening_balance=Money.of(opening * account.normal, account.currency),
            closing_balance=Money.of(closing * account.normal, account.currency),
        )

    @handles
    async def get_trial_balance(self, _query: GetTrialBalance, turn: Turn) -> TrialBalance:
        await turn.snapshot()
        rows = await self.store.trial_balance(turn)
        differences = await self.store.differences(turn, proof.CHECKS[0], limit=proof.MOST_DIFFERENCES)
        return proof.trial_balance(turn.now, rows, differences)

    @handles
    async def prove_books(self, _query: ProveBooks, turn: Turn) -> BooksProof:
        await turn.snapshot()
        accounts, postings = await self.store.counts(turn)
        differences = await self.store.differences(turn, *proof.CHECKS, limit=proof.MOST_DIFFERENCES)
        return proof.books_proof(accounts, postings, differences)

    async def _state(self, account_id: AccountId, turn: Turn) -> AccountState:
        account = await self.store.state(turn, account_id)
        not_found = AccountNotFound(field="account_id", account_id=account_id)
        if account is None:
            raise not_found
        await turn.sees(account.member_id, not_found)
        return account


async def _seen(account: Account | None, account_id: AccountId, turn: Turn) -> Account:
    not_found = AccountNotFound(field="account_id", account_id=account_id)
    if account is None:
        raise not_found
    await turn.sees(account.member_id, not_found)
    return account


async def _mover(said: Said, book: Book) -> Mover:
    principal = said.principal
    near = None if said.scope == "all" else await said.seen_among(book.owners())
    return Mover(EntryId(said.message_id), f"{principal.kind}:{principal.id}", near)


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.minor


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


# ---- places in lists ----


def _next(found: Sequence[T], limit: int, place: Callable[[T], tuple[str, ...]]) -> str | None:
    """The cursor after a page, when one more than the page was found."""
    return encode_cursor(*place(found[limit - 1])) if len(found) > limit else None


def _place(cursor: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...]:
    """The place that a cursor names. Refused where it is another list's."""
    try:
        return tuple(kind(part) for kind, part in zip(kinds, decode_cursor(cursor, len(kinds)), strict=True))
    except ValueError:
        raise Invalid("This cursor did not come from the previous page.", field="cursor") from None
