"""Loans over HTTP, and who may do what: the loan actor books in its own name, and nobody else gets to."""

from typing import Any
from uuid import UUID, uuid4

from messages.ledger import OpenAccount, PostEntry, PostingOrder
from messages.loan import (
    AddCollateral,
    AddGuarantor,
    ApplyForLoan,
    GetLoan,
    ListLoans,
    PrintLoanSchedule,
    RecordDocument,
    RecordRepayment,
    SubmitLoan,
)
from runtime.principal import Principal
from tests.actors.ledger.customers import login, member
from tests.actors.loan.lending import MANAGER, OFFICER, TELLER, approved, business_date, kes, lent, now, paid_out, product
from tests.actors.loan_calculator.printed import texts
from tests.bank import Bank


async def asks(bank: Bank, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    sent = {**bank.root, "Idempotency-Key": str(uuid4()), **headers}
    async with bank.http.request(method, f"/api/v1{path}", json=body, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_loan_is_paid_and_looked_at_over_http(bank: Bank) -> None:
    loan = await lent(bank)
    path, key = f"/loans/{loan.loan_id}", str(uuid4())
    body = {"amount": {"amount": "250.00", "currency": "KES"}, "reference": "R-1"}
    status, shown = await asks(bank, "POST", f"{path}/repayments?dry_run=true", body)
    assert (status, shown["is_dry_run"]) == (201, True)
    for said, sent in (("?dry_run=maybe", body), ("?dry_run=true&dry_run=false", body), ("", {**body, "dry_run": True})):
        status, problem = await asks(bank, "POST", f"{path}/repayments{said}", sent)
        assert status in {400, 422}, problem
    status, paid = await asks(bank, "POST", f"{path}/repayments", body, **{"Idempotency-Key": key})
    assert (status, paid["transaction"]["amount"]["amount"]) == (201, "250.00")
    assert await asks(bank, "POST", f"{path}/repayments", body, **{"Idempotency-Key": key}) == (status, paid)
    status, told = await asks(bank, "GET", path)
    assert (status, told["balances"]["paid"]["total"]["amount"]) == (200, "250.00")
    status, page = await asks(bank, "GET", f"{path}/transactions")
    assert [each["reference"] for each in page["items"]] == [None, "R-1"]
    for what in ("schedule", "balances", "payoff", "requests"):
        status, told = await asks(bank, "GET", f"{path}/{what}")
        assert status == 200, told
    status, told = await asks(bank, "GET", "/loans?status=active&limit=1")
    assert (status, len(told["items"])) == (200, 1)
    status, told = await asks(bank, "POST", f"{path}/submit")
    assert (status, told["rule"]) == (409, "loan_state_forbids")
    status, told = await asks(bank, "GET", f"/loans/{uuid4()}")
    assert (status, told["rule"]) == (404, "loan_not_found")
    status, told = await asks(
        bank, "POST", f"{path}/repayments", {"amount": {"amount": "1", "currency": "USD"}}, **{"Idempotency-Key": str(uuid4())}
    )
    assert (status, told["rule"]) == (422, "loan_currency_differs")


async def test_a_loans_schedule_is_drawn_and_printed(bank: Bank) -> None:
    of, start = await product(bank), await business_date(bank)
    draft, loan = await approved(bank, of, start=start), await lent(bank)
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(250)))

    async def gets(loan_id: UUID, path: str) -> tuple[str, bytes]:
        async with bank.http.get(f"/api/v1/loans/{loan_id}/schedule/{path}", headers=bank.root) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers["Content-Type"], await answer.read()

    for loan_id in (draft.loan_id, loan.loan_id):
        media_type, body = await gets(loan_id, "plot")
        assert (media_type, body[:4], str(loan_id).encode() in body) == ("image/svg+xml", b"<svg", True)
        media_type, body = await gets(loan_id, "plot?format=png")
        assert (media_type, body[:4]) == ("image/png", b"\x89PNG")
    media_type, body = await gets(draft.loan_id, "document")
    assert media_type == "application/pdf"
    assert any("Nothing is paid out yet" in text for page in texts(body) for text in page)
    _, body = await gets(loan.loan_id, "document")
    assert await gets(loan.loan_id, "document") == ("application/pdf", body)
    printed = [text for page in texts(body) for text in page]
    status, told = await asks(bank, "GET", f"/loans/{loan.loan_id}/schedule")
    dues = {each["due"] for each in told["installments"]}
    assert status == 200
    assert [text for text in printed if text in dues][-len(dues) :] == sorted(dues)
    assert {str(loan.loan_id), "250.00 KES", "APR, EU Directive 2023/2225"} <= set(printed)
    with bank.refuses("loan_not_found"):
        await bank.says(PrintLoanSchedule(loan_id=loan.loan_id), as_=login((await lent(bank)).member_id))


