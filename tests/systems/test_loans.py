"""Loans at the door of other systems: money that came by another way is repaid, and nobody says more than their entry names."""

import contextlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from config.settings import load_settings
from messages.base import Command, Job, Query, Refusal, all_message_types
from messages.close_of_business import SetBusinessDate
from messages.loan import GetLoan
from runtime.asyncapi import asyncapi_document
from tests.actors.loan.lending import Lent, kes, lent, now
from tests.bank import Bank, until
from tests.systems.stranger import Stranger, read

LENDING = {"loan", "loan_product", "loan_calculator", "portfolio", "close_of_business"}
SAYABLE = sorted(kind.wire for kind in all_message_types() if kind.actor in LENDING and issubclass(kind, Command | Query | Job))
REPAYMENT, BOOKED = "loan.record_repayment.v1", "loan.loan_transaction_booked.v1"


@pytest.fixture
async def loan(bank: Bank) -> Lent:
    """A loan that runs."""
    with contextlib.suppress(Refusal):
        await bank.says(SetBusinessDate(business_date=bank.clock.now().date()))
    return await lent(bank, days_ago=5)


def repayment(loan: Lent, receipt: str, **more: Any) -> dict[str, Any]:
    amount = {"amount": "250.00", "currency": "KES"}
    return {"loan_id": str(loan.loan_id), "amount": amount, "paid_from": {"external_payment_id": receipt}, **more}


async def test_money_that_came_by_another_way_is_repaid_once_and_told(partner: Stranger, bank: Bank, loan: Lent) -> None:
    receipt, message_id = f"QK{uuid4().hex}", str(uuid4())
    said = await partner.publish(REPAYMENT, repayment(loan, receipt), message_id=message_id)
    reply = read(await partner.answer(said))
    assert (reply["transaction"]["reference"], reply["transaction"]["by"]) == (receipt, "system:demo-partner")

    def told() -> list[dict[str, Any]]:
        return [read(each) for each in partner.events if (each.type, each.correlation_id) == (BOOKED, said)]

    await until(told)
    assert told() == [{"transaction": reply["transaction"]}]
    again = await partner.asks(REPAYMENT, repayment(loan, receipt), message_id=message_id)
    assert read(again) == reply
    refused = read(await partner.asks(REPAYMENT, repayment(loan, receipt)))
    assert (refused["rule"], refused["field"]) == ("external_payment_counted", "paid_from.external_payment_id")
    assert (await now(bank, loan)).balances.paid.total == kes(250)
    shown = read(await partner.asks("loan.get_loan.v1", {"loan_id": str(loan.loan_id)}))
    assert shown["balances"]["paid"]["total"]["amount"] == "250.00"


async def test_a_rule_about_loans_says_no_by_its_name_and_field(partner: Stranger, loan: Lent) -> None:
    body = repayment(loan, f"QK{uuid4().hex}")
    for change, rule, field in (
        ({"amount": {"amount": "1", "currency": "USD"}}, "loan_currency_differs", "amount"),
        ({"amount": {"amount": "0", "currency": "KES"}}, "invalid", "amount"),
        ({"value_date": "1999-12-31"}, "loan_value_date_too_early", "value_date"),
        ({"value_date": "9998-12-31"}, "loan_value_date_too_late", "value_date"),
        ({"in_cash": "yes"}, "invalid", "in_cash"),
        ({"loan_id": str(uuid4())}, "loan_not_found", None),
    ):
        refused = await partner.asks(REPAYMENT, body | change)
        assert (refused.type, read(refused)["rule"], read(refused).get("field")) == ("refusal", rule, field)


async def test_without_a_grant_nothing_about_loans_is_heard(partner: Stranger, bank: Bank, loan: Lent) -> None:
    before = await bank.says(GetLoan(loan_id=loan.loan_id))
    granted = {"loan.record_repayment.v1", "loan.get_loan.v1", "loan_calculator.quote.v1"}
    for wire in SAYABLE:
        if wire not in granted:
            refused = await partner.asks(wire, {"loan_id": str(loan.loan_id)})
            assert (refused.type, read(refused)["rule"]) == ("refusal", "type_not_allowed"), wire
    assert await bank.says(GetLoan(loan_id=loan.loan_id)) == before


def test_all_of_it_can_be_granted_and_is_documented_for_who_has_the_grant(tmp_path: Path) -> None:
    entry = f"systems:\n  lender:\n    user: lender\n    roles: [loan_officer]\n    says: {SAYABLE}\n    hears: [loan.#]\n"
    (tmp_path / "systems.yaml").write_text(entry)
    told = asyncapi_document(load_settings({"COFFER_PROFILE": "test", "COFFER_CONFIG_DIR": str(tmp_path)}), {})
    assert {wire for wire, each in told["operations"].items() if "lender" in each.get("x-said-by", ())} == set(SAYABLE)
    assert "lender" in told["operations"]["loan.loan_status_changed.v1"]["x-heard-by"]
