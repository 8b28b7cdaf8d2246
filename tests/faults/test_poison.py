"""A message that kills its process each time is put aside after a few times; everybody else is answered."""

import pytest

from tests.faults.branch import Branch
from tests.faults.partner import Partner
from tests.faults.poison import poison_is_put_aside

pytestmark = pytest.mark.faults


async def test_a_message_that_kills_its_process_is_put_aside(branch: Branch, partner: Partner) -> None:
    assert not await poison_is_put_aside(branch, partner)
