"""Forgotten passwords: nobody learns who has a user, a token is good once and for a while, and rests nowhere."""

import asyncio
import logging
from typing import Any
from uuid import UUID

import pytest

from actors.identity.rules.sealing import mailed_token
from messages.base import Refusal
from messages.identity import (
    DisableUser,
    GetMail,
    Login,
    Mail,
    RequestPasswordReset,
    ResetPassword,
    User,
    VerifyResetToken,
)
from messages.ids import derived_id, new_id
from runtime.client import Answer
from runtime.principal import Principal
from tests.actors.identity.test_lockout import locks_out, tries
from tests.actors.identity.test_logging_in import PASSWORD, created, logged_in, refreshed
from tests.actors.identity.test_passwords import identity_of
from tests.actors.time_passing import time_passes
from tests.bank import Bank, until

NEW = "seven green kettles sing at noon"
MAILER = Principal("actor", "notification")
LATEST = "SELECT reset_id FROM identity.password_reset WHERE user_id = $1"


async def forgetful(bank: Bank) -> User:
    return await created(bank, username=f"u-{new_id().hex}@example.org")


async def mailed(bank: Bank, user: User) -> Mail:
    """Ask for a reset, and read the mail that comes of it."""
    before: UUID | None = await bank.database.fetchval(LATEST, user.user_id)
    await bank.says(RequestPasswordReset(username=user.username))
    found: list[UUID] = []

    async def arrived() -> bool:
        latest = await bank.database.fetchval(LATEST, user.user_id)
        found[:] = [latest] if latest != before else []
        return bool(found)

    await until(arrived)
    return await bank.says(GetMail(mail_id=found[0]), as_=MAILER)


async def asks(bank: Bank, *names: str) -> list[Answer]:
    """Ask for resets of these, and wait until what follows is done."""
    ids = [new_id() for _ in names]
    asked = zip(names, ids, strict=True)
    answers = [await bank.call(RequestPasswordReset(username=name), message_id=message_id) for name, message_id in asked]
    followed = [derived_id(message_id, "reset") for message_id in ids]

    async def all_done() -> bool:
        done = "SELECT count(*) FROM runtime.inbox WHERE message_id = ANY($1)"
        return bool(await bank.database.fetchval(done, followed) == len(names))

    await until(all_done)
    return answers


async def resets(bank: Bank, mail: Mail, new: str = NEW) -> None:
    await bank.says(ResetPassword.model_validate({"token": mail.token, "new_password": new}))


async def test_who_forgot_the_password_chooses_a_new_one_by_the_mailed_token(bank: Bank) -> None:
    user = await forgetful(bank)
    tokens = await logged_in(bank, user)
    mail = await mailed(bank, user)
    assert (mail.to, mail.kind) == (user.username, "password_reset")
    assert (await bank.says(VerifyResetToken(token=mail.token))).expires_at == mail.expires_at
    await resets(bank, mail)
    with bank.refuses("refresh_token_invalid"):
        await refreshed(bank, tokens)
    assert await tries(bank, user.username, PASSWORD) == "wrong_credentials"
    await bank.says(Login(username=user.username, password=NEW))


async def test_a_token_is_good_once(bank: Bank) -> None:
    mail = await mailed(bank, await forgetful(bank))
    await resets(bank, mail)
    with bank.refuses("reset_token_invalid", field="token"):
        await resets(bank, mail, "eight green kettles sing at noon")
    with bank.refuses("reset_token_invalid"):
        await bank.says(VerifyResetToken(token=mail.token))


async def test_of_ten_uses_at_once_one_counts(bank: Bank) -> None:
    user = await forgetful(bank)
    mail = await mailed(bank, user)
    chosen = [f"kettle number {n} sings at noon" for n in range(10)]
    answers = await asyncio.gather(*(resets(bank, mail, new) for new in chosen), return_exceptions=True)
    assert sorted(answer.rule for answer in answers if isinstance(answer, Refusal)) == ["reset_token_invalid"] * 9
    winner = chosen[[answer is None for answer in answers].index(True)]
    await bank.says(Login(username=user.username, password=winner))


