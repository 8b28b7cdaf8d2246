"""The standard chart of accounts, as data, and the institution's own accounts that a currency starts with.

Ids of the institution's accounts follow from currency and role, so that adopting the chart twice changes nothing, and a deposit
finds its cash account without asking.
"""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from messages.ids import AccountId, MemberId, derived_id
from messages.ledger import (
    AccountKind,
    AccountKindRefused,
    ChartAccount,
    ChartAccountExists,
    ChartKind,
    OwnerMismatch,
    UnknownChartAccount,
)

INSTITUTION = UUID("6a7d1d0e-3f0b-5a55-9d53-6f1c8f1f2a10")
"""Namespace of the institution's own accounts."""

STANDARD_CHART: tuple[ChartAccount, ...] = tuple(
    ChartAccount(code=code, name=name, kind=kind)
    for code, name, kind in (
        ("1010", "Cash on hand", "asset"),
        ("1020", "Cash at banks", "asset"),
        ("1100", "Loans to members", "asset"),
        ("1200", "Interest receivable", "asset"),
        ("1900", "Suspense", "asset"),
        ("2010", "Savings deposits", "liability"),
        ("2020", "Current account deposits", "liability"),
        ("2100", "Interest payable", "liability"),
        ("2900", "Clearing", "liability"),
        ("3010", "Share capital", "equity"),
        ("3100", "Retained earnings", "equity"),
        ("3900", "Opening balances", "equity"),
        ("4010", "Interest income", "income"),
        ("4020", "Fees and charges", "income"),
        ("5010", "Interest expense", "expense"),
        ("5020", "Loan losses", "expense"),
        ("5090", "Other expense", "expense"),
    )
)

_CODE_OF_KIND: dict[AccountKind, str] = {"savings": "2010", "current": "2020", "share_capital": "3010", "loan": "1100"}
_DEBIT_KINDS: frozenset[ChartKind] = frozenset({"asset", "expense"})


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An internal account that every adopted currency has."""

    role: str
    gl_code: str

    def account_id(self, currency: str) -> AccountId:
        """The same for the same currency and role, always."""
        return AccountId(derived_id(INSTITUTION, f"{currency}/{self.role}"))


CASH = OwnAccount("cash", "1010")
OWN_ACCOUNTS: tuple[OwnAccount, ...] = (
    CASH,
    OwnAccount("banks", "1020"),
    OwnAccount("clearing", "2900"),
    OwnAccount("opening-balances", "3900"),
    OwnAccount("interest-income", "4010"),
    OwnAccount("fees", "4020"),
    OwnAccount("interest-expense", "5010"),
)


@lru_cache(maxsize=256)
def cash_account_id(currency: str) -> AccountId:
    """The account that deposits and withdrawals in a currency go by, unless they name another."""
    return CASH.account_id(currency)


def normal_side(kind: ChartKind) -> int:
    """1 where debits raise the balance, -1 where credits do."""
    return 1 if kind in _DEBIT_KINDS else -1


def to_create(known: dict[str, ChartAccount]) -> list[ChartAccount]:
    """The rows of the standard chart that are not there. A code that is taken by another kind of account is refused."""
    for row in STANDARD_CHART:
        if row.code in known and known[row.code].kind != row.kind:
            raise ChartAccountExists(field="currency", code=row.code, kind=known[row.code].kind)
    return [row for row in STANDARD_CHART if row.code not in known]


def gl_code_for(kind: AccountKind, asked: str | None) -> str:
    """The general-ledger code of a new account."""
    code = asked or _CODE_OF_KIND.get(kind)
    if code is None:
        raise UnknownChartAccount("An internal account needs the code of its general-ledger account.", field="gl_code")
    return code


def check_owner(kind: AccountKind, member_id: MemberId | None) -> None:
    """The institution's own accounts have no owner, all others have one."""
    if (kind == "internal") != (member_id is None):
        raise OwnerMismatch(field="member_id")


def check_kind(kind: AccountKind, chart: ChartAccount) -> None:
    """Members' money is what the bank owes, loans what it is owed; the institution's own accounts stand anywhere."""
    fits = kind == "internal" or (chart.kind == "asset" if kind == "loan" else chart.kind in {"liability", "equity"})
    if not fits:
        raise AccountKindRefused(
            f"A {kind} account is not summed under {chart.kind} accounts.", field="gl_code", kind=kind, chart_kind=chart.kind
        )
