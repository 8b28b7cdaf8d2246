"""Passwords that users change, because they want to or because they must."""

from actors.identity.handlers.attempts import Attempts
from actors.identity.handlers.sessions import the_user
from actors.identity.rules import passwords
from actors.identity.rules.lockout import target_of
from messages.base import Unauthenticated
from messages.identity import (
    AccessChanged,
    ChangePassword,
    CurrentPasswordWrong,
    PasswordChanged,
    SessionsEnded,
)
from messages.ids import UserId
from runtime.actor import Turn, handles


class Choosing(Attempts):
    """Takes new passwords."""

    @handles
    async def change_password(self, command: ChangePassword, turn: Turn) -> SessionsEnded:
        user_id = the_user(turn.principal)
        counted = target_of("password", str(user_id), self.attempts_key)
        async with self.place_to_hash():
            async with turn.apart() as db:
                known = await self.store.password_of(db, user_id)
                former = await self.store.former_passwords(db, user_id, self.settings.password_history)
                await self.begin_attempt(db, counted, turn.now)
            if known is None:
                raise Unauthenticated
            username, password_hash = known
            current = command.current_password.get_secret_value()
            if not await self.on_thread(lambda: passwords.matches(current, password_hash)):
                raise CurrentPasswordWrong(field="current_password")
            async with turn.apart() as db:  # it was no guess, whatever becomes of the new one
                await self.store.forget_failures(db, counted)
            new_hash = await self.chosen(username, command.new_password, field="new_password", former=[password_hash, *former])
        await self.replace_password(turn, user_id, password_hash, new_hash)
        because = "the password was changed"
        ended = await self.store.revoke_sessions(turn, user_id, turn.now, because, but=command.current)
        return SessionsEnded(user_id=user_id, ended=len(ended))

    async def replace_password(self, turn: Turn, user_id: UserId, old_hash: str, new_hash: str) -> None:
        """Write the new one down and tell; refused where somebody else was faster."""
        keep = self.settings.password_history
        if not await self.store.replace_password(turn, user_id, old_hash, new_hash, turn.now, keep=keep):
            raise CurrentPasswordWrong("Your password was changed meanwhile.", field="current_password")
        turn.emit(PasswordChanged(user_id=user_id))
        turn.emit(AccessChanged(user_id=user_id))
