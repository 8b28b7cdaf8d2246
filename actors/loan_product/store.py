"""What the loan product actor keeps in the schema `loan_product`; its statements are in queries.sql."""

from typing import Any
from uuid import UUID

from messages.ids import LoanProductId
from messages.loan_product import LoanProduct, ProductRules, ProductStatus
from runtime.actor import Turn
from runtime.database import Connection
from runtime.statements import Statements

Rows = Turn | Connection
"""The turn's own transaction, or one apart."""


class Store:
    """Reads and writes; decides nothing."""

    def __init__(self) -> None:
        self.sql = Statements.beside(__file__, "queries.sql")

    async def insert(self, turn: Turn, product_id: LoanProductId, code: str, currency: str) -> bool:
        """Whether the code was free."""
        return bool(await turn.fetchval(self.sql["insert_product"], product_id, code, currency))

    async def insert_version(self, turn: Turn, product_id: LoanProductId, version: int, name: str, rules: ProductRules) -> None:
        who = f"{turn.principal.kind}:{turn.principal.id}"
        said = rules.model_dump(mode="json")
        await turn.execute(self.sql["insert_version"], product_id, version, name, said, who, turn.now)

    async def lock(self, turn: Turn, product_id: UUID) -> LoanProduct | None:
        """A product in its latest version, that nobody else changes until the commit."""
        if await turn.fetchrow(self.sql["lock_product"], product_id) is None:
            return None
        return await self.product(turn, product_id)

    async def advance(self, turn: Turn, product_id: UUID, version: int) -> None:
        await turn.execute(self.sql["advance_product"], product_id, version)

    async def retire(self, turn: Turn, product_id: UUID) -> None:
        await turn.execute(self.sql["retire_product"], product_id)

    async def product(self, rows: Rows, product_id: UUID, version: int | None = None) -> LoanProduct | None:
        """A product in one of its versions; the latest where none is named."""
        row = await rows.fetchrow(self.sql["product_by_id"], product_id, version)
        return None if row is None else _product(row)

    async def products(self, turn: Turn, after_code: str, status: ProductStatus | None, limit: int) -> list[LoanProduct]:
        """Products after a code, in their latest versions."""
        return [_product(row) for row in await turn.fetch(self.sql["products"], after_code, status, limit)]


def _product(row: Any) -> LoanProduct:
    return LoanProduct(
        product_id=row["product_id"],
        code=row["code"],
        name=row["name"],
        version=row["version"],
        latest_version=row["latest_version"],
        status=row["status"],
        currency=row["currency"],
        rules=ProductRules.model_validate(row["rules"]),
        by=row["made_by"],
        created_at=row["created_at"],
    )
