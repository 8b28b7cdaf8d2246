"""Under which kinds of the chart of accounts each role of a product's accounting stands, so that its figures mean what they say."""

from messages.ledger import ChartKind
from messages.loan_product import ProductAccountUnfit

_ASSET: frozenset[ChartKind] = frozenset({"asset"})
_INCOME: frozenset[ChartKind] = frozenset({"income"})
_EXPENSE: frozenset[ChartKind] = frozenset({"expense"})

KINDS_OF_ROLES: dict[str, frozenset[ChartKind]] = {
    "interest_receivable": _ASSET,
    "fee_receivable": _ASSET,
    "penalty_receivable": _ASSET,
    "interest_income": _INCOME,
    "fee_income": _INCOME,
    "penalty_income": _INCOME,
    "charge_off_expense": _EXPENSE,
    "write_off_expense": _EXPENSE,
    "recovery_income": _INCOME,
    "overpayment": frozenset({"liability"}),
    "cash": _ASSET,
    "external_payments": frozenset({"asset", "liability"}),
    "principal_gl_code": _ASSET,
}


def check_chart_kind(role: str, kind: ChartKind) -> None:
    """Refuse an account, or a code, that stands under another kind than what is booked to it."""
    fitting = KINDS_OF_ROLES[role]
    if kind not in fitting:
        raise ProductAccountUnfit(
            f"This is booked under {' or '.join(sorted(fitting))} accounts of the chart.",
            field=f"rules.accounting.{role}",
            chart_kind=kind,
        )
