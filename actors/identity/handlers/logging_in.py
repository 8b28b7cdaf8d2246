"""Logging in and staying so: sessions, the tokens that they give, and the keys that sign them."""

import logging
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from actors.identity.handlers.hashing import Hashing
from actors.identity.rules import passwords
from actors.identity.rules.access_tokens import PRIVATE_KEY_BYTES, SigningPair, Subject, key_id, public_x, signed
from actors.identity.rules.refreshing import (
    SALT_BYTES,
    TOKEN_BYTES,
    Issue,
    Presented,
    Verdict,
    as_text,
    hash_of,
    judge,
    successor_of,
    token_in,
)
from actors.identity.rules.sealing import NONCE_BYTES, SealBroken, seal, succession_key, unseal
from actors.identity.store import KnownToken, SealedKey, Transaction
from messages.base import Done
from messages.identity import (
    GetSigningKeys,
    Login,
    Logout,
    RefreshTokenInvalid,
    RefreshTokens,
    SigningKeys,
    Tokens,
    User,
    WrongCredentials,
)
from messages.ids import new_id
from runtime.actor import Turn, handles

log = logging.getLogger("coffer.identity")

KEPT_AFTER_END = timedelta(days=30)
"""How long it stays known why a session ended."""


class LoggingIn(Hashing):
    """Lets in, and gives tokens."""

    @handles
    async def login(self, command: Login, turn: Turn) -> Tokens:
        async with turn.apart() as db:
            known = await self.store.credentials(db, command.username.lower())
            key = await self._signing_key(db, turn.now)
        user_id, password_hash = known or (None, passwords.nobodys_hash(self.settings.bcrypt_cost))
        right = await self.on_thread(lambda: passwords.matches(command.password.get_secret_value(), password_hash))
        if not right or user_id is None:
            raise WrongCredentials
        user = await self.store.lock_who_logs_in(turn, user_id, password_hash)
        if user is None:
            raise WrongCredentials
        return await self._begin_session(turn, user, key)

    async def _begin_session(self, turn: Turn, user: User, key: SigningPair) -> Tokens:
        # Of message and user: whoever learned the id of somebody's login must not join their session.
        session_id = turn.derive(f"session of {user.user_id}")
        ends_at = turn.now + timedelta(days=self.settings.refresh_days_absolute)
        await self.store.forget_sessions(turn, user.user_id, turn.now - KEPT_AFTER_END)
        await self.store.begin_session(turn, session_id, user.user_id, turn.now, ends_at)
        issue = Issue(secrets.token_bytes(TOKEN_BYTES), session_id, self._expiry(turn.now, ends_at))
        await self.store.insert_token(turn, issue, secrets.token_bytes(SALT_BYTES), turn.now)
        return self._tokens(user, issue, key, turn.now)

    def _expiry(self, now: datetime, session_ends_at: datetime) -> datetime:
        return min(now + timedelta(days=self.settings.refresh_days_idle), session_ends_at)

    @handles
    async def refresh_tokens(self, command: RefreshTokens, turn: Turn) -> Tokens:
        token = token_in(command.refresh_token.get_secret_value())
        if token is None:
            raise RefreshTokenInvalid
        # Apart, because a refusal writes too: the session of a token in two hands ends.
        async with turn.apart() as db:
            tokens = await self._refreshed(db, token, turn.message_id, turn.now)
        if tokens is None:
            raise RefreshTokenInvalid
        return tokens

    async def _refreshed(self, db: Transaction, token: bytes, message_id: UUID, now: datetime) -> Tokens | None:
        known = await self.store.lock_token(db, hash_of(token))
        if known is None:
            return None
        successor = successor_of(token, known.salt, succession_key(self._secret))
        expires_at = await self.store.unused_token_expiry(db, hash_of(successor))
        match judge(_presented(known, successor_used=expires_at is None), message_id, now):
            case Verdict.TRADE:
                issue = Issue(successor, known.session_id, self._expiry(now, known.session_ends_at))
                await self.store.use_token(db, hash_of(token), now, message_id)
                await self.store.insert_token(db, issue, secrets.token_bytes(SALT_BYTES), now)
            case Verdict.REPEAT:
                assert expires_at is not None, "only an unused successor is given again"
                issue = Issue(successor, known.session_id, expires_at)
            case Verdict.REVOKE:
                await self.store.revoke_session(db, known.session_id, now, "a refresh token was used again")
                return None
            case Verdict.REFUSE:
                return None
        return self._tokens(known.user, issue, await self._signing_key(db, now), now)

    @handles
    async def logout(self, command: Logout, turn: Turn) -> Done:
        token = token_in(command.refresh_token.get_secret_value())
        known = None if token is None else await self.store.lock_token(turn, hash_of(token))
        if known is not None:
            await self.store.revoke_session(turn, known.session_id, turn.now, "logged out")
        return Done()

    def _tokens(self, user: User, issue: Issue, key: SigningPair, now: datetime) -> Tokens:
        settings, lives = self.settings, timedelta(minutes=self.settings.access_minutes)
        subject = Subject(settings.issuer, settings.audience, user.user_id, issue.session_id, user.roles, user.member_id)
        return Tokens(
            access_token=SecretStr(signed(subject, key, token_id=new_id(), now=now, lives=lives)),
            expires_in_seconds=int(lives.total_seconds()),
            refresh_token=SecretStr(as_text(issue.token)),
            refresh_expires_at=issue.expires_at,
        )

    @property
    def _secret(self) -> str:
        return self.settings.key_secret.get_secret_value()

    async def _signing_key(self, db: Transaction, now: datetime) -> SigningPair:
        """The key that signs; made when there is none, or none that opens under the key secret of today."""
        kept = await self.store.signing_key(db)
        if kept is not None:
            try:
                return self._opened(kept)
            except SealBroken:
                log.warning("signing key replaced", extra={"kid": kept.kid, "reason": SealBroken.__doc__})
                await self.store.retire_signing_key(db, kept.kid, now)
        private_key = secrets.token_bytes(PRIVATE_KEY_BYTES)
        x = public_x(private_key)
        sealed = seal(private_key, key_id(x), self._secret, secrets.token_bytes(NONCE_BYTES))
        await self.store.insert_signing_key(db, key_id(x), x, sealed, now)
        kept = await self.store.signing_key(db)
        assert kept is not None, "there is one now, ours or another process's"
        return self._opened(kept)

    def _opened(self, kept: SealedKey) -> SigningPair:
        return SigningPair(kept.kid, unseal(kept.sealed, kept.kid, self._secret))

    @handles
    async def get_signing_keys(self, _query: GetSigningKeys, turn: Turn) -> SigningKeys:
        retired_after = turn.now - timedelta(minutes=self.settings.access_minutes)
        return SigningKeys(keys=await self.store.public_keys(turn, retired_after))


def _presented(known: KnownToken, *, successor_used: bool) -> Presented:
    return Presented(
        expires_at=known.expires_at,
        used_at=known.used_at,
        used_by=known.used_by,
        successor_used=successor_used,
        session_ends_at=known.session_ends_at,
        session_over=known.session_revoked or known.user.disabled,
    )
