"""What the ledger's vocabulary lets through its door."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from messages.base import Command, Query, all_message_types
from messages.ledger import GetBalance, GetStatement, PlaceHold, PostEntry, Transfer

A, B = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"


def said(amount: Any, **rest: Any) -> str:
    body = {"from_account_id": A, "to_account_id": B, "amount": {"amount": amount, "currency": "KES"}, **rest}
    return json.dumps(body)


@pytest.mark.parametrize(
    "amount",
    [
        "-1.00",
        "0",
        "0.00",
        "NaN",
        "Infinity",
        "1e308",
        "1e2",
        "1.001",
        "",
        " 1",
        "+1",
        "1,000.00",
        "9" * 19,
        5,
        5.0,
        None,
        True,
    ],
)
def test_what_is_no_amount_is_refused_with_its_field(amount: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Transfer.model_validate_json(said(amount))
    assert refused.value.errors()[0]["loc"][0] == "amount"


@pytest.mark.parametrize("amount", ["1", "1.0", "1.00", "1.000"])
def test_one_amount_has_one_spelling_inside(amount: str) -> None:
    assert Transfer.model_validate_json(said(amount)).amount.amount == "1.00"


@pytest.mark.parametrize(
    "rest",
    [
        {"balance": "5"},
        {"description": "a\x00b"},
        {"description": "x" * 201},
        {"value_date": "9999-12-31"},
        {"value_date": "1969-12-31"},
        {"value_date": "2026-02-30"},
        {"entry_id": "no id"},
    ],
)
def test_what_does_not_belong_in_a_transfer_is_refused_with_its_field(rest: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Transfer.model_validate_json(said("1.00", **rest))
    assert refused.value.errors()[0]["loc"][0] == next(iter(rest))


def test_an_entry_has_two_to_a_hundred_postings_and_nothing_else_in_them() -> None:
    posting = {"account_id": A, "side": "debit", "amount": {"amount": "1.00", "currency": "KES"}}
    for postings in ([posting], [posting] * 101, [posting, {**posting, "seq": 1}], [posting, {**posting, "side": "both"}]):
        with pytest.raises(ValidationError) as refused:
            PostEntry.model_validate({"postings": postings, "description": "x"})
        assert refused.value.errors()[0]["loc"][0] == "postings"


def test_a_balance_is_asked_for_one_point_in_time() -> None:
    with pytest.raises(ValidationError, match="not both"):
        GetBalance.model_validate({"account_id": A, "at": "2026-01-01T00:00:00Z", "value_date": "2026-01-01"})
    with pytest.raises(ValidationError, match="before"):
        GetStatement.model_validate({"account_id": A, "from_date": "2026-01-02", "to_date": "2026-01-01"})


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_has_a_time_zone_and_a_year_that_everything_can_count_with(moment: str) -> None:
    for message, field in ((GetBalance, "at"), (PlaceHold, "expires_at")):
        body = {"account_id": A, "amount": {"amount": "1", "currency": "KES"}, field: moment}
        if message is GetBalance:
            del body["amount"]
        with pytest.raises(ValidationError) as refused:
            message.model_validate(body)
        assert refused.value.errors()[0]["loc"] == (field,)


def test_everything_but_the_ledgers_word_to_itself_takes_a_permission() -> None:
    free = {
        kind.wire
        for kind in all_message_types()
        if kind.actor == "ledger" and issubclass(kind, Command | Query) and kind.permission is None
    }
    assert free == {"ledger.expire_hold.v1"}
