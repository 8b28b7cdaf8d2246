"""A loan and what belongs to it, as they are told. From what is kept to replies; no decisions."""

from datetime import date
from typing import Any

from actors.loan.handlers.loading import Held, caught_up
from actors.loan.kept import Attached
from actors.loan.rules import figures
from actors.loan.rules.lapses import lapses
from messages.loan import (
    Collateral,
    Document,
    Guarantor,
    Loan,
    LoanBalances,
    LoanRequest,
    LoanTransaction,
    ProductUsed,
)
from messages.money import Money

BEFORE_APPROVAL = frozenset({"draft", "submitted", "under_review", "rejected", "withdrawn"})


def balances(held: Held, on: date) -> LoanBalances:
    """What the loan owes on a date that is not before the last one closed."""
    if held.kept.book is None:
        return figures.no_balances(held.kept.currency, on)
    book = caught_up(held.book(), on)
    told = figures.balances(book, min(on, book.today))
    return told.model_copy(update={"on": on})


def loan(held: Held, attached: Attached) -> Loan:
    """A loan."""
    kept, currency = held.kept, held.kept.currency
    book = held.book()
    return Loan.model_validate(
        {
            **{name: getattr(kept, name) for name in _AS_KEPT},
            "product": ProductUsed(product_id=held.product.product_id, code=held.product.code, version=held.product.version),
            "terms": book.terms,
            "documents": tuple(Document(name=row["name"], reference=row["reference"]) for row in attached.documents),
            "guarantors": tuple(
                Guarantor(
                    guarantor_id=row["guarantor_id"], member_id=row["member_id"], amount=Money.of(row["amount"], currency)
                )
                for row in attached.guarantors
            ),
            "collateral": tuple(
                Collateral(
                    collateral_id=row["collateral_id"],
                    description=row["description"],
                    value=Money.of(row["value"], currency),
                )
                for row in attached.collateral
            ),
            "undisbursed": Money.of(0 if kept.status in BEFORE_APPROVAL else book.undisbursed, currency),
            "balances": balances(held, held.today),
        }
    )


_AS_KEPT = (
    "loan_id",
    "member_id",
    "group_id",
    "currency",
    "status",
    "purpose",
    "settlement_account_id",
    "account_id",
    "submitted_by",
    "approved_by",
    "reason",
    "closed_through",
    "created_at",
    "version",
)


def transaction(row: Any) -> LoanTransaction:
    """A transaction as it was booked, and what took it back since."""
    told = LoanTransaction.model_validate(row["change"]["transaction"])
    return told.model_copy(update={"reversed_by": row["reversed_by"]})


def request(row: Any, held: Held) -> LoanRequest:
    """A request; of an approved reschedule also whether its day came and it was not possible any more."""
    currency = held.kept.currency
    said = {name: row[name] for name in LoanRequest.model_fields if name not in {"amount", "reschedule"}}
    if row["kind"] == "reschedule" and row["transaction_id"] is not None:
        lapse = lapses(caught_up(held.book(), held.today), held.today).get(row["transaction_id"])
        if lapse is not None:
            said |= {"status": "lapsed", "lapsed_because": lapse.rule, "lapsed_detail": lapse.detail}
    return LoanRequest.model_validate(
        {
            **said,
            "amount": None if row["amount"] is None else Money.of(row["amount"], currency),
            "reschedule": row["asked"].get("kind") if row["kind"] == "reschedule" else None,
        }
    )
