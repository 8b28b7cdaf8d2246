"""The walk through a plan with a balance: what each installment pays of interest and of principal.

    columns = Amortizer(make_plan(terms, 12)).walk()

At the start, and where something changes that nobody knew before (a rate, a disbursement, an extra payment that lowers), the
installment is set anew from what is owed then, over the installments that are left, as if nothing would change again.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from actors.loan_calculator.rules.actual_day_counts import Ratio
from actors.loan_calculator.rules.fees import fees_at_start
from actors.loan_calculator.rules.flat_interest import FlatInterest
from actors.loan_calculator.rules.installment_setting import Debt, Setting, set_level, set_principal
from actors.loan_calculator.rules.level_installment import Sums, sums_from
from actors.loan_calculator.rules.plan import Cut, Plan
from actors.loan_calculator.rules.rounding import ROUND, round_ratio
from actors.loan_calculator.rules.terms import Amortization, ExtraEffect, ExtraPayment, FeeTiming
from messages.loan_calculator import ExtraPaymentTooLarge, InstallmentTooSmall


class Unfinished(Exception):
    """The fixed installments did not repay the loan in as many periods as the plan has."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Principal that was paid beside the installments: a down payment or an extra payment."""

    index: int
    """Of the installment before which it was paid."""
    piece: int
    """Which part of that installment's period began with it."""
    amount: int
    balance: int
    """After it."""
    extra: ExtraPayment | None = None


@dataclass(slots=True)
class Columns:
    """What the walk found: lists by installment, of one length, and what lies beside them."""

    interest: list[int] = field(default_factory=list)
    """What the period bore, rounded, before any grace moves it."""
    principal: list[int] = field(default_factory=list)
    balance: list[int] = field(default_factory=list)
    """After the installment."""
    settings: list[Setting] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    openings: dict[int, list[int]] = field(default_factory=dict)
    """The balance in each piece of a period that was cut."""
    flat_parts: list[Ratio] = field(default_factory=list)
    """Flat interest: each installment's part before rounding."""


