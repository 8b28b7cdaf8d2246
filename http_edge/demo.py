"""The demo institution: a few people, accounts and movements, a business date and a loan product, said by messages like everything
else. For the dev profile only.

Every message has an id of its own that never changes, so that saying it all again changes nothing.
"""

import asyncio
from datetime import date
from uuid import NAMESPACE_OID, uuid5

from pydantic import SecretStr

from messages import close_of_business, identity, ledger, loan_product, loan_terms, member
from messages.base import Command, Message, Refusal, Reply
from messages.ids import AccountId, MemberId
from messages.money import Money
from runtime.client import Client, reply_of
from runtime.errors import Unavailable
from runtime.principal import Principal

DEMO = Principal("actor", "demo")
CURRENCY = "KES"
FIRST_DAY = date(2026, 1, 15)
"""Its business date, whatever the clock says: the same dates and figures for everybody who tries it out."""
PRODUCT = "BIZ"
BOOKED_UNDER = {
    "interest_receivable": "1200",
    "fee_receivable": "1200",
    "penalty_receivable": "1200",
    "interest_income": "4010",
    "fee_income": "4020",
    "penalty_income": "4020",
    "charge_off_expense": "5020",
    "write_off_expense": "5020",
    "recovery_income": "4020",
    "overpayment": "2900",
    "cash": "1010",
    "external_payments": "1020",
}
"""Of the product's accounts, each by its role."""
ADMINISTRATOR, MANAGER, TELLER, AUDITOR, MEMBER = (
    "admin@fintech.com",
    "manager@fintech.com",
    "teller@fintech.com",
    "auditor@fintech.com",
    "amina@fintech.com",
)
LOGINS = [
    (ADMINISTRATOR, "administrator"),
    (MANAGER, "manager"),
    (TELLER, "teller"),
    (AUDITOR, "auditor, sees everything and changes nothing"),
    (MEMBER, "member, sees their own accounts only"),
]
PATIENCE_SECONDS = 20
PAUSE_SECONDS = 0.2


class Demo:
    """Says what the demo institution is made of."""

    def __init__(self, client: Client, password: SecretStr) -> None:
        self._client = client
        self._password = password

    async def seed(self) -> list[tuple[str, str]]:
        """Make what is missing. Logins as (name, what they are)."""
        if not await self._has_people():
            await self._make_people()
        if not await self._lends():
            await self._make_product()
        return LOGINS

    async def _has_people(self) -> bool:
        """Whether the last of them is there."""
        question = identity.ListUsers(limit=200)
        users = reply_of(question, await self._client.call(question, principal=DEMO))
        return any(user.username == MEMBER for user in users.items)

    async def _lends(self) -> bool:
        question = loan_product.ListLoanProducts(limit=200)
        products = reply_of(question, await self._client.call(question, principal=DEMO))
        return any(product.code == PRODUCT for product in products.items)

    async def _make_product(self) -> None:
        await self._say("business date", close_of_business.SetBusinessDate(business_date=FIRST_DAY))
        booked = {role: await self._own(role, code) for role, code in BOOKED_UNDER.items()}
        rules = loan_product.ProductRules(
            currency=CURRENCY,
            amount=loan_product.AmountRange(lowest=Money.of(100_000, CURRENCY), highest=Money.of(5_000_000, CURRENCY)),
            installments=loan_product.InstallmentRange(lowest=1, highest=24, default=12),
            annual_rate_percent=loan_product.RateRange(lowest="6", highest="24", default="12"),
            schedule=loan_terms.ScheduleRules(day_count="ACT/365F"),
            penalty=loan_product.PenaltyRules(percent="0.1", per="day"),
            accounting=loan_product.Accounting.model_validate({"basis": "accrual", "principal_gl_code": "1100", **booked}),
        )
        await self._say(PRODUCT, loan_product.CreateLoanProduct(code=PRODUCT, name="Business loan", rules=rules))

    async def _own(self, role: str, code: str) -> AccountId:
        """An account of the institution for loans."""
        name = f"Loans: {role.replace('_', ' ')}"
        opened = await self._say(name, ledger.OpenAccount(kind="internal", currency=CURRENCY, gl_code=code, name=name))
        assert isinstance(opened, ledger.Account)
        return opened.account_id

    async def _make_people(self) -> None:
        await self._say("first", identity.CreateFirstAdministrator(username=ADMINISTRATOR, password=self._password))
        for name, role in ((MANAGER, "manager"), (TELLER, "teller"), (AUDITOR, "auditor")):
            await self._say(name, self._user(name, role))
        await self._say("chart", ledger.AdoptStandardChart(currency=CURRENCY))
        amina = await self._member(
            "amina",
            member.RegisterPerson(
                person=member.PersonDetails(given_name="Amina", family_name="Wanjiru", born_on=date(1991, 4, 17)),
                contact=member.Contact(phones=("+254712345678",)),
            ),
        )
        hardware = await self._member(
            "hardware",
            member.RegisterBusiness(
                business=member.BusinessDetails(
                    legal_name="Kamau Hardware Ltd",
                    legal_form=member.LegalForm.LIMITED_COMPANY,
                    registration_number="PVT-2019-004417",
                    registered_in="KE",
                    registered_on=date(2019, 6, 3),
                    sector=member.Sector.TRADE,
                ),
            ),
        )
        savings = await self._account("amina savings", amina, "savings")
        current = await self._account("hardware current", hardware, "current")
        await self._deposit("amina's first", savings, 1_500_000)
        await self._deposit("hardware's first", current, 25_000_000)
        await self._say(MEMBER, self._user(MEMBER, "member", amina))

    def _user(self, name: str, role: str, member_id: MemberId | None = None) -> identity.CreateUser:
        """Somebody whose password stays the one that everybody knows."""
        return identity.CreateUser(
            username=name, password=self._password, roles=(role,), member_id=member_id, must_change_password=False
        )

    async def _member(self, name: str, register: Command[member.Member]) -> MemberId:
        registered = await self._say(name, register)
        assert isinstance(registered, member.Member)
        await self._say(f"{name} active", member.ActivateMember(member_id=registered.member_id))
        return registered.member_id

    async def _account(self, name: str, owner: MemberId, kind: ledger.AccountKind) -> AccountId:
        opened = await self._say(name, ledger.OpenAccount(member_id=owner, kind=kind, currency=CURRENCY))
        assert isinstance(opened, ledger.Account)
        return opened.account_id

    async def _deposit(self, name: str, account: AccountId, minor: int) -> None:
        await self._say(name, ledger.Deposit(account_id=account, amount=Money.of(minor, CURRENCY)))

    async def _say(self, name: str, message: Command[Reply] | Message) -> Reply | None:
        """The reply; None where it was there before."""
        message_id = uuid5(NAMESPACE_OID, f"coffer demo {name}")
        ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._client.call(message, principal=DEMO, message_id=message_id)
                return reply_of(message, answer)  # type: ignore[arg-type]  # every message said here is answered
            except Unavailable:
                if asyncio.get_running_loop().time() > ends:
                    raise
            except Refusal as refusal:
                if refusal.rule in ALREADY_THERE:
                    return None
                raise
            await asyncio.sleep(PAUSE_SECONDS)


ALREADY_THERE = (
    "username_taken",
    "not_the_first",
    "users_exist",
    "business_date_only_forward",
    "dates_still_open",
    "product_code_taken",
)


async def seed(client: Client, password: SecretStr) -> list[tuple[str, str]]:
    """Make the demo institution; the logins it has."""
    return await Demo(client, password).seed()
