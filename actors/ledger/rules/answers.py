"""From decided values to replies. What is known to be right is not validated again: these run for every message of a batch.

`_made` is `model_construct` without its search for defaults and aliases, a third of a transfer's time in Python; it takes all
fields. It leans on how pydantic 2 keeps a model; a test compares the two.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from actors.ledger.rules.state import AccountState, Booked, HoldState
from messages.ledger import Account, Balance, Entry, EntryPosted, Hold, Posting, Side, StatementLine
from messages.money import Money, to_decimal

M = TypeVar("M", bound=BaseModel)
_fields_set: dict[type[BaseModel], set[str]] = {kind: set(kind.model_fields) for kind in (Entry, Posting, EntryPosted, Money)}
_keep_fields, _keep_set, _keep_extra, _keep_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def _made(kind: type[M], fields: dict[str, Any]) -> M:
    made = BaseModel.__new__(kind)
    _keep_fields(made, fields)
    _keep_set(made, _fields_set[kind])
    _keep_extra(made, None)
    _keep_private(made, None)
    return made


def _money(minor: int, currency: str) -> Money:
    return _made(Money, {"amount": to_decimal(minor, currency), "currency": currency})


def side_of(amount: int) -> Side:
    """Debits are above zero."""
    return "debit" if amount > 0 else "credit"


def owners(booked: Booked) -> set[UUID]:
    """The members whose accounts an entry touches."""
    return {leg.member_id for leg in booked.legs if leg.member_id is not None}


def entry(booked: Booked, near: Collection[UUID] | None = None) -> Entry:
    """The entry as told to whoever sees all, or sees some members' accounts and does not learn what those of others hold."""
    postings = []
    for leg in booked.legs:
        is_told = near is None or leg.member_id in near
        amount, currency = leg.amount, leg.currency
        fields = {
            "account_id": leg.account_id,
            "side": "debit" if amount > 0 else "credit",
            "amount": _money(abs(amount), currency),
            "seq": leg.seq if is_told else None,
            "balance_after": _money(leg.balance_after * leg.normal, currency) if is_told else None,
        }
        postings.append(_made(Posting, fields))
    return _made(
        Entry,
        {
            "entry_id": booked.entry_id,
            "kind": booked.kind,
            "description": booked.description,
            "reference": booked.reference,
            "booked_at": booked.booked_at,
            "value_date": booked.value_date,
            "reverses": booked.reverses,
            "reversed_by": booked.reversed_by,
            "postings": tuple(postings),
        },
    )


def entry_posted(told: Entry) -> EntryPosted:
    """The event."""
    return _made(EntryPosted, {"entry": told})


def hold(state: HoldState, currency: str) -> Hold:
    """The hold as told."""
    return Hold.model_construct(
        hold_id=state.hold_id,
        account_id=state.account_id,
        amount=Money.of(state.amount, currency),
        status=state.status,
        description=state.description,
        placed_at=state.placed_at,
        expires_at=state.expires_at,
        settled_at=state.settled_at,
        posted_amount=None if state.posted_amount is None else Money.of(state.posted_amount, currency),
        entry_id=state.entry_id,
    )


def _optional(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money.of(minor, currency)


def account(row: Mapping[str, Any]) -> Account:
    """An account from its whole row."""
    currency, floor = row["currency"], row["floor"]
    own_side = row["balance"] * row["normal"]
    return Account.model_construct(
        account_id=row["account_id"],
        member_id=row["member_id"],
        kind=row["kind"],
        currency=currency,
        gl_code=row["gl_code"],
        name=row["name"],
        status=row["status"],
        balance=Money.of(own_side, currency),
        held=Money.of(row["held"], currency),
        available=None if floor is None else Money.of(own_side - row["held"] - floor, currency),
        overdraft_limit=None if floor is None else Money.of(-floor, currency),
        transaction_limit=_optional(row["transaction_limit"], currency),
        daily_limit=_optional(row["daily_limit"], currency),
        freeze=row["frozen"],
        freeze_reason=row["freeze_reason"],
        last_seq=row["seq"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        version=row["version"],
    )


def balance_now(state: AccountState) -> Balance:
    """What the account holds now."""
    currency = state.currency
    return Balance.model_construct(
        account_id=state.account_id,
        balance=Money.of(state.balance * state.normal, currency),
        seq=state.seq,
        held=Money.of(state.held, currency),
        available=None if state.floor is None else Money.of(state.available, currency),
    )


def balance_then(state: AccountState, balance: int, seq: int | None) -> Balance:
    """What the account held at some point; a balance by value date has no number."""
    return Balance.model_construct(
        account_id=state.account_id,
        balance=Money.of(balance * state.normal, state.currency),
        seq=seq,
        held=None,
        available=None,
    )


def statement_line(row: Mapping[str, Any], state: AccountState) -> StatementLine:
    """One posting of an account's statement."""
    return StatementLine.model_construct(
        seq=row["seq"],
        entry_id=row["entry_id"],
        kind=row["kind"],
        booked_at=row["booked_at"],
        value_date=row["value_date"],
        description=row["description"],
        reference=row["reference"],
        side=side_of(row["amount"]),
        amount=Money.of(abs(row["amount"]), state.currency),
        balance_after=Money.of(row["balance_after"] * state.normal, state.currency),
    )
