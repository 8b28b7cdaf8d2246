"""A loan's whole life as clients live it over HTTP, by two people; after each step the books balance and the loans are proven."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from messages.ids import new_id
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import business_date, product
from tests.actors.loan.statuses import asks
from tests.bank import Bank, until

PASSWORD = "another correct horse battery staple"


class Desk:
    """Two people at a branch: the administrator, who asks, and a manager, who decides."""

    def __init__(self, bank: Bank, manager: dict[str, str], differences: list[Any]) -> None:
        self.bank, self.manager, self.differences = bank, manager, differences
        self.path = ""

    async def does(self, path: str, body: Any = None, *, method: str = "POST", as_manager: bool = False) -> Any:
        """What is answered to something that is right; the books are right after it."""
        by = self.manager if as_manager else {}
        code, told = await asks(self.bank, method, f"{self.path}{path}", {} if body is None and method != "GET" else body, **by)
        assert code < 300, (path, code, told)
        if method != "GET":
            await self.proves()
        return told

    async def sees(self, path: str = "") -> Any:
        """What is there."""
        return await self.does(path, method="GET")

    async def decides(self, path: str, body: Any) -> Any:
        """Asked for by one, approved by the other."""
        request = await self.does(path, body)
        code, told = await asks(self.bank, "POST", f"{self.path}/requests/{request['request_id']}/decide", {"approve": True})
        assert (code, told["rule"]) == (403, "checker_is_maker")
        return await self.does(f"/requests/{request['request_id']}/decide", {"approve": True}, as_manager=True)

    async def takes_back(self, transaction_id: str) -> Any:
        """A reversal."""
        return await self.does(f"/transactions/{transaction_id}/reverse", {"reason": "A mistake"})

    async def proves(self) -> None:
        """Zero difference, and debits are credits."""
        _, proof = await asks(self.bank, "GET", "/portfolio/proof")
        assert proof["differences"] == self.differences
        _, books = await asks(self.bank, "GET", "/trial-balance")
        assert books["balanced"]

    async def closes_the_day(self) -> None:
        """The close of business for this loan alone."""
        loan_id = self.path.rsplit("/", 1)[1]
        code, run = await asks(self.bank, "POST", "/close-of-business", {"loan_id": loan_id})
        assert code == 202, run

        async def is_over() -> bool:
            return (await asks(self.bank, "GET", f"/close-of-business/{run['run_id']}"))[1]["status"] == "completed"

        await until(is_over)
        await self.proves()


@pytest.fixture
async def desk(bank: Bank) -> Desk:
    """Both have come to work."""
    user = {"username": f"manager-{new_id().hex}@bank.test", "password": PASSWORD}
    code, told = await asks(bank, "POST", "/users", {**user, "roles": ["manager"], "must_change_password": False})
    assert code == 201, told
    async with bank.http.post("/api/v1/auth/login", json=user) as answer:
        token = (await answer.json())["access_token"]
    _, proof = await asks(bank, "GET", "/portfolio/proof")
    return Desk(bank, {"Authorization": f"Bearer {token}"}, proof["differences"])


def kes(amount: object) -> dict[str, str]:
    return {"amount": str(amount), "currency": "KES"}


def owed(told: Any) -> Decimal:
    return Decimal(told["balances"]["outstanding"]["total"]["amount"])


@pytest.mark.parametrize("basis", ["accrual", "cash"])
async def test_from_an_application_to_a_recovery_and_all_the_way_back(bank: Bank, desk: Desk, basis: str) -> None:
    of, today = await product(bank, basis, disbursements=2, documents=["Payslip"]), await business_date(bank)
    borrower, start = await member(bank), today - timedelta(days=70)
    savings = await account(bank, 100_000, member_id=borrower)
    desk.path = ""
    asked = {"member_id": str(borrower), "product_id": str(of.product_id), "principal": kes(12_000), "start": start.isoformat()}
    asked |= {"annual_rate_percent": "12", "settlement_account_id": str(savings.account_id)}
    desk.path = f"/loans/{(await desk.does('/loans', asked))['loan_id']}"
    code, told = await asks(bank, "POST", f"{desk.path}/submit")
    assert (code, told["rule"], told["errors"][0]["field"]) == (422, "documents_missing", "documents")
    await desk.does("/documents", {"name": "Payslip"})
    await desk.does("/guarantors", {"member_id": str(await member(bank)), "amount": kes(6_000)})
    await desk.does("/submit")
    await desk.does("/review", as_manager=True)
    assert (await desk.does("/approve", as_manager=True))["undisbursed"] == kes("12000.00")

    # Paid out in parts, it falls behind, catches up, is paid off with too much, and gets the rest back.
    await desk.decides("/disbursement-requests", {"amount": kes(7_000), "value_date": start.isoformat()})
    second = (start + timedelta(days=30)).isoformat()
    assert (await desk.decides("/disbursement-requests", {"value_date": second}))["amount"] == kes("5000.00")
    await desk.closes_the_day()
    late = await desk.sees()
    assert (late["status"], late["balances"]["days_past_due"] > 30) == ("in_arrears", True)
    for _ in range(2):
        receipt = {"external_payment_id": f"QK{uuid4().hex}"}
        due = (await desk.sees())["balances"]["overdue"]["total"]
        if Decimal(due["amount"]):
            await desk.does("/repayments", {"amount": due, "paid_from": receipt})
    assert (await desk.sees())["status"] == "active"
    payoff = Decimal((await desk.sees("/payoff"))["total"]["amount"])
    paid = await desk.does("/repayments", {"amount": kes(payoff + 100), "in_cash": True})
    assert (paid["transaction"]["overpaid"], (await desk.sees())["status"]) == (kes("100.00"), "closed")
    assert all(Decimal(each["outstanding"]["total"]["amount"]) == 0 for each in (await desk.sees("/schedule"))["installments"])
    refund = await desk.does("/refunds", {"in_cash": True})
    assert refund["after"]["overpaid"] == kes("0.00")
    code, told = await asks(
        bank, "POST", f"{desk.path}/transactions/{paid['transaction']['transaction_id']}/reverse", {"reason": "x"}
    )
    assert (code, told["rule"]) == (409, "later_transactions_depend")
    await desk.takes_back(refund["transaction"]["transaction_id"])
    await desk.takes_back(paid["transaction"]["transaction_id"])
    assert (await desk.sees())["status"] == "active"

    # Charged, forgiven, given time, given up in two steps; something comes after all.
    fee = await desk.does("/charges", {"amount": kes(50), "reason": "Visit"})
    await desk.does("/waivers", {"amount": kes(20), "part": "fee", "reason": "Kindness"})
    holiday = {"kind": "payment_holiday", "holiday_installments": 2, "effective_on": today.isoformat(), "reason": "Drought"}
    shown = await desk.decides("/reschedule-requests", holiday)
    assert shown["before"]["last_due"] < shown["after"]["last_due"]
    as_it_was = await desk.sees()
    await desk.decides("/charge-off-requests", {"reason": "Lost hope"})
    before = owed(await desk.sees())
    await desk.does("/repayments", {"amount": kes(500), "in_cash": True})
    charged_off = await desk.sees()
    assert (charged_off["status"], owed(charged_off)) == ("charged_off", before - 500)
    await desk.decides("/write-off-requests", {"reason": "Gone"})
    written_off = await desk.sees()
    assert (written_off["status"], owed(written_off)) == ("written_off", 0)
    assert Decimal(written_off["balances"]["written_off"]["total"]["amount"]) == owed(charged_off)
    await desk.does("/recoveries", {"amount": kes(250), "in_cash": True})
    assert (await desk.sees())["balances"]["recovered"] == kes("250.00")

    # And all of it was a mistake.
    history = (await desk.sees("/transactions"))["items"]
    assert [each["number"] for each in history] == list(range(1, len(history) + 1))
    since = history.index(next(each for each in history if each["transaction_id"] == fee["transaction"]["transaction_id"]))
    for each in reversed(history[since + 3 :]):
        await desk.takes_back(each["transaction_id"])
    assert (await desk.sees())["balances"] == as_it_was["balances"]
    for each in reversed(history):
        if each["kind"] != "reversal" and not (await found(desk, each["transaction_id"]))["reversed_by"]:
            await desk.takes_back(each["transaction_id"])
    told = await desk.sees()
    assert (told["status"], told["balances"]["disbursed"], told["undisbursed"]) == ("approved", kes("0.00"), kes("12000.00"))
    _, left = await asks(bank, "GET", f"/accounts/{savings.account_id}")
    assert left["balance"] == kes("100000.00")


async def found(desk: Desk, transaction_id: str) -> Any:
    """A transaction as it is told now."""
    items = (await desk.sees("/transactions?limit=200"))["items"]
    return next(each for each in items if each["transaction_id"] == transaction_id)


async def test_a_loan_keeps_the_version_of_its_product(bank: Bank, desk: Desk) -> None:
    of, today = await product(bank), await business_date(bank)
    where, borrower = f"/loan-products/{of.product_id}", await member(bank)
    asked = {"member_id": str(borrower), "product_id": str(of.product_id), "principal": kes(12_000), "start": today.isoformat()}
    old = await desk.does("/loans", asked)
    rules = {**(await desk.sees(where))["rules"], "amount": {"lowest": kes(1), "highest": kes(5_000)}}
    await desk.does(f"{where}/revise", {"rules": rules})
    code, told = await asks(bank, "POST", "/loans", asked)
    assert (code, told["rule"], told["errors"][0]["field"]) == (422, "loan_outside_product", "principal")
    assert (await desk.does("/loans", {**asked, "principal": kes(5_000)}))["product"]["version"] == 2
    desk.path = f"/loans/{old['loan_id']}"
    kept = await desk.does("", {"principal": kes(13_000)}, method="PATCH")
    assert (kept["product"]["version"], kept["terms"]["principal"]) == (1, kes("13000.00"))
    desk.path = ""
    await desk.does(f"{where}/retire")
    code, told = await asks(bank, "POST", "/loans", {**asked, "principal": kes(5_000)})
    assert (code, told["rule"], told["errors"][0]["field"]) == (409, "product_retired", "product_id")
    desk.path = f"/loans/{old['loan_id']}"
    await desk.does("/submit")
    assert (await desk.does("/approve", as_manager=True))["status"] == "approved"
