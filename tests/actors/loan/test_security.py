"""What a loan stands on: documents, guarantors within their limits, collateral."""

import asyncio

from messages.ids import MemberId
from messages.loan import (
    AddCollateral,
    AddGuarantor,
    ApproveLoan,
    ChangeApplication,
    PaidFrom,
    RecordDocument,
    RecordRepayment,
    RemoveCollateral,
    RemoveGuarantor,
    SubmitLoan,
    WithdrawLoan,
)
from messages.member import AddToGroup, FormGroup, Group, Seat
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import MANAGER, OFFICER, applied, balance, business_date, kes, paid_out, product
from tests.actors.member.people import unique_word
from tests.bank import Bank


async def test_an_application_is_handed_in_when_it_stands_on_what_the_product_requires(bank: Bank) -> None:
    of = await product(
        bank,
        documents=("Identity card", "Payslip"),
        guarantors={"lowest_number": 1, "cover_percent": "50"},
        collateral_cover_percent="25",
    )
    loan = await applied(bank, of, start=await business_date(bank))
    with bank.refuses("documents_missing"):
        await bank.says(SubmitLoan(loan_id=loan.loan_id))
    for name in of.rules.documents:
        await bank.says(RecordDocument(loan_id=loan.loan_id, name=name, reference="seen"))
    with bank.refuses("guarantors_missing"):
        await bank.says(SubmitLoan(loan_id=loan.loan_id))
    friend = await member(bank)
    await bank.says(AddGuarantor(loan_id=loan.loan_id, member_id=friend, amount=kes(6_000)))
    with bank.refuses("collateral_missing"):
        await bank.says(SubmitLoan(loan_id=loan.loan_id))
    secured = await bank.says(AddCollateral(loan_id=loan.loan_id, description="A cow", value=kes(3_000)))
    assert [each.description for each in secured.collateral] == ["A cow"]
    assert (await bank.says(SubmitLoan(loan_id=loan.loan_id))).status == "submitted"
    with bank.refuses("loan_state_forbids"):
        await bank.says(ChangeApplication(loan_id=loan.loan_id, principal=kes(13_000)))
    await bank.says(ApproveLoan(loan_id=loan.loan_id), as_=MANAGER)
    await paid_out(bank, loan.loan_id)
    theirs = await account(bank, 500, member_id=friend)
    paid = PaidFrom(account_id=theirs.account_id)
    await bank.says(RecordRepayment(loan_id=loan.loan_id, amount=kes(500), paid_from=paid), as_=OFFICER)
    assert await balance(bank, theirs.account_id) == "0.00", "a guarantor pays"
    with bank.refuses("loan_state_forbids"):
        await bank.says(RemoveCollateral(loan_id=loan.loan_id, collateral_id=secured.collateral[0].collateral_id))


async def test_a_member_answers_for_so_much_in_all(bank: Bank) -> None:
    of = await product(bank, guarantors={"most_by_member": kes(5_000)})
    one, other = [await applied(bank, of, start=await business_date(bank)) for _ in range(2)]
    friend = await member(bank)
    with bank.refuses("guarantor_unfit", field="member_id"):
        await bank.says(AddGuarantor(loan_id=one.loan_id, member_id=one.member_id, amount=kes(1)))
    with_friend = await bank.says(AddGuarantor(loan_id=one.loan_id, member_id=friend, amount=kes(4_000)))
    with bank.refuses("guarantor_twice", field="member_id"):
        await bank.says(AddGuarantor(loan_id=one.loan_id, member_id=friend, amount=kes(1)))
    with bank.refuses("member_answers_for_too_much"):
        await bank.says(AddGuarantor(loan_id=other.loan_id, member_id=friend, amount=kes(1_001)))
    guarantor_id = with_friend.guarantors[0].guarantor_id
    assert not (await bank.says(RemoveGuarantor(loan_id=one.loan_id, guarantor_id=guarantor_id))).guarantors
    await bank.says(AddGuarantor(loan_id=other.loan_id, member_id=friend, amount=kes(1_001)))
    with bank.refuses("guarantor_not_found"):
        await bank.says(RemoveGuarantor(loan_id=one.loan_id, guarantor_id=guarantor_id))


