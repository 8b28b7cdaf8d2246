"""What is asked of the portfolio: how much is lent out, how late it is, what may be lost, and whether the books agree.

    GetAtRisk(on="2026-06-30", currency="KES")  ->  the share of the portfolio that is late by more than 1, 30, 60, 90 days

The gross portfolio is the principal outstanding of all loans that are not written off. A loan is at risk with its whole outstanding
principal, not with the part that is due (the definition of MIX and of CGAP's Portfolio at Risk). A loan that is charged off is still
owed, so it stays in; `charged_off` says how much of an amount it is. Days late count from the oldest due date that is not paid in full.
Every question is answered for the end of any business date, as the loans stood then: what is booked later with an earlier value date
counts from the day it is booked. Currencies are never added up.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from messages.base import BankDay, Command, Done, Line, Query, Refusal, Reply
from messages.ids import AccountId, EntryId, LoanId
from messages.money import Currency, Money

MOST_MONTHS = 120
MOST_DIFFERENCES = 1_000

DifferenceKind = Literal["missing_in_ledger", "other_amount", "unknown_to_loans"]
"""The ledger has no such posting by that date; it has another amount; no loan knows of the posting."""


# ---- what is answered ----


class OutstandingRow(Reply):
    """What is lent out under a product."""

    currency: Currency
    product: str
    """The product's code."""
    loans: int
    principal: Money
    charged_off: Money
    """Of the principal."""


class OutstandingTotal(Reply):
    """The gross portfolio of a currency."""

    currency: Currency
    loans: int
    principal: Money
    charged_off: Money


class Outstanding(Reply):
    """The gross portfolio, by product."""

    on: date
    rows: tuple[OutstandingRow, ...]
    totals: tuple[OutstandingTotal, ...]


class AgeingRow(Reply):
    """The loans of a delinquency bucket."""

    currency: Currency
    bucket: str
    from_days: int
    """The fewest days late that are in it."""
    loans: int
    principal: Money
    share: str
    """Of the currency's gross portfolio: a decimal string of six places."""


class Ageing(Reply):
    """The gross portfolio by how late its loans are."""

    on: date
    rows: tuple[AgeingRow, ...]


class LateBy(Reply):
    """The loans that are late by more than so many days."""

    more_than_days: int
    loans: int
    principal: Money
    """All of it that is outstanding, due or not."""
    ratio: str
    """To the gross portfolio: a decimal string of six places; "0.000000" where nothing is lent out."""


class AtRiskRow(Reply):
    """The portfolio at risk of a currency."""

    currency: Currency
    gross: Money
    late: tuple[LateBy, ...]
    """By more than 1, 30, 60 and 90 days."""


class AtRisk(Reply):
    """The portfolio at risk: PAR1, PAR30, PAR60, PAR90."""

    on: date
    rows: tuple[AtRiskRow, ...]


class ProvisionRow(Reply):
    """What is set aside for a bucket."""

    currency: Currency
    bucket: str
    from_days: int
    percent: str
    """Of the product; products that set aside differently are rows of their own."""
    loans: int
    principal: Money
    provision: Money


class ProvisionTotal(Reply):
    """What is set aside in a currency."""

    currency: Currency
    principal: Money
    provision: Money


class Provisions(Reply):
    """What is to be set aside for losses, by bucket."""

    on: date
    rows: tuple[ProvisionRow, ...]
    totals: tuple[ProvisionTotal, ...]


class VintagePoint(Reply):
    """How the loans of a month stood so many months later."""

    months_on_book: int
    """0 is the month of the disbursement."""
    on: date
    """The end of that month, or the date asked for where it comes first."""
    outstanding: Money
    late_over_30: Money
    """The whole outstanding principal of those late by more than 30 days."""
    par30: str
    """That, to what was outstanding: a decimal string of six places."""
    written_off: Money
    """Principal written off until then."""


class Vintage(Reply):
    """The loans first paid out in a month."""

    currency: Currency
    month: date
    """Its first day."""
    loans: int
    lent: Money
    """All that was paid out on them, as far as is known now."""
    points: tuple[VintagePoint, ...]


