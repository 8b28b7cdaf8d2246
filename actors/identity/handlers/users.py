"""Who may log in: users, their roles, and the member that each is."""

from uuid import UUID

from actors.identity.handlers.api_keys import end_api_keys
from actors.identity.handlers.granting import Granting
from actors.identity.handlers.judging import each_once
from actors.identity.handlers.sessions import the_user
from actors.identity.rules.roles import ADMINISTRATOR, without_membership
from messages.identity import (
    AccessChanged,
    CreateFirstAdministrator,
    CreateUser,
    DisableUser,
    EnableUser,
    GetUser,
    InviteUser,
    LinkMember,
    ListUsers,
    MemberLinked,
    RequirePasswordChange,
    RolesChanged,
    SetBranch,
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


class Users(Granting):
    """Makes and changes users."""

    @handles
    async def who_am_i(self, _query: WhoAmI, turn: Turn) -> User:
        return await self._known(turn, the_user(turn.principal))

    @handles
    async def get_user(self, query: GetUser, turn: Turn) -> User:
        user = await self._known(turn, query.user_id)
        self.check_reaches(turn, user)
        return user

    @handles
    async def list_users(self, query: ListUsers, turn: Turn) -> UserPage:
        after = "" if query.cursor is None else decode_cursor(query.cursor, 1)[0].replace("\0", "")
        reach = turn.reach
        users = await self.store.users(
            turn,
            after,
            query.limit + 1,
            everybody=reach.everything,
            oneself=turn.principal.user_id,
            branch=reach.branch,
        )
        page = users[: query.limit]
        return UserPage(items=tuple(page), next_cursor=encode_cursor(page[-1].username) if len(users) > query.limit else None)

    @handles
    async def create_first_administrator(self, command: CreateFirstAdministrator, turn: Turn) -> User:
        user = _new_user(turn, command.username, (ADMINISTRATOR,), None)
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
        wanted = await self.user_wanted(turn, command)
        user = wanted.model_copy(update={"must_change_password": command.must_change_password})
        async with self.place_to_hash():
            password_hash = await self.chosen(command.username, command.password)
        return await self.insert(turn, user, password_hash)

    async def user_wanted(self, turn: Turn, command: CreateUser | InviteUser) -> User:
        """The user who is to be made, if that may be."""
        branch = self.branch_for(turn, command.branch)
        roles = each_once(command.roles)
        async with turn.apart() as db:
            await self.check_giving(turn, roles, db=db)
        await self._check_member(turn, command.member_id)
        return _new_user(turn, command.username, roles, command.member_id, branch)

    async def insert(self, turn: Turn, user: User, password_hash: str) -> User:
        """Make the user; where roles need approval without them, and ask for them."""
        rests_on = await self.check_giving(turn, user.roles)
        if await self.counts_at_once(turn):
            return await self._insert(turn, user, password_hash)
        made = await self._insert(turn, user.model_copy(update={"roles": ()}), password_hash)
        if made.version == 1:
            await self.ask_for_roles(turn, made, user.roles, rests_on, "A new user.")
        return made

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
    async def link_member(self, command: LinkMember, turn: Turn) -> User:
        self.check_not_oneself(turn, command.user_id)
        await self._check_member(turn, command.member_id)
        user = await self.user_to_change(turn, command.user_id, command.expected_version)
        return await self.change_user(turn, user, member_id=command.member_id)

    @handles
    async def set_branch(self, command: SetBranch, turn: Turn) -> User:
        turn.sees_all(UserNotFound())
        self.check_not_oneself(turn, command.user_id)
        branch = self.branch_for(turn, command.branch)
        user = await self.user_to_change(turn, command.user_id, command.expected_version)
        return await self.change_user(turn, user, branch=branch)

    @handles
    async def disable_user(self, command: DisableUser, turn: Turn) -> User:
        user = await self.user_to_change(turn, command.user_id, command.expected_version, stays_administrator=False)
        return await self._disable(turn, user, command.reason)

    @handles
    async def enable_user(self, command: EnableUser, turn: Turn) -> User:
        user = await self.user_to_change(turn, command.user_id, command.expected_version)
        return await self.change_user(turn, user, disabled=False)

    @handles
    async def require_password_change(self, command: RequirePasswordChange, turn: Turn) -> User:
        user = await self.user_to_change(turn, command.user_id, command.expected_version)
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
            await self.change_user(turn, user, roles=tuple(roles), member_id=None)
            turn.emit(RolesChanged(user_id=user.user_id, roles=tuple(roles)))
        else:
            await self._disable(turn, user, "the membership ended")

    async def _disable(self, turn: Turn, user: User, because: str) -> User:
        await self.store.revoke_sessions(turn, user.user_id, turn.now, "the user was disabled")
        await end_api_keys(turn, self.api_keys, user.user_id, "the user was disabled")
        turn.emit(UserDisabled(user_id=user.user_id))
        return await self.change_user(turn, user, because, disabled=True)

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


def _new_user(turn: Turn, username: str, roles: tuple[str, ...], member_id: MemberId | None, branch: str | None = None) -> User:
    return User(
        user_id=UserId(turn.derive(f"user {username}")),
        username=username,
        roles=roles,
        member_id=member_id,
        branch=branch,
        disabled=False,
        created_at=turn.now,
        version=1,
    )
