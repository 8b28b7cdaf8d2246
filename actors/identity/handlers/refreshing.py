"""Refreshing: a session goes on under new tokens; a token in two hands ends it."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from actors.identity.handlers.signing import Signing
from actors.identity.rules.refreshing import (
    SALT_BYTES,
    Issue,
    Presented,
    Verdict,
    hash_of,
    judge,
    successor_of,
    token_in,
)
from actors.identity.rules.sealing import succession_key
from actors.identity.store import KnownToken, Transaction
from messages.base import Event
from messages.identity import (
    AccessChanged,
    RefreshTokenInvalid,
    RefreshTokenReused,
    RefreshTokens,
    SessionId,
    Tokens,
)
from runtime.actor import Turn, handles


class Refreshing(Signing):
    """Trades refresh tokens."""

    @handles
    async def refresh_tokens(self, command: RefreshTokens, turn: Turn) -> Tokens:
        token = token_in(command.refresh_token.get_secret_value())
        if token is None:
            raise RefreshTokenInvalid
        # Apart, because a refusal writes too: the session of a token in two hands ends.
        async with turn.apart_telling(turn.said) as (db, events):
            tokens = await self._refreshed(db, token, turn.message_id, turn.now, events)
        if tokens is None:
            raise RefreshTokenInvalid
        return tokens

    async def _refreshed(
        self, db: Transaction, token: bytes, message_id: UUID, now: datetime, events: list[Event]
    ) -> Tokens | None:
        known = await self.store.lock_token(db, hash_of(token))
        if known is None:
            return None
        successor = successor_of(token, known.salt, succession_key(self.secret))
        expires_at = await self.store.unused_token_expiry(db, hash_of(successor))
        grace = timedelta(seconds=self.settings.refresh_grace_seconds)
        match judge(_presented(known, successor_used=expires_at is None), message_id, now, grace):
            case Verdict.TRADE:
                issue = Issue(successor, known.session_id, self.expiry(now, known.session_ends_at))
                await self.store.use_token(db, hash_of(token), now, message_id)
                await self.store.insert_token(db, issue, secrets.token_bytes(SALT_BYTES), now)
                await self.store.session_was_used(db, known.session_id, now)
            case Verdict.REPEAT:
                assert expires_at is not None, "only an unused successor is given again"
                issue = Issue(successor, known.session_id, expires_at)
            case Verdict.REVOKE:
                session_id = SessionId(known.session_id)
                await self.store.revoke_session(db, session_id, now, "a refresh token was used again")
                events.append(RefreshTokenReused(user_id=known.user.user_id, session_id=session_id))
                events.append(AccessChanged(user_id=known.user.user_id, session_ids=(session_id,)))
                return None
            case Verdict.REFUSE:
                return None
        return self.tokens(known.user, issue, known.proof, await self.signing_key(db, now), now)


def _presented(known: KnownToken, *, successor_used: bool) -> Presented:
    return Presented(
        expires_at=known.expires_at,
        used_at=known.used_at,
        used_by=known.used_by,
        successor_used=successor_used,
        session_ends_at=known.session_ends_at,
        session_over=known.session_revoked or known.user.disabled,
    )