class Amortizer:
    """One walk; it is used once."""

    def __init__(self, plan: Plan) -> None:
        terms = plan.terms
        self._plan, self._terms = plan, terms
        self._to_cent = ROUND[terms.rounding]
        self._count = len(plan.ends)
        self._columns = Columns()
        self._lent = self._balance = terms.principal + fees_at_start(terms, FeeTiming.CAPITALIZED)
        self._factors = plan.factors(terms.annual_rate, 0)
        self._sums: list[Sums] = []
        self._is_rate_set = False
        self._credit, self._is_shortened = 0, False
        self._beside: tuple[int, Fraction] = 0, Fraction(0)
        self._last_disbursement = max((index for index, cut in plan.cuts.items() if cut.is_disbursed_in), default=-1)
        self._flat = FlatInterest(self._to_cent, self._count, terms.interest_free) if terms.is_flat else None
        self._setting: Setting | None = None

    def walk(self) -> Columns:
        """Pay installments until nothing is left."""
        columns = self._columns
        self._pay_down(0, 0, self._terms.principal, self._terms.down_payment)
        is_new, index = True, 0
        while index < self._count and (self._balance or index <= self._last_disbursement):
            owed, changed = self._owed(index)
            is_new = is_new or changed
            if self._flat is None:
                interest = self._to_cent(*owed)
            else:
                interest, owed = self._flat_interest(index, owed, is_new=is_new)
            if self._balance == 0 and interest == 0 and index > self._last_disbursement:
                break
            if is_new:
                self._set(index, owed)
            principal = self._principal(index, interest, owed)
            # Where the interest of a long period is more than the installment, that is all it pays; the next ones are set anew.
            is_new = principal < 0
            self._balance -= max(principal, 0)
            columns.interest.append(interest)
            columns.principal.append(max(principal, 0))
            columns.balance.append(self._balance)
            index += 1
            if not is_new and self._is_plain_from(index):
                index = self._walk_plain(index)
        self._refuse_late_extras(index)
        return columns

    def _owed(self, index: int) -> tuple[Ratio, bool]:
        """The interest of the period on the balance, and whether something changed in it."""
        cut = self._plan.cuts.get(index)
        self._beside = 0, Fraction(0)
        if cut is None:
            above, below = self._factors[index]
            if self._flat is not None:
                self._flat.bear((self._lent * above, below))
            return (self._balance * above, below), False
        return self._enter(index, cut)

    def _enter(self, index: int, cut: Cut) -> tuple[Ratio, bool]:
        changed = cut.rate_after is not None
        interest = borne = spared = Fraction(0)
        beside = 0
        openings = self._columns.openings.setdefault(index, [])
        for number, piece in enumerate(cut.pieces):
            if piece.disbursed:
                self._lent += piece.disbursed
                self._balance += piece.disbursed
                self._pay_down(index, number, piece.disbursed, 0)
                changed = True
            for extra in piece.extra:
                self._take_extra(index, number, extra)
                if extra.effect is ExtraEffect.LOWER:
                    changed = True
                else:
                    beside += extra.amount
            openings.append(self._balance)
            interest += self._balance * piece.factor
            spared += beside * piece.factor
            borne += self._lent * piece.factor
        if cut.rate_after is not None:
            self._factors[index + 1 :] = self._plan.factors(cut.rate_after, index + 1)
            self._sums, self._is_rate_set = [], False
        if self._flat is not None:
            self._flat.bear((borne.numerator, borne.denominator))
        # What ends the loan earlier or pays ahead does not lower an installment that is set in the same period.
        self._beside = beside, spared
        return (interest.numerator, interest.denominator), changed

    def _flat_interest(self, index: int, owed: Ratio, *, is_new: bool) -> tuple[int, Ratio]:
        assert self._flat is not None
        if is_new:
            self._flat.spread(index, self._lent, self._factors[index + 1 :])
        is_charged = self._balance > 0 or owed[0] > 0
        self._columns.flat_parts.append(self._flat.part if is_charged else (0, 1))
        if not is_charged:
            return 0, (0, 1)
        return (interest := self._flat.charge(index)), (interest, 1)

    def _take_extra(self, index: int, piece: int, extra: ExtraPayment) -> None:
        if extra.amount > self._balance:
            raise ExtraPaymentTooLarge(field="extra_payments", on=extra.on, left=self._balance)
        self._balance -= extra.amount
        self._columns.asides.append(Aside(index, piece, extra.amount, self._balance, extra))
        if extra.effect is ExtraEffect.ADVANCE:
            self._credit += extra.amount
        elif extra.effect is ExtraEffect.SHORTEN:
            self._is_shortened = True

    def _pay_down(self, index: int, piece: int, lent: int, amount: int) -> None:
        share = self._terms.down_payment_share
        paid = amount + (self._to_cent(share.numerator * lent, share.denominator) if share else 0)
        if paid:
            # It never was lent for longer than a moment, so flat interest is not charged on it.
            self._lent -= paid
            self._balance -= paid
            self._columns.asides.append(Aside(index, piece, paid, self._balance))

    def _set(self, index: int, owed: Ratio) -> None:
        """Set the installment, or the principal in it, from the row on."""
        terms = self._terms
        if terms.amortization in {Amortization.BULLET, Amortization.FIXED_INSTALLMENT}:
            return
        first = min(max(index, terms.principal_grace), self._count - 1)
        rows = self._count - first
        beside, spared = self._beside
        balance = self._balance + beside
        if not terms.is_level:
            self._setting = set_principal(terms, index, balance, rows)
        elif self._flat is not None:
            above, below = self._flat.left
            # Installments before the first that repays take their parts of the interest with them.
            part, unit = self._flat.part
            before = max(0, first - max(index, terms.interest_free))
            left = Fraction(above, below) - before * Fraction(part, unit)
            debt = Debt(balance, (left.numerator, left.denominator), [(0, 1)] * (rows - 1))
            self._setting = set_level(terms, index, debt)
        else:
            if first > index:
                above, below = self._factors[first]
                owed = balance * above, below
            elif spared:
                whole = Fraction(*owed) + spared
                owed = whole.numerator, whole.denominator
            # Set again and again at one rate, in every row at worst, it takes sums that are kept.
            sums = partial(self._sums_from, first + 1) if self._is_rate_set else None
            self._is_rate_set = True
            self._setting = set_level(terms, index, Debt(balance, owed, self._factors[first + 1 :], sums))
        self._columns.settings.append(self._setting)

    def _sums_from(self, index: int) -> Sums:
        if not self._sums:
            self._sums = sums_from(self._factors)
        return self._sums[index]

    def _principal(self, index: int, interest: int, owed: Ratio) -> int:
        """What the installment repays; below zero where its interest is more than the installment."""
        terms, last = self._terms, self._count - 1
        if index < min(terms.principal_grace, last):
            return 0
        if terms.amortization is Amortization.FIXED_INSTALLMENT:
            return self._fixed(index, interest)
        if index == last:
            return self._balance
        return 0 if self._setting is None else self._within(self._regular(self._setting, interest, owed))

    def _regular(self, setting: Setting, interest: int, owed: Ratio) -> int:
        terms = self._terms
        if terms.is_level:
            return setting.amount - interest
        if terms.multiple == 1:
            return setting.amount
        part, rows = setting.exact
        total = part * owed[1] + owed[0] * rows, rows * owed[1]
        return max(round_ratio(*total, terms.rounds_installments, multiple=terms.multiple) - interest, 0)

    def _within(self, part: int) -> int:
        """At most what may be repaid before the last installment, less what was paid in advance."""
        if self._credit and part > 0:
            used = min(self._credit, part)
            self._credit -= used
            part -= used
        left = self._balance - self._terms.balloon
        if part < left:
            return part
        return self._balance if self._is_shortened else max(left, 0)

    def _fixed(self, index: int, interest: int) -> int:
        terms = self._terms
        amount = terms.fixed_installment or 0
        if interest > amount or (interest == amount and terms.installments is None):
            raise InstallmentTooSmall(field="fixed_installment", installment=index + 1, interest=interest)
        part = self._within(amount - interest)
        if index == self._count - 1 and part < self._balance:
            if terms.installments is None:
                raise Unfinished
            return self._balance
        return part

    def _is_plain_from(self, index: int) -> bool:
        terms = self._terms
        return (
            terms.is_level
            and self._flat is None
            and index >= terms.principal_grace
            and not self._credit
            and not (self._is_shortened and terms.balloon)
        )

    def _walk_plain(self, index: int) -> int:
        """The same for rows in which nothing happens, as fast as it goes. The index of the first row that it leaves to others."""
        columns, terms = self._columns, self._terms
        installment = terms.fixed_installment
        if installment is None:
            assert self._setting is not None
            installment = self._setting.amount
        stop = min((each for each in self._plan.cuts if each >= index), default=self._count)
        to_cent, balance, balloon = self._to_cent, self._balance, terms.balloon
        add_interest, add_principal, add_balance = columns.interest.append, columns.principal.append, columns.balance.append
        for above, below in self._factors[index : min(stop, self._count - 1)]:
            interest = to_cent(balance * above, below)
            principal = installment - interest
            left = balance - principal
            if principal <= 0 or left <= balloon:
                break
            balance = left
            add_interest(interest)
            add_principal(principal)
            add_balance(balance)
            index += 1
        self._balance = balance
        return index

    def _refuse_late_extras(self, paid: int) -> None:
        for index, cut in self._plan.cuts.items():
            extras = [extra for piece in cut.pieces for extra in piece.extra]
            if extras and index >= paid and index not in self._columns.openings:
                raise ExtraPaymentTooLarge(field="extra_payments", on=extras[0].on, left=0)
