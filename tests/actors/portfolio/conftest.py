"""A shelf of loans for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.actors.portfolio.shelf import Shelf
from tests.bank import Bank


@pytest.fixture
async def shelf(bank: Bank) -> AsyncIterator[Shelf]:
    """Empty."""
    async with Shelf.laid(bank.database) as laid:
        yield laid
