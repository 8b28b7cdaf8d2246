"""What can be said to the identity actor, and what it tells: logins, tokens, users and their roles.

Passwords and tokens are `Secret`: masked in `repr` and logs, in clear on the wire only. Messages that hold or earn one are
declared `remember=False`: the inbox keeps nothing of them, not even a fingerprint, and handling them twice does no harm.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal, NewType
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, PlainSerializer, SecretStr
from pydantic_core import PydanticCustomError

from messages.access import AccessRequest, RoleName
from messages.base import (
    BranchCode,
    Command,
    Done,
    Event,
    Flag,
    FromRequest,
    Line,
    Note,
    NotFound,
    Page,
    Query,
    Refusal,
    Reply,
)
from messages.ids import MemberId, UserId

SessionId = NewType("SessionId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)

Secret = Annotated[SecretStr, PlainSerializer(lambda secret: secret.get_secret_value(), return_type=str, when_used="json")]
"""Text that is shown to nobody: `repr` masks it, JSON (the wire) carries it."""

TOKEN_ALGORITHM = "EdDSA"  # noqa: S105 - an algorithm
"""The one algorithm of access tokens (RFC 8037, with Ed25519)."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
"""What the header of an access token says that it is (RFC 9068)."""

API_KEY_START = "coffer_"
"""What every API key begins with, so that it is known for one wherever it turns up."""

MOST_USES = 1_000
"""Of sessions, and of API keys, told in one message: some 70 kB each."""
LONGEST_PASSWORD = 256
"""In characters. Long enough for any pass phrase, short enough to hash at once."""


def _ascii_name(name: str) -> str:
    name = name.strip().lower()
    if not name.isascii() or not all(character.isalnum() or character in "._@+-" for character in name):
        raise PydanticCustomError("username", "a user name is made of a-z, 0-9 and ._@+-")
    return name


def _is_mailable(name: str) -> str:
    local, _, domain = name.rpartition("@")
    if not local or "@" in local or not all(domain.split(".")) or "." not in domain:
        raise PydanticCustomError("username", "an invitation is mailed: the user name is a mail address")
    return name


def _one_spelling(password: SecretStr) -> SecretStr:
    # NIST SP 800-63B: the same characters typed on two keyboards are the same password.
    return SecretStr(unicodedata.normalize("NFKC", password.get_secret_value()))


def _typed_code(code: SecretStr) -> SecretStr:
    typed = "".join(code.get_secret_value().split()).replace("-", "").upper()
    if not typed.isascii() or not typed.isalnum() or len(typed) not in CODE_LENGTHS:
        raise PydanticCustomError("code", "a code is the six digits of an authenticator, or a recovery code")
    return SecretStr(typed)


CODE_LENGTHS = (6, 16)
"""Characters of an authenticator's code and of a recovery code, without blanks and dashes."""
Username = Annotated[str, Field(min_length=3, max_length=100), AfterValidator(_ascii_name)]
"""A name or e-mail address to log in with; capitals do not count. ASCII only, so that no two look alike."""
Password = Annotated[Secret, Field(min_length=1, max_length=LONGEST_PASSWORD), AfterValidator(_one_spelling)]
"""A password as it is typed."""
NewPassword = Annotated[Secret, Field(min_length=8, max_length=LONGEST_PASSWORD), AfterValidator(_one_spelling)]
"""A password being chosen: 8 to 256 characters, any of them."""
DeviceToken = Annotated[Secret, Field(max_length=100)]
"""What a device keeps to be known as one that its user has logged in on before."""
MailedToken = Annotated[Secret, Field(min_length=1, max_length=200)]
"""What was mailed to prove that a user reads that mail; good for one use."""
RefreshToken = Annotated[Secret, Field(min_length=1, max_length=200)]
"""An opaque refresh token; good for one use."""
ExpectedVersion = Annotated[int, Field(ge=1)]
ClientAddress = Annotated[str | None, Field(max_length=45), FromRequest("address")]
"""Where a request came from; of IPv6 the /64."""
ClientUserAgent = Annotated[str | None, Field(max_length=200), FromRequest("user_agent")]
"""What the client says that it is."""
CurrentSession = Annotated[SessionId | None, FromRequest("session")]
"""The session of whoever asks."""
Code = Annotated[Secret, Field(min_length=6, max_length=40), AfterValidator(_typed_code)]
"""The six digits that an authenticator shows, or a recovery code; blanks, dashes and capitals do not count."""
PermissionName = Annotated[str, Field(pattern=r"^[a-z-]+:[a-z-]+$", max_length=80)]
"""`resource:action`, as roles have them."""

