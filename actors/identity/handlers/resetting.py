"""Forgotten passwords: asked for by anybody, mailed to their user alone, used once.

Whoever asks gets the same answer after the same work, whether there is such a user or not: what differs is done afterwards.
"""

from datetime import timedelta

from actors.identity.handlers.api_keys import end_api_keys
from actors.identity.handlers.mailing import Mailing
from actors.identity.rules.lockout import target_of
from messages.base import Done
from messages.identity import (
    BeginPasswordReset,
    RequestPasswordReset,
    ResetPassword,
    ResetToken,
    ResetTokenInvalid,
    SessionsEnded,
    TooManyAttempts,
    VerifyResetToken,
)
from messages.ids import UserId
from runtime.actor import Turn, handles


class Resetting(Mailing):
    """Lets in who forgot the password."""

    @handles
    async def request_password_reset(self, command: RequestPasswordReset, turn: Turn) -> Done:
        turn.later(BeginPasswordReset(username=command.username), turn.now, step="reset")
        return Done()

    @handles
    async def begin_password_reset(self, command: BeginPasswordReset, turn: Turn) -> Done:
        name = command.username.lower()
        async with turn.apart() as db:
            known = await self.store.credentials(db, name)
            try:
                await self.begin_attempt(db, target_of("reset", name, self.attempts_key), turn.now)
            except TooManyAttempts:
                return Done()
        if known is None or "@" not in name:
            return Done()
        user_id, reset_id = UserId(known[0]), turn.derive("reset")
        token_hash = self.mailed_hash("password_reset", reset_id)
        expires_at = turn.now + timedelta(minutes=self.settings.reset_minutes)
        if await self.store.begin_reset(turn, user_id, reset_id, token_hash, turn.now, expires_at):
            self.want_mail(turn, "password_reset", reset_id, user_id, name)
        return Done()

    @handles
    async def verify_reset_token(self, query: VerifyResetToken, turn: Turn) -> ResetToken:
        token_hash = self.presented_hash(query.token)
        reset = None if token_hash is None else await self.store.open_reset(turn, token_hash, turn.now)
        if reset is None:
            raise ResetTokenInvalid(field="token")
        return ResetToken(expires_at=reset.expires_at)

    @handles
    async def reset_password(self, command: ResetPassword, turn: Turn) -> SessionsEnded:
        token_hash = self.presented_hash(command.token)
        if token_hash is None:
            raise ResetTokenInvalid(field="token")
        async with self.place_to_hash():
            async with turn.apart() as db:
                reset = await self.store.open_reset(db, token_hash, turn.now)
                if reset is None:
                    raise ResetTokenInvalid(field="token")
                former = await self.store.former_passwords(db, reset.user_id, self.settings.password_history)
            former = [reset.password_hash, *former]
            new_hash = await self.chosen(reset.username, command.new_password, field="new_password", former=former)
        if not await self.store.use_reset(turn, token_hash, turn.now):
            raise ResetTokenInvalid(field="token")  # somebody else was faster
        await self.replace_password(turn, reset.user_id, reset.password_hash, new_hash)
        key = self.attempts_key
        for target in (target_of("account", reset.username, key), target_of("password", str(reset.user_id), key)):
            await self.store.forget_failures(turn, target)
        # Whoever is locked out of their own account does not know who made what in it meanwhile.
        because = "the password was reset"
        await end_api_keys(turn, self.api_keys, reset.user_id, because)
        ended = await self.store.revoke_sessions(turn, reset.user_id, turn.now, because)
        return SessionsEnded(user_id=reset.user_id, ended=len(ended))
