"""Users who are invited: by a token that is in the mail alone, good once and for three days."""

import logging

import pytest
from pydantic import SecretStr, ValidationError

from messages.identity import (
    AcceptInvitation,
    GetMail,
    GetUser,
    Invitation,
    InviteAgain,
    InviteUser,
    Login,
    Mail,
    Tokens,
)
from messages.ids import new_id
from runtime.principal import Principal
from tests.actors.identity.test_logging_in import created
from tests.actors.member.people import active
from tests.actors.time_passing import time_passes
from tests.bank import Bank, House

MAILER = Principal("actor", "notification")
CHOSEN = SecretStr("nine wet hens in a row boat")


async def invited(bank: Bank, **rest: object) -> Invitation:
    usual = {"username": f"{new_id().hex}@bank.test", "roles": ("teller",)}
    return await bank.says(InviteUser.model_validate({**usual, **rest}))


async def mail(bank: Bank, invitation: Invitation) -> Mail:
    return await bank.says(GetMail(mail_id=invitation.invitation_id), as_=MAILER)


async def accepts(bank: Bank, token: SecretStr, password: SecretStr = CHOSEN) -> None:
    await bank.says(AcceptInvitation(token=token, new_password=password), as_=Principal("user", ""))


async def logs_in(bank: Bank, invitation: Invitation) -> Tokens:
    return await bank.says(Login(username=invitation.username, password=CHOSEN))


async def test_who_was_invited_chooses_a_password_and_logs_in(bank: Bank) -> None:
    member = await active(bank)
    invitation = await invited(bank, member_id=member.member_id, branch="north")
    found = await mail(bank, invitation)
    assert (found.to, found.kind, found.expires_at) == (invitation.username, "invitation", invitation.expires_at)
    with bank.refuses("wrong_credentials"):
        await logs_in(bank, invitation)
    await accepts(bank, found.token)
    assert (await logs_in(bank, invitation)).access_token
    user = await bank.says(GetUser(user_id=invitation.user_id))
    assert (user.roles, user.member_id, user.branch, user.must_change_password) == (
        ("teller",),
        member.member_id,
        "north",
        False,
    )


async def test_an_invitation_is_good_once(bank: Bank) -> None:
    invitation = await invited(bank)
    token = (await mail(bank, invitation)).token
    await accepts(bank, token)
    with bank.refuses("invitation_invalid", field="token"):
        await accepts(bank, token, SecretStr("another fine long phrase"))
    with bank.refuses("mail_not_found"):
        await mail(bank, invitation)
    with bank.refuses("not_invited"):
        await bank.says(InviteAgain(user_id=invitation.user_id))
    await logs_in(bank, invitation)


async def test_an_invitation_ends_after_three_days_and_with_the_next_one(bank: Bank) -> None:
    invitation = await invited(bank)
    old = (await mail(bank, invitation)).token
    again = await bank.says(InviteAgain(user_id=invitation.user_id))
    new = (await mail(bank, again)).token
    assert old != new
    with bank.refuses("invitation_invalid"):
        await accepts(bank, old)
    with time_passes(bank, hours=72, seconds=1):
        with bank.refuses("invitation_invalid"):
            await accepts(bank, new)
        third = await bank.says(InviteAgain(user_id=invitation.user_id))
        with time_passes(bank, hours=71):
            await accepts(bank, (await mail(bank, third)).token)


async def test_a_refused_password_does_not_use_it_up(bank: Bank) -> None:
    invitation = await invited(bank)
    token = (await mail(bank, invitation)).token
    with bank.refuses("password_is_username", field="new_password"):
        await accepts(bank, token, SecretStr(invitation.username))
    await accepts(bank, token)


@pytest.mark.parametrize("token", ["x", "A" * 43, "é" * 43])
async def test_a_token_of_another_making_is_refused(bank: Bank, token: str) -> None:
    with bank.refuses("invitation_invalid", field="token"):
        await accepts(bank, SecretStr(token))


async def test_only_the_actor_that_mails_gets_the_token(bank: Bank) -> None:
    invitation = await invited(bank)
    with bank.refuses("forbidden"):
        await bank.says(GetMail(mail_id=invitation.invitation_id))


async def test_an_invitation_takes_an_address_that_nobody_has(bank: Bank) -> None:
    for name in ("amina", "amina@", "@bank.test", "amina@bank", "a@b@bank.test"):
        with pytest.raises(ValidationError):
            InviteUser(username=name, roles=("teller",))
    user = await created(bank, username=f"{new_id().hex}@bank.test")
    with bank.refuses("username_taken"):
        await invited(bank, username=user.username)
    with bank.refuses("not_invited"):
        await bank.says(InviteAgain(user_id=user.user_id))


async def test_the_token_rests_nowhere_and_is_logged_in_the_dev_profile_alone(
    bank: Bank, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        invitation = await invited(bank)
    token = (await mail(bank, invitation)).token.get_secret_value()
    assert token not in caplog.text and not any(token in str(vars(record)) for record in caplog.records)
    tables = await house.database.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('identity', 'runtime')"
    )
    for table in tables:
        rows = await house.database.fetch(
            f"SELECT t::text FROM {table['name']} AS t WHERE t::text LIKE '%' || $1 || '%'", token
        )
        assert not rows, table["name"]
    monkeypatch.setattr(house.actors.pools["identity"].actor, "mails_to_log", True)
    with caplog.at_level(logging.INFO):
        invitation = await invited(bank)
    token = (await mail(bank, invitation)).token.get_secret_value()
    assert any(getattr(record, "token", None) == token for record in caplog.records)
