"""Forged access tokens on a real bank, over HTTP: one answer to all of them, at once, and not a word of them anywhere.

Most are signed by the bank's own key, so that nothing but what is tried is wrong with them.
"""

import json
import logging
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest

from messages.identity import GetMail, InviteUser, RequestPasswordReset
from messages.ids import new_id
from runtime.clock import stopwatch_seconds
from runtime.principal import Principal
from runtime.telemetry import JsonLines
from tests.actors.identity.test_passwords import identity_of
from tests.actors.time_passing import time_passes
from tests.bank import Bank, until
from tests.edge.belongings import key_of
from tests.edge.forging import Forge
from tests.edge.people import Person
from tests.edge.stub import STILL_OPEN, Edge, exchange

MAILER = Principal("actor", "notification")
MOST_MEDIAN_SECONDS = 0.1
"""A refusal takes a millisecond or two; what is read at length, or asked for elsewhere, takes more than this."""
REFUSED = {
    "type": "/problems/unauthenticated",
    "title": "Unauthenticated",
    "status": 401,
    "detail": "The access token is not valid. Log in.",
    "rule": "unauthenticated",
}
OF_OUR_OWN_KEY = {
    "The access token has expired. Refresh it, or log in again.": ("expired",),
    "The session has ended. Log in again.": ("sid",),
    "Log in first.": ("sub",),
}
"""Who had a good token may learn why it is good no more; it takes our signature to hear it. What is said -> which shapes hear it."""


class Heard(logging.Handler):
    """Every log line as an operator would read it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines("test"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def heard() -> Iterator[Heard]:
    """All that is logged meanwhile."""
    handler, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


async def forge_of(bank: Bank, person: Person) -> Forge:
    """What this person has, in the hands of whoever has the bank's key too."""
    async with bank.database.acquire() as db:
        pair = await identity_of(bank).signing_key(db, bank.clock.now())
    return Forge(person.token, pair.private_key)


async def told(bank: Bank, token: str) -> tuple[int, dict[str, Any]]:
    """Status and body of what this token is answered, without the id of the conversation."""
    async with bank.http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}) as answer:
        problem = await answer.json(content_type=None)
        if answer.status == 401:
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="coffer", error="invalid_token"'
        problem.pop("correlation_id", None)
        return answer.status, problem


async def test_whatever_is_forged_gets_one_answer_at_once_and_is_told_nowhere(
    bank: Bank, heard: Heard, capfd: pytest.CaptureFixture[str]
) -> None:
    forge = await forge_of(bank, await Person.new(bank, "teller"))
    assert (await told(bank, forge.token()))[0] == 200, "what the forge makes is good where nothing is changed"
    found, seconds, shapes = [], [], list(forge.shapes())
    for name, token in shapes:
        began = stopwatch_seconds()
        status, problem = await told(bank, token)
        seconds.append(stopwatch_seconds() - began)
        may_say = [REFUSED["detail"], *(said for said, who in OF_OUR_OWN_KEY.items() if name.split()[0] in who)]
        if status != 401 or problem | {"detail": ""} != REFUSED | {"detail": ""} or problem["detail"] not in may_say:
            found.append(f"{name}: {status} {problem}")
    assert not found, "\n" + "\n".join(found)
    assert len(shapes) > 300
    assert median(seconds) < MOST_MEDIAN_SECONDS
    written = capfd.readouterr()
    everything = "\n".join([*heard.lines, written.out, written.err])
    pieces = {piece for _, token in shapes for piece in token.split(".") if len(piece) > 30}
    assert not [piece for piece in pieces if piece in everything]


async def test_what_is_good_elsewhere_is_no_access_token(bank: Bank) -> None:
    person = await Person.new(bank, "auditor")
    name = f"u-{new_id().hex}@example.org"
    invited = await bank.says(InviteUser(username=name, roles=("teller",)))
    invitation = (await bank.says(GetMail(mail_id=invited.invitation_id), as_=MAILER)).token.get_secret_value()
    await bank.says(RequestPasswordReset(username=person.user.username))
    _, login = await person.logs_in()
    refresh_token, device = login["refresh_token"], login["device_token"]
    await person.enrols()
    challenge = await person.challenge()
    others = {
        "refresh token": refresh_token,
        "device token": device,
        "invitation": invitation,
        "challenge": challenge,
        "challenge as an access token": Forge(person.token, bytes(32)).with_header(typ="mfa+jwt"),
        "one-time code": person.next_code(),
        "recovery code": person.recovery_codes[0],
        "secret of the authenticator": person.secret.hex(),
        "password": "correct horse battery staple",
    }
    for what, token in others.items():
        assert await told(bank, token) == (401, REFUSED), what
        status, problem = await person.asks("GET", "/auth/me", token="", **{"X-API-Key": token})
        assert (status, problem["rule"]) == (401, "unauthenticated"), what
    assert (await person.asks("GET", "/auth/me"))[0] == 200


