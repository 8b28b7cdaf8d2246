"""What every handler of the loan actor begins with: the loan, its product's rules, and its book. Nothing is decided here."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from actors.loan.kept import Kept
from actors.loan.rules.book import Book
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.replay import begin, close_day
from actors.loan.store import Reads, Store
from messages.base import NotFound, Query, Reply, VersionConflict
from messages.loan import LoanNotFound
from messages.loan_product import LoanProduct
from messages.loan_terms import LoanTerms
from messages.money import Money
from runtime.actor import Said

R = TypeVar("R", bound=Reply)
ONE_DAY = date.resolution
MOST_PRODUCTS = 1_000
"""Versions of products whose conditions a process remembers; they never change."""


@dataclass(frozen=True)
class Held:
    """A loan with its product, as a turn works with it."""

    kept: Kept
    product: LoanProduct
    conditions: Conditions
    today: date
    """The business date; the machine's, until one is set."""

    @property
    def loan_id(self) -> UUID:
        """Its id."""
        return self.kept.loan_id

    @property
    def rules(self) -> dict[str, Any]:
        """The product's rules, as rules take them."""
        return self.product.rules.model_dump(mode="json")

    @cached_property
    def approved_terms(self) -> LoanTerms:
        """What it was approved with, and is replayed from."""
        return LoanTerms.model_validate(self.kept.terms)

    def book(self) -> Book:
        """A fresh copy of the book; of a loan that is not paid out, the one it would begin with."""
        if self.kept.book is None:
            return begin(self.approved_terms, self.conditions)
        return Book.from_json(self.kept.book, self.conditions, self.kept.closed_through)


def caught_up(book: Book, on: date) -> Book:
    """The book with every day before a date closed, where days are open that nothing stands in the way of closing."""
    if book.closed_through is not None and book.status not in {"closed", "written_off"} and book.closed_through < on - ONE_DAY:
        close_day(book, on - ONE_DAY)
    return book


class Loading:
    """Loads."""

    def __init__(self) -> None:
        self.store = Store()
        self._conditions: dict[tuple[UUID, int], Conditions] = {}

    async def held(self, db: Reads, said: Said, loan_id: UUID, *, lock: bool = False) -> Held:
        """The loan. Not found where there is none, or where it is not for the principal to see."""
        return await self.seen(db, said, await self.store.loan(db, loan_id, lock=lock))

    async def seen(self, db: Reads, said: Said, kept: Kept | None) -> Held:
        """The same of what was found."""
        if kept is None:
            raise LoanNotFound
        await said.sees(kept.member_id, LoanNotFound(), db)
        return await self.as_held(db, said, kept)

    async def as_held(self, db: Reads, said: Said, kept: Kept) -> Held:
        """The loan with what belongs to it."""
        product = await self.store.product(db, kept.product_id, kept.product_version)
        conditions = await self.conditions(db, kept.product_id, kept.product_version)
        return Held(kept, product, conditions, kept.business_date or said.now.date())

    async def conditions(self, db: Reads, product_id: UUID, version: int) -> Conditions:
        """How loans of a product's version are kept."""
        if (known := self._conditions.get((product_id, version))) is not None:
            return known
        product = await self.store.product(db, product_id, version)
        conditions = Conditions.from_json(product.rules.model_dump(mode="json"))
        if len(self._conditions) >= MOST_PRODUCTS:
            self._conditions.clear()
        self._conditions[product_id, version] = conditions
        return conditions


async def check_limit(said: Said, held: Held, minor: int, rows: Reads) -> None:
    """Refuse an amount, found in what is known of the loan, that is above the principal's limit."""
    await said.stays_within(Money.of(minor, held.kept.currency), held.kept.member_id, rows)


async def asked(said: Said, question: Query[R], *, step: str, field: str) -> R:
    """What another actor says of a thing that the client named; where there is none, the client's field is at fault."""
    try:
        return await said.ask(question, step=step, in_own_name=True)
    except NotFound as no:
        no.field = field
        raise


def check_version(version: int, expected: int | None) -> None:
    """Refuse what was said about another version."""
    if expected is not None and expected != version:
        raise VersionConflict(version=version)
