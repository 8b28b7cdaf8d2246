"""Logging in and out.

Whoever is refused learns nothing: a name that nobody has is counted, hashed and answered like one that somebody has.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import bcrypt
from pydantic import SecretStr

from actors.identity.handlers.proving import Proving
from actors.identity.handlers.sessions import tell_ended
from actors.identity.rules import passwords
from actors.identity.rules.access_tokens import ONE_TIME_CODE, PASSWORD, Proof, SigningPair
from actors.identity.rules.challenges import LIVES as CHALLENGE_LIVES
from actors.identity.rules.challenges import Challenged, challenge, challenged, mark_of
from actors.identity.rules.devices import device_named
from actors.identity.rules.lockout import NONCE_BYTES, Target, device_in, device_token, target_of
from actors.identity.rules.refreshing import SALT_BYTES, TOKEN_BYTES, Issue, hash_of, token_in
from actors.identity.rules.sealing import challenge_key
from messages.identity import (
    AccessChanged,
    AccountLocked,
    Login,
    LoginAnswer,
    LoginFailed,
    LoginSucceeded,
    Logout,
    MfaChallengeInvalid,
    SessionId,
    SessionsEnded,
    Tokens,
    User,
    VerifyMfa,
    WrongCredentials,
)
from messages.ids import UserId
from runtime.actor import Turn, handles

KEPT_AFTER_END = timedelta(days=30)
"""How long it stays known why a session ended."""
MOST_SESSIONS = 100
"""Of one user at a time; as many as can be listed. The one that was used longest ago ends."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What is known of a login before its password is checked."""

    user_id: UserId | None
    password_hash: str
    key: SigningPair
    device: bytes | None
    """The nonce of a device that is known for this user."""
    counted: Target
    address: Target | None
    """Where failures of its address are counted; None where that does not matter."""
    locks_until: datetime | None
    """If this attempt fails, the next must wait until then."""


