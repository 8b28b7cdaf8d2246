"""Tokens that are mailed to a user and used once: of a forgotten password, and of an invitation.

A token is in no message but the mail: it follows from the mail's id and the key secret. The event names the mail, and the actor that
mails asks here for its token.
"""

import logging
from uuid import UUID

from pydantic import SecretStr

from actors.identity.handlers.choosing import Choosing
from actors.identity.rules.refreshing import as_text, hash_of, token_in
from actors.identity.rules.sealing import mailed_token
from messages.base import Forbidden
from messages.identity import GetMail, Mail, MailKind, MailNotFound, MailWanted
from messages.ids import UserId
from runtime.actor import Turn, handles

log = logging.getLogger("coffer.identity")


class Mailing(Choosing):
    """Makes such tokens, has them mailed, knows them again."""

    def mailed_hash(self, kind: MailKind, mail_id: UUID) -> bytes:
        """By what the token of a mail is known."""
        return hash_of(mailed_token(kind, mail_id, self.secret))

    @staticmethod
    def presented_hash(token: SecretStr) -> bytes | None:
        """By what a token that somebody presents may be known; None where it is none."""
        raw = token_in(token.get_secret_value())
        return None if raw is None else hash_of(raw)

    def want_mail(self, turn: Turn, kind: MailKind, mail_id: UUID, user_id: UserId, to: str) -> None:
        """Tell that it is to be mailed; where nobody mails, for a look at a machine of one's own, it stands in the log."""
        turn.emit(MailWanted(mail_id=mail_id, kind=kind, user_id=user_id))
        if self.mails_to_log:
            log.info("mail", extra={"to": to, "kind": kind, "token": as_text(mailed_token(kind, mail_id, self.secret))})

    @handles
    async def get_mail(self, query: GetMail, turn: Turn) -> Mail:
        if turn.principal.kind != "actor":
            raise Forbidden("Only the actor that mails may read mail.")
        kind: MailKind = "password_reset"
        found = await self.store.reset_to_mail(turn, query.mail_id, turn.now)
        if found is None:
            kind, found = "invitation", await self.store.invitation_to_mail(turn, query.mail_id, turn.now)
        if found is None:
            raise MailNotFound
        to, expires_at = found
        token = SecretStr(as_text(mailed_token(kind, query.mail_id, self.secret)))
        return Mail(to=to, kind=kind, token=token, expires_at=expires_at)
