"""The loan calculator: quotes, schedules, payoffs, rates and explanations, from nothing but the question. Its formulas are in rules/."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeVar

from actors.loan_calculator.rules import told_figures as told
from actors.loan_calculator.rules.accrual import accrued_between
from actors.loan_calculator.rules.asked_schedule import asked_schedule
from actors.loan_calculator.rules.coupon_day_counts import Grid
from actors.loan_calculator.rules.day_counts import DayCount, Surroundings, counted_days, year_fraction
from actors.loan_calculator.rules.decimals import decimal_of
from actors.loan_calculator.rules.explanation import explain
from actors.loan_calculator.rules.paper_of_terms import paper_of
from actors.loan_calculator.rules.paper_pdf import pdf
from actors.loan_calculator.rules.payoff import PrepaymentCharge, payoff
from actors.loan_calculator.rules.penalties import Overdue, PenaltyBase, PenaltyPer, PenaltyTerms, penalty
from actors.loan_calculator.rules.plot_png import png
from actors.loan_calculator.rules.plot_shapes import shapes_of
from actors.loan_calculator.rules.plot_svg import svg
from actors.loan_calculator.rules.prepayment import prepay_each_way
from actors.loan_calculator.rules.rounding import Rounding
from actors.loan_calculator.rules.said_functions import worked
from actors.loan_calculator.rules.spoken_terms import minor_in, share_of
from actors.loan_calculator.rules.told_rates import annual_rates
from messages.base import Refusal, Reply
from messages.loan_calculator import (
    Accrual,
    AccruedInterest,
    AnnualRate,
    AnnualRates,
    DatesOutOfOrder,
    DayCounted,
    DayFraction,
    Explain,
    ExtraPaymentTooLarge,
    LoanExplanation,
    LoanQuote,
    LoanSchedule,
    Payoff,
    PayoffAmount,
    Penalty,
    PenaltyAmount,
    Plot,
    Prepayment,
    PrepaymentResults,
    PrintSchedule,
    Quote,
    Schedule,
    ScheduleDocument,
    SchedulePicture,
    TermsBeyondLimit,
    TimeValue,
    TimeValueResult,
)
from messages.loan_terms import MOST_ROWS, LoanTerms
from messages.money import LARGEST_MINOR, Money
from runtime.actor import Actor, Turn, handles

R = TypeVar("R", bound=Reply)

SHORT_ROWS = 60
"""A schedule of so many rows is told in two milliseconds."""
FEW_EVENTS = 5
"""At each the installment may be set anew, which costs as much as the rows after it."""

PRESSES = 1
"""Documents that are made at once: the longest takes a processor for a second, and the others wait for it instead of slowing it down."""


async def worked_out(terms: LoanTerms | None, work: Callable[[], R]) -> R:
    """The work's reply. Long work is done in a thread, so that no other actor in this process waits for its end."""
    rows = (terms and terms.installments) or MOST_ROWS
    events = 0 if terms is None else len(terms.disbursements) + len(terms.rate_changes) + len(terms.extra_payments)
    with said_in_terms():
        return work() if rows <= SHORT_ROWS and events <= FEW_EVENTS else await asyncio.to_thread(work)


@contextlib.contextmanager
def said_in_terms() -> Iterator[None]:
    """Name a field of the terms as the question has it: below `terms`."""
    try:
        yield
    except Refusal as no:
        if no.field in LoanTerms.model_fields:
            no.field = f"terms.{no.field}"
        raise


@contextlib.contextmanager
def said_beside_terms() -> Iterator[None]:
    """An early payment that is tried is an extra payment of the terms for the formulas, and the question itself for who asks."""
    try:
        yield
    except Refusal as no:
        if no.field == "extra_payments":
            no.field = "amount" if isinstance(no, ExtraPaymentTooLarge | TermsBeyondLimit) else "on"
        raise