MailKind = Literal["password_reset", "invitation"]
"""What a mail of the identity actor is about."""

_HIDDEN = ConfigDict(hide_input_in_errors=True)
"""For messages with a secret: a validation error must not print what was typed."""


class Tokens(Reply):
    """What a login or a refresh gives."""

    access_token: Secret
    """A signed JWT for the `Authorization: Bearer` header; short-lived."""
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in_seconds: int
    """Until the access token expires."""
    refresh_token: Secret
    """Trade it for new tokens before it expires; each is good for one use."""
    refresh_expires_at: datetime
    device_token: DeviceToken | None = None
    """Of a login: keep it on this device and send it with the next login, so that others who try the name cannot lock this device
    out."""
    must_change_password: bool = False
    """Nothing but changing the password is allowed until that is done."""


class LoginAnswer(Reply):
    """What a login gives: tokens; or, where a code is due as well, a challenge to trade for them at /auth/mfa/verify."""

    model_config = _HIDDEN

    access_token: Secret | None = None
    """A signed JWT for the `Authorization: Bearer` header; short-lived."""
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in_seconds: int | None = None
    """Until the access token expires, or the challenge."""
    refresh_token: Secret | None = None
    """Trade it for new tokens before it expires; each is good for one use."""
    refresh_expires_at: datetime | None = None
    device_token: DeviceToken | None = None
    """Keep it on this device and send it with the next login, so that others who try the name cannot lock this device out."""
    must_change_password: bool = False
    """Nothing but changing the password is allowed until that is done."""
    mfa_required: bool = False
    """Whether a code is due: there are no tokens yet."""
    challenge: Secret | None = None
    """Good for giving a code, and for nothing else."""
    mfa_enrolment_required: bool = False
    """Whether the tokens are good for enrolling an authenticator only: a role of this user asks for one."""


class AccessToken(Reply):
    """A new access token for the same session."""

    model_config = _HIDDEN

    access_token: Secret
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in_seconds: int


class MfaState(Reply):
    """Whether an authenticator's codes are asked for."""

    user_id: UserId
    enabled: bool
    enabled_at: datetime | None = None
    required: bool
    """Whether a role of this user asks for one."""
    recovery_codes_left: int


class MfaEnrolment(Reply):
    """An authenticator to set up. It counts when its first code is confirmed; shown this once."""

    model_config = _HIDDEN

    secret: Secret
    """To type into an authenticator: base32."""
    provisioning_uri: Secret
    """The same as an otpauth:// address."""
    qr_svg: Secret
    """The address as a QR code to point a telephone at: an SVG picture."""


class RecoveryCodes(Reply):
    """Codes for the day when the authenticator is lost: print them. Each is good for one use; shown this once."""

    model_config = _HIDDEN

    recovery_codes: tuple[Secret, ...]


class MfaConfirmed(RecoveryCodes):
    """The authenticator counts from now on. Other sessions of the user have ended; this one goes on with the new token."""

    user_id: UserId
    access_token: Secret
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in_seconds: int


class ApiKey(Reply):
    """A key that a program uses in its user's name."""

    api_key_id: ApiKeyId
    user_id: UserId
    name: str
    prefix: str
    """What the key begins with, to know it by."""
    permissions: tuple[str, ...]
    """What it may do, while its user may."""
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    """To the minute."""
    revoked_at: datetime | None = None
    revoked_because: str | None = None
    """Why, where it was: by its user, by an administrator, or because the user was disabled or the password reset."""


class ApiKeyPage(Page[ApiKey]):
    """API keys, the newest first."""


class MadeApiKey(Reply):
    """A new API key. The key itself is shown this once."""

    model_config = _HIDDEN

    key: Secret
    """For the header `Authorization: Bearer`, or `X-API-Key`."""
    api_key_id: ApiKeyId
    api_key: ApiKey


class ApiKeyHolder(Reply):
    """Whose an API key is, and what it may do now."""

    api_key_id: ApiKeyId
    user_id: UserId
    roles: tuple[str, ...]
    member_id: MemberId | None = None
    branch: str | None = None
    permissions: tuple[str, ...]
    """Those of the key that its user has as well."""
    expires_at: datetime


