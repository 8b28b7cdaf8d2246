"""What is said to the loan calculator: quotes, schedules, payoffs, annual rates and explanations. It keeps nothing."""

from messages.base import Refusal


class TermsRefused(Refusal):
    """No schedule can be made of these terms."""

    rule = "terms_refused"


class ContradictoryTerms(Refusal):
    """Two of the terms contradict each other."""

    rule = "contradictory_terms"


class LimitExceeded(Refusal):
    """A figure of the terms is outside what a loan can have."""

    rule = "limit_exceeded"


class DatesOutOfOrder(Refusal):
    """The dates of the terms are not in an order that makes sense."""

    rule = "dates_out_of_order"


class DueDatesCollide(Refusal):
    """Two due dates fall on one business day, or one on the start."""

    rule = "due_dates_collide"


class NoBusinessDay(Refusal):
    """The calendar has no business day near a due date."""

    rule = "no_business_day"


class TermTooLong(Refusal):
    """The loan would last longer than can be counted."""

    rule = "term_too_long"


class AmountTooSmall(Refusal):
    """The amount is too small for so many installments: each would be nothing."""

    rule = "amount_too_small"


class InstallmentTooSmall(Refusal):
    """The installment does not cover the interest, so the loan would never be repaid."""

    rule = "installment_too_small"


class ExtraPaymentTooLarge(Refusal):
    """An extra payment is more than the principal that is left."""

    rule = "extra_payment_too_large"


class NoRate(Refusal):
    """No rate makes these payments worth what was received."""

    rule = "no_rate"


class NoTerm(Refusal):
    """No number of periods solves this."""

    rule = "no_term"


class DateOutsideTerm(Refusal):
    """The date is before the loan's start, or after it is repaid."""

    rule = "date_outside_term"
