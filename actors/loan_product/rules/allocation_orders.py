"""The orders in which a payment pays: what each preset's name stands for, and whether an order is whole."""

from itertools import product
from typing import get_args

from messages.loan_product import (
    STEPS,
    AllocatedPart,
    Allocation,
    AllocationPreset,
    AllocationRules,
    AllocationStep,
    ProductAllocationIncomplete,
    ProductContradictory,
    When,
)

Parts = tuple[AllocatedPart, AllocatedPart, AllocatedPart, AllocatedPart]

EVERY_STEP = {AllocationStep(due=due, part=part) for due, part in product(get_args(When), get_args(AllocatedPart))}


def _alike(parts: Parts) -> tuple[AllocationStep, ...]:
    """The same order of parts for what is past due, due, and in advance."""
    return _in_advance_otherwise(parts, parts)


def _in_advance_otherwise(due: Parts, in_advance: Parts) -> tuple[AllocationStep, ...]:
    order: tuple[tuple[When, Parts], ...] = (("past_due", due), ("due", due), ("in_advance", in_advance))
    return tuple(AllocationStep(due=when, part=part) for when, parts in order for part in parts)


ORDERS: dict[AllocationPreset, tuple[AllocationStep, ...]] = {
    "penalties_fees_interest_principal": _alike(("penalty", "fee", "interest", "principal")),
    "principal_interest_penalties_fees": _alike(("principal", "interest", "penalty", "fee")),
    "interest_principal_penalties_fees": _alike(("interest", "principal", "penalty", "fee")),
    "due_penalty_interest_principal_fee_in_advance_penalty_interest_principal_fee": _alike(
        ("penalty", "interest", "principal", "fee")
    ),
    "due_penalty_fee_interest_principal_in_advance_principal_penalty_fee_interest": _in_advance_otherwise(
        ("penalty", "fee", "interest", "principal"), ("principal", "penalty", "fee", "interest")
    ),
}
"""What is past due goes before what is due, and that before what is in advance, in each of them."""


def spelled_out(rules: AllocationRules) -> AllocationRules:
    """The same with every order written out, so that what a preset's name means tomorrow changes no product of today."""
    charged_off = rules.charged_off_repayment
    return AllocationRules(
        repayment=_spelled_out(rules.repayment, "repayment"),
        charged_off_repayment=None if charged_off is None else _spelled_out(charged_off, "charged_off_repayment"),
    )


def _spelled_out(allocation: Allocation, kind: str) -> Allocation:
    field = f"rules.allocation.{kind}"
    if allocation.preset is None:
        _check_whole(allocation.order, f"{field}.order")
        return allocation
    order = ORDERS[allocation.preset]
    if allocation.order and allocation.order != order:
        raise ProductContradictory("This is not the order of the preset; name one or the other.", field=f"{field}.order")
    return allocation.model_copy(update={"order": order})


def _check_whole(order: tuple[AllocationStep, ...], field: str) -> None:
    if len(order) != STEPS or set(order) != EVERY_STEP:
        missing = sorted(f"{step.due} {step.part}" for step in EVERY_STEP - set(order))
        twice = sorted({f"{step.due} {step.part}" for step in order if order.count(step) > 1})
        raise ProductAllocationIncomplete(field=field, missing=", ".join(missing) or None, twice=", ".join(twice) or None)
