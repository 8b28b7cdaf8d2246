"""Whether an application is within its product, and secured as it says: amounts, documents, guarantors, collateral.

`rules` is ProductRules as JSON; amounts are minor units of the product's currency.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from actors.loan.rules.happenings import Reschedule
from messages.loan import (
    CollateralMissing,
    DocumentsMissing,
    GroupAnswersForTooMuch,
    GuarantorsMissing,
    LoanOutsideProduct,
    MemberAnswersForTooMuch,
)
from messages.loan_terms import LoanTerms
from messages.money import to_minor

Rules = Mapping[str, Any]


def check_terms_within(rules: Rules, terms: LoanTerms) -> None:
    """Refuse a principal, a number of installments or a rate beyond the product's limits."""
    amounts = rules["amount"]
    if not _minor(amounts["lowest"]) <= terms.principal.minor <= _minor(amounts["highest"]):
        limits = {name: amounts[name]["amount"] for name in ("lowest", "highest")}
        raise LoanOutsideProduct("The product does not lend this amount.", field="principal", **limits)
    if terms.installments is not None:
        check_count_within(rules, terms.installments)
    check_rate_within(rules, terms.annual_rate_percent)


def check_count_within(rules: Rules, installments: int, field: str = "installments") -> None:
    """Refuse a number of installments beyond the product's limits; `field` is what it follows from."""
    counts = rules["installments"]
    if not counts["lowest"] <= installments <= counts["highest"]:
        limits = {name: counts[name] for name in ("lowest", "highest")}
        raise LoanOutsideProduct("The product does not have so many installments.", field=field, found=installments, **limits)


def check_rate_within(rules: Rules, annual_rate_percent: str) -> None:
    """Refuse a rate beyond the product's limits."""
    rates = rules["annual_rate_percent"]
    if not Decimal(rates["lowest"]) <= Decimal(annual_rate_percent) <= Decimal(rates["highest"]):
        limits = {name: rates[name] for name in ("lowest", "highest")}
        raise LoanOutsideProduct("The product does not have this rate.", field="annual_rate_percent", **limits)


def check_reschedule_within(rules: Rules, asked: Reschedule) -> None:
    """Refuse other terms that the product does not have: a rate beyond its limits, or more installments than its longest loan."""
    if asked.annual_rate_percent is not None:
        check_rate_within(rules, asked.annual_rate_percent)
    if asked.installments is not None:
        check_count_within(rules, max(asked.installments, rules["installments"]["lowest"]))  # fewer may be left of any loan


def check_documents(rules: Rules, names: Collection[str]) -> None:
    """Refuse where one of the documents that the product requires was not seen."""
    missing = [name for name in rules.get("documents", ()) if name not in names]
    if missing:
        raise DocumentsMissing(field="documents", missing=", ".join(missing))


def check_guarantee(rules: Rules, amount: int, *, answered_by_member: int, answered_in_group: int | None) -> None:
    """Refuse a guarantor who answers for too much with this amount: alone, or with the others of a group (None without one)."""
    limits = rules.get("guarantors") or {}
    most = limits.get("most_by_member")
    if most is not None and answered_by_member + amount > _minor(most):
        raise MemberAnswersForTooMuch(field="amount", most=most["amount"], answered_for=answered_by_member)
    most = limits.get("most_by_group")
    if most is not None and answered_in_group is not None and answered_in_group + amount > _minor(most):
        raise GroupAnswersForTooMuch(field="amount", most=most["amount"], answered_for=answered_in_group)


def check_security(rules: Rules, principal: int, guarantees: Sequence[int], collateral: Sequence[int]) -> None:
    """Refuse to submit with too few guarantors, or too little cover by guarantors or collateral."""
    asked = rules.get("guarantors") or {}
    if len(guarantees) < asked.get("lowest_number", 0):
        raise GuarantorsMissing(field="guarantors", required=asked["lowest_number"], found=len(guarantees))
    if not _covers(sum(guarantees), asked.get("cover_percent", "0"), principal):
        raise GuarantorsMissing(field="guarantors", cover_percent=asked["cover_percent"])
    if not _covers(sum(collateral), rules.get("collateral_cover_percent", "0"), principal):
        raise CollateralMissing(field="collateral", cover_percent=rules["collateral_cover_percent"])


def _covers(amount: int, percent: str, principal: int) -> bool:
    return Decimal(amount) * 100 >= Decimal(percent) * principal


def _minor(money: Mapping[str, Any]) -> int:
    return to_minor(money["amount"], money["currency"])