class User(Reply):
    """Somebody who may log in."""

    user_id: UserId
    username: str
    roles: tuple[str, ...]
    member_id: MemberId | None = None
    """The member whose own things this user sees, if any."""
    branch: str | None = None
    """Where this user works, if at a branch."""
    disabled: bool
    must_change_password: bool = False
    """Nothing else is allowed until that is done."""
    created_at: datetime
    version: int


class UserPage(Page[User]):
    """Users, by name."""


class CheckedSession(Reply):
    """What a living session may do: the identity actor's word on an access token."""

    user_id: UserId
    roles: tuple[str, ...]
    member_id: MemberId | None = None
    ends_at: datetime
    """When it is over, however often it is refreshed."""
    branch: str | None = None
    authenticated_at: datetime
    """When the user last proved who they are."""
    amr: tuple[str, ...]
    """How (RFC 8176): `pwd` for a password."""
    must_change_password: bool = False
    """The session may only change the password, look at itself, and end."""
    must_enrol_mfa: bool = False
    """The session may only enrol an authenticator, look at itself, and end: a role of its user asks for one."""


class Session(Reply):
    """One login on one device, for as long as it is refreshed."""

    session_id: SessionId
    device: str
    """What the client said that it is, in a few words."""
    address: str
    """Where it logged in from; of IPv6 the /64. Empty where that is not known."""
    began_at: datetime
    last_used_at: datetime
    """To the minute; of the one that asks: now."""
    ends_at: datetime
    """When it is over, however often it is refreshed."""
    current: bool
    """Whether it is the one that asks."""


class SessionPage(Page[Session]):
    """The living sessions of a user, the last used first."""


class SessionsEnded(Reply):
    """Whose sessions have ended, and how many."""

    user_id: UserId | None = None
    """None where there was nothing to end."""
    ended: int = 0


class ResetToken(Reply):
    """A token for a forgotten password that can be used."""

    expires_at: datetime


class Mail(Reply):
    """What is to be mailed, and to whom."""

    to: str
    kind: MailKind
    token: Secret
    """For the link."""
    expires_at: datetime


class SigningKey(Reply):
    """A public key that access tokens are checked with, as a JWK (RFC 8037)."""

    kid: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"
    x: str
    """The public key, base64url without padding."""


class SigningKeys(Reply):
    """The public keys that are in use: the signing one, and those whose tokens may still be alive."""

    keys: tuple[SigningKey, ...]


# Logging in


class Login(Command[LoginAnswer], wire="identity.login.v1", remember=False):
    """Log in with name and password. Who has an authenticator owes a code as well: here, or for the challenge in the answer."""

    model_config = _HIDDEN

    username: Line
    password: Password
    code: Code | None = None
    device_token: DeviceToken | None = None
    """Of an earlier login on this device, if there was one."""
    address: ClientAddress = None
    user_agent: ClientUserAgent = None


class RefreshTokens(Command[Tokens], wire="identity.refresh_tokens.v1", remember=False):
    """Trade a refresh token for new tokens. Using one a second time ends the session, as one of the two users stole it."""

    model_config = _HIDDEN

    refresh_token: RefreshToken


class Logout(Command[SessionsEnded], wire="identity.logout.v1", remember=False):
    """End the session of a refresh token. An unknown token is answered alike."""

    model_config = _HIDDEN

    refresh_token: RefreshToken


class WhoAmI(Query[User], wire="identity.who_am_i.v1"):
    """The user who asks."""


class CheckSession(Query[CheckedSession], wire="identity.check_session.v1"):
    """What a session may do now. Asked at the first use of an access token, and again after each `identity.access_changed.v1`."""

    session_id: SessionId


class ListSessions(Query[SessionPage], wire="identity.list_sessions.v1"):
    """The living sessions of the user who asks, the hundred that were used last."""

    current: CurrentSession = None


class EndSession(Command[SessionsEnded], wire="identity.end_session.v1"):
    """End one of one's own sessions."""

    session_id: SessionId


class EndOtherSessions(Command[SessionsEnded], wire="identity.end_other_sessions.v1"):
    """End all of one's own sessions but the one that asks."""

    current: CurrentSession = None


