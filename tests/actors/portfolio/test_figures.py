"""What the loans come to on a date: outstanding, ageing, at risk, provisions, vintages."""

from datetime import date
from typing import Any

import pytest

from messages.portfolio import AtRisk, GetAgeing, GetAtRisk, GetOutstanding, GetProvisions, GetVintages
from runtime.principal import Principal
from tests.actors.portfolio.shelf import Shelf
from tests.bank import Bank

LATE = date(2026, 6, 30)


async def five_loans(shelf: Shelf) -> None:
    """1,000.00 each: on time, late by 30, by 31 and by 91 days on 30 June, and one written off in May."""
    biz = await shelf.product()
    for late_since in (None, "2026-05-31", "2026-05-30", "2026-03-31"):
        loan = await shelf.loan(biz, lent=1_200_00)
        await loan.stands("2026-01-15", 1_200_00)
        await loan.stands("2026-03-15", 1_000_00)
        if late_since:
            await loan.stands("2026-06-01", 1_000_00, late_since=late_since, status="in_arrears")
    lost = await shelf.loan(biz, lent=1_200_00)
    await lost.stands("2026-01-15", 1_200_00)
    await lost.stands("2026-02-16", 1_200_00, late_since="2026-02-15", status="in_arrears")
    await lost.stands("2026-05-20", 0, status="written_off")
    await lost.is_written_off("2026-05-20", 1_200_00)
    await lost.stands("2026-06-10", 0, status="written_off")


def par(found: AtRisk, currency: str = "KES") -> dict[int, tuple[str, str]]:
    row = next(row for row in found.rows if row.currency == currency)
    return {late.more_than_days: (late.principal.amount, late.ratio) for late in row.late}


async def test_a_loan_is_at_risk_with_all_that_it_owes_when_it_is_late_by_more_than_so_many_days(
    bank: Bank, shelf: Shelf
) -> None:
    await five_loans(shelf)
    found = await bank.says(GetAtRisk(on=LATE))
    assert found.rows[0].gross.amount == "4000.00"
    assert par(found) == {
        1: ("3000.00", "0.750000"),
        30: ("2000.00", "0.500000"),
        60: ("1000.00", "0.250000"),
        90: ("1000.00", "0.250000"),
    }


async def test_the_past_is_answered_as_it_was(bank: Bank, shelf: Shelf) -> None:
    await five_loans(shelf)
    found = await bank.says(GetAtRisk(on=date(2026, 4, 1)))
    assert found.rows[0].gross.amount == "5200.00"
    assert par(found)[30] == ("1200.00", "0.230769")
    assert not (await bank.says(GetAtRisk(on=date(2026, 1, 14)))).rows


async def test_a_loan_ages_into_the_buckets_of_its_product(bank: Bank, shelf: Shelf) -> None:
    await five_loans(shelf)
    found = await bank.says(GetAgeing(on=LATE))
    assert [(row.bucket, row.loans, row.principal.amount, row.share) for row in found.rows] == [
        ("current", 1, "1000.00", "0.250000"),
        ("1-30", 1, "1000.00", "0.250000"),
        ("31-60", 1, "1000.00", "0.250000"),
        ("91+", 1, "1000.00", "0.250000"),
    ]


async def test_each_bucket_sets_aside_its_percentage(bank: Bank, shelf: Shelf) -> None:
    await five_loans(shelf)
    other = await shelf.loan(await shelf.product((("current", 0, "2.5"),)), "SCHOOL", lent=100_00)
    await other.stands("2026-06-01", 33_33)
    found = await bank.says(GetProvisions(on=LATE))
    assert [(row.bucket, row.percent, row.principal.amount, row.provision.amount) for row in found.rows] == [
        ("current", "1", "1000.00", "10.00"),
        ("current", "2.5", "33.33", "0.83"),
        ("1-30", "10", "1000.00", "100.00"),
        ("31-60", "25", "1000.00", "250.00"),
        ("91+", "100", "1000.00", "1000.00"),
    ]
    assert [(row.principal.amount, row.provision.amount) for row in found.totals] == [("4033.33", "1360.83")]


