"""The identity actor: who may log in, the tokens they get, and the roles that the other actors judge them by.

A password is checked on one of two threads and outside of any transaction: it takes a quarter of a second of a processor, and
neither other turns nor the database should wait for it. Limits on attempts are the edge's.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import bcrypt
from pydantic import SecretStr

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
from actors.identity.rules.roles import ADMINISTRATOR, known_roles, without_membership
from actors.identity.rules.sealing import NONCE_BYTES, SealBroken, seal, succession_key, unseal
from actors.identity.store import KnownToken, SealedKey, Store, Transaction
from config.roles import load_roles
from config.settings import IdentitySettings, Settings
from messages.base import Done, Unauthenticated, VersionConflict
from messages.identity import (
    CreateFirstAdministrator,
    CreateUser,
    DisableUser,
    EnableUser,
    GetSigningKeys,
    GetUser,
    LastAdministrator,
    LinkMember,
    ListUsers,
    Login,
    Logout,
    MemberLinked,
    PasswordIsUsername,
    RefreshTokenInvalid,
    RefreshTokens,
    RolesChanged,
    SetRoles,
    SigningKeys,
    Tokens,
    User,
    UserCreated,
    UserDisabled,
    UsernameTaken,
    UserNotFound,
    UserPage,
    UsersExist,
    WhoAmI,
    WrongCredentials,
)
from messages.ids import MemberId, UserId, new_id
from messages.member import GetMember, MemberClosed, MembershipEnded, MemberStatus
from runtime.actor import Actor, Turn, handles
from runtime.paging import decode_cursor, encode_cursor
from runtime.principal import Principal

log = logging.getLogger("coffer.identity")

HASHING_THREADS = 2
"""A password check takes a whole processor; more at once would only take them from the other turns."""
KEPT_AFTER_END = timedelta(days=30)
"""How long it stays known why a session ended."""

T = TypeVar("T")


class Identity(Actor):
    """Lets in who proves who they are, never says which half was wrong, and keeps nothing that a thief of tables could use."""

    name = "identity"

    def __init__(self, settings: IdentitySettings | None = None, roles: Collection[str] | None = None) -> None:
        self.store = Store()
        self.settings = settings or IdentitySettings()
        self.known_roles = frozenset(load_roles() if roles is None else roles)
        self._hashers = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password")

    @classmethod
    def configured(cls, settings: Settings) -> "Identity":
        """As the settings of this process have it."""
        return cls(settings.identity, load_roles(settings.config_dir))

    # Logging in

    @handles
    async def login(self, command: Login, turn: Turn) -> Tokens:
        async with turn.apart() as db:
            known = await self.store.credentials(db, command.username.lower())
            key = await self._signing_key(db, turn.now)
        user_id, password_hash = known or (None, passwords.nobodys_hash(self.settings.bcrypt_cost))
        right = await self._on_thread(lambda: passwords.matches(command.password.get_secret_value(), password_hash))
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

    # Who somebody is

    @handles
    async def who_am_i(self, _query: WhoAmI, turn: Turn) -> User:
        user_id = _user_id_of(turn.principal)
        if user_id is None:
            raise Unauthenticated("Only a user who logged in is somebody here.")
        return await self._known(turn, user_id)

    @handles
    async def get_signing_keys(self, _query: GetSigningKeys, turn: Turn) -> SigningKeys:
        retired_after = turn.now - timedelta(minutes=self.settings.access_minutes)
        return SigningKeys(keys=await self.store.public_keys(turn, retired_after))

    @handles
    async def get_user(self, query: GetUser, turn: Turn) -> User:
        return await self._known(turn, query.user_id)

    @handles
    async def list_users(self, query: ListUsers, turn: Turn) -> UserPage:
        after = "" if query.cursor is None else decode_cursor(query.cursor, 1)[0].replace("\0", "")
        users = await self.store.users(turn, after, query.limit + 1)
        page = users[: query.limit]
        return UserPage(items=tuple(page), next_cursor=encode_cursor(page[-1].username) if len(users) > query.limit else None)

    # Users

    @handles
    async def create_first_administrator(self, command: CreateFirstAdministrator, turn: Turn) -> User:
        user = _new_user(turn, command.username, [ADMINISTRATOR], None)
        password_hash = await self._hash(command.username, command.password)
        if not await self.store.any_user(turn):
            return await self._insert(turn, user, password_hash)
        there = await self.store.user(turn, user.user_id)
        if there is None:
            raise UsersExist
        return there

    @handles
    async def create_user(self, command: CreateUser, turn: Turn) -> User:
        roles = known_roles(command.roles, self.known_roles)
        await self._check_member(turn, command.member_id)
        user = _new_user(turn, command.username, roles, command.member_id)
        return await self._insert(turn, user, await self._hash(command.username, command.password))

    async def _insert(self, turn: Turn, user: User, password_hash: str) -> User:
        if await self.store.insert_user(turn, user, password_hash):
            turn.emit(UserCreated(user_id=user.user_id, roles=user.roles))
            return user
        there = await self.store.user_named(turn, user.username)
        if there is None:
            raise MemberLinked(field="member_id")
        if there.user_id != user.user_id:
            raise UsernameTaken(field="username")
        return there  # this very message made it before, and the answer was lost

    @handles
    async def set_roles(self, command: SetRoles, turn: Turn) -> User:
        roles = known_roles(command.roles, self.known_roles)
        user = await self._to_change(
            turn, command.user_id, command.expected_version, stays_administrator=ADMINISTRATOR in roles
        )
        turn.emit(RolesChanged(user_id=user.user_id, roles=tuple(roles)))
        return await self._change(turn, user, roles=tuple(roles))

    @handles
    async def link_member(self, command: LinkMember, turn: Turn) -> User:
        await self._check_member(turn, command.member_id)
        user = await self._to_change(turn, command.user_id, command.expected_version)
        return await self._change(turn, user, member_id=command.member_id)

    @handles
    async def disable_user(self, command: DisableUser, turn: Turn) -> User:
        user = await self._to_change(turn, command.user_id, command.expected_version, stays_administrator=False)
        return await self._disable(turn, user, command.reason)

    @handles
    async def enable_user(self, command: EnableUser, turn: Turn) -> User:
        user = await self._to_change(turn, command.user_id, command.expected_version)
        return await self._change(turn, user, disabled=False)

    @handles
    async def end_membership(self, event: MemberClosed, turn: Turn) -> None:
        """Who was a member only is kept out; staff stay, without a member of their own."""
        user = await self.store.lock_user_of_member(turn, event.member_id)
        if user is None:
            return
        roles = without_membership(user.roles)
        if roles:
            await self._change(turn, user, roles=tuple(roles), member_id=None)
            turn.emit(RolesChanged(user_id=user.user_id, roles=tuple(roles)))
        else:
            await self._disable(turn, user, "the membership ended")

    async def _disable(self, turn: Turn, user: User, because: str) -> User:
        await self.store.revoke_sessions(turn, user.user_id, turn.now, "the user was disabled")
        turn.emit(UserDisabled(user_id=user.user_id))
        return await self._change(turn, user, because, disabled=True)

    async def _change(self, turn: Turn, user: User, disabled_because: str | None = None, **changes: object) -> User:
        changed = user.model_copy(update={**changes, "version": user.version + 1})
        await self.store.change_user(turn, changed, turn.now, disabled_because)
        return changed

    async def _to_change(
        self, turn: Turn, user_id: UserId, expected_version: int | None, *, stays_administrator: bool = True
    ) -> User:
        others = set() if stays_administrator else await self.store.lock_administrators(turn)
        user = await self.store.lock_user(turn, user_id)
        if user is None:
            raise UserNotFound
        if expected_version is not None and expected_version != user.version:
            raise VersionConflict(version=user.version)
        if others == {user_id}:
            raise LastAdministrator
        return user

    async def _known(self, turn: Turn, user_id: UUID) -> User:
        user = await self.store.user(turn, user_id)
        if user is None:
            raise UserNotFound
        return user

    async def _check_member(self, turn: Turn, member_id: MemberId | None) -> None:
        if member_id is None:
            return
        member = await turn.ask(GetMember(member_id=member_id), step="member")
        if member.status is MemberStatus.CLOSED:
            raise MembershipEnded(field="member_id")

    async def _hash(self, username: str, password: SecretStr) -> str:
        if password.get_secret_value().casefold() == username:
            raise PasswordIsUsername(field="password")
        salt = bcrypt.gensalt(self.settings.bcrypt_cost)
        return await self._on_thread(lambda: passwords.hashed(password.get_secret_value(), salt))

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hashers, work)


def _user_id_of(principal: Principal) -> UUID | None:
    """The user that a principal is; None for systems and programs."""
    try:
        return UUID(principal.id) if principal.kind == "user" else None
    except ValueError:
        return None


def _new_user(turn: Turn, username: str, roles: list[str], member_id: MemberId | None) -> User:
    return User(
        user_id=UserId(turn.derive(f"user {username}")),
        username=username,
        roles=tuple(roles),
        member_id=member_id,
        disabled=False,
        created_at=turn.now,
        version=1,
    )


def _presented(known: KnownToken, *, successor_used: bool) -> Presented:
    return Presented(
        expires_at=known.expires_at,
        used_at=known.used_at,
        used_by=known.used_by,
        successor_used=successor_used,
        session_ends_at=known.session_ends_at,
        session_over=known.session_revoked or known.user.disabled,
    )
