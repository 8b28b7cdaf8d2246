"""Users who are invited by mail and choose their password themselves."""

from datetime import timedelta
from uuid import UUID

from actors.identity.handlers.granting import who
from actors.identity.handlers.mailing import Mailing
from actors.identity.handlers.users import Users
from actors.identity.rules import passwords
from messages.base import Done
from messages.identity import (
    AcceptInvitation,
    Invitation,
    InvitationInvalid,
    InviteAgain,
    InviteUser,
    NotInvited,
    User,
)
from runtime.actor import Turn, handles


class Inviting(Users, Mailing):
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
        token_hash = self.mailed_hash("invitation", invitation_id)
        expires_at = turn.now + timedelta(hours=self.settings.invitation_hours)
        if not await self.store.invite(turn, invitation_id, user.user_id, token_hash, turn.now, who(turn), expires_at):
            raise NotInvited
        self.want_mail(turn, "invitation", invitation_id, user.user_id, user.username)
        return Invitation(invitation_id=invitation_id, user_id=user.user_id, username=user.username, expires_at=expires_at)

    @handles
    async def accept_invitation(self, command: AcceptInvitation, turn: Turn) -> Done:
        token_hash = self.presented_hash(command.token)
        if token_hash is None:
            raise InvitationInvalid(field="token")
        async with self.place_to_hash():
            async with turn.apart() as db:
                invited = await self.store.open_invitation(db, token_hash, turn.now)
                known = None if invited is None else await self.store.credentials(db, invited.username)
            if invited is None or known is None or not passwords.is_nobodys(known[1]):
                raise InvitationInvalid(field="token")
            new_hash = await self.chosen(invited.username, command.new_password, field="new_password")
        await self.replace_password(turn, invited.user_id, known[1], new_hash)
        if not await self.store.accept_invitation(turn, token_hash, turn.now):
            raise InvitationInvalid(field="token")  # somebody else was faster
        return Done()
