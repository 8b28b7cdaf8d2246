"""Proving who one is: the password again, and the code of an authenticator or a recovery code, each of which counts once.

A code is judged and counted in a transaction of its own, so that a wrong one stays counted although its turn ends in a refusal; the
row of the authenticator is locked meanwhile, so that of many tries at once, in whatever process, one is the first.
"""

import logging
from math import ceil
from uuid import UUID

from pydantic import SecretStr

from actors.identity.handlers.attempts import Attempts
from actors.identity.rules import passwords, recovery_codes, totp
from actors.identity.rules.guessing import locked_for
from actors.identity.rules.lockout import target_of
from actors.identity.rules.sealing import SealBroken, unseal
from actors.identity.rules.totp import Judged, Verdict
from actors.identity.store import Factor, Transaction
from messages.base import Event, Refusal, Unauthenticated
from messages.identity import (
    CurrentPasswordWrong,
    MfaCodeWrong,
    MfaIsLocked,
    MfaIsOff,
    MfaLocked,
    NeedsALogin,
    RecoveryCodeUsed,
)
from messages.ids import UserId
from runtime.actor import Turn
from runtime.principal import Principal

log = logging.getLogger("coffer.identity")


class Proving(Attempts):
    """Has users prove who they are."""

    async def prove_password(self, turn: Turn, user_id: UUID, password: SecretStr) -> str:
        """The hash of the password that a user typed again. Refused where it is another's."""
        counted = target_of("password", str(user_id), self.attempts_key)
        async with self.place_to_hash():
            async with turn.apart() as db:
                known = await self.store.password_of(db, user_id)
                await self.begin_attempt(db, counted, turn.now)
            if known is None:
                raise Unauthenticated
            password_hash = known[1]
            if not await self.on_thread(lambda: passwords.matches(password.get_secret_value(), password_hash)):
                raise CurrentPasswordWrong(field="password")
        async with turn.apart() as db:  # it was no guess, whatever becomes of the rest
            await self.store.forget_failures(db, counted)
        return password_hash

    async def prove_code_if_due(self, turn: Turn, user_id: UUID, code: SecretStr) -> bool:
        """Whether a code was due and was right. Refused where it was wrong."""
        async with turn.apart() as db:
            due = await self.factors.is_due(db, user_id)
        if due:
            await self.prove_code(turn, user_id, code)
        return due

    async def prove_code(self, turn: Turn, user_id: UUID, code: SecretStr) -> None:
        """Count a code as used. Refused where it is wrong, was used, or none is looked at for now."""
        async with turn.apart_telling(turn.said) as (db, events):
            refusal = await self._count_code(db, turn, UserId(user_id), code.get_secret_value(), events)
        if refusal is not None:
            raise refusal

    async def _count_code(self, db: Transaction, turn: Turn, user_id: UserId, code: str, events: list[Event]) -> Refusal | None:
        factor = await self.factors.lock(db, user_id)
        if factor is None or factor.confirmed_at is None:
            return MfaIsOff()
        if factor.locked_until is not None and turn.now < factor.locked_until:
            return MfaIsLocked(retry_after_seconds=ceil((factor.locked_until - turn.now).total_seconds()))
        if recovery_codes.is_recovery_code(code):
            judged = await self._judge_recovery_code(db, turn, user_id, code, events)
        else:
            judged = self.judge_code(factor, turn, user_id, code)
        match judged.verdict:
            case Verdict.RIGHT:
                by = None if judged.step is None else turn.message_id
                await self.factors.code_was_right(db, user_id, judged.step, by)
                return None
            case Verdict.USED:
                return MfaCodeWrong(field="code")
            case Verdict.WRONG:
                failures, lasts = factor.failures + 1, locked_for(factor.failures + 1)
                locked_until = None if lasts is None else turn.now + lasts
                await self.factors.code_was_wrong(db, user_id, failures, locked_until)
                if locked_until is not None:
                    events.append(MfaLocked(user_id=user_id, failures=failures, locked_until=locked_until))
                return MfaCodeWrong(field="code")

    def judge_code(self, factor: Factor, turn: Turn, user_id: UUID, code: str) -> Judged:
        """What an authenticator's code is worth. The message that brought the last one may bring it again: its answer was lost."""
        try:
            secret = unseal(factor.sealed, seal_name(user_id), self.secret)
        except SealBroken:
            log.warning("an authenticator's secret does not open", extra={"user_id": str(user_id)})
            return Judged(Verdict.WRONG)
        judged = totp.judge(secret, code, turn.now, factor.last_step)
        if judged.verdict is Verdict.USED and factor.last_by == turn.message_id:
            return Judged(Verdict.RIGHT, factor.last_step)
        return judged

    async def _judge_recovery_code(
        self, db: Transaction, turn: Turn, user_id: UserId, code: str, events: list[Event]
    ) -> Judged:
        code_hash = recovery_codes.hash_of(code, user_id)
        known = await self.factors.recovery_code(db, user_id, code_hash)
        if known is None:
            return Judged(Verdict.WRONG)
        used_at, used_by = known
        if used_at is not None:
            return Judged(Verdict.RIGHT if used_by == turn.message_id else Verdict.USED)
        await self.factors.use_recovery_code(db, user_id, code_hash, turn.now, turn.message_id)
        left = await self.factors.recovery_codes_left(db, user_id)
        events.append(RecoveryCodeUsed(user_id=user_id, left=left))
        return Judged(Verdict.RIGHT)


def seal_name(user_id: UUID) -> str:
    """What an authenticator's secret is sealed to."""
    return f"totp {user_id}"


def who_logged_in(principal: Principal) -> UserId:
    """The user who speaks, from a login. Refused for others, and for a program with a user's key."""
    try:
        if principal.kind == "user" and principal.only is None:
            return UserId(UUID(principal.id))
    except ValueError:
        pass
    raise NeedsALogin
