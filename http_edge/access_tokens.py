"""Access tokens are checked with the identity actor's keys, which are asked for now and then, and when a token names a new one.

However many requests need them, one question is on its way at a time; and strangers who name keys that nobody has cause few.
"""

import asyncio

from http_edge.needs import Client
from http_edge.tokens import AccessClaims, signing_key_id, verify_access_token
from messages.identity import GetSigningKeys, SigningKey
from runtime.client import reply_of
from runtime.clock import Clock, stopwatch_seconds
from runtime.envelope import NOBODY
from runtime.errors import Unavailable

SECONDS_BETWEEN_QUESTIONS = 5.0
"""A token may name a key that was made a moment ago; one that names an invented key is refused without asking again."""
SECONDS_OF_TRUST = 300.0
"""A key that the identity actor has dropped is dropped here after this long."""
SECONDS_TO_ANSWER = 5.0


class AccessTokens:
    """Checks access tokens."""

    def __init__(self, client: Client, clock: Clock, *, issuer: str, audience: str) -> None:
        self._client = client
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, SigningKey] = {}
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> AccessClaims:
        """What a valid token says. Unauthenticated where it is not valid, Unavailable where no keys are to be had."""
        key_id = signing_key_id(token)
        age = stopwatch_seconds() - self._asked_at
        if key_id not in self._keys:
            if age > SECONDS_BETWEEN_QUESTIONS:
                await self._ask()
        elif age > SECONDS_OF_TRUST:
            try:
                await self._ask()
            except Unavailable:
                # The signature still proves who signed; a bank that cannot be asked is worse than a key that is late to go.
                self._asked_at = stopwatch_seconds() - SECONDS_OF_TRUST + SECONDS_BETWEEN_QUESTIONS
        return verify_access_token(token, self._keys, issuer=self._issuer, audience=self._audience, now=self._clock.now())

    async def _ask(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._fetch(), name="signing keys")
        await asyncio.shield(self._asking)

    async def _fetch(self) -> None:
        question = GetSigningKeys()
        answer = await self._client.call(question, principal=NOBODY, deadline_seconds=SECONDS_TO_ANSWER)
        self._keys = {key.kid: key for key in reply_of(question, answer).keys}
        self._asked_at = stopwatch_seconds()
