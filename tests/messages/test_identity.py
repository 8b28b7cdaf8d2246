"""Secrets in identity's messages: on the wire, and nowhere else."""

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from messages.base import Message
from messages.identity import (
    ChangePassword,
    CreateFirstAdministrator,
    CreateUser,
    EnrolMfa,
    Login,
    LoginAnswer,
    Logout,
    Mail,
    MfaEnrolment,
    RecoveryCodes,
    RefreshTokens,
    RemoveMfa,
    RenewRecoveryCodes,
    ResetPassword,
    SetRoles,
    StepUp,
    Tokens,
    Username,
    VerifyMfa,
    VerifyResetToken,
)

CANARY = "canary-7f3a-secret"
HOLDING = [
    Login(username="amina", password=CANARY),
    RefreshTokens(refresh_token=CANARY),
    Logout(refresh_token=CANARY),
    CreateUser(username="amina", password=CANARY, roles=("teller",)),
    CreateFirstAdministrator(username="amina", password=CANARY),
    Login(username="amina", password="another secret", device_token=CANARY),
    ChangePassword(current_password=CANARY, new_password=CANARY),
    ResetPassword(token=CANARY, new_password=CANARY),
    EnrolMfa(password=CANARY),
    RemoveMfa(password=CANARY, code="123 456"),
    RenewRecoveryCodes(password=CANARY, code="123456"),
    StepUp(password=CANARY, code="123456"),
    VerifyMfa(challenge=CANARY, code="ABCD-EFGH-IJKL-MNOP"),
    Tokens(access_token=CANARY, refresh_token=CANARY, expires_in_seconds=1, refresh_expires_at="2024-01-01T00:00:00Z"),
]
ASKED = [
    MfaEnrolment(secret=CANARY, provisioning_uri=CANARY, qr_svg=CANARY),
    LoginAnswer(challenge=CANARY, mfa_required=True),
    RecoveryCodes(recovery_codes=(CANARY,)),
    VerifyResetToken(token=CANARY),
    Mail(to="amina", kind="password_reset", token=CANARY, expires_at="2024-01-01T00:00:00Z"),
]


@pytest.mark.parametrize("model", [*HOLDING, *ASKED], ids=lambda model: type(model).__name__)
def test_a_secret_travels_on_the_wire_and_shows_nowhere_else(model: BaseModel) -> None:
    assert CANARY in model.model_dump_json(exclude_defaults=True)
    assert type(model).model_validate_json(model.model_dump_json()) == model
    assert CANARY not in f"{model} {model!r} {model.model_dump()}"


@pytest.mark.parametrize("model", HOLDING[:-1], ids=lambda model: type(model).__name__)
def test_messages_with_secrets_are_not_remembered(model: BaseModel) -> None:
    assert type(model).remembered is False


@pytest.mark.parametrize("kind", [type(model) for model in (*HOLDING[:-1], ASKED[0])])
def test_a_validation_error_does_not_print_what_was_typed(kind: type[Message]) -> None:
    with pytest.raises(ValidationError) as wrong:
        kind.model_validate({name: [CANARY] for name in kind.model_fields})
    assert CANARY not in str(wrong.value)


@pytest.mark.parametrize(("typed", "kept"), [(" Admin@Fintech.com ", "admin@fintech.com"), ("o_k-1.2+3", "o_k-1.2+3")])
def test_capitals_in_a_user_name_do_not_count(typed: str, kept: str) -> None:
    assert TypeAdapter(Username).validate_python(typed) == kept


@pytest.mark.parametrize("typed", ["ab", "a" * 101, "\u0430dmin", "\uff41dmin", "ad min", "admin\0", "a\u202edmin", "admin;"])
def test_a_user_name_that_could_look_like_another_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Username).validate_python(typed)


@pytest.mark.parametrize("stray", ["user_id", "disabled", "member", "is_admin", "version"])
def test_fields_that_are_not_the_clients_are_refused(stray: str) -> None:
    with pytest.raises(ValidationError):
        SetRoles.model_validate(
            {"user_id": "7f8ee486-48f2-5de9-9026-fd47595d63d2", "roles": ["teller"], stray: None}
            | ({"user_id": "nonsense"} if stray == "user_id" else {})
        )