async def test_a_reset_token_is_no_access_token(bank: Bank) -> None:
    person = await Person.new(bank, "auditor")
    name = f"u-{new_id().hex}@example.org"
    await bank.database.execute("UPDATE identity.login SET username = $2 WHERE user_id = $1", person.user.user_id, name)
    await bank.says(RequestPasswordReset(username=name))
    found: list[Any] = []

    async def arrived() -> bool:
        wanted = "SELECT reset_id FROM identity.password_reset WHERE user_id = $1"
        found[:] = await bank.database.fetch(wanted, person.user.user_id)
        return bool(found)

    await until(arrived)
    mail = await bank.says(GetMail(mail_id=found[0][0]), as_=MAILER)
    assert await told(bank, mail.token.get_secret_value()) == (401, REFUSED)


async def test_a_key_in_the_place_of_a_token_is_a_key_and_no_more(bank: Bank) -> None:
    """`Authorization: Bearer` takes both; a key never becomes a login, and the two are never mixed."""
    person = await Person.new(bank, "teller")
    key = (await key_of(person))[1]
    assert (await person.asks("GET", "/members", token=key))[0] == 200
    assert (await person.asks("POST", "/auth/step-up", {"password": "x"}, token=key))[1]["rule"] == "needs_a_login"
    head, body, signature = person.token.split(".")
    for mixed in (f"{key}.{body}.{signature}", f"{head}.{body}.{key}", f"{person.token}{key}", f"{person.token},{key}"):
        status, problem = await person.asks("GET", "/members", token=mixed)
        assert (status, problem["rule"]) == (401, "unauthenticated")


async def test_a_signing_key_that_was_replaced_signs_till_its_last_token_has_ended_and_not_longer(bank: Bank) -> None:
    """However fresh a token looks: whoever finds an old key later makes nothing of it."""
    person = await Person.new(bank, "auditor")
    tokens = bank.house.edge._app.gatekeeper._tokens

    def the_edge_asks_for_the_keys_again() -> None:
        tokens._asked_at = float("-inf")  # the five minutes pass for which it trusts them
        bank.house.edge._app.gatekeeper.forget_all()

    def fresh() -> str:
        now = int(bank.clock.now().timestamp())
        return old.with_claims(iat=now, exp=now + 900, jti=str(new_id()))

    await bank.database.execute(
        "UPDATE identity.signing_key SET made_at = made_at - interval '91 days' WHERE retired_at IS NULL"
    )
    await person.logs_in()
    old = await forge_of(bank, person)
    try:
        with time_passes(bank, minutes=11):
            await person.logs_in()
            the_edge_asks_for_the_keys_again()
            assert (await told(bank, person.token))[0] == 200
            assert old.header["kid"] != Forge(person.token, bytes(32)).header["kid"]
            assert (await told(bank, fresh()))[0] == 200
        with time_passes(bank, minutes=30):
            await person.logs_in()
            the_edge_asks_for_the_keys_again()
            assert (await told(bank, person.token))[0] == 200
            assert await told(bank, fresh()) == (401, REFUSED)
    finally:
        the_edge_asks_for_the_keys_again()


@pytest.mark.parametrize("size", [8_200, 1_000_000])
async def test_a_token_of_a_megabyte_is_not_even_read(edge: Edge, size: int) -> None:
    began = stopwatch_seconds()
    head = b"GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer canary" + b"x" * size + b"\r\n\r\n"
    received = await exchange(edge, head)
    assert not received or json.loads(received.partition(b"\r\n\r\n")[2])["rule"] == "head_too_large"
    assert not received.endswith(STILL_OPEN)
    assert stopwatch_seconds() - began < 2
    assert edge.app.access_log is not None
    edge.app.access_log.flush()
    # Who sends on and on may be cut off before the answer is read; it was answered all the same.
    assert [json.loads(line)["status"] for line in edge.log.splitlines()] == [431]
    assert b"canary" not in received
    assert "canary" not in edge.log