async def test_the_ledger_takes_entries_from_the_loan_and_not_from_whoever_asked_it(bank: Bank) -> None:
    loan = await lent(bank)
    change = await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(100), in_cash=True), as_=TELLER)
    posted_by = await bank.database.fetchval(
        "SELECT posted_by FROM ledger.entry WHERE entry_id = $1", change.transaction.entry_id
    )
    assert (posted_by, change.transaction.by) == ("actor:loan", "user:teller")
    held = await now(bank, loan)
    assert held.account_id is not None
    sides = (("debit", loan.account_id), ("credit", held.account_id))
    postings = tuple(PostingOrder.model_validate({"account_id": one, "side": side, "amount": kes(1)}) for side, one in sides)
    entry = PostEntry(postings=postings, description="Mine")
    for pretender in (TELLER, OFFICER, Principal("user", "loan", ("actor",)), Principal("system", "loan", ("actor", "loan"))):
        with bank.refuses("forbidden"):
            await bank.says(entry, as_=pretender)
    with bank.refuses("forbidden"):
        await bank.says(OpenAccount(member_id=loan.member_id, kind="loan", currency="KES"), as_=Principal("user", "loan"))


async def test_a_member_sees_and_asks_for_their_own_loans_alone(bank: Bank) -> None:
    mine, theirs = await lent(bank), await lent(bank)
    me = login(mine.member_id)
    assert (await bank.says(GetLoan(loan_id=mine.loan_id), as_=me)).loan_id == mine.loan_id
    with bank.refuses("loan_not_found"):
        await bank.says(GetLoan(loan_id=theirs.loan_id), as_=me)
    assert [each.loan_id for each in (await bank.says(ListLoans(), as_=me)).items] == [mine.loan_id]
    assert not (await bank.says(ListLoans(member_id=theirs.member_id), as_=me)).items
    with bank.refuses("forbidden"):
        await bank.says(RecordRepayment(loan_id=mine.loan_id, amount=kes(1)), as_=me)
    start = await business_date(bank)
    asked = ApplyForLoan(member_id=mine.member_id, product_id=mine.product.product_id, principal=kes(5_000), start=start)
    draft = await bank.says(asked, as_=me)
    assert draft.status == "draft"
    for by_staff in (
        RecordDocument(loan_id=draft.loan_id, name="Payslip"),
        AddGuarantor(loan_id=draft.loan_id, member_id=theirs.member_id, amount=kes(1)),
        AddCollateral(loan_id=draft.loan_id, description="A castle", value=kes(1_000_000)),
    ):
        with bank.refuses("forbidden"):
            await bank.says(by_staff, as_=me)
    assert (await bank.says(SubmitLoan(loan_id=draft.loan_id), as_=me)).submitted_by == f"user:{me.id}"
    with bank.refuses("member_not_found", field="member_id"):
        await bank.says(asked.model_copy(update={"member_id": theirs.member_id}), as_=me)


async def test_money_is_paid_out_to_the_borrower_alone(bank: Bank) -> None:
    loan, other = await approved(bank, await product(bank), start=await business_date(bank)), await lent(bank)
    with bank.refuses("account_not_found", field="to_account_id"):
        await paid_out(bank, loan.loan_id, to_account_id=other.account_id)
    with bank.refuses("account_kind_refused", field="to_account_id"):
        await paid_out(bank, loan.loan_id, to_account_id=other.product.rules.accounting.recovery_income)
    in_cash = await paid_out(bank, loan.loan_id, to_account_id=other.product.rules.accounting.cash)
    assert in_cash.status == "approved"


async def test_lists_go_on_where_they_ended(bank: Bank) -> None:
    of, start = await product(bank), await business_date(bank)
    made = [(await approved(bank, of, start=start)).loan_id for _ in range(3)]
    first = await bank.says(ListLoans(product_id=of.product_id, limit=2), as_=MANAGER)
    rest = await bank.says(ListLoans(product_id=of.product_id, limit=2, cursor=first.next_cursor), as_=MANAGER)
    assert [each.loan_id for each in (*first.items, *rest.items)] == made[::-1]
    assert rest.next_cursor is None
    with bank.refuses("invalid", field="cursor"):
        await bank.says(ListLoans(cursor="nonsense"))
    assert await member(bank)
