"""The bugs that tests plant into the processes that they start: each is one promise left out. The product has no switch for them.

A bug is a function that patches what is imported; `launch.py` calls it in the forked process before anything runs.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from actors.ledger import actor as ledger_actor
from actors.ledger.rules import holding
from actors.ledger.rules.state import AccountState
from actors.ledger.store import Store
from runtime import database, inbox, parking, performer
from runtime.desks import StreamDesk
from runtime.mailbox import Answers, Letter
from runtime.outbox import addressed
from runtime.performer import Performer
from runtime.reconciler import Reconciler

POISON = "kill whoever reads this"
NOTHING_SAID: tuple[list[Any], list[str], bytes] = ([], [], b"")
WINDOW_SECONDS = 0.03
"""Between looking and acting, where a bug needs the world to move on."""


def acks_before_commit() -> None:
    """A message is acknowledged when it arrives."""
    acknowledge, arrived = Answers.acknowledge, StreamDesk.arrived

    def arrives(self: StreamDesk, letter: Letter) -> None:
        arrived(self, letter)
        acknowledge(self.answers, [letter])

    _patch(Answers, "acknowledge", lambda _self, _letters: None)
    _patch(StreamDesk, "arrived", arrives)


def forgets_what_it_handled() -> None:
    """No key is written into the inbox."""
    record = inbox.record

    async def record_nothing(transaction: Any, actor: str, _handled: Any, said: Any) -> int | None:
        return await record(transaction, actor, [], said)

    _patch(inbox, "record", record_nothing)


def skips_rows_of_the_outbox() -> None:
    """Of seven turns that say something, one writes nothing down."""
    row, turns = _taken(performer, "row"), iter(range(10**9))

    def row_or_nothing(envelopes: Any, topology: Any) -> Any:
        return NOTHING_SAID if envelopes and next(turns) % 7 == 0 else row(envelopes, topology)

    _patch(performer, "row", row_or_nothing)


def tells_from_memory() -> None:
    """Events are published after the commit, and written down nowhere."""
    commit, say = Performer._commit, _taken(performer, "row")

    async def commit_and_tell(self: Performer, *arguments: Any) -> None:
        told: list[Any] = []

        def keep_in_memory(envelopes: Any, topology: Any) -> Any:
            told.extend(addressed(envelopes, topology)[0])
            return NOTHING_SAID

        _patch(performer, "row", keep_in_memory)
        await commit(self, *arguments)
        _patch(performer, "row", say)
        if told:
            self._around.relay.committed(0, told)

    _patch(Performer, "_commit", commit_and_tell)


def replies_before_commit() -> None:
    """Whoever asked is told that it is done when it is not yet."""
    commit = Performer._commit

    async def reply_and_commit(self: Performer, transaction: Any, pairs: Any, due: Any, now: Any) -> None:
        for said, outcome in pairs:
            self._around.relay._bus.reply(said.envelope, outcome.kind, outcome.body)
        await asyncio.sleep(WINDOW_SECONDS)
        await commit(self, transaction, pairs, due, now)

    _patch(Performer, "_commit", reply_and_commit)


def checks_a_stale_balance() -> None:
    """Looks at balances without a lock, decides by them, and adds to what is there by then."""
    load_book, available = Store.load_book, _taken(AccountState, "available").fget
    drift: dict[Any, int] = {}

    async def look_and_load(self: Store, db: Any, needs: Any, now: Any) -> Any:
        look = self.sql["lock_accounts"].replace("FOR UPDATE OF a", "")
        seen = [AccountState(*row) for row in await db.fetch(look, list(needs.accounts))]
        await asyncio.sleep(WINDOW_SECONDS)
        book = await load_book(self, db, needs, now)
        for account in seen:
            drift[account.account_id] = 0
            drift[account.account_id] = available(account) - available(book.accounts[account.account_id])
        return book

    _patch(Store, "load_book", look_and_load)
    _patch(AccountState, "available", property(lambda account: available(account) + drift.get(account.account_id, 0)))


def locks_as_it_comes() -> None:
    """Takes the locks of a batch in any order."""
    load_book = Store.load_book

    async def lock_and_load(self: Store, db: Any, needs: Any, now: Any) -> Any:
        accounts = list(needs.accounts)
        random.shuffle(accounts)
        for account in accounts:
            await db.execute("SELECT FROM ledger.account WHERE account_id = $1 FOR UPDATE", account)
            await asyncio.sleep(WINDOW_SECONDS / 6)
        return await load_book(self, db, needs, now)

    _patch(Store, "load_book", lock_and_load)


def believes_the_headers() -> None:
    """How often a message was begun is read from a header, which nobody writes."""

    async def first_time(*_: Any) -> int:
        return 1

    _patch(parking, "count_start", first_time)


def counts_a_hold_twice() -> None:
    """Twice the amount is set aside."""
    place_hold = holding.place_hold

    def place_twice(book: Any, command: Any, *rest: Any) -> Any:
        hold = place_hold(book, command, *rest)
        book.accounts[hold.account_id].held += hold.amount
        return hold

    _patch(holding, "place_hold", place_twice)


def commits_without_waiting() -> None:
    """synchronous_commit=off: a COMMIT is answered before it is on the disk."""
    create_pool = asyncpg.create_pool

    def create_hasty_pool(*arguments: Any, server_settings: dict[str, str], **rest: Any) -> Any:
        return create_pool(*arguments, server_settings={**server_settings, "synchronous_commit": "off"}, **rest)

    _patch(asyncpg, "create_pool", create_hasty_pool)


def impatient() -> None:
    """No bug: locks of the dead are given up in seconds, so that a test need not wait for them."""
    _patch(database, "LOCK_SECONDS", 1)
    _patch(database, "IDLE_SECONDS", 2)


def dies_of_poison() -> None:
    """No bug of the runtime: there is a message that ends the process that decides it, as a fault in a C library would."""
    decide = _taken(ledger_actor, "decide")

    def decide_or_die(book: Any, message: Any, *rest: Any) -> Any:
        if getattr(message, "description", "") == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        return decide(book, message, *rest)

    _patch(ledger_actor, "decide", decide_or_die)


def dies_on_a_new_broker() -> None:
    """No bug: the process dies when it has made the queues of an empty broker, before it has said anything again."""

    async def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    _patch(Reconciler, "broker_was_made_anew", die)


def _taken(owner: object, name: str) -> Any:
    return getattr(owner, name)


def _patch(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


BUGS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        acks_before_commit,
        forgets_what_it_handled,
        skips_rows_of_the_outbox,
        tells_from_memory,
        replies_before_commit,
        checks_a_stale_balance,
        locks_as_it_comes,
        believes_the_headers,
        counts_a_hold_twice,
        commits_without_waiting,
        impatient,
        dies_of_poison,
        dies_on_a_new_broker,
    )
}


def plant(names: Iterable[str]) -> None:
    """Plant these. KeyError for an unknown one."""
    for name in names:
        BUGS[name]()
