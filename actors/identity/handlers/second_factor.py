"""A second factor: an authenticator is enrolled, confirmed, removed; recovery codes are renewed; and a session steps up."""

import io
import secrets
from uuid import UUID

import segno
from pydantic import SecretStr

from actors.identity.handlers.proving import Proving, seal_name, who_logged_in
from actors.identity.rules import recovery_codes, totp
from actors.identity.rules.access_tokens import ONE_TIME_CODE, PASSWORD, Proof
from actors.identity.rules.sealing import NONCE_BYTES, seal
from actors.identity.rules.totp import Verdict
from actors.identity.store import Transaction
from messages.identity import (
    AccessChanged,
    AccessToken,
    ConfirmMfa,
    CurrentPasswordWrong,
    EnrolMfa,
    GetMfa,
    MfaCodeMissing,
    MfaCodeWrong,
    MfaConfirmed,
    MfaEnabled,
    MfaEnrolment,
    MfaIsOff,
    MfaIsOn,
    MfaRemoved,
    MfaState,
    NeedsALogin,
    RecoveryCodes,
    RecoveryCodesRenewed,
    RemoveMfa,
    RenewRecoveryCodes,
    ResetMfa,
    SessionId,
    SessionOver,
    SessionsEnded,
    SteppedUp,
    StepUp,
    User,
    UserNotFound,
)
from messages.ids import UserId
from runtime.actor import Turn, handles


