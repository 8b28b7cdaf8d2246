"""API keys: a program works in a user's name, with some of that user's permissions, until the key ends or the user's access does."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from actors.identity.handlers.judging import Judging
from actors.identity.handlers.proving import who_logged_in
from actors.identity.rules.access_tokens import ONE_TIME_CODE
from actors.identity.rules.api_keys import MOST_KEYS, PREFIX_BYTES, SECRET_BYTES, given_on, new_key
from actors.identity.store import ApiKeyStore
from messages.base import Done, Forbidden, Invalid
from messages.identity import (
    AccessChanged,
    ApiKey,
    ApiKeyHolder,
    ApiKeyInvalid,
    ApiKeyMade,
    ApiKeyNotFound,
    ApiKeyPage,
    ApiKeyRevoked,
    CheckApiKey,
    ListApiKeys,
    MadeApiKey,
    MakeApiKey,
    NoteUses,
    RevokeApiKey,
    SessionOver,
    TooManyApiKeys,
    UserNotFound,
)
from messages.ids import UserId
from runtime.actor import Turn, handles
from runtime.paging import decode_cursor, encode_cursor

READ_USERS, CHANGE_USERS = "users:read", "users:write"
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


class ApiKeys(Judging):
    """Makes, shows, checks and ends keys of programs."""

    @handles
    async def make_api_key(self, command: MakeApiKey, turn: Turn) -> MadeApiKey:
        user_id = who_logged_in(turn.principal)
        user = await self.store.lock_user(turn, user_id)
        if user is None or user.disabled:
            raise UserNotFound
        if command.current is not None and await self.store.checked_session(turn, command.current, turn.now) is None:
            raise SessionOver  # it ended while this waited: nothing of it is to outlive it
        permissions = given_on(command.permissions, await self.permissions_of(turn, user.roles))
        api_key_id = turn.derive("api key")
        expires_at = turn.now + timedelta(days=command.expires_in_days)
        key = new_key(secrets.token_bytes(PREFIX_BYTES), secrets.token_bytes(SECRET_BYTES), expires_at)
        # With the key itself, so that the message may be said again.
        made = await self.api_keys.insert(turn, api_key_id, user_id, command.name, key, permissions, turn.now)
        if await self.api_keys.count(turn, user_id, turn.now) > MOST_KEYS:
            raise TooManyApiKeys(most=MOST_KEYS)
        turn.emit(
            ApiKeyMade(
                user_id=user_id,
                api_key_id=made.api_key_id,
                prefix=made.prefix,
                permissions=made.permissions,
                expires_at=expires_at,
            )
        )
        return MadeApiKey(key=SecretStr(key.text), api_key_id=made.api_key_id, api_key=made)

    @handles
    async def list_api_keys(self, query: ListApiKeys, turn: Turn) -> ApiKeyPage:
        user_id = who_logged_in(turn.principal)
        if query.everyones:
            await self._must_have(turn, user_id, READ_USERS)
        before, before_id = _position(query.cursor)
        whose = None if query.everyones else user_id
        keys = await self.api_keys.keys(turn, whose, before, before_id, query.limit + 1)
        page = keys[: query.limit]
        more = len(keys) > query.limit
        return ApiKeyPage(
            items=tuple(page),
            next_cursor=encode_cursor(page[-1].made_at.isoformat(), str(page[-1].api_key_id)) if more else None,
        )

    @handles
    async def revoke_api_key(self, command: RevokeApiKey, turn: Turn) -> ApiKey:
        user_id = who_logged_in(turn.principal)
        key = await self.api_keys.lock(turn, command.api_key_id)
        if key is None or (key.user_id != user_id and CHANGE_USERS not in await self._permissions(turn, user_id)):
            raise ApiKeyNotFound
        if key.revoked_at is not None:
            return key
        because = "by its user" if key.user_id == user_id else f"by {user_id}"
        await self.api_keys.revoke(turn, key.api_key_id, turn.now, because)
        turn.emit(ApiKeyRevoked(user_id=key.user_id, api_key_id=key.api_key_id))
        turn.emit(AccessChanged(user_id=key.user_id, session_ids=()))
        return key.model_copy(update={"revoked_at": turn.now, "revoked_because": because})

    @handles
    async def check_api_key(self, command: CheckApiKey, turn: Turn) -> ApiKeyHolder:
        held = await self.api_keys.holder(turn, _bytes_of(command.key_hash), turn.now)
        if held is None:
            raise ApiKeyInvalid
        if self.must_enrol(held.roles, (ONE_TIME_CODE,) if held.has_second_factor else ()):
            raise ApiKeyInvalid("The user of this API key must enrol an authenticator first.")
        now_theirs = await self.permissions_of(turn, held.roles)
        return ApiKeyHolder(
            api_key_id=held.api_key_id,
            user_id=held.user_id,
            roles=held.roles,
            member_id=held.member_id,
            branch=held.branch,
            permissions=tuple(sorted(held.permissions & now_theirs)),
            expires_at=held.expires_at,
        )

    @handles
    async def note_uses(self, command: NoteUses, turn: Turn) -> Done:
        """Of sessions, too: both are what somebody comes with."""
        if turn.principal.kind != "actor":
            raise Forbidden("The edges tell this.")
        await self.store.sessions_were_used(turn, {each: min(at, turn.now) for each, at in command.sessions.items()})
        await self.api_keys.were_used(turn, {each: min(at, turn.now) for each, at in command.api_keys.items()})
        return Done()

    async def _permissions(self, turn: Turn, user_id: UserId) -> frozenset[str]:
        user = await self.store.user(turn, user_id)
        return frozenset() if user is None else await self.permissions_of(turn, user.roles)

    async def _must_have(self, turn: Turn, user_id: UserId, permission: str) -> None:
        if permission not in await self._permissions(turn, user_id):
            raise Forbidden(f"This takes the permission {permission}.", permission=permission)


async def end_api_keys(turn: Turn, keys: ApiKeyStore, user_id: UserId, because: str) -> None:
    """End all keys of a user, and tell. That the user's access has changed is told by whoever calls."""
    for api_key_id in await keys.revoke_all(turn, user_id, turn.now, because):
        turn.emit(ApiKeyRevoked(user_id=user_id, api_key_id=api_key_id))


def _position(cursor: str | None) -> tuple[datetime, UUID]:
    """Where a page begins: before everything, or after the last key of the page before."""
    if cursor is None:
        return LAST_MOMENT, UUID(int=2**128 - 1)
    made_at, api_key_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(made_at).astimezone(UTC), UUID(api_key_id)
    except (ValueError, OverflowError):
        raise Invalid("This cursor did not come from the previous page.", field="cursor") from None


def _bytes_of(key_hash: SecretStr) -> bytes:
    try:
        return bytes.fromhex(key_hash.get_secret_value())
    except ValueError:
        raise ApiKeyInvalid from None
