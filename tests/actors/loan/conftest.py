"""A day for the tests of loans: the bank's date is set once, to the machine's, unless somebody has set it."""

import contextlib

import pytest

from messages.base import Refusal
from messages.close_of_business import SetBusinessDate
from tests.bank import Bank


@pytest.fixture
async def bank(bank: Bank) -> Bank:
    """A bank that has a business date."""
    with contextlib.suppress(Refusal):
        await bank.says(SetBusinessDate(business_date=bank.clock.now().date()))
    return bank