class LoanCalculator(Actor):
    """Answers the same to the same question, whoever asks, whenever, and however many of it there are."""

    name = "loan_calculator"

    def __init__(self) -> None:
        self._press = asyncio.Semaphore(PRESSES)

    @handles
    async def quote(self, query: Quote, turn: Turn) -> LoanQuote:
        del turn
        currency = query.terms.principal.currency
        return await worked_out(query.terms, lambda: told.told_quote(asked_schedule(query.terms), currency))

    @handles
    async def schedule(self, query: Schedule, turn: Turn) -> LoanSchedule:
        del turn
        currency = query.terms.principal.currency
        return await worked_out(query.terms, lambda: told.told_schedule(asked_schedule(query.terms), currency))

    @handles
    async def explain(self, query: Explain, turn: Turn) -> LoanExplanation:
        del turn

        def explained() -> LoanExplanation:
            schedule = asked_schedule(query.terms)
            return told.told_explanation(schedule, explain(schedule), query.terms.principal.currency)

        return await worked_out(query.terms, explained)

    @handles
    async def payoff(self, query: Payoff, turn: Turn) -> PayoffAmount:
        del turn
        return await worked_out(query.terms, lambda: _payoff(query))

    @handles
    async def annual_rate(self, query: AnnualRate, turn: Turn) -> AnnualRates:
        del turn
        return await worked_out(query.terms, lambda: annual_rates(query))

    @handles
    async def accrual(self, query: Accrual, turn: Turn) -> AccruedInterest:
        del turn
        currency = query.terms.principal.currency

        def accrued() -> AccruedInterest:
            interest = accrued_between(asked_schedule(query.terms), query.first, query.last)
            return AccruedInterest(first=query.first, last=query.last, interest=Money.of(interest, currency))

        return await worked_out(query.terms, accrued)

    @handles
    async def prepayment(self, query: Prepayment, turn: Turn) -> PrepaymentResults:
        del turn
        currency = query.terms.principal.currency

        def each_way() -> PrepaymentResults:
            schedule = asked_schedule(query.terms)
            with said_beside_terms():
                ways = prepay_each_way(schedule, query.on, minor_in(currency, query.amount, "amount"))
            return PrepaymentResults(ways=tuple(told.told_prepayment(way, found, currency) for way, found in ways.items()))

        return await worked_out(query.terms, each_way)

    @handles
    async def penalty(self, query: Penalty, turn: Turn) -> PenaltyAmount:
        del turn
        currency = query.principal.currency
        principal, interest = query.principal.minor, minor_in(currency, query.interest, "interest")
        whole = principal + interest if query.installment is None else minor_in(currency, query.installment, "installment")
        terms = PenaltyTerms(
            amount=minor_in(currency, query.amount, "amount"),
            share=share_of(query.percent),
            base=PenaltyBase(query.of),
            per=PenaltyPer(query.per),
            grace_days=query.grace_days,
            charges_grace=query.charges_grace,
            cap=None if query.cap is None else minor_in(currency, query.cap, "cap"),
            rounding=Rounding(query.rounding),
        )
        found = penalty(terms, Overdue(query.due, principal, interest, whole), query.on)
        if found > LARGEST_MINOR:
            raise TermsBeyondLimit("The penalty is larger than any amount.", field="on")
        return PenaltyAmount(penalty=Money.of(found, currency), days_late=max((query.on - query.due).days, 0))

    @handles
    async def day_fraction(self, query: DayFraction, turn: Turn) -> DayCounted:
        del turn
        if query.last < query.first:
            raise DatesOutOfOrder("The last date is not before the first.", field="last")
        for name, end in (("period_end", query.period_end), ("maturity", query.maturity)):
            if end is not None and end < query.last:
                raise DatesOutOfOrder("It is not before the last date.", field=name)
        convention = DayCount(query.day_count)
        grid = Grid(query.anchor or query.last, query.months, keep_month_end=query.keep_month_end)
        around = Surroundings(grid, query.period_end or query.last, annual=query.months == 12, maturity=query.maturity)
        fraction = year_fraction(convention, query.first, query.last, around)
        return DayCounted(
            days=counted_days(convention, query.first, query.last, around),
            fraction=told.as_written(fraction),
            years=told.plain(decimal_of(Fraction(*fraction)), 15),
        )

    @handles
    async def time_value(self, query: TimeValue, turn: Turn) -> TimeValueResult:
        del turn
        return TimeValueResult(value=told.plain(worked(query), 12))

    @handles
    async def plot(self, query: Plot, turn: Turn) -> SchedulePicture:
        del turn
        with said_in_terms():
            return await asyncio.to_thread(_picture, query)

    @handles
    async def print_schedule(self, query: PrintSchedule, turn: Turn) -> ScheduleDocument:
        del turn
        async with self._press:
            content = await asyncio.to_thread(lambda: pdf(paper_of(query.terms)))
        return ScheduleDocument.model_construct(media_type="application/pdf", content=content)


def _payoff(query: Payoff) -> PayoffAmount:
    currency = query.terms.principal.currency
    found = payoff(
        asked_schedule(query.terms),
        query.on,
        whole_period=query.whole_period,
        charge=PrepaymentCharge(minor_in(currency, query.charge, "charge"), share_of(query.charge_percent)),
        installments_paid=query.installments_paid,
    )
    return PayoffAmount(
        on=query.on,
        principal=Money.of(found.principal, currency),
        interest=Money.of(found.interest, currency),
        fees=Money.of(found.fees, currency),
        charge=Money.of(found.charge, currency),
        total=Money.of(found.total, currency),
        interest_saved=Money.of(found.interest_saved, currency),
    )


def _picture(query: Plot) -> SchedulePicture:
    currency = query.terms.principal.currency
    shapes = shapes_of(asked_schedule(query.terms).rows, currency)
    if query.format == "png":
        return SchedulePicture.model_construct(media_type="image/png", content=png(shapes))
    title = f"A loan of {query.terms.principal.amount} {currency} from {query.terms.start}"
    return SchedulePicture.model_construct(media_type="image/svg+xml", content=svg(shapes, title).encode())
