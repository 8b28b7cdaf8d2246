"""The tokens that a session gives, and the keys that sign them."""

import logging
import secrets
from datetime import datetime, timedelta

from pydantic import SecretStr

from actors.identity.handlers.hashing import Hashing
from actors.identity.rules.access_tokens import PRIVATE_KEY_BYTES, SigningPair, Subject, key_id, public_x, signed
from actors.identity.rules.refreshing import Issue, as_text
from actors.identity.rules.sealing import NONCE_BYTES, SealBroken, seal, unseal
from actors.identity.store import SealedKey, Transaction
from messages.identity import GetSigningKeys, SigningKeys, Tokens, User
from messages.ids import new_id
from runtime.actor import Turn, handles

log = logging.getLogger("coffer.identity")


class Signing(Hashing):
    """Signs tokens."""

    @property
    def secret(self) -> str:
        """What all keys are derived from."""
        return self.settings.key_secret.get_secret_value()

    def tokens(self, user: User, issue: Issue, key: SigningPair, now: datetime, *, device: str | None = None) -> Tokens:
        """What a session gives to its user."""
        settings, lives = self.settings, timedelta(minutes=self.settings.access_minutes)
        subject = Subject(settings.issuer, settings.audience, user.user_id, issue.session_id, user.roles, user.member_id)
        return Tokens(
            access_token=SecretStr(signed(subject, key, token_id=new_id(), now=now, lives=lives)),
            expires_in_seconds=int(lives.total_seconds()),
            refresh_token=SecretStr(as_text(issue.token)),
            refresh_expires_at=issue.expires_at,
            device_token=None if device is None else SecretStr(device),
            must_change_password=user.must_change_password,
        )

    def expiry(self, now: datetime, session_ends_at: datetime) -> datetime:
        """When a refresh token of this moment is no longer good."""
        return min(now + timedelta(days=self.settings.refresh_days_idle), session_ends_at)

    async def signing_key(self, db: Transaction, now: datetime) -> SigningPair:
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
        sealed = seal(private_key, key_id(x), self.secret, secrets.token_bytes(NONCE_BYTES))
        await self.store.insert_signing_key(db, key_id(x), x, sealed, now)
        kept = await self.store.signing_key(db)
        assert kept is not None, "there is one now, ours or another process's"
        return self._opened(kept)

    def _opened(self, kept: SealedKey) -> SigningPair:
        return SigningPair(kept.kid, unseal(kept.sealed, kept.kid, self.secret))

    @handles
    async def get_signing_keys(self, _query: GetSigningKeys, turn: Turn) -> SigningKeys:
        retired_after = turn.now - timedelta(minutes=self.settings.access_minutes)
        return SigningKeys(keys=await self.store.public_keys(turn, retired_after))
