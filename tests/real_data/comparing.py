"""Compares the bank with the records: every account with the signed sum of its rows, all of it, and the books with themselves."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.real_data.over_http import Counter, decimal
from tests.real_data.records import CURRENCY, Records


@dataclass(slots=True)
class Found:
    """What the bank says, and where it differs."""

    accounts: int = 0
    balance: str = ""
    """The sum over the accounts."""
    postings: int = 0
    """On the accounts."""
    net: str = ""
    """Of the trial balance in the currency: debits less credits."""
    books: list[tuple[str, str, str]] = field(default_factory=list)
    """The trial balance: code, name, net."""
    differences: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


async def compare(counter: Counter, records: Records, accounts: dict[int, str]) -> Found:
    """Look at everything."""
    found = Found()
    held = await _held(counter)
    total = Decimal()
    for history in records.accounts:
        account_id = accounts[history.account_id]
        balance, postings = held.get(account_id, ("not there", 0))
        if balance != decimal(history.balance):
            found.differences.append(f"account {history.account_id} holds {balance}, its rows {decimal(history.balance)}")
            continue
        if postings != len(history.movements):
            found.differences.append(f"account {history.account_id} has {postings} postings for {len(history.movements)} rows")
        total += Decimal(balance)
        found.postings += postings
    found.accounts, found.balance = len(records.accounts), f"{total:.2f}"
    if found.balance != decimal(records.balance):
        found.differences.append(f"all accounts hold {found.balance}, all rows {decimal(records.balance)}")
    await _look_at_the_books(counter, found)
    return found


async def _held(counter: Counter) -> dict[str, tuple[str, int]]:
    """Balance and number of postings of every account, a page at a time."""
    held: dict[str, tuple[str, int]] = {}
    cursor: dict[str, str] = {}
    while True:
        page = await counter.get("/accounts", kind="savings", limit=200, **cursor)
        held |= {each["account_id"]: (each["balance"]["amount"], each["last_seq"]) for each in page["items"]}
        if page.get("next_cursor") is None:
            return held
        cursor = {"cursor": page["next_cursor"]}


async def _look_at_the_books(counter: Counter, found: Found) -> None:
    books = await counter.get("/trial-balance")
    found.net = next(each["net"] for each in books["totals"] if each["currency"] == CURRENCY)
    found.books = [(each["gl_code"], each["name"], each["net"]) for each in books["rows"] if each["currency"] == CURRENCY]
    if Decimal(found.net) != 0 or not books["balanced"]:
        found.differences.append(f"the trial balance is {found.net}: {books['differences'][:5]}")
    proof = await counter.get("/trial-balance/proof")
    if not proof["proven"]:
        found.differences.append(f"the books do not agree with themselves: {proof['differences'][:5]}")