class LogoutEverywhere(Command[SessionsEnded], wire="identity.logout_everywhere.v1"):
    """End all of one's own sessions, this one too."""


class EndUserSessions(Command[SessionsEnded], wire="identity.end_user_sessions.v1", key="user_id", permission="users:write"):
    """End all sessions of a user."""

    user_id: UserId


class GetSigningKeys(Query[SigningKeys], wire="identity.get_signing_keys.v1"):
    """The keys to check access tokens with."""


# A second factor


class VerifyMfa(Command[Tokens], wire="identity.verify_mfa.v1", remember=False):
    """Give the code that a login asks for, and get its tokens."""

    model_config = _HIDDEN

    challenge: Annotated[Secret, Field(min_length=1, max_length=1000)]
    code: Code
    device_token: DeviceToken | None = None
    """Of an earlier login on this device, if there was one."""
    address: ClientAddress = None
    user_agent: ClientUserAgent = None


class GetMfa(Query[MfaState], wire="identity.get_mfa.v1"):
    """Whether your logins ask for a code."""


class EnrolMfa(Command[MfaEnrolment], wire="identity.enrol_mfa.v1", remember=False):
    """Set up an authenticator: the secret that it shares with us. It takes the password again, and counts once a code is confirmed."""

    model_config = _HIDDEN

    password: Password


class ConfirmMfa(Command[MfaConfirmed], wire="identity.confirm_mfa.v1", remember=False):
    """Show that the authenticator works, by its code. From now on logins ask for one."""

    model_config = _HIDDEN

    code: Code
    current: CurrentSession = None


class RemoveMfa(Command[MfaState], wire="identity.remove_mfa.v1", remember=False):
    """Do without an authenticator again. It takes the password and a code; a recovery code will do."""

    model_config = _HIDDEN

    password: Password
    code: Code


class RenewRecoveryCodes(Command[RecoveryCodes], wire="identity.renew_recovery_codes.v1", remember=False):
    """Get new recovery codes; the old ones are good no more."""

    model_config = _HIDDEN

    password: Password
    code: Code


class ResetMfa(Command[SessionsEnded], wire="identity.reset_mfa.v1", key="user_id", permission="users:write"):
    """Take a user's authenticator and recovery codes away, because all were lost. Their sessions end."""

    user_id: UserId
    reason: Line


class StepUp(Command[AccessToken], wire="identity.step_up.v1", remember=False):
    """Prove again who you are, for what asks for it: the password, and a code where the user has an authenticator."""

    model_config = _HIDDEN

    password: Password
    code: Code | None = None
    current: CurrentSession = None


# Keys of programs


class MakeApiKey(Command[MadeApiKey], wire="identity.make_api_key.v1", remember=False):
    """Make a key for a program that works in your name, with some of your permissions."""

    name: Line
    permissions: tuple[PermissionName, ...] = Field(min_length=1, max_length=100)
    """What it may do; nothing that you may not. It is less as soon as you may less."""
    expires_in_days: int = Field(90, ge=1, le=365)
    current: CurrentSession = None


class ListApiKeys(Query[ApiKeyPage], wire="identity.list_api_keys.v1"):
    """Your API keys, without their secrets."""

    everyones: bool = False
    """All users' keys, for those who may read users."""
    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=200)


class RevokeApiKey(Command[ApiKey], wire="identity.revoke_api_key.v1"):
    """End an API key: your own, or anybody's for those who may change users."""

    api_key_id: ApiKeyId


class CheckApiKey(Command[ApiKeyHolder], wire="identity.check_api_key.v1", remember=False):
    """Say whose an API key is. For the edge, which sends the key's hash and never the key."""

    key_hash: Annotated[Secret, Field(min_length=64, max_length=64)]
    """SHA-256 of the whole key, in hex."""


class NoteUses(Command[Done], wire="identity.note_uses.v1", remember=False):
    """Note when sessions and API keys were used last. For the edges, each of which tells what it saw in the last minute."""

    sessions: dict[SessionId, AwareDatetime] = Field(default_factory=dict, max_length=MOST_USES)
    api_keys: dict[ApiKeyId, AwareDatetime] = Field(default_factory=dict, max_length=MOST_USES)


# Passwords


