"""Two accounts behave like two purses: the simplest model that could be right decides what must be taken and what refused."""

from collections.abc import Callable
from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from messages.base import Message, Refusal
from messages.ids import HoldId
from messages.ledger import Deposit, PlaceHold, PostHold, Transfer, VoidHold, Withdraw
from tests.actors.ledger.shelf import SPACE, Shelf, account, account_id, cash, minor

SAVINGS, CURRENT = account_id("savings"), account_id("current")


class Purses:
    """What is in each, what is reserved in the first, and how far down each may go."""

    def __init__(self, overdraft: int) -> None:
        self.savings = self.current = 0
        self.overdraft = overdraft
        self.held: list[tuple[HoldId, int]] = []

    @property
    def free(self) -> int:
        """What can be taken from the first."""
        return self.savings - sum(amount for _, amount in self.held)

    def deposit(self, amount: int, _new: HoldId) -> tuple[Message, bool]:
        self.savings += amount
        return Deposit(account_id=SAVINGS, amount=minor(amount)), True

    def withdraw(self, amount: int, _new: HoldId) -> tuple[Message, bool]:
        fits = amount <= self.free
        self.savings -= amount * fits
        return Withdraw(account_id=SAVINGS, amount=minor(amount)), fits

    def there(self, amount: int, _new: HoldId) -> tuple[Message, bool]:
        fits = amount <= self.free
        self.savings -= amount * fits
        self.current += amount * fits
        return Transfer(from_account_id=SAVINGS, to_account_id=CURRENT, amount=minor(amount)), fits

    def back(self, amount: int, _new: HoldId) -> tuple[Message, bool]:
        fits = amount <= self.current + self.overdraft
        self.savings += amount * fits
        self.current -= amount * fits
        return Transfer(from_account_id=CURRENT, to_account_id=SAVINGS, amount=minor(amount)), fits

    def hold(self, amount: int, new: HoldId) -> tuple[Message, bool]:
        fits = amount <= self.free
        if fits:
            self.held.append((new, amount))
        return PlaceHold(account_id=SAVINGS, amount=minor(amount)), fits

    def pay(self, amount: int, new: HoldId) -> tuple[Message, bool]:
        if not self.held:
            return self.deposit(amount, new)
        hold_id, held = self.held.pop()
        paid = min(amount, held)
        self.savings -= paid
        self.current += paid
        return PostHold(hold_id=hold_id, to_account_id=CURRENT, amount=minor(paid)), True

    def free_again(self, amount: int, new: HoldId) -> tuple[Message, bool]:
        if not self.held:
            return self.deposit(amount, new)
        return VoidHold(hold_id=self.held.pop()[0]), True


Doing = Callable[[Purses, int, HoldId], tuple[Message, bool]]

moves: st.SearchStrategy[Doing] = st.sampled_from(
    (Purses.deposit, Purses.withdraw, Purses.there, Purses.back, Purses.hold, Purses.pay, Purses.free_again)
)


@given(said=st.lists(st.tuples(moves, st.integers(1, 200)), max_size=40), overdraft=st.integers(0, 200))
def test_two_accounts_behave_like_two_purses(said: list[tuple[Doing, int]], overdraft: int) -> None:
    shelf = Shelf(cash(), account("savings"), account("current", kind="current", floor=-overdraft))
    purses = Purses(overdraft)
    for number, (move, amount) in enumerate(said):
        message_id = uuid5(SPACE, f"message {number}")
        message, fits = move(purses, amount, HoldId(uuid5(message_id, "hold")))
        (answer,) = shelf.batch([(message_id, message)])
        if isinstance(answer, Refusal):
            assert not fits
            assert (answer.rule, answer.field) == ("insufficient_funds", "amount")
        else:
            assert fits
        assert (-shelf["savings"].balance, -shelf["current"].balance) == (purses.savings, purses.current)
        assert shelf["savings"].held == sum(held for _, held in purses.held)


@given(amounts=st.lists(st.integers(1, 200), min_size=1, max_size=20), limit=st.integers(1, 500))
def test_no_more_is_taken_in_a_day_than_the_daily_limit(amounts: list[int], limit: int) -> None:
    shelf = Shelf(cash(), account("savings", balance=-10_000, daily_limit=limit))
    for number, amount in enumerate(amounts):
        left = limit - shelf["savings"].taken
        (answer,) = shelf.batch([(uuid5(SPACE, f"day {number}"), Withdraw(account_id=SAVINGS, amount=minor(amount)))])
        assert isinstance(answer, Refusal) == (amount > left)
    assert shelf["savings"].taken <= limit
    shelf.later(days=1)
    shelf.says(Withdraw(account_id=SAVINGS, amount=minor(1)))
    assert shelf["savings"].taken == 1
