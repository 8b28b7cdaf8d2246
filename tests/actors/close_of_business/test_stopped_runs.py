"""Paused, resumed, killed and run again: each loan's date counts once."""

import asyncio
from datetime import date, datetime, timedelta

import pytest

from actors.close_of_business import actor
from messages.close_of_business import CarryOnClose, PauseCloseOfBusiness, ResumeCloseOfBusiness
from messages.ids import new_id
from tests.actors.close_of_business.close_house import CloseHouse
from tests.actors.close_of_business.loans_on_a_shelf import shelf
from tests.bank import until

DAY = date(2026, 1, 15)


async def test_a_paused_run_rests_and_goes_on_where_it_stopped(close: CloseHouse) -> None:
    await close.opens(DAY, loans=200)
    shelf.seconds = 0.02
    begun = await close.runs()
    await until(lambda: shelf.counted.total() >= 30)
    paused = await close.says(PauseCloseOfBusiness(run_id=begun.run_id))
    assert paused.status == "paused"
    await until(lambda: not any(pool.depth for pool in close.actors.pools.values()))
    resting = await close.run(begun.run_id)
    assert 0 < resting.closed == shelf.counted.total() < 200
    with close.refuses("close_not_running"):
        await close.says(PauseCloseOfBusiness(run_id=begun.run_id))

    resumed = await close.says(ResumeCloseOfBusiness(run_id=begun.run_id))
    assert resumed.status == "running"
    run = await close.ended(begun)
    assert (run.status, run.closed, run.already_closed) == ("completed", 200, 0)
    assert shelf.is_closed_once(DAY)
    with close.refuses("close_not_paused"):
        await close.says(ResumeCloseOfBusiness(run_id=begun.run_id))


async def test_a_paused_run_lets_another_go_before_it(close: CloseHouse) -> None:
    await close.opens(DAY, loans=100)
    shelf.seconds = 0.02
    first = await close.runs()
    await until(lambda: shelf.counted.total() >= 10)
    await close.says(PauseCloseOfBusiness(run_id=first.run_id))
    second = await close.runs()
    with close.refuses("close_already_running"):
        await close.says(ResumeCloseOfBusiness(run_id=first.run_id))
    await close.ended(second)
    await close.says(ResumeCloseOfBusiness(run_id=first.run_id))
    run = await close.ended(first)
    assert run.closed + run.already_closed == run.total
    assert shelf.is_closed_once(DAY)


async def test_a_run_whose_slices_are_said_twice_counts_once(close: CloseHouse) -> None:
    await close.opens(DAY, loans=100)
    begun = await close.runs()
    for _ in range(5):
        await close.says(CarryOnClose(run_id=begun.run_id, start=1))
        await close.says(CarryOnClose(run_id=begun.run_id, start=7))
    run = await close.ended(begun)
    assert (run.status, run.total, run.closed) == ("completed", 100, 100)
    assert shelf.is_closed_once(DAY)
    await close.says(CarryOnClose(run_id=begun.run_id, start=1), message_id=new_id())
    assert await close.run(begun.run_id) == run


@pytest.mark.parametrize("closed", [1, 25, 90])
async def test_a_run_that_is_killed_is_ended_by_another_process(close: CloseHouse, closed: int) -> None:
    await close.opens(DAY, loans=120)
    shelf.seconds = 0.02
    async with close.closing_elsewhere() as process:
        begun = await close.runs(advance=True)
        await until(lambda: shelf.counted.total() >= closed)
        process.kill()
        await process.wait()
        assert shelf.counted.total() < 120
    run = await close.ended(begun)
    assert (run.status, run.total, run.failed) == ("completed", 120, 0)
    assert run.closed == 120
    assert shelf.is_closed_once(DAY)
    assert await close.day() == date(2026, 1, 16)


async def test_a_run_that_is_killed_again_and_again_is_ended(close: CloseHouse) -> None:
    await close.opens(DAY, loans=120)
    shelf.seconds = 0.02
    begun = await close.runs()
    for closed in (1, 20, 40, 60, 80):
        async with close.closing_elsewhere() as process:
            await until(lambda closed=closed: shelf.counted.total() >= closed)
            process.kill()
            await process.wait()
    run = await close.ended(begun)
    assert (run.status, run.total, run.failed) == ("completed", 120, 0)
    assert shelf.is_closed_once(DAY)


async def test_a_run_whose_message_was_lost_is_missed(close: CloseHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await close.opens(DAY, loans=30)
    shelf.gate.clear()
    begun = await close.runs()
    await until(lambda: shelf.in_hand)
    await close.says(PauseCloseOfBusiness(run_id=begun.run_id))
    shelf.gate.set()
    await until(lambda: not any(pool.depth for pool in close.actors.pools.values()))
    await close.database.execute("UPDATE close_of_business.run SET status = 'running'")

    close.clock.advance(seconds=31)
    await until(lambda: _watched_again(close))
    assert (await close.run(begun.run_id)).phase == "closing"
    monkeypatch.setattr(actor, "FORGOTTEN", timedelta())
    close.clock.advance(seconds=31)
    run = await close.ended(begun)
    assert (run.status, run.closed + run.already_closed) == ("completed", 30)
    assert shelf.is_closed_once(DAY)


async def _watched_again(close: CloseHouse) -> bool:
    """Whether the next look at the run is put down, for a time to come."""
    due: list[datetime] = [row["due_at"] for row in await close.database.fetch("SELECT due_at FROM runtime.timer")]
    return len(due) == 1 and due[0] > close.clock.now()


async def test_a_run_that_the_loans_actor_refuses_rests_and_says_why(close: CloseHouse) -> None:
    await close.opens(DAY, loans=30)
    shelf.posting_refused = True
    begun = await close.runs(advance=True)

    async def rests() -> bool:
        return (await close.run(begun.run_id)).status == "paused"

    await until(rests)
    resting = await close.run(begun.run_id)
    assert (resting.phase, resting.closed, resting.note) == ("posting", 30, "posting: This loan does not let itself be closed.")
    assert await close.day() == DAY
    shelf.posting_refused = False
    await close.says(ResumeCloseOfBusiness(run_id=begun.run_id))
    run = await close.ended(begun)
    assert (run.status, run.note) == ("completed", None)
    assert await close.day() == DAY + timedelta(days=1)


async def test_loans_that_give_no_answer_for_a_while_are_asked_again(close: CloseHouse) -> None:
    await close.opens(DAY, loans=60)
    loans = close.actors.pools["loan"]
    await loans.drain()
    begun = await close.runs()
    await asyncio.sleep(0.5)
    assert (await close.run(begun.run_id)).status == "running"
    loans._open()
    run = await close.ended(begun)
    assert (run.status, run.closed) == ("completed", 60)
    assert shelf.is_closed_once(DAY)
