"""Who asks: the bearer token of a request -> a caller, with what their roles allow. A fast first no; the actor decides.

A token is checked once and then known until it expires, so that a busy client costs a dictionary lookup.
"""

from dataclasses import dataclass

from http_edge.access_tokens import AccessTokens
from http_edge.problems import Problem
from messages.base import Unauthenticated
from runtime.principal import Principal, Roles

MOST_KNOWN_TOKENS = 4_096
"""About 3 MB. The oldest goes first, and is checked again when it comes back."""
CHALLENGE = 'Bearer realm="coffer"'
_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a valid token."""

    principal: Principal
    permissions: frozenset[str]
    expires_unix_seconds: float


class Gatekeeper:
    """Knows callers by their Authorization header."""

    def __init__(self, tokens: AccessTokens, roles: Roles) -> None:
        self._tokens = tokens
        self._roles = roles
        self._known: dict[str, Caller] = {}

    def known(self, authorization: str, now: float) -> Caller | None:
        """The caller, if the token was checked before and has not expired."""
        caller = self._known.get(authorization)
        return caller if caller is not None and now < caller.expires_unix_seconds else None

    async def admit(self, authorization: str) -> Caller:
        """The caller. Problem 401 where the token is missing or not valid."""
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Problem("unauthenticated", headers={"WWW-Authenticate": CHALLENGE})
        try:
            claims = await self._tokens.verify(authorization[len(_SCHEME) :].strip())
        except Unauthenticated as wrong:
            challenge = f'{CHALLENGE}, error="invalid_token"'
            raise Problem("unauthenticated", wrong.detail, headers={"WWW-Authenticate": challenge}) from None
        principal = Principal("user", str(claims.sub), claims.roles, claims.member)
        permissions = frozenset(name for role in claims.roles for name in self._roles.get(role, ()))
        caller = Caller(principal, permissions, claims.exp)
        self._known.pop(authorization, None)
        while len(self._known) >= MOST_KNOWN_TOKENS:
            del self._known[next(iter(self._known))]
        self._known[authorization] = caller
        return caller
