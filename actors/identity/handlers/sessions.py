"""Sessions: what each may do now, which there are, and how they end."""

from datetime import timedelta
from uuid import UUID

from actors.identity.handlers.hashing import Hashing
from messages.base import Unauthenticated
from messages.identity import (
    AccessChanged,
    CheckedSession,
    CheckSession,
    EndOtherSessions,
    EndSession,
    EndUserSessions,
    ListSessions,
    LogoutEverywhere,
    SessionId,
    SessionNotFound,
    SessionOver,
    SessionPage,
    SessionsEnded,
    UserNotFound,
)
from messages.ids import UserId
from runtime.actor import Turn, handles
from runtime.principal import Principal

MOST_LISTED = 100
"""All of them: nobody has more at a time."""


class Sessions(Hashing):
    """Checks, lists and ends sessions."""

    @handles
    async def check_session(self, query: CheckSession, turn: Turn) -> CheckedSession:
        found = await self.store.checked_session(turn, query.session_id, turn.now)
        if found is None:
            raise SessionOver
        return found.model_copy(update={"must_enrol_mfa": self.must_enrol(found.roles, found.amr)})

    @handles
    async def list_sessions(self, query: ListSessions, turn: Turn) -> SessionPage:
        used_after = turn.now - timedelta(days=self.settings.refresh_days_idle)
        user_id = the_user(turn.principal)
        return SessionPage(
            items=tuple(await self.store.sessions(turn, user_id, turn.now, used_after, MOST_LISTED, query.current))
        )

    @handles
    async def end_session(self, command: EndSession, turn: Turn) -> SessionsEnded:
        user_id = the_user(turn.principal)
        if not await self.store.revoke_own_session(turn, command.session_id, user_id, turn.now, "ended by its user"):
            raise SessionNotFound
        return tell_ended(turn, user_id, [command.session_id])

    @handles
    async def end_other_sessions(self, command: EndOtherSessions, turn: Turn) -> SessionsEnded:
        user_id = the_user(turn.principal)
        ended = await self.store.revoke_sessions(turn, user_id, turn.now, "ended by its user", but=command.current)
        return tell_ended(turn, user_id, ended)

    @handles
    async def logout_everywhere(self, _command: LogoutEverywhere, turn: Turn) -> SessionsEnded:
        user_id = the_user(turn.principal)
        return tell_ended(turn, user_id, await self.store.revoke_sessions(turn, user_id, turn.now, "logged out everywhere"))

    @handles
    async def end_user_sessions(self, command: EndUserSessions, turn: Turn) -> SessionsEnded:
        if await self.store.lock_user(turn, command.user_id) is None:
            raise UserNotFound
        ended = await self.store.revoke_sessions(turn, command.user_id, turn.now, "ended by an administrator")
        return tell_ended(turn, command.user_id, ended)


def the_user(principal: Principal) -> UserId:
    """The user that a principal is. Unauthenticated for systems and programs."""
    try:
        if principal.kind == "user":
            return UserId(UUID(principal.id))
    except ValueError:
        pass
    raise Unauthenticated("Only a user who logged in is somebody here.")


def tell_ended(turn: Turn, user_id: UserId, ended: list[SessionId]) -> SessionsEnded:
    """Tell that these sessions are over, where there were any."""
    if not ended:
        return SessionsEnded()
    turn.emit(AccessChanged(user_id=user_id, session_ids=tuple(ended)))
    return SessionsEnded(user_id=user_id, ended=len(ended))