async def test_outstanding_is_by_product_and_currencies_are_not_added_up(bank: Bank, shelf: Shelf) -> None:
    await five_loans(shelf)
    for code, currency, owed, status in (("BIZ", "UGX", 7_000, "active"), ("SCHOOL", "KES", 50_00, "charged_off")):
        loan = await shelf.loan(await shelf.product(), code, currency=currency)
        await loan.stands("2026-02-01", owed, status=status)
    found = await bank.says(GetOutstanding(on=LATE))
    assert [(row.currency, row.product, row.loans, row.principal.amount, row.charged_off.amount) for row in found.rows] == [
        ("KES", "BIZ", 4, "4000.00", "0.00"),
        ("KES", "SCHOOL", 1, "50.00", "50.00"),
        ("UGX", "BIZ", 1, "7000", "0"),
    ]
    assert [(row.currency, row.principal.amount) for row in found.totals] == [("KES", "4050.00"), ("UGX", "7000")]
    narrowed = await bank.says(GetOutstanding(on=LATE, currency="KES", product="SCHOOL"))
    assert [row.principal.amount for row in narrowed.totals] == ["50.00"]


async def test_a_months_loans_are_followed_from_month_to_month(bank: Bank, shelf: Shelf) -> None:
    await five_loans(shelf)
    younger = await shelf.loan(await shelf.product(), paid_out="2026-05-31", lent=10_00)
    await younger.stands("2026-05-31", 10_00)
    found = await bank.says(GetVintages(on=date(2026, 6, 15)))
    january, may = found.vintages
    assert (january.month, january.loans, january.lent.amount) == (date(2026, 1, 1), 5, "6000.00")
    assert [
        (
            point.months_on_book,
            point.on.isoformat(),
            point.outstanding.amount,
            point.late_over_30.amount,
            point.written_off.amount,
        )
        for point in january.points
    ] == [
        (0, "2026-01-31", "6000.00", "0.00", "0.00"),
        (1, "2026-02-28", "6000.00", "0.00", "0.00"),
        (2, "2026-03-31", "5200.00", "1200.00", "0.00"),
        (3, "2026-04-30", "5200.00", "1200.00", "0.00"),
        (4, "2026-05-31", "4000.00", "0.00", "1200.00"),
        (5, "2026-06-15", "4000.00", "1000.00", "1200.00"),
    ]
    assert [(point.months_on_book, point.outstanding.amount, point.par30) for point in may.points] == [
        (0, "10.00", "0.000000"),
        (1, "10.00", "0.000000"),
    ]
    assert len((await bank.says(GetVintages(on=date(2026, 6, 15), months=2))).vintages) == 1


async def test_the_business_date_is_meant_where_none_is_named(bank: Bank, shelf: Shelf) -> None:
    assert (await bank.says(GetAgeing())).on == bank.clock.now().date()
    await shelf.lay("business_date", business_date=LATE)
    assert (await bank.says(GetAgeing())).on == LATE


@pytest.mark.parametrize("path", ["", "/ageing", "/at-risk", "/provisions", "/vintages", "/proof"])
async def test_it_is_asked_over_http(bank: Bank, shelf: Shelf, path: str) -> None:
    await five_loans(shelf)
    async with bank.http.get(f"/api/v1/portfolio{path}?on=2026-06-30&currency=KES", headers=bank.root) as answer:
        said: dict[str, Any] = await answer.json()
        assert answer.status == 200, said
    assert said["on"] == "2026-06-30"
    async with bank.http.get(f"/api/v1/portfolio{path}?on=20260630", headers=bank.root) as answer:
        assert answer.status == 422


async def test_a_member_does_not_see_the_portfolio(bank: Bank) -> None:
    with bank.refuses("forbidden"):
        await bank.says(GetOutstanding(), as_=Principal("user", "somebody", ("member",), None))