class Vintages(Reply):
    """The loans by the month in which they were first paid out, and what became of them month by month."""

    on: date
    vintages: tuple[Vintage, ...]


class ControlAccount(Reply):
    """An account of the ledger that stands for loans, or all accounts of their own that loans have under a chart code."""

    currency: Currency
    gl_code: str
    account_id: AccountId | None
    """Absent where a row stands for loans' own accounts."""
    accounts: int
    roles: tuple[str, ...]
    """What the account is for loans: `principal`, `interest_receivable`, ...; empty where no loan knows it."""
    loans: Money
    """What the loans say they told the ledger; a debit is above zero."""
    ledger: Money
    """What the ledger says."""
    difference: Money
    """The ledger less the loans."""
    pending: Money
    """What the loans have not told the ledger yet. No difference: it is told by the close of business."""


class BookedDifference(Reply):
    """An entry on which loans and ledger do not agree."""

    kind: DifferenceKind
    loan_id: LoanId | None
    """Absent where it cannot be said of one loan."""
    account_id: AccountId
    entry_id: EntryId
    loans: Money
    """What the loan says; a debit is above zero."""
    ledger: Money
    """What the ledger says."""
    difference: Money
    """The ledger less the loan."""


class PortfolioProof(Reply):
    """The loans' own books compared with the ledger's accounts that stand for them, at the end of a date."""

    on: date
    proven: bool
    """No difference was found."""
    lines: int
    """Of the loans' books, compared."""
    pending_lines: int
    """Not yet told to the ledger."""
    accounts: tuple[ControlAccount, ...]
    differences: tuple[BookedDifference, ...]
    """At most 1,000 of them."""


# ---- what is asked ----


class GetOutstanding(Query[Outstanding], wire="portfolio.get_outstanding.v1", permission="portfolio:read"):
    """The gross portfolio, by product."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    product: Line | None = None
    """A product's code."""


class GetAgeing(Query[Ageing], wire="portfolio.get_ageing.v1", permission="portfolio:read"):
    """The gross portfolio by delinquency bucket."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    product: Line | None = None
    """A product's code."""


class GetAtRisk(Query[AtRisk], wire="portfolio.get_at_risk.v1", permission="portfolio:read"):
    """The portfolio at risk: the whole outstanding principal of loans late by more than 1, 30, 60, 90 days, to the gross portfolio."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    product: Line | None = None
    """A product's code."""


class GetProvisions(Query[Provisions], wire="portfolio.get_provisions.v1", permission="portfolio:read"):
    """What is to be set aside for losses, by delinquency bucket."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    product: Line | None = None
    """A product's code."""


class GetVintages(Query[Vintages], wire="portfolio.get_vintages.v1", permission="portfolio:read"):
    """The loans by the month in which they were first paid out: lent, outstanding, late and written off, month by month since."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    product: Line | None = None
    """A product's code."""
    months: int = Field(24, ge=1, le=MOST_MONTHS)
    """How many months back it begins, the month of the date included."""


class ProvePortfolio(Query[PortfolioProof], wire="portfolio.prove_portfolio.v1", permission="portfolio:read"):
    """Compare the loans' own books with the ledger's control accounts, and list by loan what differs."""

    on: BankDay | None = None
    """Default: the business date."""
    currency: Currency | None = None
    afresh: bool = False
    """Compare every line there is, and trust nothing that was found to agree before. For a book of up to a million lines: more take
    longer than an answer is waited for.
    """


# ---- refusals ----


class TooMuchToCompare(Refusal):
    """There are too many lines to compare all of them anew in one answer. Without `afresh` the proof is the same, and quick."""

    rule = "too_much_to_compare"


# ---- said by the portfolio to itself, after a close of business ----


class CarryProof(Command[Done], wire="portfolio.carry_proof.v1", permission="close-of-business:run"):
    """Sum up what loans and ledger agree on, so that it need not be compared again. It changes no answer, only how long it takes."""
