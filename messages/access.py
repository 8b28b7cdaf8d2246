"""What can be said to the identity actor about what users may do: roles, permissions, requests that another person decides,
invitations and branches. Logins and users themselves are in identity.py.
"""

from datetime import datetime
from typing import Annotated, Literal, NewType
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic_core import PydanticCustomError

from messages.base import Command, Event, Flag, Forbidden, Line, Note, NotFound, Page, Query, Refusal, Reply
from messages.ids import UserId
from messages.money import Currency, to_minor

AccessRequestId = NewType("AccessRequestId", UUID)
InvitationId = NewType("InvitationId", UUID)

MOST_OWN_ROLES = 200
"""Roles that an institution defines; every process has all of them in memory."""
MOST_GRANTS = 100

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]
"""A role, built-in or the institution's own."""
PermissionName = Annotated[str, Field(pattern=r"^[a-z-]{1,40}:[a-z-]{1,40}$")]
Scope = Literal["own", "group", "branch", "all"]
RequestStatus = Literal["pending", "approved", "rejected", "void"]
"""`void`: what it is about has changed since it was asked, so that it cannot be approved any more."""
ExpectedVersion = Annotated[int, Field(ge=1)]
OneTimeToken = Annotated[
    SecretStr,
    PlainSerializer(lambda secret: secret.get_secret_value(), return_type=str, when_used="json"),
    Field(min_length=1, max_length=200),
]


def _fits_the_currency(limits: dict[str, str] | None) -> dict[str, str] | None:
    for currency, amount in (limits or {}).items():
        try:
            minor = to_minor(amount, currency)
        except ValueError as wrong:
            raise PydanticCustomError("limit", "{wrong}", {"wrong": str(wrong)}) from None
        if minor < 0:
            raise PydanticCustomError("limit", "a limit is not below zero")
    return limits


Limits = Annotated[dict[Currency, Annotated[str, Field(strict=True, max_length=20)]], Field(min_length=1, max_length=20)]


class RoleGrant(BaseModel):
    """How far a permission reaches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Scope
    """Whose things: one's own member's; also those of the groups that one looks after; also those of one's branch; all."""
    at_most: Annotated[Limits | None, AfterValidator(_fits_the_currency)] = None
    """The largest amount by currency, as decimal strings; a currency that is not named is refused. Default: any amount."""


Granted = Annotated[dict[PermissionName, RoleGrant], Field(max_length=MOST_GRANTS)]


class Role(Reply):
    """What somebody with this role may do."""

    name: str
    about: str
    built_in: bool
    """Of the roles file; the others were defined by the institution."""
    grants: dict[str, RoleGrant]
    version: int


class RolePage(Page[Role]):
    """All roles, by name."""


class Permission(Reply):
    """Something that can be granted."""

    name: str
    about: str
    scopes: tuple[Scope, ...]
    """Those that mean something for it."""
    takes_limit: bool
    """Whether `at_most` means something for it."""
    opens: tuple[str, ...]
    """What can be said with it."""


class PermissionPage(Page[Permission]):
    """All permissions, by name."""


class RoleWanted(BaseModel):
    """A role as somebody wants it to be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    about: str
    grants: dict[str, RoleGrant]


class AccessRequest(Reply):
    """What somebody asked for a user or a role, and what became of it."""

    request_id: AccessRequestId
    kind: Literal["assign_roles", "define_role"]
    status: RequestStatus
    user_id: UserId | None = None
    """Who shall have other roles."""
    roles: tuple[str, ...] | None = None
    """All the roles that the user shall have."""
    role: RoleWanted | None = None
    reason: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    access_changed: bool = False
    """Whether somebody's access has changed by what was asked just now."""


class AccessRequestPage(Page[AccessRequest]):
    """Requests, newest first."""


class Branch(Reply):
    """A branch of the institution."""

    code: str
    name: str


class BranchPage(Page[Branch]):
    """All branches, by code."""


# Roles


class ListRoles(Query[RolePage], wire="identity.list_roles.v1", permission="roles:read"):
    """All roles."""


class GetRole(Query[Role], wire="identity.get_role.v1", permission="roles:read"):
    """One role."""

    name: RoleName


