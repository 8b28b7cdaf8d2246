"""One asks, another decides: roles of users, and what the institution's own roles mean.

A request is carried out when somebody else approves it, in that very turn. It says what it rests on: the user as they were, and the
versions of the roles; when one of these has changed meanwhile it is void, for nobody approved what it would do now.
"""

from collections.abc import Mapping

from actors.identity.handlers.judging import Judging, as_granted, each_once
from actors.identity.rules.roles import ADMINISTRATOR
from messages.access import (
    AccessDecided,
    AccessRequest,
    AccessRequestDecided,
    AccessRequested,
    AccessRequestId,
    AccessRequestNotFound,
    AccessRequestPage,
    AccessRequestVoid,
    ApproveAccessRequest,
    GetAccessRequest,
    ListAccessRequests,
    OwnRequest,
    RejectAccessRequest,
    RolesDefined,
    RoleWanted,
)
from messages.base import Forbidden, Invalid, VersionConflict
from messages.identity import AccessChanged, LastAdministrator, RolesChanged, SetRoles, User, UserNotFound
from messages.ids import UserId
from runtime.actor import Turn, handles
from runtime.paging import decode_cursor, encode_cursor

LARGEST_SEQ = 2**63 - 1


def who(turn: Turn) -> str:
    """Who asks or decides, as it is written down."""
    return f"{turn.principal.kind}:{turn.principal.id}"


