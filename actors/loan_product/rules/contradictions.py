"""What makes a product's rules nonsense: ranges upside down, two currencies, accounts that its basis has no use for, and the like."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from messages.base import Refusal
from messages.loan_product import Accounting, DelinquencyBucket, PenaltyRules, ProductContradictory, ProductRules
from messages.money import Money

WHOLE = Decimal(100)
MOST_COVER = Decimal(1000)
"""Percent of the principal. Beyond ten times the loan somebody typed a wrong figure."""
RECEIVABLES = ("interest_receivable", "fee_receivable", "penalty_receivable")
ALWAYS = (
    "interest_income",
    "fee_income",
    "penalty_income",
    "charge_off_expense",
    "write_off_expense",
    "recovery_income",
    "overpayment",
)
CHANNELS = ("cash", "external_payments")
"""By which money comes and goes; all others are what loans are proven by."""


def check_rules(rules: ProductRules) -> None:
    """Raise the refusal that belongs to the first thing that is wrong."""
    for wrong in _faults(rules):
        raise wrong


def account_roles(accounting: Accounting) -> tuple[str, ...]:
    """The roles that have an account."""
    return tuple(role for role in (*RECEIVABLES, *ALWAYS, *CHANNELS) if getattr(accounting, role) is not None)


def _faults(rules: ProductRules) -> Iterator[Refusal]:
    yield from _currencies(rules)
    yield from _ranges(rules)
    yield from _accounts(rules.accounting)
    yield from _channels(rules.accounting)
    if rules.penalty is not None:
        yield from _penalty(rules.penalty)
    yield from _securities(rules)
    yield from _buckets(rules.buckets)


def _currencies(rules: ProductRules) -> Iterator[Refusal]:
    for field, money in _amounts(rules):
        if money is not None and money.currency != rules.currency:
            yield ProductContradictory(f"All amounts of this product are in {rules.currency}.", field=f"rules.{field}")


def _amounts(rules: ProductRules) -> Iterator[tuple[str, Money | None]]:
    yield "amount.lowest", rules.amount.lowest
    yield "amount.highest", rules.amount.highest
    yield "schedule.installment_multiple", rules.schedule.installment_multiple
    for place, fee in enumerate(rules.schedule.fees):
        yield f"schedule.fees.{place}.amount", fee.amount
    if rules.penalty is not None:
        yield "penalty.amount", rules.penalty.amount
        yield "penalty.cap", rules.penalty.cap
    yield "guarantors.most_by_member", rules.guarantors.most_by_member
    yield "guarantors.most_by_group", rules.guarantors.most_by_group


def _ranges(rules: ProductRules) -> Iterator[Refusal]:
    counts, rates = rules.installments, rules.annual_rate_percent
    if rules.amount.highest.minor < rules.amount.lowest.minor:
        yield _upside_down("amount.highest")
    if counts.highest < counts.lowest:
        yield _upside_down("installments.highest")
    if not counts.lowest <= counts.default <= counts.highest:
        yield ProductContradictory("The default is outside the range.", field="rules.installments.default")
    if Decimal(rates.highest) < Decimal(rates.lowest):
        yield _upside_down("annual_rate_percent.highest")
    if not Decimal(rates.lowest) <= Decimal(rates.default) <= Decimal(rates.highest):
        yield ProductContradictory("The default is outside the range.", field="rules.annual_rate_percent.default")


def _upside_down(field: str) -> Refusal:
    return ProductContradictory("The highest is below the lowest.", field=f"rules.{field}")


def _accounts(accounting: Accounting) -> Iterator[Refusal]:
    for role in RECEIVABLES:
        named = getattr(accounting, role) is not None
        if accounting.basis == "accrual" and not named:
            yield ProductContradictory("On accrual basis this account is needed.", field=f"rules.accounting.{role}")
        if accounting.basis == "cash" and named:
            yield ProductContradictory(
                "On cash basis nothing is booked before it is paid, so there are no receivables.",
                field=f"rules.accounting.{role}",
            )


def _channels(accounting: Accounting) -> Iterator[Refusal]:
    booked_to = {getattr(accounting, role) for role in (*RECEIVABLES, *ALWAYS)}
    for role in CHANNELS:
        account_id = getattr(accounting, role)
        if account_id is not None and account_id in booked_to:
            yield ProductContradictory(
                "Money does not come and go by an account that loans are booked on.", field=f"rules.accounting.{role}"
            )


def _penalty(penalty: PenaltyRules) -> Iterator[Refusal]:
    amount = 0 if penalty.amount is None else penalty.amount.minor
    if amount < 0 or (amount == 0 and Decimal(penalty.percent) == 0):
        yield ProductContradictory("A penalty is an amount or a percentage above zero.", field="rules.penalty")
    if penalty.per != "year" and Decimal(penalty.percent) > WHOLE:
        yield ProductContradictory("A penalty of more than the whole each time.", field="rules.penalty.percent")
    if penalty.cap is not None and penalty.cap.minor <= 0:
        yield ProductContradictory("A cap is above zero; without one there is no limit.", field="rules.penalty.cap")
    if penalty.charges_grace and penalty.per == "once":
        yield ProductContradictory(
            "What is charged once does not charge the days of grace.", field="rules.penalty.charges_grace"
        )


def _securities(rules: ProductRules) -> Iterator[Refusal]:
    if len(set(rules.documents)) < len(rules.documents):
        yield ProductContradictory("The same document twice.", field="rules.documents")
    for field, percent in (
        ("guarantors.cover_percent", rules.guarantors.cover_percent),
        ("collateral_cover_percent", rules.collateral_cover_percent),
    ):
        if Decimal(percent) > MOST_COVER:
            yield ProductContradictory(f"At most {MOST_COVER} % of the principal.", field=f"rules.{field}")


def _buckets(buckets: tuple[DelinquencyBucket, ...]) -> Iterator[Refusal]:
    if buckets[0].from_days != 0:
        yield ProductContradictory("The first bucket begins at 0 days.", field="rules.buckets.0.from_days")
    for place, (one, next_one) in enumerate(pairwise(buckets), start=1):
        if next_one.from_days <= one.from_days:
            yield ProductContradictory("Buckets rise.", field=f"rules.buckets.{place}.from_days")
    for place, bucket in enumerate(buckets):
        if Decimal(bucket.provision_percent) > WHOLE:
            yield ProductContradictory("At most the whole is provided for.", field=f"rules.buckets.{place}.provision_percent")
    if len({bucket.name for bucket in buckets}) < len(buckets):
        yield ProductContradictory("Two buckets have one name.", field="rules.buckets")
