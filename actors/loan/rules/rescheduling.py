"""A loan's schedule before and after a reschedule, in figures.

Present values are at the loan's nominal rate before the change, compounded by the day over years of 365 days: an amount due in d days
counts as its (1 + rate) to the power d/365th part. The effective rate is the one (XIRR) at which what is outstanding on the day is worth
what is still to be paid.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

from actors.loan.rules.arrears import settle
from actors.loan.rules.book import INSTALLMENT, ONE_DAY, Book, Due
from actors.loan.rules.happenings import FEE, INTEREST, PRINCIPAL, Reschedule
from actors.loan.rules.other_terms import carry_out
from actors.loan.rules.owing import outstanding
from actors.loan_calculator.rules.cash_flows import Flow
from actors.loan_calculator.rules.decimals import EXACT, ONE, decimal_of
from actors.loan_calculator.rules.internal_rate import DAYS_OF_A_YEAR, xirr
from actors.loan_calculator.rules.spoken_terms import terms_of
from actors.loan_calculator.rules.told_figures import plain
from messages.loan import LoanStateForbids, LoanValueDateTooEarly, RescheduleImpossible, RescheduleKind, ScheduleFigures
from messages.loan_calculator import NoRate
from messages.loan_terms import LoanTerms
from messages.money import Money

PERCENT_PLACES = 6
SMALLEST_PERCENT = Decimal(1).scaleb(-PERCENT_PLACES)
_SAYS: dict[RescheduleKind, frozenset[str]] = {
    "new_terms": frozenset({"annual_rate_percent", "installments", "every"}),
    "re_age": frozenset({"installments"}),
    "re_amortize": frozenset(),
    "rate_change": frozenset({"annual_rate_percent"}),
    "payment_holiday": frozenset({"holiday_installments"}),
}
"""What a kind of reschedule has a use for. Anything else in the same request contradicts it."""


def compare(book: Book, asked: Reschedule, effective_on: date) -> tuple[ScheduleFigures, ScheduleFigures]:
    """(before, after) in figures, as of the day on which it would take effect, if all is paid as it is due until then.

    Refuses what cannot be. Leaves the book as it is.
    """
    _check_asked(asked)
    if book.leg_start is None:
        raise LoanStateForbids(status=book.status)
    if effective_on < book.today:
        raise LoanValueDateTooEarly(field="effective_on", on=effective_on)
    before = _paid_until(book, effective_on)
    if not before.principal_outstanding:
        raise RescheduleImpossible("The loan is repaid by then.", field="effective_on")
    rate = rate_on(before.terms, effective_on)
    after = before.copy()
    carry_out(after, asked, effective_on)
    settle(after, effective_on)
    return _figures(before, effective_on, rate), _figures(after, effective_on, rate)


def _check_asked(asked: Reschedule) -> None:
    said = {
        "annual_rate_percent": asked.annual_rate_percent,
        "installments": asked.installments,
        "every": asked.every_count or asked.every_unit,
        "holiday_installments": asked.holiday_installments,
    }
    words = asked.kind.replace("_", " ")
    for name, value in said.items():
        if value is not None and name not in _SAYS[asked.kind]:
            raise RescheduleImpossible(f"This does not belong to a reschedule of this kind: {words}.", field=name)
    if asked.kind == "new_terms" and not any(said.values()):
        raise RescheduleImpossible("Say which terms are new: a rate, how many installments, or how often.", field="kind")


def _paid_until(book: Book, on: date) -> Book:
    then = book.copy()
    then.waiting = []
    for due in then.dues:
        if book.today <= due.due < on:
            for part in range(4):
                paid = due.owed(part)
                due.paid[part] += paid
                then.paid[part] += paid
    then.closed_through = on - ONE_DAY
    settle(then, on)
    return then


def rate_on(said: LoanTerms, on: date) -> Fraction:
    """The nominal rate of terms on a day."""
    terms = terms_of(said)
    rates = [each.annual_rate for each in terms.rate_changes if each.on <= on]
    return rates[-1] if rates else terms.annual_rate


def _figures(book: Book, on: date, rate: Fraction) -> ScheduleFigures:
    left = [each for each in book.dues if each.is_owed]
    flows = [Flow(max(each.due, on), sum(each.owed(part) for part in range(4))) for each in left]
    currency = book.currency
    return ScheduleFigures(
        installments=sum(each.kind == INSTALLMENT for each in left),
        installment=Money.of(_next_installment(left, on), currency),
        last_due=max(each.due for each in left),
        principal=Money.of(sum(each.owed(PRINCIPAL) for each in left), currency),
        interest=Money.of(sum(each.owed(INTEREST) for each in left), currency),
        present_value=Money.of(_present_value(flows, on, rate), currency),
        effective_percent=_effective_percent(sum(outstanding(book, on)), flows, on),
    )


def _next_installment(left: list[Due], on: date) -> int:
    coming = [each for each in left if each.kind == INSTALLMENT and each.due >= on]
    regular = next((each for each in coming if each.charged[PRINCIPAL]), coming[0] if coming else None)
    return 0 if regular is None else sum(regular.charged[: FEE + 1])


def _present_value(flows: list[Flow], on: date, rate: Fraction) -> int:
    with localcontext(EXACT):
        growth = ONE + decimal_of(rate)
        value = sum(
            (
                EXACT.divide(Decimal(each.amount), growth ** decimal_of(Fraction((each.on - on).days, DAYS_OF_A_YEAR)))
                for each in flows
            ),
            Decimal(0),
        )
        return int(value.to_integral_value(ROUND_HALF_EVEN))


def _effective_percent(outstanding_now: int, flows: list[Flow], on: date) -> str:
    try:
        rate = xirr([Flow(on, outstanding_now), *(Flow(each.on, -each.amount) for each in flows)])
    except NoRate:
        return "0"
    percent = rate.scaleb(2)
    return "0" if abs(percent) < SMALLEST_PERCENT else plain(percent, PERCENT_PLACES)
