"""Users who are invited by mail and choose their password themselves.

The token is in no message but the mail: it follows from the invitation's id and the key secret. The event names the invitation, and the
actor that mails asks here for its token, as for one of a forgotten password.
"""

import logging
from datetime import timedelta
from uuid import UUID

from actors.identity.handlers.choosing import Choosing
from actors.identity.handlers.granting import who
from actors.identity.handlers.users import Users
from actors.identity.rules import passwords
from actors.identity.rules.refreshing import as_text, hash_of, token_in
from actors.identity.rules.sealing import invitation_token
from messages.base import Done
from messages.identity import (
    AcceptInvitation,
    Invitation,
    InvitationInvalid,
    InviteAgain,
    InviteUser,
    MailWanted,
    NotInvited,
    User,
)
from runtime.actor import Turn, handles

log = logging.getLogger("coffer.identity")


class Inviting(Users, Choosing):
    """Invites, and lets in who accepts."""

    @handles
    async def invite_user(self, command: InviteUser, turn: Turn) -> Invitation:
        wanted = await self.user_wanted(turn, command)
        user = await self.insert(turn, wanted, passwords.nobodys_hash(self.settings.bcrypt_cost))
        return await self._invite(turn, user)

    @handles
    async def invite_again(self, command: InviteAgain, turn: Turn) -> Invitation:
        user = await self.user_to_change(turn, command.user_id, None)
        if not await self.store.waits_for(turn, user.user_id):
            raise NotInvited
        return await self._invite(turn, user)

    async def _invite(self, turn: Turn, user: User) -> Invitation:
        invitation_id: UUID = turn.derive("invitation")
        token = invitation_token(invitation_id, self.secret)
        expires_at = turn.now + timedelta(hours=self.settings.invitation_hours)
        if not await self.store.invite(turn, invitation_id, user.user_id, hash_of(token), turn.now, who(turn), expires_at):
            raise NotInvited
        turn.emit(MailWanted(mail_id=invitation_id, kind="invitation", user_id=user.user_id))
        if self.mails_to_log:
            log.info("mail", extra={"to": user.username, "kind": "invitation", "token": as_text(token)})
        return Invitation(invitation_id=invitation_id, user_id=user.user_id, username=user.username, expires_at=expires_at)

    @handles
    async def accept_invitation(self, command: AcceptInvitation, turn: Turn) -> Done:
        token = token_in(command.token.get_secret_value())
        if token is None:
            raise InvitationInvalid(field="token")
        async with self.place_to_hash():
            async with turn.apart() as db:
                invited = await self.store.open_invitation(db, hash_of(token), turn.now)
                known = None if invited is None else await self.store.credentials(db, invited.username)
            if invited is None or known is None or not passwords.is_nobodys(known[1]):
                raise InvitationInvalid(field="token")
            new_hash = await self.chosen(invited.username, command.new_password, field="new_password")
        await self.replace_password(turn, invited.user_id, known[1], new_hash)
        if not await self.store.accept_invitation(turn, hash_of(token), turn.now):
            raise InvitationInvalid(field="token")  # somebody else was faster
        return Done()