async def _group(bank: Bank, *members: MemberId) -> Group:
    seats = tuple(Seat(member_id=each) for each in members)
    return await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=seats))


async def test_a_group_answers_for_so_much_in_all(bank: Bank) -> None:
    of = await product(bank, guarantors={"most_by_group": kes(5_000)})
    borrower, one, other, late, stranger = [await member(bank) for _ in range(5)]
    start = await business_date(bank)
    group = await _group(bank, borrower, one, other)
    await _group(bank, stranger)
    unsettled = {"start": start, "settlement_account_id": None}
    in_group = await applied(bank, of, member_id=borrower, group_id=group.group_id, **unsettled)
    outside = await applied(bank, of, member_id=stranger, **unsettled)
    await bank.says(AddGuarantor(loan_id=in_group.loan_id, member_id=one, amount=kes(3_000)))
    for loan in (in_group, outside):  # whoever borrows: if the group falls, it falls with all that it guarantees
        with bank.refuses("group_answers_for_too_much", field="amount"):
            await bank.says(AddGuarantor(loan_id=loan.loan_id, member_id=other, amount=kes(2_001)))
    await bank.says(AddGuarantor(loan_id=outside.loan_id, member_id=other, amount=kes(1_000)))
    with bank.refuses("group_answers_for_too_much"):
        await bank.says(AddGuarantor(loan_id=in_group.loan_id, member_id=other, amount=kes(1_001)))
    alone = await bank.says(AddGuarantor(loan_id=in_group.loan_id, member_id=stranger, amount=kes(5_000)))
    assert len(alone.guarantors) == 2, "another group's members are counted by themselves"
    await bank.says(AddGuarantor(loan_id=outside.loan_id, member_id=late, amount=kes(1_000)))
    await bank.says(AddToGroup(group_id=group.group_id, member_id=late))
    with bank.refuses("group_answers_for_too_much"):  # who joins brings what they answer for
        await bank.says(AddGuarantor(loan_id=in_group.loan_id, member_id=other, amount=kes(1)))
    await bank.says(WithdrawLoan(loan_id=outside.loan_id, reason="Found it elsewhere"))
    await bank.says(AddGuarantor(loan_id=in_group.loan_id, member_id=other, amount=kes(2_000)))


async def test_two_of_a_group_who_guarantee_at_once_are_counted_together(bank: Bank) -> None:
    of = await product(bank, guarantors={"most_by_group": kes(5_000)})
    friends = [await member(bank) for _ in range(6)]
    await _group(bank, *friends)
    start = await business_date(bank)
    loans = [await applied(bank, of, start=start) for _ in friends]
    said = [
        bank.says(AddGuarantor(loan_id=loan.loan_id, member_id=each, amount=kes(2_000)))
        for loan, each in zip(loans, friends, strict=True)
    ]
    answers = await asyncio.gather(*said, return_exceptions=True)
    assert sorted(type(each).__name__ for each in answers) == ["GroupAnswersForTooMuch"] * 4 + ["Loan"] * 2


async def test_a_draft_is_changed_within_its_product(bank: Bank) -> None:
    loan = await applied(bank, await product(bank), start=await business_date(bank))
    changed = await bank.says(
        ChangeApplication(loan_id=loan.loan_id, principal=kes(24_000), installments=24, expected_version=loan.version)
    )
    assert (changed.terms.principal, changed.terms.installments, changed.version) == (kes(24_000), 24, loan.version + 1)
    assert changed.terms.annual_rate_percent == loan.terms.annual_rate_percent
    with bank.refuses("version_conflict"):
        await bank.says(ChangeApplication(loan_id=loan.loan_id, installments=6, expected_version=loan.version))
    with bank.refuses("loan_outside_product"):
        await bank.says(ChangeApplication(loan_id=loan.loan_id, principal=kes(900_000)))
    with bank.refuses("loan_outside_product"):
        await bank.says(ChangeApplication(loan_id=loan.loan_id, installments=37))
