"""Who may log in: users, their roles, and the member that each is."""

from uuid import UUID

from actors.identity.handlers.hashing import Hashing
from actors.identity.handlers.sessions import the_user
from actors.identity.rules.roles import ADMINISTRATOR, known_roles, without_membership
from messages.base import VersionConflict
from messages.identity import (
    AccessChanged,
    CreateFirstAdministrator,
    CreateUser,
    DisableUser,
    EnableUser,
    GetUser,
    LastAdministrator,
    LinkMember,
    ListUsers,
    MemberLinked,
    RequirePasswordChange,
    RolesChanged,
    SetRoles,
    User,
    UserCreated,
    UserDisabled,
    UsernameTaken,
    UserNotFound,
    UserPage,
    UsersExist,
    WhoAmI,
)
from messages.ids import MemberId, UserId
from messages.member import GetMember, MemberClosed, MembershipEnded, MemberStatus
from runtime.actor import Turn, handles
from runtime.paging import decode_cursor, encode_cursor


class Users(Hashing):
    """Makes and changes users."""

    @handles
    async def who_am_i(self, _query: WhoAmI, turn: Turn) -> User:
        return await self._known(turn, the_user(turn.principal))

    @handles
    async def get_user(self, query: GetUser, turn: Turn) -> User:
        return await self._known(turn, query.user_id)

    @handles
    async def list_users(self, query: ListUsers, turn: Turn) -> UserPage:
        after = "" if query.cursor is None else decode_cursor(query.cursor, 1)[0].replace("\0", "")
        users = await self.store.users(turn, after, query.limit + 1)
        page = users[: query.limit]
        return UserPage(items=tuple(page), next_cursor=encode_cursor(page[-1].username) if len(users) > query.limit else None)

    @handles
    async def create_first_administrator(self, command: CreateFirstAdministrator, turn: Turn) -> User:
        user = _new_user(turn, command.username, [ADMINISTRATOR], None)
        async with self.place_to_hash():
            password_hash = await self.chosen(command.username, command.password)
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
        user = _new_user(turn, command.username, roles, command.member_id, must_change_password=command.must_change_password)
        async with self.place_to_hash():
            password_hash = await self.chosen(command.username, command.password)
        return await self._insert(turn, user, password_hash)

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
    async def require_password_change(self, command: RequirePasswordChange, turn: Turn) -> User:
        user = await self._to_change(turn, command.user_id, command.expected_version)
        await self.store.require_password_change(turn, user.user_id)
        turn.emit(AccessChanged(user_id=user.user_id))
        return user.model_copy(update={"must_change_password": True, "version": user.version + 1})

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
        await self.api_keys.revoke_all(turn, user.user_id, turn.now, "the user was disabled")
        turn.emit(UserDisabled(user_id=user.user_id))
        return await self._change(turn, user, because, disabled=True)

    async def _change(self, turn: Turn, user: User, disabled_because: str | None = None, **changes: object) -> User:
        changed = user.model_copy(update={**changes, "version": user.version + 1})
        await self.store.change_user(turn, changed, turn.now, disabled_because)
        turn.emit(AccessChanged(user_id=user.user_id))
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


def _new_user(
    turn: Turn, username: str, roles: list[str], member_id: MemberId | None, *, must_change_password: bool = False
) -> User:
    return User(
        user_id=UserId(turn.derive(f"user {username}")),
        username=username,
        roles=tuple(roles),
        member_id=member_id,
        disabled=False,
        must_change_password=must_change_password,
        created_at=turn.now,
        version=1,
    )
