"""Logging in and out."""

import secrets
from datetime import timedelta

from actors.identity.handlers.sessions import tell_ended
from actors.identity.handlers.signing import Signing
from actors.identity.rules import passwords
from actors.identity.rules.access_tokens import SigningPair
from actors.identity.rules.devices import device_named
from actors.identity.rules.refreshing import SALT_BYTES, TOKEN_BYTES, Issue, hash_of, token_in
from messages.identity import Login, Logout, SessionId, SessionsEnded, Tokens, User, WrongCredentials
from messages.ids import UserId
from runtime.actor import Turn, handles

KEPT_AFTER_END = timedelta(days=30)
"""How long it stays known why a session ended."""


class LoggingIn(Signing):
    """Lets in and out."""

    @handles
    async def login(self, command: Login, turn: Turn) -> Tokens:
        async with turn.apart() as db:
            known = await self.store.credentials(db, command.username.lower())
            key = await self.signing_key(db, turn.now)
        user_id, password_hash = known or (None, passwords.nobodys_hash(self.settings.bcrypt_cost))
        right = await self.on_thread(lambda: passwords.matches(command.password.get_secret_value(), password_hash))
        if not right or user_id is None:
            raise WrongCredentials
        user = await self.store.lock_who_logs_in(turn, user_id, password_hash)
        if user is None:
            raise WrongCredentials
        return await self._begin_session(turn, user, key, command)

    async def _begin_session(self, turn: Turn, user: User, key: SigningPair, command: Login) -> Tokens:
        # Of message and user: whoever learned the id of somebody's login must not join their session.
        session_id = turn.derive(f"session of {user.user_id}")
        ends_at = turn.now + timedelta(days=self.settings.refresh_days_absolute)
        await self.store.forget_sessions(turn, user.user_id, turn.now - KEPT_AFTER_END)
        device, address = device_named(command.user_agent), command.address or ""
        await self.store.begin_session(turn, session_id, user.user_id, turn.now, ends_at, device, address)
        issue = Issue(secrets.token_bytes(TOKEN_BYTES), session_id, self.expiry(turn.now, ends_at))
        await self.store.insert_token(turn, issue, secrets.token_bytes(SALT_BYTES), turn.now)
        return self.tokens(user, issue, key, turn.now)

    @handles
    async def logout(self, command: Logout, turn: Turn) -> SessionsEnded:
        token = token_in(command.refresh_token.get_secret_value())
        known = None if token is None else await self.store.lock_token(turn, hash_of(token))
        if known is None:
            return SessionsEnded()
        user_id = await self.store.revoke_session(turn, known.session_id, turn.now, "logged out")
        return SessionsEnded() if user_id is None else tell_ended(turn, UserId(user_id), [SessionId(known.session_id)])