class LoggingIn(Proving):
    """Lets in and out."""

    @handles
    async def login(self, command: Login, turn: Turn) -> LoginAnswer:
        async with self.place_to_hash():
            attempt = await self._begin(command, turn)
            known_hash = attempt.password_hash
            right, better_hash = await self.on_thread(lambda: self._check(command, known_hash))
            user, proved = None, False
            if right and attempt.user_id is not None:
                proved = command.code is not None and await self.prove_code_if_due(turn, attempt.user_id, command.code)
                user = await self.store.lock_who_logs_in(turn, attempt.user_id, known_hash)
                if user is None and (changed := await self._changed_hash(command, turn, known_hash)) is not None:
                    known_hash, better_hash = changed, None
                    user = await self.store.lock_who_logs_in(turn, attempt.user_id, known_hash)
        if user is None:
            await turn.rollback()
            await self._failed(command, turn, attempt)
            raise WrongCredentials
        if better_hash is not None and await self.store.rehash_password(turn, user.user_id, known_hash, better_hash):
            known_hash = better_hash
        await self.store.forget_failures(turn, attempt.counted)
        if not proved and await self.factors.is_due(turn, user.user_id):
            return self._challenge(user, known_hash, turn)
        tokens = await self._begin_session(turn, user, attempt.key, attempt.device, command, proved=proved)
        answer = LoginAnswer.model_validate(tokens.model_dump())
        return answer.model_copy(update={"mfa_enrolment_required": not proved and self.must_enrol(user.roles, ())})

    async def _changed_hash(self, command: Login, turn: Turn, known_hash: str) -> str | None:
        """The hash that there is now, where it is another one of the same password: a login beside this one made it costlier."""
        now = await self.store.credentials(turn, command.username.lower())
        if now is None or now[1] == known_hash:
            return None
        is_same, _ = await self.on_thread(lambda: self._check(command, now[1]))
        return now[1] if is_same else None

    def _challenge(self, user: User, password_hash: str, turn: Turn) -> LoginAnswer:
        secret = challenge_key(self.secret)
        who = Challenged(user.user_id, mark_of(password_hash, secret))
        text = challenge(who, secret, issuer=self.settings.issuer, now=turn.now)
        seconds = int(CHALLENGE_LIVES.total_seconds())
        return LoginAnswer(mfa_required=True, challenge=SecretStr(text), expires_in_seconds=seconds)

    @handles
    async def verify_mfa(self, command: VerifyMfa, turn: Turn) -> Tokens:
        secret = challenge_key(self.secret)
        text = command.challenge.get_secret_value()
        who = challenged(text, secret, issuer=self.settings.issuer, now=turn.now)
        if who is None:
            raise MfaChallengeInvalid
        async with turn.apart() as db:
            known = await self.store.password_of(db, who.user_id)
            key = await self.signing_key(db, turn.now)
        if known is None or mark_of(known[1], secret) != who.password_mark:
            raise MfaChallengeInvalid
        await self.prove_code(turn, who.user_id, command.code)
        user = await self.store.lock_who_logs_in(turn, who.user_id, known[1])
        if user is None:
            raise MfaChallengeInvalid
        device = _device_of(command, who.user_id, self.attempts_key)
        return await self._begin_session(turn, user, key, device, command, proved=True)

    async def _begin(self, command: Login, turn: Turn) -> _Attempt:
        name, key = command.username.lower(), self.attempts_key
        async with turn.apart() as db:
            known = await self.store.credentials(db, name)
            user_id, password_hash = known or (None, passwords.nobodys_hash(self.settings.bcrypt_cost))
            device = _device_of(command, user_id, key)
            address = None
            if device is None and command.address:
                address = target_of("address", command.address, key)
                await self.refuse_waiting(db, address, turn.now)
            counted = target_of("account", name, key) if device is None else target_of("device", device.hex(), key)
            locks_until = await self.begin_attempt(db, counted, turn.now)
            signing_key = await self.signing_key(db, turn.now)
        known_id = None if user_id is None else UserId(user_id)
        return _Attempt(known_id, password_hash, signing_key, device, counted, address, locks_until)

    def _check(self, command: Login, password_hash: str) -> tuple[bool, str | None]:
        """Whether it is the password, and its hash at the cost of today where it was hashed at a lower one. On a thread."""
        password, cost = command.password.get_secret_value(), self.settings.bcrypt_cost
        if not passwords.matches(password, password_hash):
            return False, None
        cheap = passwords.cost_of(password_hash) < cost
        return True, passwords.hashed(password, bcrypt.gensalt(cost)) if cheap else None

    async def _failed(self, command: Login, turn: Turn, attempt: _Attempt) -> None:
        async with turn.apart_telling(turn.said) as (db, events):
            if attempt.address is not None:
                await self.count_failure(db, attempt.address, turn.now)
            events.append(LoginFailed(user_id=attempt.user_id, address=command.address or ""))
            if attempt.user_id is not None and attempt.locks_until is not None:
                on_device = attempt.device is not None
                events.append(AccountLocked(user_id=attempt.user_id, until=attempt.locks_until, on_device=on_device))

    async def _begin_session(
        self, turn: Turn, user: User, key: SigningPair, device: bytes | None, command: Login | VerifyMfa, *, proved: bool
    ) -> Tokens:
        # Of message and user: whoever learned the id of somebody's login must not join their session.
        session_id = SessionId(turn.derive(f"session of {user.user_id}"))
        ends_at = turn.now + timedelta(days=self.settings.refresh_days_absolute)
        await self.store.forget_sessions(turn, user.user_id, turn.now - KEPT_AFTER_END)
        proof = Proof(turn.now, (PASSWORD, ONE_TIME_CODE) if proved else (PASSWORD,))
        named, address = device_named(command.user_agent), command.address or ""
        await self.store.begin_session(turn, session_id, user.user_id, proof, ends_at, named, address)
        surplus = await self.store.end_surplus_sessions(turn, user.user_id, turn.now, "too many others", MOST_SESSIONS)
        if surplus:
            turn.emit(AccessChanged(user_id=user.user_id, session_ids=tuple(surplus)))
        issue = Issue(secrets.token_bytes(TOKEN_BYTES), session_id, self.expiry(turn.now, ends_at))
        await self.store.insert_token(turn, issue, secrets.token_bytes(SALT_BYTES), turn.now)
        known = device is not None
        turn.emit(LoginSucceeded(user_id=user.user_id, session_id=session_id, address=address, known_device=known))
        nonce = device or secrets.token_bytes(NONCE_BYTES)
        token = device_token(nonce, user.user_id, self.attempts_key)
        return self.tokens(user, issue, proof, key, turn.now, device=token)

    @handles
    async def logout(self, command: Logout, turn: Turn) -> SessionsEnded:
        token = token_in(command.refresh_token.get_secret_value())
        known = None if token is None else await self.store.lock_token(turn, hash_of(token))
        if known is None:
            return SessionsEnded()
        user_id = await self.store.revoke_session(turn, known.session_id, turn.now, "logged out")
        return SessionsEnded() if user_id is None else tell_ended(turn, UserId(user_id), [SessionId(known.session_id)])


def _device_of(command: Login | VerifyMfa, user_id: UUID | None, key: bytes) -> bytes | None:
    sent = command.device_token
    return None if sent is None or user_id is None else device_in(sent.get_secret_value(), user_id, key)
