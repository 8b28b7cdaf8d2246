"""Roles and permissions: what there is, and new definitions of the institution's own."""

from collections.abc import Mapping

from actors.identity.handlers.granting import Granting
from actors.identity.handlers.judging import as_granted, as_told
from actors.identity.rules.permissions import check_grants, told_permissions
from config.permissions import permissions
from messages.access import (
    MOST_OWN_ROLES,
    AccessRequest,
    Branch,
    BranchPage,
    ChangeRole,
    DefineRole,
    GetRole,
    ListBranches,
    ListPermissions,
    ListRoles,
    PermissionPage,
    Role,
    RoleExists,
    RoleIsBuiltIn,
    RoleNotFound,
    RolePage,
    RoleWanted,
    TooManyRoles,
)
from messages.base import Forbidden, VersionConflict, all_message_types
from runtime.actor import Turn, handles
from runtime.house import load_vocabularies


class Roles(Granting):
    """Tells of roles, and takes new ones."""

    @handles
    async def list_roles(self, _query: ListRoles, turn: Turn) -> RolePage:
        turn.sees_all(Forbidden())
        return RolePage(items=tuple(role for _, role in sorted((await self._roles(turn)).items())))

    @handles
    async def get_role(self, query: GetRole, turn: Turn) -> Role:
        turn.sees_all(RoleNotFound())
        role = (await self._roles(turn)).get(query.name)
        if role is None:
            raise RoleNotFound
        return role

    async def _roles(self, turn: Turn) -> Mapping[str, Role]:
        told = {name: as_told(name, "Of the roles file.", grants) for name, grants in self.built_in.items()}
        return {**await self.store.own_roles(turn), **told}

    @handles
    async def list_permissions(self, _query: ListPermissions, turn: Turn) -> PermissionPage:
        turn.sees_all(Forbidden())
        load_vocabularies()
        about = {name: (each.about, each.scopes) for name, each in permissions().items()}
        return PermissionPage(items=told_permissions(about, all_message_types()))

    @handles
    async def list_branches(self, _query: ListBranches, _turn: Turn) -> BranchPage:
        return BranchPage(items=tuple(Branch(code=code, name=name) for code, name in sorted(self.branches.items())))

    @handles
    async def define_role(self, command: DefineRole, turn: Turn) -> AccessRequest:
        turn.sees_all(Forbidden())
        there = await self._own_role(turn, command)
        if there is not None:
            raise RoleExists(field="name", version=there.version)
        if len(await self.store.own_roles(turn)) >= MOST_OWN_ROLES:
            raise TooManyRoles
        return await self._define(turn, command, 0)

    @handles
    async def change_role(self, command: ChangeRole, turn: Turn) -> AccessRequest:
        turn.sees_all(RoleNotFound())
        there = await self._own_role(turn, command)
        if there is None:
            raise RoleNotFound
        if command.expected_version is not None and command.expected_version != there.version:
            raise VersionConflict(version=there.version)
        self.check_not_own_role(turn, command.name)
        return await self._define(turn, command, there.version)

    async def _own_role(self, turn: Turn, command: DefineRole | ChangeRole) -> Role | None:
        """The role that is there, which nobody else defines until the commit. Refused where it is a built-in one."""
        if command.name in self.built_in:
            raise RoleIsBuiltIn(field="name")
        await self.store.lock_definitions(turn)
        return (await self.store.own_roles(turn)).get(command.name)

    async def _define(self, turn: Turn, command: DefineRole | ChangeRole, version: int) -> AccessRequest:
        load_vocabularies()
        check_grants(command.grants, {name: each.scopes for name, each in permissions().items()}, all_message_types())
        definitions, _ = await self.definitions(turn)
        self.check_no_more(turn, definitions, as_granted(command.grants), field="grants")
        role = RoleWanted(name=command.name, about=command.about, grants=command.grants)
        return await self.ask_for_role(turn, role, version, command.reason)
