"""Attempts at passwords: counted before they are made, in a transaction of their own, so that no refusal undoes the count."""

from datetime import datetime, timedelta
from math import ceil

from actors.identity.handlers.signing import Signing
from actors.identity.rules.lockout import Policy, Target, one_more, waits_until
from actors.identity.rules.sealing import attempts_key
from actors.identity.store import Transaction
from messages.identity import TooManyAttempts


class Attempts(Signing):
    """Counts attempts."""

    @property
    def attempts_key(self) -> bytes:
        """What names and addresses are hashed with, and device tokens signed."""
        return attempts_key(self.secret)

    def policy_of(self, target: Target) -> Policy:
        """What is let through there."""
        settings = self.settings
        return Policy(
            after=settings.lockout_address_after if target.kind == "address" else settings.lockout_after,
            first=timedelta(seconds=settings.lockout_first_seconds),
            longest=timedelta(seconds=settings.lockout_longest_seconds),
            forget_after=timedelta(minutes=settings.lockout_forget_minutes),
        )

    async def begin_attempt(self, db: Transaction, target: Target, now: datetime) -> datetime | None:
        """Count an attempt as failed, for of many at once each must count, until it is known that it was none.

        When it has just used up what is let through: until when the next must wait. TooManyAttempts where this one must.
        """
        failures = await self.store.lock_failures(db, target, now)
        if (until := waits_until(failures, now)) is not None:
            raise must_wait(until, now)
        more = one_more(failures, now, self.policy_of(target))
        await self.store.write_failures(db, target, more)
        return more.locked_until

    async def count_failure(self, db: Transaction, target: Target, now: datetime) -> None:
        """Count an attempt that failed, where not every one of many at once need count."""
        failures = await self.store.lock_failures(db, target, now)
        await self.store.write_failures(db, target, one_more(failures, now, self.policy_of(target)))
        await self.store.clean_failures(db, now - timedelta(minutes=self.settings.lockout_forget_minutes))

    async def refuse_waiting(self, db: Transaction, target: Target, now: datetime) -> None:
        """TooManyAttempts where nothing is tried there for now."""
        if (until := waits_until(await self.store.failures(db, target, now), now)) is not None:
            raise must_wait(until, now)


def must_wait(until: datetime, now: datetime) -> TooManyAttempts:
    """The refusal of an attempt before its time."""
    return TooManyAttempts(retry_after_seconds=max(1, ceil((until - now).total_seconds())))
