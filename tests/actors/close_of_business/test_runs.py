"""A run closes the date for every loan, tells how far it is, and one loan's trouble is that loan's alone."""

from datetime import date, timedelta

import pytest

from messages.close_of_business import (
    GetCloseOfBusiness,
    ListCloseRuns,
    PauseCloseOfBusiness,
    ResumeCloseOfBusiness,
    RunCloseOfBusiness,
    SetBusinessDate,
)
from messages.ids import CloseRunId, LoanId, new_id
from runtime.principal import Principal
from tests.actors.close_of_business.close_house import CloseHouse
from tests.actors.close_of_business.loans_on_a_shelf import DAILY_ACCRUAL, PENALTY, POSTS, shelf
from tests.bank import until

DAY = date(2026, 1, 15)
TELLER = Principal("user", "teller", ("teller",))


async def test_a_run_closes_the_date_for_every_loan_once_and_tells_the_ledger(close: CloseHouse) -> None:
    await close.opens(DAY, loans=130)
    begun = await close.runs()
    assert (begun.status, begun.business_date, begun.ended_at) == ("running", DAY, None)
    run = await close.ended(begun)
    assert (run.status, run.total, run.closed, run.already_closed, run.failed) == ("completed", 130, 130, 0, 0)
    assert shelf.is_closed_once(DAY)
    assert shelf.posted == [DAY] * POSTS
    assert len(run.accrual_entry_ids) == POSTS
    (figures,) = run.figures
    assert (figures.accrued.minor, figures.penalties.minor) == (130 * DAILY_ACCRUAL, 130 * PENALTY)
    assert [(each.bucket, each.loans) for each in run.buckets] == [("current", 130)]
    assert run.loans_per_second is not None
    assert await close.day() == DAY


async def test_the_same_request_again_is_the_same_run(close: CloseHouse) -> None:
    await close.opens(DAY, loans=5)
    message_id = new_id()
    begun = await close.says(RunCloseOfBusiness(), message_id=message_id)
    run = await close.ended(begun)
    assert await close.says(RunCloseOfBusiness(), message_id=message_id) == begun
    assert [each.run_id for each in (await close.says(ListCloseRuns())).items] == [run.run_id]


async def test_many_loans_are_asked_at_once_and_progress_is_seen(close: CloseHouse) -> None:
    await close.opens(DAY, loans=100)
    shelf.seconds = 0.02
    begun = await close.runs()

    async def some_are_closed() -> bool:
        run = await close.run(begun.run_id)
        return run.phase == "closing" and 0 < run.closed < run.total == 100

    await until(some_are_closed)
    run = await close.ended(begun)
    assert run.closed == 100
    assert shelf.most_in_hand >= 10


async def test_a_loan_in_trouble_is_listed_and_stops_no_other(close: CloseHouse) -> None:
    await close.opens(DAY, loans=60)
    stuck, broken = sorted(shelf.closed_through)[7], sorted(shelf.closed_through)[33]
    shelf.trouble = {stuck: "refuse", broken: "fault"}
    run = await close.ended(await close.runs(advance=True))
    assert (run.status, run.total, run.closed, run.failed) == ("incomplete", 60, 58, 2)
    why = {failure.loan_id: failure.rule for failure in run.failures}
    assert why.keys() == {stuck, broken}
    assert why[stuck] == "test_loan_stuck"
    assert why[broken] in {"fault", "no_answer"}
    assert shelf.posted == [DAY] * POSTS
    assert await close.day() == DAY

    shelf.trouble = {}
    again = await close.ended(await close.runs(advance=True))
    assert (again.status, again.failed) == ("completed", 0)
    assert shelf.is_closed_once(DAY)
    assert await close.day() == DAY + timedelta(days=1)


async def test_a_loan_that_recovers_or_is_paid_out_during_the_run_is_closed_by_it(close: CloseHouse) -> None:
    await close.opens(DAY, loans=40)
    stuck = min(shelf.closed_through)
    shelf.trouble = {stuck: "refuse"}
    shelf.seconds = 0.05
    begun = await close.runs()
    await until(lambda: shelf.asked[stuck])
    shelf.trouble = {}
    shelf.put(10, closed_through=DAY - timedelta(days=1))
    run = await close.ended(begun)
    assert (run.status, run.total, run.closed, run.failed) == ("completed", 50, 50, 0)
    assert shelf.is_closed_once(DAY)


