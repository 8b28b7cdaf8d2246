"""What somebody has: a member with accounts, money, holds, a group and a loan; a user with a session and an API key."""

from typing import Any

import jwt

from messages.access import DefineRole
from messages.identity import User
from messages.ids import MemberId, new_id
from messages.ledger import Deposit, PlaceHold
from messages.loan import AddCollateral, AddGuarantor, ApproveLoan, SubmitLoan
from messages.loan_product import LoanProduct, RetireLoanProduct
from messages.member import AddIdentifier, FormGroup, Seat
from tests.actors.ledger.customers import account, member
from tests.actors.loan.lending import MANAGER, OFFICER, applied, business_date, kes, paid_out, product
from tests.actors.member.people import national_id, unique_word
from tests.bank import Bank
from tests.edge.people import Person


def fresh() -> dict[str, str]:
    """What is new each time it is asked for."""
    return {"new": new_id().hex.upper(), "new_word": unique_word()}


def missing(names: set[str]) -> dict[str, str]:
    """Things of these names that nobody has."""
    return {name: unique_word() if name in {"name", "pool"} else str(new_id()) for name in names} | fresh()


async def of_a_member(bank: Bank, member_id: MemberId, lent_as: LoanProduct) -> dict[str, str]:
    """Accounts, an entry, a hold, an identifier, a group, a loan that was paid out and all that hangs on it."""
    savings = await account(bank, 100_000, member_id=member_id)
    other = await account(bank, member_id=member_id)
    entry = await bank.says(Deposit(account_id=savings.account_id, amount=kes(1)))
    hold = await bank.says(PlaceHold(account_id=savings.account_id, amount=kes(1)))
    known = await bank.says(AddIdentifier(member_id=member_id, identifier=national_id()))
    group = await bank.says(FormGroup(name=f"Umoja {unique_word()}", seats=(Seat(member_id=member_id),)))
    start = await business_date(bank)
    draft = await applied(bank, lent_as, start=start, member_id=member_id, settlement_account_id=savings.account_id)
    loan_id = draft.loan_id
    await bank.says(AddGuarantor(loan_id=loan_id, member_id=await member(bank), amount=kes(1)), as_=OFFICER)
    loan = await bank.says(AddCollateral(loan_id=loan_id, description="Motorcycle", value=kes(1)), as_=OFFICER)
    await bank.says(SubmitLoan(loan_id=loan_id), as_=OFFICER)
    await bank.says(ApproveLoan(loan_id=loan_id), as_=MANAGER)
    request = await paid_out(bank, loan_id, value_date=start)
    found: dict[str, Any] = {
        "member_id": member_id,
        "identifier_id": known.identifiers[0].identifier_id,
        "account_id": savings.account_id,
        "other_account_id": other.account_id,
        "entry_id": entry.entry_id,
        "hold_id": hold.hold_id,
        "group_id": group.group_id,
        "loan_id": loan_id,
        "guarantor_id": loan.guarantors[0].guarantor_id,
        "collateral_id": loan.collateral[0].collateral_id,
        "request_id": request.request_id,
        "transaction_id": request.transaction_id,
    }
    return {name: str(value) for name, value in found.items()}


async def of_a_user(person: Person) -> dict[str, str]:
    """A session beside the one that asks, and a key."""
    kept, refresh_token = person.token, person.refresh_token
    await person.logs_in()
    session_id = jwt.decode(person.token, options={"verify_signature": False})["sid"]
    person.token, person.refresh_token = kept, refresh_token
    return {"user_id": str(person.user.user_id), "session_id": session_id, "api_key_id": (await key_of(person))[0]}


async def key_of(person: Person) -> tuple[str, str]:
    """A new key that may read members: its id, and what it is."""
    status, told = await person.asks("POST", "/api-keys", {"name": "till", "permissions": ["members:read"]})
    assert status == 201, told
    return told["api_key"]["api_key_id"], told["key"]


async def of_the_institution(bank: Bank) -> dict[str, str]:
    """A role, a request for one, a pool."""
    wanted = {"name": unique_word(), "about": "For a test", "grants": {"members:read": {"scope": "all"}}}
    request = await bank.says(DefineRole.model_validate(wanted))
    return {"access_request_id": str(request.request_id), "name": "teller", "pool": "ledger"}


async def two_products(bank: Bank) -> tuple[LoanProduct, LoanProduct]:
    """One that members can apply for, and one that they could."""
    offered, retired = await product(bank), await product(bank)
    await bank.says(RetireLoanProduct(product_id=retired.product_id))
    return offered, retired


async def of(bank: Bank, person: Person, user: User, lent_as: LoanProduct) -> dict[str, str]:
    """All that somebody has, and what is the institution's."""
    member_id = user.member_id or await member(bank)
    return {**await of_a_member(bank, member_id, lent_as), **await of_a_user(person), **await of_the_institution(bank)}
