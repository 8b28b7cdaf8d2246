"""Who asks: the bearer token or API key of a request -> a caller, with what their roles allow. A fast first no; the actor decides.

A token's signature is checked once, and the identity actor is asked once what its session may do; then both are known, so that a
busy client costs a dictionary lookup. Whatever changes that is told by `identity.access_changed.v1`, and what was known of the user
is forgotten; when nothing can be heard (the broker is lost), all is forgotten. So a revoked or demoted user is refused on the next
request, and needs no Redis for it.
"""

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from aiohttp import web

from http_edge.access_tokens import AccessTokens
from http_edge.api_keys import SECONDS_KNOWN, holder_of
from http_edge.needs import Client
from http_edge.problems import Problem
from http_edge.tokens import AccessClaims
from http_edge.wrong_keys import WrongKeys
from messages.base import Refusal, Unauthenticated
from messages.identity import API_KEY_START, CheckedSession, CheckSession, SessionId
from runtime.client import reply_of
from runtime.clock import Clock
from runtime.envelope import NOBODY, Envelope
from runtime.principal import Principal, Roles

log = logging.getLogger("coffer.edge")

MOST_KNOWN_TOKENS = 4_096
"""About 3 MB. The oldest goes first, and is checked again when it comes back."""
SECONDS_TO_ANSWER = 5.0
SECONDS_TO_HEAR = 1.0
"""How long a change of access waits to be heard here before it is answered; when a broker is slower, the answer goes out anyway."""
SECONDS_TO_SETTLE = 0.1
"""The broker gives a change to all edges at the same moment, but not each takes it at the same moment: after it was heard here, an
answer waits so long for the others. An edge that is behind by more, because it hangs, lets in what it knew until it goes on."""
CHALLENGE = 'Bearer realm="coffer"'
_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a valid token."""

    principal: Principal
    permissions: frozenset[str] = frozenset()
    expires_unix_seconds: float = 0.0
    session_id: UUID | None = None
    must_change_password: bool = False
    must_enrol_mfa: bool = False
    authenticated_unix_seconds: float | None = None
    """When whoever has the token last proved who they are; None for a program with a key."""
    api_key_id: UUID | None = None
    """The key of a program that speaks for its user."""
    has_own_roles: bool = False
    """Whether the institution defined a role of theirs itself. What such a role allows the actors know, and it can change at any time."""

    def may(self, permission: str) -> bool:
        """Whether they are to be let through to the actor, which decides. It does not mean that they may: what was answered to others
        must not be given to them without asking.
        """
        return permission in self.permissions or self.has_own_roles


STRANGER = Caller(NOBODY)
"""Whoever needs no token."""


@dataclass
class _Memory:
    """Callers by their Authorization header, and those headers by user."""

    callers: dict[str, Caller] = field(default_factory=dict)
    by_user: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def keep(self, authorization: str, caller: Caller) -> None:
        self.drop(authorization)
        while len(self.callers) >= MOST_KNOWN_TOKENS:
            self.drop(next(iter(self.callers)))
        self.callers[authorization] = caller
        self.by_user[caller.principal.id].add(authorization)

    def drop(self, authorization: str) -> None:
        caller = self.callers.pop(authorization, None)
        if caller is not None:
            held = self.by_user[caller.principal.id]
            held.discard(authorization)
            if not held:
                del self.by_user[caller.principal.id]

    def drop_user(self, user_id: str) -> None:
        for authorization in self.by_user.pop(user_id, ()):
            del self.callers[authorization]


class Gatekeeper:
    """Knows callers by their Authorization header."""

    def __init__(self, client: Client, tokens: AccessTokens, wrong_keys: WrongKeys, roles: Roles, clock: Clock) -> None:
        self._client = client
        self._wrong_keys = wrong_keys
        self._clock = clock
        self._tokens = tokens
        self._roles = roles
        self._memory = _Memory()
        self._asking: dict[UUID, asyncio.Task[CheckedSession]] = {}
        self._forgotten = 0
        """How often something was forgotten: what was asked before is not remembered after."""
        self._to_hear: dict[str, asyncio.Event] = {}

    def known(self, authorization: str, now: float) -> Caller | None:
        """The caller, if the token was checked before and has not expired."""
        caller = self._memory.callers.get(authorization)
        return caller if caller is not None and now < caller.expires_unix_seconds else None

    async def admit(self, authorization: str, request: web.BaseRequest) -> Caller:
        """The caller. Problem 401 where the token is missing or not valid, or its session is over; 429 for who guesses at keys."""
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Problem("unauthenticated", headers={"WWW-Authenticate": CHALLENGE})
        credential = authorization[len(_SCHEME) :].strip()
        forgotten = self._forgotten
        try:
            if not credential.startswith(API_KEY_START):
                caller = await self._by_token(credential)
            elif authorization in self._memory.callers:  # it was good a minute ago, and is no guess
                caller = await self._by_key(credential)
            else:
                caller = await self._wrong_keys.looked_up(request, lambda: self._by_key_once(authorization, credential))
        except Refusal as wrong:
            self._memory.drop(authorization)
            if wrong.status != Unauthenticated.status:
                raise
            challenge = f'{CHALLENGE}, error="invalid_token"'
            raise Problem("unauthenticated", wrong.detail, headers={"WWW-Authenticate": challenge}) from None
        if forgotten == self._forgotten:
            self._memory.keep(authorization, caller)
        return caller

    async def _by_token(self, token: str) -> Caller:
        claims = await self._tokens.verify(token)
        session = await self._session(claims)
        return Caller(
            Principal("user", str(session.user_id), session.roles, session.member_id, session.branch),
            frozenset(name for role in session.roles for name in self._roles.get(role, ())),
            min(claims.exp, session.ends_at.timestamp()),
            claims.sid,
            session.must_change_password,
            session.must_enrol_mfa,
            claims.auth_time,
            has_own_roles=any(role not in self._roles for role in session.roles),
        )

    async def _by_key_once(self, authorization: str, key: str) -> Caller:
        """Of many first requests of a program, which wait for each other, one asks."""
        return self.known(authorization, self._clock.now().timestamp()) or await self._by_key(key)

    async def _by_key(self, key: str) -> Caller:
        holder = await holder_of(self._client, key)
        permissions = frozenset(holder.permissions)
        ends = min(self._clock.now().timestamp() + SECONDS_KNOWN, holder.expires_at.timestamp())
        return Caller(
            Principal("user", str(holder.user_id), holder.roles, holder.member_id, holder.branch, permissions),
            permissions,
            ends,
            api_key_id=holder.api_key_id,
        )

    async def _session(self, claims: AccessClaims) -> CheckedSession:
        """What the session may do; asked once, however many requests want to know."""
        asking = self._asking.get(claims.sid)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(claims.sid), name="check session")
            self._asking[claims.sid] = asking
            asking.add_done_callback(lambda done: self._asked(claims.sid, done))
        session = await asyncio.shield(asking)
        if session.user_id != claims.sub:
            raise Unauthenticated
        return session

    async def _ask(self, session_id: UUID) -> CheckedSession:
        question = CheckSession(session_id=SessionId(session_id))
        return reply_of(question, await self._client.call(question, principal=NOBODY, deadline_seconds=SECONDS_TO_ANSWER))

    def _asked(self, session_id: UUID, asking: "asyncio.Task[CheckedSession]") -> None:
        if self._asking.get(session_id) is asking:
            del self._asking[session_id]
        if not asking.cancelled():
            asking.exception()  # whoever waited has it; nobody may have

    # Forgetting

    def forget(self, user_id: str) -> None:
        """What this user may do has changed."""
        self._memory.drop_user(user_id)
        self._begin_anew()

    def forget_all(self) -> None:
        """Nothing can be heard any more, or was not heard."""
        self._memory = _Memory()
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Answers that are on their way may be older than the change: they serve who waits for them and nobody else."""
        self._forgotten += 1
        self._asking.clear()

    def on_access_changed(self, envelope: Envelope) -> None:
        """An `identity.access_changed.v1` was heard; its key is the user."""
        if envelope.key is None:
            raise ValueError("it names no user")
        self.forget(envelope.key)
        if (heard := self._to_hear.get(envelope.causation_id)) is not None:
            heard.set()

    def expect_change(self, message_id: UUID) -> "ExpectedChange":
        """To wait in until the change that this message makes was heard; begin before the message is said."""
        return ExpectedChange(self, self._to_hear, str(message_id))


class ExpectedChange:
    """A change of access that is under way here. While it is being waited for, a context."""

    def __init__(self, gatekeeper: Gatekeeper, to_hear: dict[str, asyncio.Event], message_id: str) -> None:
        self._gatekeeper = gatekeeper
        self._to_hear = to_hear
        self._message_id = message_id
        self._heard = asyncio.Event()

    def __enter__(self) -> Self:
        self._to_hear[self._message_id] = self._heard
        return self

    def __exit__(self, *_: object) -> None:
        self._to_hear.pop(self._message_id, None)

    async def made(self, user_id: str, *, replayed: bool) -> None:
        """It was made: forget the user, and wait until the others hear it too, so that no edge lets in who was just put out."""
        self._gatekeeper.forget(user_id)
        if replayed:
            return
        try:
            async with asyncio.timeout(SECONDS_TO_HEAR):
                await self._heard.wait()
        except TimeoutError:
            log.warning("a change of access was answered before it was heard", extra={"user_id": user_id})
        else:
            await asyncio.sleep(SECONDS_TO_SETTLE)
