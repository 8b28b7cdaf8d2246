"""The keys that sign access tokens: made, replaced in time, and published before they sign."""

import logging
import secrets
from datetime import datetime, timedelta

from actors.identity.handlers.hashing import Hashing
from actors.identity.rules.access_tokens import PRIVATE_KEY_BYTES, SigningPair, key_id, public_x
from actors.identity.rules.sealing import NONCE_BYTES, SealBroken, seal, unseal
from actors.identity.store import SealedKey, Transaction
from messages.identity import GetSigningKeys, SigningKeys
from runtime.actor import Turn, handles

log = logging.getLogger("coffer.identity")

PUBLISHED_BEFORE = timedelta(minutes=10)
"""A key is published for so long before it signs: whoever checks tokens asks for the keys every five minutes."""


class Keys(Hashing):
    """Has a key to sign with."""

    @property
    def secret(self) -> str:
        """What all keys are derived from."""
        return self.settings.key_secret.get_secret_value()

    async def signing_key(self, db: Transaction, now: datetime) -> SigningPair:
        """The key that signs; made when there is none, or none that opens under the key secret of today."""
        signs, following = await self.store.signing_keys(db)
        if following is not None and following.signs_from is not None and now >= following.signs_from:
            if signs is not None:
                await self.store.retire_signing_key(db, signs.kid, now)
            await self.store.let_next_key_sign(db, following.kid)
            log.info("signing key replaced in time", extra={"kid": following.kid})
            signs, following = await self.store.signing_keys(db)
        if signs is not None:
            try:
                pair = self._opened(signs)
            except SealBroken:
                log.warning("signing key replaced", extra={"kid": signs.kid, "reason": SealBroken.__doc__})
                await self.store.retire_signing_key(db, signs.kid, now)
            else:
                if following is None and now - signs.made_at >= timedelta(days=self.settings.signing_key_days):
                    await self._make_key(db, now, signs_from=now + PUBLISHED_BEFORE)
                return pair
        await self._make_key(db, now, signs_from=None)
        signs, _ = await self.store.signing_keys(db)
        assert signs is not None, "there is one now, ours or another process's"
        return self._opened(signs)

    async def _make_key(self, db: Transaction, now: datetime, *, signs_from: datetime | None) -> None:
        private_key = secrets.token_bytes(PRIVATE_KEY_BYTES)
        x = public_x(private_key)
        sealed = seal(private_key, key_id(x), self.secret, secrets.token_bytes(NONCE_BYTES))
        await self.store.insert_signing_key(db, key_id(x), x, sealed, now, signs_from)

    def _opened(self, kept: SealedKey) -> SigningPair:
        return SigningPair(kept.kid, unseal(kept.sealed, kept.kid, self.secret))

    @handles
    async def get_signing_keys(self, _query: GetSigningKeys, turn: Turn) -> SigningKeys:
        retired_after = turn.now - timedelta(minutes=self.settings.access_minutes)
        return SigningKeys(keys=await self.store.public_keys(turn, retired_after))
