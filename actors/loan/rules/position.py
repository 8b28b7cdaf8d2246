"""A loan's position in the ledger: what its book comes to on each account, cumulative; debits are above zero. It sums to zero, always.

Keys are the roles of the product's accounting mapping (`principal` is the loan's own account) and `account:<uuid>` for where money came
from and went to. On accrual basis what is earned is income and a receivable until it is paid; on cash basis it is income when it is
paid. Charged off, what is still owed is an expense instead of an asset, and a repayment lowers it. Capitalized fees are income when
they are lent.
"""

from collections.abc import Mapping

from actors.loan.rules.book import Book
from actors.loan.rules.happenings import FEE, INTEREST, PENALTY
from actors.loan.rules.owing import fees_and_penalties, interest_earned

ACCOUNT = "account:"
_RECEIVABLE = {INTEREST: "interest_receivable", FEE: "fee_receivable", PENALTY: "penalty_receivable"}
_INCOME = {INTEREST: "interest_income", FEE: "fee_income", PENALTY: "penalty_income"}


def position(book: Book) -> dict[str, int]:
    """The position; roles that stand at zero are left out."""
    if book.closed_through is None:
        return {}
    found = {f"{ACCOUNT}{account}": amount for account, amount in book.accounts.items()}
    found["principal"] = book.principal_outstanding
    found["overpayment"] = -book.overpaid
    found["recovery_income"] = -book.recovered
    fees, penalties = fees_and_penalties(book, book.closed_through)
    earned = {INTEREST: interest_earned(book, book.closed_through), FEE: fees, PENALTY: penalties}
    for part, role in _INCOME.items():
        if book.conditions.is_accrual:
            owed = earned[part] - book.paid[part] - book.waived[part] - book.given_up[part]
            found[_RECEIVABLE[part]] = owed
            found[role] = book.waived[part] - earned[part]
        else:
            found[role] = -book.paid[part]
    found["fee_income"] -= book.capitalized
    found["write_off_expense"] = sum(book.given_up) if book.conditions.is_accrual else book.given_up[0]
    if book.status == "charged_off":
        assets = ("principal", *_RECEIVABLE.values())
        found["charge_off_expense"] = sum(found.pop(role, 0) for role in assets)
    return {role: amount for role, amount in found.items() if amount}


def difference(new: Mapping[str, int], old: Mapping[str, int]) -> dict[str, int]:
    """What must be booked to come from the old position to the new one; it sums to zero too."""
    found = {role: new.get(role, 0) - old.get(role, 0) for role in (*new, *(role for role in old if role not in new))}
    return {role: amount for role, amount in found.items() if amount}
