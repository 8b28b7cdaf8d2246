"""Forgotten passwords: asked for by anybody, mailed to their user alone, used once.

Whoever asks gets the same answer after the same work, whether there is such a user or not: what differs is done afterwards. The
token is in no message but the mail: the event names a reset, and the actor that mails asks here for its token.
"""

import logging
from datetime import datetime, timedelta

from pydantic import SecretStr

from actors.identity.handlers.choosing import Choosing
from actors.identity.rules.lockout import target_of
from actors.identity.rules.refreshing import as_text, hash_of, token_in
from actors.identity.rules.sealing import invitation_token, reset_token
from messages.base import Done, Forbidden
from messages.identity import (
    BeginPasswordReset,
    GetMail,
    Mail,
    MailKind,
    MailNotFound,
    MailWanted,
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

log = logging.getLogger("coffer.identity")


class Resetting(Choosing):
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
        token = reset_token(reset_id, self.secret)
        expires_at = turn.now + timedelta(minutes=self.settings.reset_minutes)
        if await self.store.begin_reset(turn, user_id, reset_id, hash_of(token), turn.now, expires_at):
            turn.emit(MailWanted(mail_id=reset_id, kind="password_reset", user_id=user_id))
            if self.mails_to_log:
                log.info("mail", extra={"to": name, "kind": "password_reset", "token": as_text(token)})
        return Done()

    @handles
    async def get_mail(self, query: GetMail, turn: Turn) -> Mail:
        if turn.principal.kind != "actor":
            raise Forbidden("Only the actor that mails may read mail.")
        if (found := await self.store.reset_to_mail(turn, query.mail_id, turn.now)) is not None:
            return _mail("password_reset", *found, reset_token(query.mail_id, self.secret))
        if (found := await self.store.invitation_to_mail(turn, query.mail_id, turn.now)) is not None:
            return _mail("invitation", *found, invitation_token(query.mail_id, self.secret))
        raise MailNotFound

    @handles
    async def verify_reset_token(self, query: VerifyResetToken, turn: Turn) -> ResetToken:
        token = token_in(query.token.get_secret_value())
        reset = None if token is None else await self.store.open_reset(turn, hash_of(token), turn.now)
        if reset is None:
            raise ResetTokenInvalid(field="token")
        return ResetToken(expires_at=reset.expires_at)

    @handles
    async def reset_password(self, command: ResetPassword, turn: Turn) -> SessionsEnded:
        token = token_in(command.token.get_secret_value())
        if token is None:
            raise ResetTokenInvalid(field="token")
        async with self.place_to_hash():
            async with turn.apart() as db:
                reset = await self.store.open_reset(db, hash_of(token), turn.now)
                if reset is None:
                    raise ResetTokenInvalid(field="token")
                former = await self.store.former_passwords(db, reset.user_id, self.settings.password_history)
            former = [reset.password_hash, *former]
            new_hash = await self.chosen(reset.username, command.new_password, field="new_password", former=former)
        if not await self.store.use_reset(turn, hash_of(token), turn.now):
            raise ResetTokenInvalid(field="token")  # somebody else was faster
        await self.replace_password(turn, reset.user_id, reset.password_hash, new_hash)
        key = self.attempts_key
        for target in (target_of("account", reset.username, key), target_of("password", str(reset.user_id), key)):
            await self.store.forget_failures(turn, target)
        ended = await self.store.revoke_sessions(turn, reset.user_id, turn.now, "the password was reset")
        return SessionsEnded(user_id=reset.user_id, ended=len(ended))


def _mail(kind: MailKind, to: str, expires_at: datetime, token: bytes) -> Mail:
    return Mail(to=to, kind=kind, token=SecretStr(as_text(token)), expires_at=expires_at)
