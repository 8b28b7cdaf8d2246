"""What each command about holds means: money is reserved, then paid in whole or part, released, or lapses.

A hold counts towards the account's limits when it is placed, not again when it is posted; what is released on the same day
is given back to the day's limit.
"""

from datetime import datetime

from actors.ledger.rules.book import Book, Move, Mover, check_taking
from actors.ledger.rules.moving import DEPOSIT_KINDS
from actors.ledger.rules.state import AccountState, Booked, HoldState, Terms
from messages.base import Refusal
from messages.ids import HoldId
from messages.ledger import (
    AccountIsClosed,
    AccountIsFrozen,
    AccountKindRefused,
    AccountNotFound,
    CurrencyMismatch,
    ExpireHold,
    HoldLapsed,
    HoldNotDue,
    HoldNotPending,
    HoldStatus,
    MemberIsSuspended,
    MoreThanHeld,
    PlaceHold,
    PostHold,
    SameAccount,
    VoidHold,
)
from messages.money import to_decimal


def place_hold(book: Book, command: PlaceHold, mover: Mover, hold_id: HoldId) -> HoldState:
    """Reserve money that is available."""
    account = book.account(command.account_id, "account_id", mover.near)
    if account.kind not in DEPOSIT_KINDS:
        raise AccountKindRefused("Money is held on savings, current and share capital accounts.", field="account_id")
    if command.amount.currency != account.currency:
        raise CurrencyMismatch(field="amount", currency=account.currency)
    if command.expires_at is not None and command.expires_at <= book.now:
        raise HoldLapsed("A hold expires in the future.", field="expires_at")
    if account.is_suspended:
        raise MemberIsSuspended(field="account_id")
    if not account.is_open:
        raise AccountIsClosed(field="account_id", account_id=account.account_id)
    if account.frozen in {"debit", "both"}:
        raise AccountIsFrozen(field="account_id", account_id=account.account_id, frozen=account.frozen)
    minor = command.amount.minor
    check_taking(account, minor, book.today, "amount", counts=True)
    account.held += minor
    account.version += 1
    account.take(minor, book.today)
    hold = HoldState(
        hold_id, account.account_id, minor, "pending", command.description, book.now, command.expires_at, is_new=True
    )
    book.holds[hold_id] = hold
    return hold


def post_hold(book: Book, command: PostHold, mover: Mover) -> tuple[HoldState, Booked]:
    """Pay what is held, or a part of it, to an account; the rest is released."""
    hold, account = book.hold(command.hold_id, mover.near)
    _check_pending(hold)
    if hold.expires_at is not None and hold.expires_at <= book.now:
        raise HoldLapsed(field="hold_id", expired_at=hold.expires_at.isoformat())
    if command.to_account_id == account.account_id:
        raise SameAccount(field="to_account_id")
    target = book.account(command.to_account_id, "to_account_id")
    if mover.near is not None and target.member_id is None:
        raise AccountNotFound(field="to_account_id", account_id=target.account_id)
    if target.kind == "loan":
        raise AccountKindRefused("A loan account moves through its loan.", field="to_account_id")
    if target.currency != account.currency:
        raise CurrencyMismatch("The two accounts are in different currencies.", field="to_account_id", currency=target.currency)
    if command.amount is not None and command.amount.currency != account.currency:
        raise CurrencyMismatch(field="amount", currency=account.currency)
    minor = hold.amount if command.amount is None else command.amount.minor
    if minor > hold.amount:
        raise MoreThanHeld(field="amount", held=to_decimal(hold.amount, account.currency), currency=account.currency)
    book.check_new(mover.entry_id)
    moves = [Move(account, minor, "hold_id", "amount"), Move(target, -minor, "to_account_id", "amount")]
    account.held -= hold.amount
    try:
        terms = Terms("hold", hold.description, command.reference, None)
        booked = book.post(mover.entry_id, moves, terms, mover.posted_by, counts=False)
    except Refusal:
        account.held += hold.amount
        raise
    account.give_back(hold.amount - minor, hold.placed_at.date())
    _settle(hold, "posted", book.now)
    hold.posted_amount = minor
    hold.entry_id = booked.entry_id
    return hold, booked


def void_hold(book: Book, command: VoidHold, mover: Mover) -> HoldState:
    """Release what is held."""
    hold, account = book.hold(command.hold_id, mover.near)
    _check_pending(hold)
    return _release(hold, account, "voided", book.now)


def expire_hold(book: Book, command: ExpireHold, mover: Mover) -> tuple[HoldState, bool]:
    """Let a hold lapse when its time has come, and say whether it was this that ended it: one settled before stays settled."""
    hold, account = book.hold(command.hold_id, mover.near)
    if hold.status != "pending":
        return hold, False
    if hold.expires_at is None or hold.expires_at > book.now:
        raise HoldNotDue(field="hold_id")
    return _release(hold, account, "expired", book.now), True


def _check_pending(hold: HoldState) -> None:
    if hold.status != "pending":
        raise HoldNotPending(field="hold_id", status=hold.status)


def _release(hold: HoldState, account: AccountState, status: HoldStatus, now: datetime) -> HoldState:
    account.held -= hold.amount
    account.version += 1
    account.give_back(hold.amount, hold.placed_at.date())
    _settle(hold, status, now)
    return hold


def _settle(hold: HoldState, status: HoldStatus, now: datetime) -> None:
    hold.status = status
    hold.settled_at = now
    hold.is_changed = True
