"""The schedule of terms that somebody asks about. Nothing that they say may be left out of it without a word.

A loan that is kept may be repaid before a rate that was agreed comes into force; who asks what a loan costs has made a mistake then.
"""

from actors.loan_calculator.rules.schedule import Schedule, make_schedule
from actors.loan_calculator.rules.spoken_terms import terms_of
from messages.loan_calculator import DateOutsideTerm
from messages.loan_terms import LoanTerms


def asked_schedule(said: LoanTerms) -> Schedule:
    """The schedule. Refuses, beside nonsense, a rate of days on which nothing is owed any more."""
    schedule = make_schedule(terms_of(said))
    end = schedule.plan.ends[len(schedule.columns.interest) - 1]
    for change in schedule.terms.rate_changes:
        if change.on >= end:
            raise DateOutsideTerm("The loan is repaid before this rate counts.", field="rate_changes", on=change.on)
    return schedule
