"""What each command that moves money means, as moves on the book. Each answers the booked entry, known or new.

The order of questions is the same everywhere: may they see the account, is the entry known already, does it fit, does the
account bear it. An entry that is known is answered even where an account has been closed or frozen since.
"""

from typing import Literal

from actors.ledger.rules.book import Book, Move, Mover
from actors.ledger.rules.chart import cash_account_id
from actors.ledger.rules.state import AccountState, Booked, Terms
from messages.ids import AccountId
from messages.ledger import (
    AccountKindRefused,
    AccountNotFound,
    AlreadyReversed,
    CurrencyMismatch,
    CurrencyNotAdopted,
    Deposit,
    EntryNotFound,
    EntryOrder,
    EntryUnbalanced,
    MemberIsSuspended,
    PostEntry,
    ReversalIsFinal,
    ReverseEntry,
    SameAccount,
    Transfer,
    Withdraw,
)
from messages.money import to_decimal

DEPOSIT_KINDS = frozenset({"savings", "current", "share_capital"})
"""Members' own money: what transfers, cash and holds are about."""


def transfer(book: Book, command: Transfer, mover: Mover) -> Booked:
    """Debit one, credit the other. Loan accounts move through the loan; a member does not see the institution's accounts."""
    source = book.account(command.from_account_id, "from_account_id", mover.near)
    minor = command.amount.minor
    entry_id = command.entry_id or mover.entry_id
    terms = Terms("transfer", command.description, command.reference, command.value_date)
    booked = book.known(entry_id, [(command.from_account_id, minor), (command.to_account_id, -minor)], terms)
    if booked is not None:
        return booked
    if command.from_account_id == command.to_account_id:
        raise SameAccount(field="to_account_id")
    target = book.account(command.to_account_id, "to_account_id")
    if mover.near is not None and target.member_id is None:
        raise AccountNotFound(field="to_account_id", account_id=target.account_id)
    for account, field in ((source, "from_account_id"), (target, "to_account_id")):
        if account.kind == "loan":
            raise AccountKindRefused("A loan account moves through its loan.", field=field)
    if source.currency != command.amount.currency:
        raise CurrencyMismatch(field="amount", currency=source.currency)
    if target.currency != command.amount.currency:
        raise CurrencyMismatch("The two accounts are in different currencies.", field="to_account_id", currency=target.currency)
    if source.is_suspended:
        raise MemberIsSuspended(field="from_account_id")
    moves = [Move(source, minor, "from_account_id", "amount"), Move(target, -minor, "to_account_id", "amount")]
    return book.post(entry_id, moves, terms, mover.posted_by)


def deposit(book: Book, command: Deposit, mover: Mover) -> Booked:
    """Debit the channel, credit the account."""
    return _move_cash(book, command, mover, "deposit")


def withdraw(book: Book, command: Withdraw, mover: Mover) -> Booked:
    """Debit the account, credit the channel."""
    return _move_cash(book, command, mover, "withdrawal")


def post_entry(book: Book, command: PostEntry | EntryOrder, mover: Mover) -> Booked:
    """An entry of the staff's or another actor's making: any accounts, any side, balanced per currency."""
    moves: list[Move] = []
    sums: dict[str, int] = {}
    for number, order in enumerate(command.postings):
        account_field, amount_field = f"postings.{number}.account_id", f"postings.{number}.amount"
        account = book.account(order.account_id, account_field, mover.near)
        if account.currency != order.amount.currency:
            raise CurrencyMismatch(field=amount_field, currency=account.currency)
        minor = order.amount.minor if order.side == "debit" else -order.amount.minor
        sums[account.currency] = sums.get(account.currency, 0) + minor
        moves.append(Move(account, minor, account_field, amount_field))
    entry_id = command.entry_id or mover.entry_id
    terms = Terms("entry", command.description, command.reference, command.value_date)
    booked = book.known(entry_id, [(move.account.account_id, move.amount) for move in moves], terms)
    if booked is not None:
        return booked
    for currency, net in sums.items():
        if net:
            raise EntryUnbalanced(field="postings", currency=currency, debits_less_credits=to_decimal(net, currency))
    if len({move.account.account_id for move in moves}) == 1:
        raise SameAccount(field="postings.1.account_id")
    return book.post(entry_id, moves, terms, mover.posted_by)


def reverse_entry(book: Book, command: ReverseEntry, mover: Mover) -> Booked:
    """A counter-entry, once. Limits do not stand in its way; floors, freezes and closed accounts do."""
    original = book.entries.get(command.entry_id)
    if original is None or (mover.near is not None and any(leg.member_id not in mover.near for leg in original.legs)):
        raise EntryNotFound(field="entry_id", entry_id=command.entry_id)
    if original.reverses is not None:
        raise ReversalIsFinal(field="entry_id")
    if original.reversed_by is not None:
        raise AlreadyReversed(field="entry_id", reversed_by=original.reversed_by)
    book.check_new(mover.entry_id)
    moves = [Move(book.account(leg.account_id, "entry_id"), -leg.amount, "entry_id", "entry_id") for leg in original.legs]
    terms = Terms("reversal", command.reason, None, command.value_date)
    booked = book.post(mover.entry_id, moves, terms, mover.posted_by, reverses=original.entry_id, counts=False)
    original.reversed_by = booked.entry_id
    return booked


def channel_of(command: Deposit | Withdraw) -> AccountId:
    """The internal account by which the money comes or goes."""
    return command.channel_account_id or cash_account_id(command.amount.currency)


def _move_cash(book: Book, command: Deposit | Withdraw, mover: Mover, kind: Literal["deposit", "withdrawal"]) -> Booked:
    account = book.account(command.account_id, "account_id", mover.near)
    minor = command.amount.minor if kind == "withdrawal" else -command.amount.minor
    entry_id = command.entry_id or mover.entry_id
    sides = [(command.account_id, minor), (channel_of(command), -minor)]
    if kind == "deposit":
        sides.reverse()
    terms = Terms(kind, command.description, command.reference, command.value_date)
    booked = book.known(entry_id, sides, terms)
    if booked is not None:
        return booked
    channel = _channel(book, command, account, mover)
    if kind == "withdrawal" and account.is_suspended:
        raise MemberIsSuspended(field="account_id")
    moves = [Move(account, minor, "account_id", "amount"), Move(channel, -minor, "channel_account_id", "amount")]
    if kind == "deposit":
        moves.reverse()
    return book.post(entry_id, moves, terms, mover.posted_by)


def _channel(book: Book, command: Deposit | Withdraw, account: AccountState, mover: Mover) -> AccountState:
    """The channel account, when both fit."""
    if account.kind not in DEPOSIT_KINDS:
        raise AccountKindRefused("Cash goes to and from savings, current and share capital accounts.", field="account_id")
    if account.currency != command.amount.currency:
        raise CurrencyMismatch(field="amount", currency=account.currency)
    channel_id = channel_of(command)
    if command.channel_account_id is None and channel_id not in book.accounts:
        raise CurrencyNotAdopted(field="amount", currency=command.amount.currency)
    channel = book.account(channel_id, "channel_account_id")
    if mover.near is not None and command.channel_account_id is not None:
        raise AccountNotFound(field="channel_account_id", account_id=channel_id)
    if channel.kind != "internal":
        raise AccountKindRefused("A channel is one of the institution's own accounts.", field="channel_account_id")
    if channel.currency != command.amount.currency:
        raise CurrencyMismatch(field="channel_account_id", currency=channel.currency)
    return channel
