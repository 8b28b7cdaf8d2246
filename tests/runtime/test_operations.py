"""Pools, as an operator sees them."""

from messages.operations import ChangePool, GetReadiness, ListPools, ResetPool
from tests.bank import Bank, until


async def test_every_actor_is_there(bank: Bank) -> None:
    await until(lambda: _ready(bank))


async def _ready(bank: Bank) -> bool:
    return (await bank.says(GetReadiness())).ready


async def test_a_pool_is_changed_while_it_runs(bank: Bank) -> None:
    await bank.says(ChangePool(pool="member", concurrency=3))
    try:
        await until(lambda: _concurrency(bank, 3))
    finally:
        await bank.says(ResetPool(pool="member"))
    await until(lambda: _concurrency(bank, 32))


async def _concurrency(bank: Bank, wanted: int) -> bool:
    pools = (await bank.says(ListPools())).items
    return any(pool.pool == "member" and pool.concurrency == wanted and pool.consuming for pool in pools)


async def test_a_pool_that_is_not_there_cannot_be_changed(bank: Bank) -> None:
    with bank.refuses("pool_not_found"):
        await bank.says(ChangePool(pool="nobody", concurrency=3))


async def test_a_change_beyond_the_limits_is_refused_and_names_its_field(bank: Bank) -> None:
    with bank.refuses("invalid", field="batch"):
        await bank.says(ChangePool(pool="member", batch=2000))
