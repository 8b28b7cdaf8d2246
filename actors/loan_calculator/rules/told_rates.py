"""The annual rates of a loan, from its terms or from amounts and dates, as they are told."""

from collections.abc import Sequence
from decimal import Decimal

from actors.loan_calculator.rules.asked_schedule import asked_schedule
from actors.loan_calculator.rules.cash_flows import Flow, flows_of
from actors.loan_calculator.rules.eu_annual_rate import Interval, eu_annual_rate, interval_for
from actors.loan_calculator.rules.internal_rate import xirr
from actors.loan_calculator.rules.spoken_terms import minor_in, terms_of
from actors.loan_calculator.rules.told_figures import plain
from actors.loan_calculator.rules.us_annual_rate import UnitPeriod, unit_period_of, us_annual_rate
from messages.loan_calculator import AnnualRate, AnnualRates, ContradictoryTerms, DatesOutOfOrder, NoRate
from messages.loan_calculator import Flow as SaidFlow
from messages.money import Money

PERCENT_PLACES = 6


def annual_rates(said: AnnualRate) -> AnnualRates:
    """The rates. Refuses a question with terms and flows, or with neither."""
    if (said.terms is None) == (not said.received or not said.paid):
        raise ContradictoryTerms("Give the loan's terms, or what was received and what is paid.", field="terms")
    if said.terms is not None:
        return _of_terms(said)
    currency = said.received[0].amount.currency
    flows = [*_flows(said.received, currency, 1, "received"), *_flows(said.paid, currency, -1, "paid")]
    if min(flows, key=lambda flow: flow.on).amount < 0:
        raise DatesOutOfOrder("Something is received before anything is paid.", field="paid")
    if len({flow.on for flow in flows}) == 1:
        raise NoRate("All of it is on one day, so that no rate makes a difference.", field="paid")
    return _told(flows, flows, Interval(said.interval or "months"), None, currency)


def _of_terms(said: AnnualRate) -> AnnualRates:
    assert said.terms is not None
    every = terms_of(said.terms).rhythm.every
    interval = interval_for(every) if said.interval is None else Interval(said.interval)
    schedule = asked_schedule(said.terms)
    nominal = flows_of(schedule, nominal=True)
    return _told(flows_of(schedule), nominal, interval, unit_period_of(every), said.terms.principal.currency)


def _flows(said: Sequence[SaidFlow], currency: str, sign: int, field: str) -> list[Flow]:
    return [Flow(each.on, sign * minor_in(currency, each.amount, field)) for each in said]


def _told(
    flows: Sequence[Flow], nominal: Sequence[Flow], interval: Interval, unit: UnitPeriod | None, currency: str
) -> AnnualRates:
    received = sum(flow.amount for flow in flows if flow.amount > 0)
    paid = -sum(flow.amount for flow in flows if flow.amount < 0)
    return AnnualRates(
        effective_percent=_percent(xirr(flows)),
        us_percent=_percent(us_annual_rate(nominal, unit)),
        eu_percent=_percent(eu_annual_rate(flows, interval)),
        received=Money.of(received, currency),
        paid=Money.of(paid, currency),
        cost_of_credit=Money.of(paid - received, currency),
    )


def _percent(rate: Decimal) -> str:
    return plain(rate.scaleb(2), PERCENT_PLACES)