async def test_a_dry_run_finds_out_and_changes_nothing(close: CloseHouse) -> None:
    await close.opens(DAY, loans=45)
    before = dict(shelf.closed_through)
    run = await close.ended(await close.runs(dry_run=True))
    assert (run.status, run.is_dry_run, run.total) == ("completed", True, 45)
    assert run.figures[0].accrued.minor == 45 * DAILY_ACCRUAL
    assert (shelf.dry, shelf.closed_through, shelf.posted) == (45, before, [])
    assert run.accrual_entry_ids == ()


async def test_a_run_may_be_for_one_loan(close: CloseHouse) -> None:
    await close.opens(DAY, loans=9)
    chosen = min(shelf.closed_through)
    run = await close.ended(await close.runs(loan_id=chosen))
    assert (run.total, run.closed, run.loan_id) == (1, 1, chosen)
    assert shelf.open_for(DAY) == sorted(set(shelf.closed_through) - {chosen})
    again = await close.ended(await close.runs(loan_id=chosen))
    assert (again.closed, again.already_closed) == (0, 1)
    assert shelf.counted[chosen, DAY] == 1


async def test_a_bank_without_loans_closes_too(close: CloseHouse) -> None:
    await close.opens(DAY)
    run = await close.ended(await close.runs(advance=True))
    assert (run.status, run.total, run.loans_per_second) != ("incomplete", 0, None)
    assert await close.day() == DAY + timedelta(days=1)


async def test_there_is_one_run_at_a_time(close: CloseHouse) -> None:
    await close.opens(DAY, loans=5)
    shelf.gate.clear()
    begun = await close.runs()
    for asked in ({}, {"dry_run": True}, {"loan_id": min(shelf.closed_through)}):
        with close.refuses("close_already_running"):
            await close.runs(**asked)
    shelf.gate.set()
    await close.ended(begun)
    await close.ended(await close.runs(dry_run=True))


async def test_which_runs_make_no_sense(close: CloseHouse) -> None:
    with close.refuses("business_date_not_set"):
        await close.runs()
    await close.opens(DAY)
    with close.refuses("date_not_reached"):
        await close.runs(business_date=DAY + timedelta(days=1))
    for asked in ({"dry_run": True}, {"loan_id": LoanId(new_id())}, {"business_date": DAY - timedelta(days=1)}):
        with close.refuses("cannot_advance"):
            await close.runs(advance=True, **asked)
    for message in (GetCloseOfBusiness, PauseCloseOfBusiness, ResumeCloseOfBusiness):
        with close.refuses("close_run_not_found"):
            await close.says(message(run_id=CloseRunId(new_id())))


@pytest.mark.parametrize("message", [RunCloseOfBusiness(), ListCloseRuns(), SetBusinessDate(business_date=DAY)])
async def test_a_teller_closes_nothing(close: CloseHouse, message: RunCloseOfBusiness) -> None:
    with close.refuses("forbidden"):
        await close.says(message, as_=TELLER)


async def test_an_earlier_date_can_be_closed_late(close: CloseHouse) -> None:
    await close.opens(DAY, loans=3)
    await close.says(SetBusinessDate(business_date=DAY + timedelta(days=2), leave_open=True))
    run = await close.ended(await close.runs(business_date=DAY))
    assert (run.business_date, run.closed) == (DAY, 3)
    late = await close.ended(await close.runs())
    assert late.figures[0].accrued.minor == 3 * 2 * DAILY_ACCRUAL


async def test_runs_are_listed_newest_first_page_by_page(close: CloseHouse) -> None:
    await close.opens(DAY)
    runs = [await close.ended(await close.runs()) for _ in range(3)]
    first = await close.says(ListCloseRuns(limit=2))
    rest = await close.says(ListCloseRuns(limit=2, cursor=first.next_cursor))
    assert [run.run_id for run in (*first.items, *rest.items)] == [run.run_id for run in reversed(runs)]
    assert rest.next_cursor is None
    assert (await close.says(ListCloseRuns(status="paused"))).items == ()
    with close.refuses("invalid"):
        await close.says(ListCloseRuns(cursor="bm8"))