class Granting(Judging):
    """Takes requests, and carries out what is approved."""

    # Asking

    @handles
    async def set_roles(self, command: SetRoles, turn: Turn) -> AccessRequest:
        self.check_not_oneself(turn, command.user_id)
        roles = each_once(command.roles)
        user = await self.user_to_change(
            turn, command.user_id, command.expected_version, stays_administrator=ADMINISTRATOR in roles
        )
        rests_on = await self.check_giving(turn, roles, user.roles)
        return await self.ask_for_roles(turn, user, roles, rests_on, command.reason)

    async def ask_for_roles(
        self, turn: Turn, user: User, roles: tuple[str, ...], rests_on: Mapping[str, int], reason: str
    ) -> AccessRequest:
        """Ask for roles that may be given, or give them where nobody else is needed."""
        request = self._new_request(turn, "assign_roles", reason).model_copy(update={"user_id": user.user_id, "roles": roles})
        return await self._asked(turn, request, rests_on)

    async def ask_for_role(self, turn: Turn, role: RoleWanted, version: int, reason: str) -> AccessRequest:
        """Ask for a definition of a role that may be given, or define it where nobody else is needed."""
        request = self._new_request(turn, "define_role", reason).model_copy(update={"role": role})
        return await self._asked(turn, request, {role.name: version})

    def _new_request(self, turn: Turn, kind: str, reason: str) -> AccessRequest:
        return AccessRequest.model_validate(
            {
                "request_id": AccessRequestId(turn.derive("access request")),
                "kind": kind,
                "status": "pending",
                "reason": reason,
                "requested_by": who(turn),
                "requested_at": turn.now,
            }
        )

    async def _asked(self, turn: Turn, request: AccessRequest, rests_on: Mapping[str, int]) -> AccessRequest:
        at_once = await self.counts_at_once(turn)
        if at_once:
            decided = {"status": "approved", "decided_by": who(turn), "decided_at": turn.now}
            request = request.model_copy(update=decided)
        await self.store.insert_request(turn, request, rests_on)
        turn.emit(AccessRequested(request_id=request.request_id, kind=request.kind, requested_by=request.requested_by))
        return await self._carry_out(turn, request) if at_once else request

    # Deciding

    @handles
    async def approve_access_request(self, command: ApproveAccessRequest, turn: Turn) -> AccessRequest:
        turn.sees_all(Forbidden())
        request = await self._to_decide(turn, command.request_id)
        if request.requested_by == who(turn):
            raise OwnRequest
        if request.user_id is not None:
            self.check_not_oneself(turn, request.user_id)
        await self._check_checker(turn, request)
        return await self._carry_out(turn, await self._decided(turn, request, "approved", command.note))

    async def _check_checker(self, turn: Turn, request: AccessRequest) -> None:
        """Who approves gives as much as who asks."""
        if request.role is not None:
            self.check_not_own_role(turn, request.role.name)
            definitions, _ = await self.definitions(turn)
            self.check_no_more(turn, definitions, as_granted(request.role.grants))
        elif request.user_id is not None:
            user = await self._locked(turn, request.user_id)
            await self.check_giving(turn, request.roles or (), user.roles)

    @handles
    async def reject_access_request(self, command: RejectAccessRequest, turn: Turn) -> AccessRequest:
        turn.sees_all(Forbidden())
        request = await self._to_decide(turn, command.request_id, is_void_too=True)
        return await self._decided(turn, request, "rejected", command.note)

    async def _to_decide(self, turn: Turn, request_id: AccessRequestId, *, is_void_too: bool = False) -> AccessRequest:
        """A request that waits, with what it rests on; all stays so until the commit. Locks as everywhere: administrators first."""
        there = await self._known_request(turn, request_id)
        if there.roles is not None and ADMINISTRATOR not in there.roles:
            await self.store.lock_administrators(turn)
        await self.store.lock_request(turn, request_id)
        if there.user_id is not None:
            await self._locked(turn, there.user_id)
        if there.role is not None:
            await self.store.lock_definitions(turn)
        request = await self._known_request(turn, request_id)
        if request.status == "void" and not is_void_too:
            raise AccessRequestVoid
        if request.status not in {"pending", "void"}:
            raise AccessRequestDecided(status=request.status)
        return request

    async def _decided(self, turn: Turn, request: AccessRequest, status: str, note: str) -> AccessRequest:
        await self.store.decide_request(turn, request.request_id, status, who(turn), turn.now, note)
        turn.emit(
            AccessDecided(
                request_id=request.request_id,
                kind=request.kind,
                approved=status == "approved",
                requested_by=request.requested_by,
                decided_by=who(turn),
            )
        )
        decided = {"status": status, "decided_by": who(turn), "decided_at": turn.now, "note": note}
        return request.model_copy(update=decided)

    async def _carry_out(self, turn: Turn, request: AccessRequest) -> AccessRequest:
        if request.role is not None:
            version = await self.store.define_role(turn, request.role, turn.now, request.requested_by)
            turn.emit(RolesDefined(name=request.role.name, role_version=version, by=request.requested_by))
            return request
        assert request.user_id is not None, "it is about a user"
        assert request.roles is not None, "it is about roles"
        user = await self._locked(turn, request.user_id)
        if ADMINISTRATOR not in request.roles and await self.store.lock_administrators(turn) == {user.user_id}:
            raise LastAdministrator
        turn.emit(RolesChanged(user_id=user.user_id, roles=request.roles))
        await self.change_user(turn, user, roles=request.roles)
        return request.model_copy(update={"access_changed": True})

    # Reading

    @handles
    async def get_access_request(self, query: GetAccessRequest, turn: Turn) -> AccessRequest:
        turn.sees_all(AccessRequestNotFound())
        return await self._known_request(turn, query.request_id)

    @handles
    async def list_access_requests(self, query: ListAccessRequests, turn: Turn) -> AccessRequestPage:
        turn.sees_all(Forbidden())
        found = await self.store.requests(turn, _seq_before(query.cursor), query.status, query.limit + 1)
        page = found[: query.limit]
        more = len(found) > query.limit
        return AccessRequestPage(
            items=tuple(each.request for each in page), next_cursor=encode_cursor(str(page[-1].seq)) if more else None
        )

    async def _known_request(self, turn: Turn, request_id: AccessRequestId) -> AccessRequest:
        request = await self.store.request(turn, request_id)
        if request is None:
            raise AccessRequestNotFound
        return request

    # Users, to be changed

    async def _locked(self, turn: Turn, user_id: UserId) -> User:
        user = await self.store.lock_user(turn, user_id)
        if user is None:
            raise UserNotFound
        return user

    async def user_to_change(
        self, turn: Turn, user_id: UserId, expected_version: int | None, *, stays_administrator: bool = True
    ) -> User:
        """A user within reach whom nobody else changes until the commit."""
        others = set() if stays_administrator else await self.store.lock_administrators(turn)
        user = await self._locked(turn, user_id)
        self.check_reaches(turn, user)
        if expected_version is not None and expected_version != user.version:
            raise VersionConflict(version=user.version)
        if others == {user_id}:
            raise LastAdministrator
        return user

    async def change_user(self, turn: Turn, user: User, disabled_because: str | None = None, **changes: object) -> User:
        """Write down what a user may do from now on, and tell it."""
        changed = user.model_copy(update={**changes, "version": user.version + 1})
        await self.store.change_user(turn, changed, turn.now, disabled_because)
        turn.emit(AccessChanged(user_id=user.user_id))
        return changed


def _seq_before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    text = decode_cursor(cursor, 1)[0]
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_SEQ)) or int(text) > LARGEST_SEQ:
        raise Invalid("This cursor did not come from the previous page.", field="cursor")
    return int(text)