async def test_a_token_ends_after_half_an_hour_and_with_the_next_request(bank: Bank) -> None:
    user = await forgetful(bank)
    first = await mailed(bank, user)
    second = await mailed(bank, user)
    with bank.refuses("reset_token_invalid"):
        await resets(bank, first)
    with time_passes(bank, minutes=31), bank.refuses("reset_token_invalid"):
        await resets(bank, second)
    await resets(bank, second)


async def test_a_refused_password_does_not_use_the_token_up(bank: Bank) -> None:
    mail = await mailed(bank, await forgetful(bank))
    with bank.refuses("password_too_weak", field="new_password"):
        await resets(bank, mail, "password1")
    with bank.refuses("password_used_before", field="new_password"):
        await resets(bank, mail, PASSWORD)
    await resets(bank, mail)


async def test_a_reset_ends_the_waiting_after_wrong_guesses(bank: Bank) -> None:
    user = await forgetful(bank)
    await locks_out(bank, user.username)
    await resets(bank, await mailed(bank, user))
    assert await tries(bank, user.username, NEW) == "in"


async def test_whoever_asks_gets_the_same_answer_and_causes_the_same_work(bank: Bank) -> None:
    disabled = await forgetful(bank)
    await bank.says(DisableUser(user_id=disabled.user_id, reason="left"))
    names = [(await forgetful(bank)).username, f"nobody-{new_id().hex}@example.org", disabled.username, "' OR 1=1 --"]
    answers = await asks(bank, *names)
    assert {(answer.kind, answer.body) for answer in answers} == {("reply", b"{}")}
    resets_of = "SELECT count(*) FROM identity.password_reset AS r JOIN identity.login AS u USING (user_id) WHERE username = $1"
    assert [await bank.database.fetchval(resets_of, name) for name in names] == [1, 0, 0, 0]


async def test_nobody_is_flooded_with_mail(bank: Bank) -> None:
    user = await forgetful(bank)
    for _ in range(5):
        await mailed(bank, user)
    latest = await bank.database.fetchval(LATEST, user.user_id)
    await asks(bank, user.username)
    await bank.says(GetMail(mail_id=latest), as_=MAILER)
    assert await bank.database.fetchval(LATEST, user.user_id) == latest


async def test_only_the_actor_that_mails_reads_the_mail(bank: Bank) -> None:
    user = await forgetful(bank)
    await mailed(bank, user)
    mail_id = await bank.database.fetchval(LATEST, user.user_id)
    for who in (Principal("user", str(user.user_id), ("admin",)), Principal("system", "partner", ("admin",))):
        with bank.refuses("forbidden"):
            await bank.says(GetMail(mail_id=mail_id), as_=who)
    with bank.refuses("mail_not_found"):
        await bank.says(GetMail(mail_id=new_id()), as_=MAILER)


async def test_the_token_rests_nowhere(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user = await forgetful(bank)
    mail = await mailed(bank, user)
    await resets(bank, mail)
    token = mail.token.get_secret_value()
    raw = mailed_token("password_reset", await bank.database.fetchval(LATEST, user.user_id), identity_of(bank).secret)
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('identity', 'runtime')"
    for (table,) in await bank.database.fetch(tables):
        for (row,) in await bank.database.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t"):
            assert token not in row
            assert token.encode().hex() not in row
            assert raw.hex() not in row
    assert token not in caplog.text
    assert not any(token in str(vars(record)) for record in caplog.records)


async def test_in_the_dev_profile_alone_the_log_has_it(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    user, identity = await forgetful(bank), identity_of(bank)
    assert not identity.mails_to_log
    identity.mails_to_log = True
    try:
        mail = await mailed(bank, user)
    finally:
        identity.mails_to_log = False
    lines: list[Any] = [record for record in caplog.records if record.message == "mail"]
    assert [(line.to, line.token) for line in lines] == [(user.username, mail.token.get_secret_value())]


@pytest.mark.parametrize("token", ["x", "A" * 43, "é" * 43, "A" * 200])
async def test_a_token_of_another_making_is_refused(bank: Bank, token: str) -> None:
    with bank.refuses("reset_token_invalid"):
        await bank.says(VerifyResetToken(token=token))
    with bank.refuses("reset_token_invalid"):
        await bank.says(ResetPassword(token=token, new_password=NEW))