class ListPermissions(Query[PermissionPage], wire="identity.list_permissions.v1", permission="roles:read"):
    """All that can be granted, each with what it is for."""


class DefineRole(Command[AccessRequest], wire="identity.define_role.v1", permission="roles:write"):
    """Ask for a role of the institution's own. It exists when somebody else has approved it."""

    name: RoleName
    about: Line
    grants: Granted
    reason: Note = ""


class ChangeRole(Command[AccessRequest], wire="identity.change_role.v1", key="name", permission="roles:write"):
    """Ask for another definition of one of the institution's own roles. It counts for all who have it when it is approved."""

    name: RoleName
    about: Line
    grants: Granted
    reason: Note = ""
    expected_version: ExpectedVersion | None = None


class ListBranches(Query[BranchPage], wire="identity.list_branches.v1"):
    """All branches."""


# One asks, another decides


class ListAccessRequests(Query[AccessRequestPage], wire="identity.list_access_requests.v1", permission="access-requests:read"):
    """What was asked for users and roles."""

    status: RequestStatus | None = None
    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=200)


class GetAccessRequest(Query[AccessRequest], wire="identity.get_access_request.v1", permission="access-requests:read"):
    """One request."""

    request_id: AccessRequestId


class ApproveAccessRequest(
    Command[AccessRequest], wire="identity.approve_access_request.v1", key="request_id", permission="access-requests:decide"
):
    """Approve what somebody else asked for, which carries it out at once. Not for oneself, and not what one asked for oneself."""

    request_id: AccessRequestId
    note: Note = ""


class RejectAccessRequest(
    Command[AccessRequest], wire="identity.reject_access_request.v1", key="request_id", permission="access-requests:decide"
):
    """Reject what was asked for; who asked may take it back so."""

    request_id: AccessRequestId
    note: Note = ""


# What is told


class AccessRequested(Event, wire="identity.access_requested.v1", key="request_id"):
    """Somebody asked for roles of a user, or for a role."""

    request_id: AccessRequestId
    kind: str
    requested_by: str


class AccessDecided(Event, wire="identity.access_decided.v1", key="request_id"):
    """A request was approved or rejected."""

    request_id: AccessRequestId
    kind: str
    approved: Flag
    requested_by: str
    decided_by: str


class RolesDefined(Event, wire="identity.roles_defined.v1", key="name"):
    """A role of the institution's own means this from now on."""

    name: str
    role_version: int
    by: str


# What is refused


class UnknownRole(Refusal):
    """There is no such role."""

    rule = "unknown_role"


class RoleNotFound(NotFound):
    """There is no such role."""

    rule = "role_not_found"


class RoleExists(Refusal):
    """There is such a role; change it instead."""

    rule = "role_exists"
    status = 409


class RoleIsBuiltIn(Refusal):
    """A role of the roles file is changed there."""

    rule = "role_is_built_in"
    status = 409


class TooManyRoles(Refusal):
    """An institution has at most 200 roles of its own."""

    rule = "too_many_roles"


class UnknownPermission(Refusal):
    """There is no such permission."""

    rule = "unknown_permission"


class ScopeWithoutMeaning(Refusal):
    """This permission cannot be narrowed so."""

    rule = "scope_without_meaning"


class LimitWithoutMeaning(Refusal):
    """This permission is not about an amount."""

    rule = "limit_without_meaning"


class MoreThanOwn(Forbidden):
    """Nobody gives more than they may do themselves, unless they may change all users."""

    rule = "more_than_own"


class OwnAccess(Forbidden):
    """Nobody changes what they may do themselves."""

    rule = "own_access"


class OwnRequest(Forbidden):
    """What one asked for is approved by somebody else."""

    rule = "own_request"


class AccessRequestNotFound(NotFound):
    """There is no such request."""

    rule = "access_request_not_found"


class AccessRequestDecided(Refusal):
    """This request was decided before."""

    rule = "access_request_decided"
    status = 409


class AccessRequestVoid(Refusal):
    """What it is about has changed since it was asked. Ask again."""

    rule = "access_request_void"
    status = 409
