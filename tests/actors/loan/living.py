"""Loans that live in tests without servers: terms and conditions from hypothesis, a history of whatever may happen to a loan."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, get_args
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st

from actors.loan.rules.book import Book
from actors.loan.rules.conditions import Conditions
from actors.loan.rules.happenings import PARTS, Happening, Parts, Reschedule
from actors.loan.rules.life_cycle import Action, check_action
from actors.loan.rules.owing import charged, outstanding
from actors.loan.rules.position import position
from actors.loan.rules.replay import apply, begin, close_day, replay
from actors.loan.rules.rescheduling import compare
from actors.loan.rules.timetable import schedule_of
from messages.base import Refusal
from messages.loan import LoanStatus, Part, TransactionKind
from messages.loan_product import BUCKETS, AllocationPreset
from messages.loan_terms import LoanTerms
from messages.money import to_decimal

CASH = UUID(int=1)
START = date(2024, 1, 15)
ONE_DAY = timedelta(days=1)
CURRENCY = "KES"


def money(minor: int) -> dict[str, str]:
    return {"amount": to_decimal(minor, CURRENCY), "currency": CURRENCY}


def loan_terms(principal: int = 120_000, percent: str = "12", installments: int | None = 12, **more: Any) -> LoanTerms:
    said = {"principal": money(principal), "annual_rate_percent": percent, "installments": installments, "start": START}
    return LoanTerms.model_validate({**said, **more})


def product(basis: str = "accrual", **more: Any) -> Conditions:
    rules: dict[str, Any] = {
        "accounting": {"basis": basis},
        "buckets": [each.model_dump() for each in BUCKETS],
        "disbursements": 5,
    }
    return Conditions.from_json({**rules, **more})


@dataclass
class Life:
    """One loan, kept as the actor keeps it: a book between turns, and all that happened."""

    terms: LoanTerms
    conditions: Conditions
    happenings: list[Happening] = field(default_factory=list)
    book: Book = field(init=False)

    def __post_init__(self) -> None:
        self.book = begin(self.terms, self.conditions)

    @property
    def today(self) -> date:
        return self.book.today

    def status(self) -> LoanStatus:
        return self.book.status

    def close(self, on: date) -> None:
        if self.book.closed_through is not None and on > self.book.closed_through:
            close_day(self.book, on)
            self.check()

    def say(self, kind: TransactionKind, amount: int = 0, on: date | None = None, **more: Any) -> Parts:
        """Book it as the actor does; a refusal leaves the loan as it was."""
        number = len(self.happenings) + 1
        account = CASH if kind in {"disbursement", "repayment", "refund", "recovery"} else None
        happening = Happening(number, UUID(int=1000 + number), kind, on or self.today, self.today, amount, account, **more)
        closed = self.book.closed_through
        parts = Parts()
        if kind != "reversal" and (closed is None or happening.value_date > closed):
            book = self.book.copy()
            parts = apply(book, happening)
        else:
            book = replay(self.terms, self.conditions, [*self.happenings, happening], closed, new=number)
        self.book = book
        self.happenings.append(happening)
        self.check()
        return parts

    def pay_out(self, amount: int | None = None, on: date = START) -> None:
        self.say("disbursement", amount or self.book.approved, on)

    def pay(self, amount: int, on: date | None = None, **more: Any) -> Parts:
        return self.say("repayment", amount, on, **more)

    def reverse(self, transaction_id: UUID) -> None:
        self.say("reversal", reverses=transaction_id)

    def again(self) -> Book:
        return replay(self.terms, self.conditions, self.happenings, self.book.closed_through)

    def check(self) -> None:
        """What holds of every book at any time."""
        book = self.book
        assert sum(position(book).values()) == 0
        on = book.today
        made, left = charged(book, on), outstanding(book, on)
        for part in range(4):
            assert made[part] == book.paid[part] + book.waived[part] + book.given_up[part] + left[part]
            assert left[part] >= 0, (part, left)
        for due in book.dues:
            assert all(due.owed(part) >= 0 and due.charged[part] >= 0 and due.settled(part) >= 0 for part in range(4)), due
        assert sum(due.owed(0) for due in book.dues) == book.principal_outstanding
        for part in (1, 2, 3):
            assert sum(due.paid[part] for due in book.dues) == book.paid[part]
            assert sum(due.waived[part] for due in book.dues) == book.waived[part]
        assert book.overpaid >= 0
        if book.status in {"closed", "written_off"}:
            assert sum(left) == 0
            assert book.days_past_due(on) == 0
        if book.status in {"active", "in_arrears", "charged_off"}:
            assert sum(left) > 0
            # As of the last close, or of a transaction of the open day.
            late = [book.past_due_since(day) is not None for day in (on - ONE_DAY, on)]
            assert (book.status == "in_arrears") in late or book.is_frozen


def same(one: Book, other: Book) -> bool:
    """Whether two books say the same; what one of them remembers of accruals aside."""
    texts = [one.to_json(), other.to_json()]
    for text in texts:
        text.pop("accruals", None)
    return texts[0] == texts[1]


# ---- anything ----

_DAY_COUNTS = ["30E/360", "ACT/365F", "ACT/360", "ACT/ACT ISDA", "30/360 US"]


@st.composite
def any_terms(draw: st.DrawFn, most: int = 10) -> LoanTerms:
    """Terms that make a schedule."""
    interest = draw(st.sampled_from(["declining_balance", "declining_balance", "flat", "interest_only", "zero"]))
    installments = draw(st.integers(1, most))
    amortization = None if interest == "interest_only" else draw(st.sampled_from([None, "equal_principal", "bullet"]))
    grace = draw(st.sampled_from([0, 0, 0, 1, 2]))
    unit, count = draw(st.sampled_from([("months", 1), ("months", 1), ("weeks", 1), ("weeks", 2), ("days", 10)]))
    principal = draw(st.integers(1_000, 10_000_000))
    fees = draw(
        st.sampled_from(
            [
                [],
                [],
                [{"timing": "installment", "amount": money(50)}],
                [{"timing": "installment", "percent": "1", "of": "balance"}, {"timing": "upfront", "percent": "2"}],
                [{"timing": "capitalized", "percent": "3"}],
            ]
        )
    )
    more: dict[str, Any] = {
        "interest": interest,
        "amortization": amortization,
        "every": {"count": count, "unit": unit},
        "principal_grace": min(grace, installments - 1),
        "interest_grace": min(draw(st.sampled_from([0, 0, 0, 1])), installments - 1),
        "interest_period": draw(st.sampled_from(["daily", "same_as_repayment"])),
        "day_count": draw(st.sampled_from(_DAY_COUNTS)),
        "business_days": {"adjustment": draw(st.sampled_from(["none", "none", "following", "preceding"]))},
        "accrue_to_business_days": draw(st.booleans()),
        "down_payment_percent": draw(st.sampled_from(["0", "0", "0", "10"])),
        "fees": fees,
    }
    if amortization is None and interest in {"declining_balance", "zero"}:
        special = draw(st.sampled_from([None, None, "fixed_installment", "balloon", "installment_multiple"]))
        if special is not None:
            more[special] = money(principal // draw(st.integers(2, 9)) if special != "installment_multiple" else 100)
        more["amortization"] = "balloon" if special == "balloon" else None
    if draw(st.integers(0, 3)) == 0:
        more["first_due"] = START + timedelta(days=draw(st.integers(1, 70)))
    more["last_cent"] = draw(st.sampled_from(["last_absorbs", "retuned"]))
    percent = "0" if interest == "zero" else draw(st.sampled_from(["0", "1.5", "12", "24", "60"]))
    terms = loan_terms(principal, percent, installments, **more)
    try:
        schedule_of(terms)
    except Refusal:
        assume(False)
    return terms


_STEPS = [{"due": when, "part": part} for when in ("past_due", "due", "in_advance") for part in PARTS]


@st.composite
def any_product(draw: st.DrawFn, *, only_presets: bool = False) -> Conditions:
    """Conditions of any kind."""
    penalty = draw(
        st.sampled_from(
            [
                None,
                {"percent": "1", "per": "day", "grace_days": 3},
                {"percent": "5", "per": "once", "of": "installment", "amount": money(100)},
                {"percent": "36", "per": "year", "of": "principal", "cap": money(500), "charges_grace": True, "grace_days": 2},
            ]
        )
    )
    direction = draw(st.sampled_from(["horizontal", "vertical"]))
    presets = st.sampled_from(get_args(AllocationPreset)).map(lambda name: {"preset": name})
    order = draw(presets if only_presets else presets | st.permutations(_STEPS).map(lambda order: {"order": order}))
    return product(
        basis=draw(st.sampled_from(["cash", "accrual"])),
        penalty=penalty,
        allocation={"repayment": {**order, "direction": direction}},
        prepayment=draw(st.sampled_from(["shorten", "lower", "advance"])),
    )


@dataclass(frozen=True)
class Step:
    """Something that is tried: after so many days, for so many thousandths of what is owed, so many days back."""

    kind: str
    days: int
    share: int
    back: int
    part: Part
    way: str | None
    pick: int


_KINDS = (
    ["repayment"] * 6
    + ["due"] * 4
    + ["fee", "penalty", "waiver", "refund", "reversal", "reversal", "disbursement", "reschedule"]
)
_ENDS = ["charge_off", "write_off", "recovery"]


def any_steps(most: int = 10, *, with_ends: bool = True, with_back_dating: bool = True) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        kind=st.sampled_from(_KINDS + (_ENDS if with_ends else [])),
        days=st.integers(0, 45),
        share=st.integers(1, 1200),
        back=st.sampled_from([0, 0, 0, 1, 5, 20, 60] if with_back_dating else [0]),
        part=st.sampled_from(["interest", "fee", "penalty"]),
        way=st.sampled_from([None, "shorten", "lower", "advance"]),
        pick=st.integers(0, 100),
    )
    return st.lists(step, min_size=1, max_size=most)


_ACTIONS = {
    "repayment": Action.REPAY,
    "due": Action.REPAY,
    "fee": Action.CHARGE,
    "penalty": Action.CHARGE,
    "waiver": Action.WAIVE,
    "refund": Action.REFUND,
    "reversal": Action.REVERSE,
    "disbursement": Action.DISBURSE,
    "charge_off": Action.CHARGE_OFF,
    "write_off": Action.WRITE_OFF,
    "recovery": Action.RECOVER,
    "reschedule": Action.RESCHEDULE,
}


def live(life: Life, steps: list[Step]) -> None:
    """Try each; refusals leave the loan as it was."""
    for step in steps:
        life.close(life.today + timedelta(days=step.days - 1))
        try:
            try_step(life, step)
        except Refusal:
            life.check()


def try_step(life: Life, step: Step) -> None:
    check_action(life.book.status, _ACTIONS[step.kind])
    on = max(life.today - timedelta(days=step.back), life.happenings[0].value_date)
    _TRIALS[step.kind](life, step, on)


def _some_of(amount: int, step: Step) -> int:
    return max(amount * min(step.share, 1000) // 1000, 1)


def _try_repayment(life: Life, step: Step, on: date) -> None:
    owed = sum(outstanding(life.book, life.today))
    life.pay(max(owed * step.share // 1000, 1), on, way=step.way)


def _try_what_is_due(life: Life, step: Step, on: date) -> None:
    if due := sum(due.owed(part) for due in life.book.dues if due.due <= on for part in range(4)):
        life.pay(due, on)


def _try_reversal(life: Life, step: Step, on: date) -> None:
    taken = {each.reverses for each in life.happenings}
    standing = [each for each in life.happenings[1:] if each.kind != "reversal" and each.transaction_id not in taken]
    if standing:
        life.reverse(standing[step.pick % len(standing)].transaction_id)


def _try_waiver(life: Life, step: Step, on: date) -> None:
    if most := outstanding(life.book, life.today)[PARTS.index(step.part)]:
        life.say("waiver", _some_of(most, step), on, part=step.part)


def _try_refund(life: Life, step: Step, on: date) -> None:
    if life.book.overpaid:
        life.say("refund", _some_of(life.book.overpaid, step))


def _try_disbursement(life: Life, step: Step, on: date) -> None:
    if life.book.undisbursed:
        life.say("disbursement", _some_of(life.book.undisbursed, step), on)


def _try_reschedule(life: Life, step: Step, on: date) -> None:
    asked = [
        Reschedule("rate_change", annual_rate_percent="18.5"),
        Reschedule("new_terms", installments=1 + step.share % 9),
        Reschedule("new_terms", every_count=2, every_unit="weeks", annual_rate_percent="7"),
        Reschedule("re_age", installments=1 + step.share % 9),
        Reschedule("re_amortize"),
        Reschedule("payment_holiday", holiday_installments=1 + step.share % 3),
    ][step.pick % 6]
    effective = life.today + timedelta(days=step.back)
    compare(life.book, asked, effective)
    life.say("reschedule", on=effective, reschedule=asked)


def _try_amount(kind: TransactionKind, *, back: bool = True) -> Callable[[Life, Step, date], None]:
    def trial(life: Life, step: Step, on: date) -> None:
        owed = sum(outstanding(life.book, life.today))
        life.say(kind, max(owed * step.share // 20_000, 1), on if back else None)

    return trial


_TRIALS: dict[str, Callable[[Life, Step, date], None]] = {
    "repayment": _try_repayment,
    "due": _try_what_is_due,
    "fee": _try_amount("fee"),
    "penalty": _try_amount("penalty"),
    "waiver": _try_waiver,
    "refund": _try_refund,
    "reversal": _try_reversal,
    "disbursement": _try_disbursement,
    "reschedule": _try_reschedule,
    "charge_off": lambda life, _step, _on: _nothing(life.say("charge_off")),
    "write_off": lambda life, _step, _on: _nothing(life.say("write_off")),
    "recovery": _try_amount("recovery", back=False),
}


def _nothing(_parts: Parts) -> None:
    pass
