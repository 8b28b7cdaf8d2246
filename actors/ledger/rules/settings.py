"""What may be set on an account, and when it may be opened and closed."""

from messages.base import VersionConflict
from messages.ledger import (
    Account,
    AccountHasHolds,
    AccountIsClosed,
    AccountKind,
    AccountKindRefused,
    AccountNotEmpty,
    ChangeLimits,
    CurrencyMismatch,
    LimitExceeded,
    MemberIsClosed,
    MemberIsSuspended,
    MemberNotActive,
    OpenAccount,
)
from messages.money import Money

KIND_NAMES = {"savings": "Savings", "current": "Current account", "share_capital": "Share capital", "loan": "Loan"}
_WITHOUT_FLOOR = frozenset({"loan", "internal"})


def check_member(standing: str | None) -> None:
    """Only an active member opens accounts; None is one that nobody has heard of."""
    if standing == "closed":
        raise MemberIsClosed(field="member_id")
    if standing == "suspended":
        raise MemberIsSuspended(field="member_id")
    if standing != "active":
        raise MemberNotActive(field="member_id")


def check_limits(command: OpenAccount | ChangeLimits, currency: str) -> None:
    """Limits are in the account's currency."""
    for field in ("overdraft_limit", "transaction_limit", "daily_limit"):
        limit = getattr(command, field, None)
        if limit is not None and limit.currency != currency:
            raise CurrencyMismatch(field=field, currency=currency)


def first_floor(kind: AccountKind) -> int | None:
    """How far down a new account may go, on its owner's side: to zero, or without a floor. Overdrafts are granted later."""
    return None if kind in _WITHOUT_FLOOR else 0


def new_floor(account: Account, overdraft_limit: Money | None) -> int | None:
    """The floor after a change of limits. Refused where the account stands below it already."""
    if account.kind in _WITHOUT_FLOOR:
        if overdraft_limit is not None:
            raise AccountKindRefused("Loan and internal accounts have no floor.", field="overdraft_limit")
        return None
    floor = 0 if overdraft_limit is None else -overdraft_limit.minor
    if account.balance.minor - account.held.minor < floor:
        raise LimitExceeded("The account is drawn further than this limit allows.", field="overdraft_limit", limit="overdraft")
    return floor


def check_changeable(account: Account, expected_version: int | None) -> None:
    """It is as the caller saw it, and not closed."""
    if expected_version is not None and expected_version != account.version:
        raise VersionConflict(version=account.version)
    if account.status == "closed":
        raise AccountIsClosed(field="account_id", account_id=account.account_id)


def check_closable(account: Account) -> None:
    """Nothing is left on it."""
    if account.held.minor:
        raise AccountHasHolds(field="account_id", held=account.held.amount, currency=account.currency)
    if account.balance.minor:
        raise AccountNotEmpty(field="account_id", balance=account.balance.amount, currency=account.currency)