class ChangePassword(Command[SessionsEnded], wire="identity.change_password.v1", remember=False):
    """Change one's own password. All other sessions end. API keys go on: look through them, and revoke what is not yours."""

    model_config = _HIDDEN

    current_password: Password
    new_password: NewPassword
    current: CurrentSession = None


class RequirePasswordChange(Command[User], wire="identity.require_password_change.v1", key="user_id", permission="users:write"):
    """Let a user do nothing else until the password is changed."""

    user_id: UserId
    expected_version: ExpectedVersion | None = None


class RequestPasswordReset(Command[Done], wire="identity.request_password_reset.v1"):
    """Have a token for a forgotten password mailed to the user. Answered alike whether there is such a user or not."""

    username: Line


class BeginPasswordReset(Command[Done], wire="identity.begin_password_reset.v1"):
    """The actor's word to itself, after that was answered: make the token, if there is such a user."""

    username: Line


class VerifyResetToken(Query[ResetToken], wire="identity.verify_reset_token.v1"):
    """Whether a mailed token can be used, before a new password is thought of."""

    model_config = _HIDDEN

    token: MailedToken


class ResetPassword(Command[SessionsEnded], wire="identity.reset_password.v1", remember=False):
    """Choose a new password by a mailed token, which is good for one use. All sessions and API keys end: who had them is not known."""

    model_config = _HIDDEN

    token: MailedToken
    new_password: NewPassword


class GetMail(Query[Mail], wire="identity.get_mail.v1"):
    """What is to be mailed, secrets included. For the actor that mails, which heard `identity.mail_wanted.v1`."""

    mail_id: UUID


# Users


class CreateFirstAdministrator(
    Command[User], wire="identity.create_first_administrator.v1", permission="users:write", remember=False
):
    """Make the first user, an administrator. Refused once there is any user."""

    model_config = _HIDDEN

    username: Username
    password: NewPassword


class CreateUser(Command[User], wire="identity.create_user.v1", permission="users:write", remember=False):
    """Make a user, who must change the password at the first login unless it is said otherwise."""

    model_config = _HIDDEN

    username: Username
    password: NewPassword
    roles: tuple[RoleName, ...] = Field(min_length=1, max_length=10)
    """Where changes of roles need approval, the user has none of them before somebody else has approved the request for them."""
    member_id: MemberId | None = None
    must_change_password: Flag = True
    branch: BranchCode | None = None
    """Where the user works. Default: where who makes the user works, if that is all they reach."""


class Invitation(Reply):
    """Somebody was invited by mail, to choose a password."""

    invitation_id: UUID
    user_id: UserId
    username: str
    expires_at: datetime


class InviteUser(Command[Invitation], wire="identity.invite_user.v1", permission="users:write"):
    """Make a user who chooses the password: the user name is the address to which the invitation is mailed. It is good for three days."""

    username: Annotated[Username, AfterValidator(_is_mailable)]
    roles: tuple[RoleName, ...] = Field(min_length=1, max_length=10)
    """Where changes of roles need approval, the user has none of them before somebody else has approved the request for them."""
    member_id: MemberId | None = None
    branch: BranchCode | None = None
    """Where the user works. Default: where who invites works, if that is all they reach."""


class InviteAgain(Command[Invitation], wire="identity.invite_again.v1", key="user_id", permission="users:write"):
    """Invite a user once more who has not come yet. The invitation before it is good for nothing any more."""

    user_id: UserId


class AcceptInvitation(Command[Done], wire="identity.accept_invitation.v1", remember=False):
    """Choose a password by an invitation; once."""

    model_config = _HIDDEN

    token: MailedToken
    new_password: NewPassword


class SetRoles(Command[AccessRequest], wire="identity.set_roles.v1", key="user_id", permission="users:write"):
    """Ask for other roles of a user. Where changes of roles need approval, they count when somebody else has approved the request; else
    at once: from the next request on.
    """

    user_id: UserId
    roles: tuple[RoleName, ...] = Field(min_length=1, max_length=10)
    reason: Note = ""
    expected_version: ExpectedVersion | None = None


class LinkMember(Command[User], wire="identity.link_member.v1", key="user_id", permission="users:write"):
    """Say which member a user is; None ends it. A member is linked to one user at most."""

    user_id: UserId
    member_id: MemberId | None
    expected_version: ExpectedVersion | None = None


