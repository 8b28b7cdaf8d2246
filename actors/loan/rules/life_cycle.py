"""What may be done with a loan in which status, and where it leads."""

from collections.abc import Iterable
from enum import Enum

from messages.loan import CheckerIsMaker, LoanStateForbids, LoanStatus


class Action(Enum):
    """Everything that is done to a loan."""

    CHANGE = "change"
    """The application: amounts, documents."""
    GUARANTEE = "guarantee"
    """Add or remove guarantors."""
    SECURE = "secure"
    """Add collateral."""
    RELEASE = "release"
    """Give collateral back."""
    SUBMIT = "submit"
    REVIEW = "review"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    DISBURSE = "disburse"
    REPAY = "repay"
    CHARGE = "charge"
    WAIVE = "waive"
    REFUND = "refund"
    RECOVER = "recover"
    REVERSE = "reverse"
    CHARGE_OFF = "charge_off"
    WRITE_OFF = "write_off"
    RESCHEDULE = "reschedule"


_APPLIED: frozenset[LoanStatus] = frozenset({"draft", "submitted", "under_review"})
_HANDED_IN: frozenset[LoanStatus] = frozenset({"submitted", "under_review"})
_RUNNING: frozenset[LoanStatus] = frozenset({"active", "in_arrears"})
_OWING: frozenset[LoanStatus] = frozenset({"active", "in_arrears", "charged_off"})
_PAID_OUT: frozenset[LoanStatus] = frozenset({"active", "in_arrears", "charged_off", "closed", "written_off"})

_FOR_GOOD: frozenset[LoanStatus] = frozenset({"closed", "rejected", "withdrawn"})
_APPROVED: frozenset[LoanStatus] = frozenset({"approved"})

_ALLOWED: dict[Action, frozenset[LoanStatus]] = {
    Action.CHANGE: frozenset({"draft"}),
    Action.GUARANTEE: _APPLIED,
    Action.SECURE: _APPLIED | _APPROVED | _OWING,
    Action.RELEASE: _APPLIED | _FOR_GOOD,
    Action.SUBMIT: frozenset({"draft"}),
    Action.REVIEW: frozenset({"submitted"}),
    Action.APPROVE: _HANDED_IN,
    Action.REJECT: _HANDED_IN,
    Action.WITHDRAW: _APPLIED | _APPROVED,
    Action.DISBURSE: _RUNNING | _APPROVED,
    Action.REPAY: _OWING,
    Action.CHARGE: _RUNNING,
    Action.WAIVE: _OWING,
    Action.REFUND: _PAID_OUT,
    Action.RECOVER: frozenset({"written_off"}),
    Action.REVERSE: _PAID_OUT,
    Action.CHARGE_OFF: _RUNNING,
    Action.WRITE_OFF: _OWING,
    Action.RESCHEDULE: _RUNNING,
}
_LEADS_TO: dict[Action, LoanStatus] = {
    Action.SUBMIT: "submitted",
    Action.REVIEW: "under_review",
    Action.APPROVE: "approved",
    Action.REJECT: "rejected",
    Action.WITHDRAW: "withdrawn",
}


def check_action(status: LoanStatus, action: Action) -> None:
    """Refuse what may not be done in the status (LoanStateForbids, 409)."""
    if status not in _ALLOWED[action]:
        words = action.value.replace("_", " ")
        raise LoanStateForbids(f"A loan that is {status.replace('_', ' ')} does not allow this: {words}.", status=status)


def moved(status: LoanStatus, action: Action) -> LoanStatus:
    """The status after submitting, reviewing, approving, rejecting or withdrawing; refused where it may not be done."""
    check_action(status, action)
    return _LEADS_TO[action]


def check_checker(makers: Iterable[str | None], by: str) -> None:
    """Refuse a checker who is one of the makers (CheckerIsMaker, 403)."""
    if by in makers:
        raise CheckerIsMaker