class SecondFactor(Proving):
    """Sets up what a login asks for beside the password."""

    @handles
    async def get_mfa(self, _query: GetMfa, turn: Turn) -> MfaState:
        return await self._state(turn, who_logged_in(turn.principal))

    @handles
    async def enrol_mfa(self, command: EnrolMfa, turn: Turn) -> MfaEnrolment:
        user_id = who_logged_in(turn.principal)
        password_hash = await self.prove_password(turn, user_id, command.password)
        user = await self._unchanged(turn, user_id, password_hash)
        secret = secrets.token_bytes(totp.SECRET_BYTES)
        sealed = seal(secret, seal_name(user_id), self.secret, secrets.token_bytes(NONCE_BYTES))
        if not await self.factors.enrol(turn, user_id, sealed, turn.now):
            raise MfaIsOn
        address = totp.provisioning_uri(secret, user.username, self.settings.issuer)
        return MfaEnrolment(
            secret=SecretStr(totp.as_text(secret)), provisioning_uri=SecretStr(address), qr_svg=SecretStr(_qr_code(address))
        )

    @handles
    async def confirm_mfa(self, command: ConfirmMfa, turn: Turn) -> MfaConfirmed:
        user_id = who_logged_in(turn.principal)
        async with turn.apart() as db:
            key = await self.signing_key(db, turn.now)
        # The user first, as a login has it: none of theirs begins without a code while this goes on.
        user = await self.store.lock_user(turn, user_id)
        factor = await self.factors.lock(turn, user_id)
        if user is None or factor is None:
            raise MfaIsOff
        if factor.confirmed_at is not None and factor.last_by != turn.message_id:
            raise MfaIsOn
        judged = self.judge_code(factor, turn, user_id, command.code.get_secret_value())
        if judged.verdict is not Verdict.RIGHT or judged.step is None:
            raise MfaCodeWrong(field="code")
        await self.factors.confirm(turn, user_id, judged.step, turn.message_id, turn.now)
        session_id, proof = await self._authenticated(turn, user_id, command.current, (PASSWORD, ONE_TIME_CODE))
        await self.store.revoke_sessions(turn, user_id, turn.now, "logins ask for a code now", but=session_id)
        codes = await self._new_codes(turn, user_id)
        turn.emit(MfaEnabled(user_id=user_id))
        turn.emit(AccessChanged(user_id=user_id))
        access = self.access_token(user, session_id, proof, key, turn.now)
        return MfaConfirmed(
            user_id=user_id,
            recovery_codes=codes,
            access_token=access.access_token,
            expires_in_seconds=access.expires_in_seconds,
        )

    @handles
    async def remove_mfa(self, command: RemoveMfa, turn: Turn) -> MfaState:
        user_id = who_logged_in(turn.principal)
        password_hash = await self.prove_password(turn, user_id, command.password)
        await self.prove_code(turn, user_id, command.code)
        await self._unchanged(turn, user_id, password_hash)
        await self._remove(turn, user_id)
        return await self._state(turn, user_id)

    @handles
    async def reset_mfa(self, command: ResetMfa, turn: Turn) -> SessionsEnded:
        if await self.store.lock_user(turn, command.user_id) is None:
            raise UserNotFound
        if await self.factors.lock(turn, command.user_id) is None:
            raise MfaIsOff
        await self._remove(turn, command.user_id)
        ended = await self.store.revoke_sessions(turn, command.user_id, turn.now, f"authenticator reset: {command.reason}")
        return SessionsEnded(user_id=command.user_id, ended=len(ended))

    @handles
    async def renew_recovery_codes(self, command: RenewRecoveryCodes, turn: Turn) -> RecoveryCodes:
        user_id = who_logged_in(turn.principal)
        password_hash = await self.prove_password(turn, user_id, command.password)
        await self.prove_code(turn, user_id, command.code)
        await self._unchanged(turn, user_id, password_hash)
        turn.emit(RecoveryCodesRenewed(user_id=user_id))
        return RecoveryCodes(recovery_codes=await self._new_codes(turn, user_id))

    @handles
    async def step_up(self, command: StepUp, turn: Turn) -> AccessToken:
        user_id = who_logged_in(turn.principal)
        password_hash = await self.prove_password(turn, user_id, command.password)
        proved = command.code is not None and await self.prove_code_if_due(turn, user_id, command.code)
        async with turn.apart() as db:
            key = await self.signing_key(db, turn.now)
        user = await self._unchanged(turn, user_id, password_hash)
        if not proved and await self.factors.is_due(turn, user_id):
            raise MfaCodeMissing(field="code")
        methods = (PASSWORD, ONE_TIME_CODE) if proved else (PASSWORD,)
        session_id, proof = await self._authenticated(turn, user_id, command.current, methods)
        turn.emit(SteppedUp(user_id=user_id, session_id=SessionId(session_id)))
        return self.access_token(user, session_id, proof, key, turn.now)

    async def _unchanged(self, turn: Turn, user_id: UserId, password_hash: str) -> User:
        """The user, who has the password that was just proved until the commit."""
        user = await self.store.lock_who_logs_in(turn, user_id, password_hash)
        if user is None:
            raise CurrentPasswordWrong(field="password")
        return user

    async def _authenticated(
        self, turn: Turn, user_id: UserId, session_id: UUID | None, methods: tuple[str, ...]
    ) -> tuple[UUID, Proof]:
        """The session that asks, whose user has proved who they are just now."""
        if session_id is None:
            raise NeedsALogin
        if not await self.factors.authenticate_session(turn, session_id, user_id, turn.now, methods):
            raise SessionOver
        return session_id, Proof(turn.now, methods)

    async def _remove(self, turn: Turn, user_id: UserId) -> None:
        await self.factors.remove(turn, user_id)
        by = turn.principal
        turn.emit(MfaRemoved(user_id=user_id, by=UserId(UUID(by.id)) if by.kind == "user" and _is_uuid(by.id) else None))
        turn.emit(AccessChanged(user_id=user_id))

    async def _new_codes(self, turn: Turn, user_id: UserId) -> tuple[SecretStr, ...]:
        codes = [recovery_codes.as_text(secrets.token_bytes(recovery_codes.CODE_BYTES)) for _ in range(recovery_codes.CODES)]
        hashes = [recovery_codes.hash_of(code, user_id) for code in codes]
        await self.factors.replace_recovery_codes(turn, user_id, hashes)
        return tuple(SecretStr(code) for code in codes)

    async def _state(self, db: Transaction, user_id: UserId) -> MfaState:
        user, factor = await self.store.user(db, user_id), await self.factors.factor(db, user_id)
        if user is None:
            raise UserNotFound
        enabled_at = None if factor is None else factor.confirmed_at
        return MfaState(
            user_id=user_id,
            enabled=enabled_at is not None,
            enabled_at=enabled_at,
            required=self.must_enrol(user.roles, ()),
            recovery_codes_left=await self.factors.recovery_codes_left(db, user_id),
        )


def _qr_code(address: str) -> str:
    """An SVG picture of it, without scripts or outside references."""
    picture = io.BytesIO()
    segno.make(address, error="m", micro=False).save(picture, kind="svg", scale=5, border=4, light="white", xmldecl=False)
    return picture.getvalue().decode()


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