class SetBranch(Command[User], wire="identity.set_branch.v1", key="user_id", permission="users:write"):
    """Say at which branch a user works; null: at none. Permissions for a branch reach that one from the next request on."""

    user_id: UserId
    branch: BranchCode | None
    expected_version: ExpectedVersion | None = None


class DisableUser(Command[User], wire="identity.disable_user.v1", key="user_id", permission="users:write"):
    """Keep a user out: no login, no refresh; all sessions and API keys end."""

    user_id: UserId
    reason: Line
    expected_version: ExpectedVersion | None = None


class EnableUser(Command[User], wire="identity.enable_user.v1", key="user_id", permission="users:write"):
    """Let a disabled user in again."""

    user_id: UserId
    expected_version: ExpectedVersion | None = None


class GetUser(Query[User], wire="identity.get_user.v1", permission="users:read"):
    """One user."""

    user_id: UserId


class ListUsers(Query[UserPage], wire="identity.list_users.v1", permission="users:read"):
    """The users."""

    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=200)


# What is told


class UserCreated(Event, wire="identity.user_created.v1", key="user_id"):
    """Somebody may log in from now on."""

    user_id: UserId
    roles: tuple[str, ...]


class RolesChanged(Event, wire="identity.roles_changed.v1", key="user_id"):
    """A user's roles are these now."""

    user_id: UserId
    roles: tuple[str, ...]


class UserDisabled(Event, wire="identity.user_disabled.v1", key="user_id"):
    """A user is kept out from now on."""

    user_id: UserId


class AccessChanged(Event, wire="identity.access_changed.v1", key="user_id"):
    """What a user may do has changed, or sessions have ended: whoever remembers what these were allowed must ask again."""

    user_id: UserId
    session_ids: tuple[SessionId, ...] | None = None
    """The sessions that it is about; None for all of the user's."""


class LoginSucceeded(Event, wire="identity.login_succeeded.v1", key="user_id"):
    """Somebody logged in."""

    user_id: UserId
    session_id: SessionId
    address: str
    known_device: bool
    """Whether the device had logged in as this user before."""


class LoginFailed(Event, wire="identity.login_failed.v1"):
    """Somebody did not prove who they are. What was typed is not told: people type passwords into the wrong field."""

    user_id: UserId | None
    """The user whose name it was; None for a name that nobody has."""
    address: str


class AccountLocked(Event, wire="identity.account_locked.v1", key="user_id"):
    """Too many failed: the account takes no attempts for a while, but from devices that are known."""

    user_id: UserId
    until: datetime
    on_device: bool
    """Whether it is one known device alone that has to wait."""


class PasswordChanged(Event, wire="identity.password_changed.v1", key="user_id"):
    """A user has another password."""

    user_id: UserId


class MailWanted(Event, wire="identity.mail_wanted.v1"):
    """Somebody is to get a mail. Its secret is not in here: ask for it by `identity.get_mail.v1`."""

    mail_id: UUID
    kind: MailKind
    user_id: UserId


class RefreshTokenReused(Event, wire="identity.refresh_token_reused.v1", key="user_id"):
    """A refresh token was in two hands, so its session was ended."""

    user_id: UserId
    session_id: SessionId


class MfaEnabled(Event, wire="identity.mfa_enabled.v1", key="user_id"):
    """A user's logins ask for a code from now on."""

    user_id: UserId


class MfaRemoved(Event, wire="identity.mfa_removed.v1", key="user_id"):
    """A user's logins ask for no code any more."""

    user_id: UserId
    by: UserId | None
    """Who did it; None for a program."""


class MfaLocked(Event, wire="identity.mfa_locked.v1", key="user_id"):
    """Somebody with a user's password gave so many wrong codes that none is looked at for a while."""

    user_id: UserId
    failures: int
    locked_until: datetime


class RecoveryCodeUsed(Event, wire="identity.recovery_code_used.v1", key="user_id"):
    """A user gave a recovery code in place of the authenticator's."""

    user_id: UserId
    left: int


class RecoveryCodesRenewed(Event, wire="identity.recovery_codes_renewed.v1", key="user_id"):
    """A user has new recovery codes."""

    user_id: UserId


class SteppedUp(Event, wire="identity.stepped_up.v1", key="user_id"):
    """A user proved again who they are, for something that asks for it."""

    user_id: UserId
    session_id: SessionId


class ApiKeyMade(Event, wire="identity.api_key_made.v1", key="user_id"):
    """A program may work in a user's name from now on."""

    user_id: UserId
    api_key_id: ApiKeyId
    prefix: str
    permissions: tuple[str, ...]
    expires_at: datetime


class ApiKeyRevoked(Event, wire="identity.api_key_revoked.v1", key="user_id"):
    """An API key is good no more."""

    user_id: UserId
    api_key_id: ApiKeyId


# What is refused


class SessionOver(Refusal):
    """The session has ended. Log in again."""

    rule = "session_over"
    status = 401


class SessionNotFound(NotFound):
    """You have no such session."""

    rule = "session_not_found"


class WrongCredentials(Refusal):
    """The user name or the password is wrong."""

    rule = "wrong_credentials"
    status = 401


class TooManyAttempts(Refusal):
    """Too many attempts failed. Wait as long as Retry-After says; devices that are known may go on."""

    rule = "too_many_attempts"
    status = 429


class PasswordsBusy(Refusal):
    """More passwords are being checked than can be in time. Try again when Retry-After says."""

    rule = "passwords_busy"
    status = 503


class CurrentPasswordWrong(Refusal):
    """This is not your password."""

    rule = "current_password_wrong"


class PasswordTooWeak(Refusal):
    """The password is too easy to guess."""

    rule = "password_too_weak"


class PasswordUsedBefore(Refusal):
    """You had this password before; choose another."""

    rule = "password_used_before"


class ResetTokenInvalid(Refusal):
    """The token is unknown, used, expired, or replaced by a newer one. Ask for another."""

    rule = "reset_token_invalid"


class MailNotFound(NotFound):
    """There is nothing to be mailed any more."""

    rule = "mail_not_found"


class RefreshTokenInvalid(Refusal):
    """The refresh token is unknown, used, expired or revoked. Log in again."""

    rule = "refresh_token_invalid"
    status = 401


class UserNotFound(NotFound):
    """There is no such user."""

    rule = "user_not_found"


class InvitationInvalid(Refusal):
    """The invitation is unknown, used, replaced or too old. Ask for another one."""

    rule = "invitation_invalid"


class NotInvited(Refusal):
    """This user was not invited, or has come already."""

    rule = "not_invited"
    status = 409


class UsernameTaken(Refusal):
    """Another user has this name."""

    rule = "username_taken"
    status = 409


class PasswordIsUsername(Refusal):
    """A password must not be the user name."""

    rule = "password_is_username"


class MemberLinked(Refusal):
    """This member is linked to another user."""

    rule = "member_linked"
    status = 409


class LastAdministrator(Refusal):
    """The last administrator stays one, so that somebody can let others in."""

    rule = "last_administrator"
    status = 409


class UsersExist(Refusal):
    """There are users already; the first administrator was made."""

    rule = "users_exist"
    status = 409


class MfaCodeWrong(Refusal):
    """The code is wrong, or was used before. Wait for the next one."""

    rule = "mfa_code_wrong"


class MfaCodeMissing(Refusal):
    """This user has an authenticator: give its code as well."""

    rule = "mfa_code_missing"


class MfaIsLocked(Refusal):
    """There were too many wrong codes. None is looked at for a while."""

    rule = "mfa_locked"
    status = 429


class MfaChallengeInvalid(Refusal):
    """The challenge is unknown or over. Log in again."""

    rule = "mfa_challenge_invalid"
    status = 401


class MfaIsOn(Refusal):
    """There is an authenticator already; remove it first."""

    rule = "mfa_is_on"
    status = 409


class MfaIsOff(Refusal):
    """There is no authenticator; enrol one first."""

    rule = "mfa_is_off"
    status = 409


class NeedsALogin(Refusal):
    """This is for somebody who logged in, not for a program with an API key."""

    rule = "needs_a_login"
    status = 403


class PermissionNotYours(Refusal):
    """A key may do nothing that its maker may not."""

    rule = "permission_not_yours"


class TooManyApiKeys(Refusal):
    """There are as many API keys as one user may have; revoke one first."""

    rule = "too_many_api_keys"
    status = 409


class ApiKeyNotFound(NotFound):
    """There is no such API key."""

    rule = "api_key_not_found"


class ApiKeyInvalid(Refusal):
    """The API key is unknown, expired or revoked."""

    rule = "api_key_invalid"
    status = 401
