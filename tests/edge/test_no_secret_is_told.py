"""No secret is told: what is planted over HTTP, rightly and wrongly, is found in no log line, error, dead letter, row, metric or cache.

Every secret is a text that is nowhere else. It is looked for as it is, as hex and as base64, in all that the bank wrote and said. An
answer that gives somebody a new secret is the only place for it.
"""

import asyncio
import base64
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from aiohttp import ClientSession
from prometheus_client import generate_latest
from pydantic import SecretStr
from redis.asyncio import Redis

from actors.identity.rules import totp
from http_edge.process import EdgeProcess
from messages.identity import GetMail, Login
from messages.ids import new_id
from runtime.bus import Bus
from runtime.envelope import Envelope
from runtime.principal import Principal
from runtime.telemetry import JsonLines
from runtime.topology import COMMANDS
from tests.bank import Bank, House, until
from tests.systems.stranger import Stranger

MAILER = Principal("actor", "notification")
LATEST_RESET = "SELECT reset_id FROM identity.password_reset WHERE user_id = $1"
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
SECRET_TYPED = (
    ("POST", "/auth/login", {"username": "{name}", "password": "{secret}"}),
    ("POST", "/auth/login", {"username": "{name}", "password": "{secret}", "code": "123456", "device_token": "{secret}"}),
    ("POST", "/auth/refresh", {"refresh_token": "{secret}"}),
    ("POST", "/auth/logout", {"refresh_token": "{secret}"}),
    ("POST", "/auth/mfa/verify", {"challenge": "{secret}", "code": "123456"}),
    ("POST", "/auth/mfa/verify", {"challenge": "x", "code": "{secret}"}),
    ("POST", "/auth/mfa/enrol", {"password": "{secret}"}),
    ("POST", "/auth/mfa/confirm", {"code": "{secret}"}),
    ("POST", "/auth/mfa/remove", {"password": "{secret}", "code": "123456"}),
    ("POST", "/auth/mfa/recovery-codes", {"password": "{secret}", "code": "123456"}),
    ("POST", "/auth/step-up", {"password": "{secret}"}),
    ("POST", "/password/change", {"current_password": "{secret}", "new_password": "{secret}"}),
    ("POST", "/password/verify-token", {"token": "{secret}"}),
    ("POST", "/password/reset", {"token": "{secret}", "new_password": "{secret}"}),
    ("POST", "/auth/accept-invitation", {"token": "{secret}", "new_password": "{secret}"}),
    ("POST", "/users", {"username": "!", "password": "{secret}", "roles": ["teller"]}),
)
"""Where a secret may be typed, into the right place or not."""


class Evidence:
    """What is secret, and all that was written and said."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        """Where, and what."""

    def plant(self, name: str, secret: str) -> str:
        """This is a secret from here on."""
        assert len(secret) >= 6
        self.secrets[name] = secret
        return secret

    def fresh(self, name: str) -> str:
        """A secret that nobody gave: a guess, which is not to be told either."""
        return self.plant(f"{name} {len(self.secrets)}", f"canary-{new_id().hex}")

    def found(self) -> list[str]:
        """What of it was told, and where."""
        forms = [(name, form) for name, secret in self.secrets.items() for form in _forms(secret)]
        return [
            f"{name} in {where}: {_around(text, form)}" for where, text in self.told for name, form in forms if form in text
        ]


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode().rstrip("=")[:-1]}


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 100) : at] + "[here]" + text[at + len(form) :][:60]


class Listener(logging.Handler):
    """Every log line as an operator would read it, and the record behind it."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(logging.DEBUG)
        self._evidence = evidence
        self.setFormatter(JsonLines("test"))

    def emit(self, record: logging.LogRecord) -> None:
        self._evidence.told.append(("the log", self.format(record)))


@dataclass
class Somebody:
    """A user, whose password is known here."""

    user_id: UUID
    username: str
    password: str
    token: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Scene:
    """An edge of its own, behind a proxy, so that no address asks too often."""

    def __init__(self, bank: Bank, http: ClientSession, evidence: Evidence) -> None:
        self.bank, self.http, self.evidence = bank, http, evidence
        self._hosts = itertools.count(1)

    async def asks(
        self, method: str, path: str, body: Any = None, *, gives: bool = False, raw: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer. `gives`: what it says is for whoever asked."""
        host = next(self._hosts)
        headers = {"X-Forwarded-For": f"198.51.{host // 250}.{host % 250}", "Content-Type": "application/json", **headers}
        sent: dict[str, Any] = {"data": raw} if raw is not None else {"json": body} if body is not None else {}
        async with self.http.request(method, f"/api/v1{path}", headers=headers, **sent) as answer:
            text = await answer.text()
            if not gives or answer.status >= 400:
                self.evidence.told.append((f"the answer of {method} {path}", f"{text} {dict(answer.headers)}"))
            return answer.status, await answer.json(content_type=None) if text else {}

    async def user(self, *roles: str) -> Somebody:
        """Somebody with a password that is a secret, made over HTTP, who has logged in."""
        password = self.evidence.plant(f"a password {len(self.evidence.secrets)}", f"Pw-{new_id().hex}")
        body = {"username": f"{new_id().hex}@bank.test", "password": password, "roles": roles or ("teller",)}
        status, user = await self.asks("POST", "/users", {**body, "must_change_password": False}, **self.bank.root)
        assert status == 201, user
        somebody = Somebody(UUID(user["user_id"]), user["username"], password)
        await self.logs_in(somebody)
        return somebody

    async def logs_in(self, person: Somebody, **more: str) -> dict[str, Any]:
        """What a login gives, all of it secret."""
        body = {"username": person.username, "password": person.password, **more}
        status, told = await self.asks("POST", "/auth/login", body, gives=True)
        assert status == 200, told
        self.keeps(told, "access_token", "refresh_token", "device_token", "challenge")
        person.token = told["access_token"] or ""
        return told

    def keeps(self, told: dict[str, Any], *names: str) -> None:
        """These are secrets from here on; of a token also its signature."""
        for name in names:
            if secret := told.get(name):
                self.evidence.plant(f"{name} {len(self.evidence.secrets)}", secret)
                if secret.count(".") == 2:
                    self.evidence.plant(f"signature {len(self.evidence.secrets)}", secret.rpartition(".")[2])


@pytest.fixture
async def scene(house: House, bank: Bank, capfd: pytest.CaptureFixture[str]) -> AsyncIterator[Scene]:
    """Everything is listened to, at the level of debugging; at the end nothing secret may have been told anywhere."""
    evidence = Evidence()
    await bank.house.log_root_in()
    evidence.plant("root's token", house.root_token)
    http = house.settings.http.model_validate({"port": 0, "trusted_proxies": ["127.0.0.0/8"]})
    edge = EdgeProcess(house.settings.model_copy(update={"http": http}), house.environment, clock=house.clock)
    with listened_to(evidence):
        await edge.start()
        await until(lambda: edge.bus.is_ready)
        async with ClientSession(edge.url) as session:
            yield Scene(bank, session, evidence)
        await edge.stop()
    evidence.told += [("standard output", each) for each in capfd.readouterr()]
    evidence.told.append(("the metrics", generate_latest().decode()))
    evidence.told += [("redis", text) for text in await in_redis(house)]
    evidence.told += await in_tables(bank)
    assert len(evidence.secrets) > 1
    assert evidence.found() == []


@contextlib.contextmanager
def listened_to(evidence: Evidence) -> Iterator[None]:
    """All loggers, at the level of debugging; but for that of the broker's client, which every process holds to errors."""
    root, listener = logging.getLogger(), Listener(evidence)
    client = logging.getLogger("aiormq")
    levels = root.level, client.level
    client.setLevel(logging.ERROR)
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(levels[0])
        client.setLevel(levels[1])


async def in_tables(bank: Bank) -> list[tuple[str, str]]:
    """Every row of every table; bytes as hex."""
    told: list[tuple[str, str]] = []
    for (table,) in await bank.database.fetch(TABLES):
        told += [(table, row[0]) for row in await bank.database.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t")]
    assert {table.partition(".")[0] for table, _ in told} >= {"identity", "runtime"}
    return told


async def in_redis(house: House) -> list[str]:
    """Keys and values."""
    async with Redis.from_url(house.settings.redis.url) as redis:
        found: list[str] = []
        async for key in redis.scan_iter(count=1000):
            value = await redis.dump(key)
            found.append(f"{key!r} {value!r} {(value or b'').hex()}")
        return found


@contextlib.contextmanager
def failing(house: House) -> Iterator[None]:
    """Every handler of the identity actor that a secret comes to fails, and says in its error whatever it was given."""
    actor = house.actors.pools["identity"].actor

    def fails(name: str) -> Any:
        async def handler(message: Any, _turn: Any) -> Any:
            raise RuntimeError(f"{name} broke over {message!r} {message} {message.model_dump()}")

        return handler

    names = {handler.method for kind, handler in actor.handlers.items() if not kind.remembered or "Token" in kind.__name__}
    names -= {"check_session"}
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(actor, name, fails(name)))
        yield


def typed(body: dict[str, Any], **words: str) -> dict[str, Any]:
    """A body with the words in their places."""
    return {name: value.format(**words) if isinstance(value, str) else value for name, value in body.items()}


async def test_a_password_and_the_tokens_it_earns(scene: Scene, house: House) -> None:
    person = await scene.user()
    told = await scene.logs_in(person, device_token=scene.evidence.fresh("a device token"))
    status, fresh = await scene.asks("POST", "/auth/refresh", {"refresh_token": told["refresh_token"]}, gives=True)
    assert status == 200
    scene.keeps(fresh, "access_token", "refresh_token")
    bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
    for path in ("/auth/me", "/auth/sessions", "/members", f"/members?name={fresh['refresh_token']}", "/api-keys"):
        await scene.asks("GET", path, **bearer)
    stepped = {"password": person.password}
    status, again = await scene.asks("POST", "/auth/step-up", stepped, gives=True, **bearer)
    assert status == 200
    scene.keeps(again, "access_token")
    changed = {"current_password": person.password, "new_password": scene.evidence.fresh("a new password")}
    assert (await scene.asks("POST", "/password/change", changed, **bearer))[0] == 204
    scene.bank.clock.advance(seconds=house.settings.identity.refresh_grace_seconds + 1)
    assert (await scene.asks("POST", "/auth/refresh", {"refresh_token": told["refresh_token"]}))[0] == 401
    assert (await scene.asks("GET", "/auth/me", **bearer))[0] == 401
    assert (await scene.asks("POST", "/auth/logout", {"refresh_token": fresh["refresh_token"]}))[0] == 204


async def test_an_authenticator_its_seed_and_its_recovery_codes(scene: Scene) -> None:
    person = await scene.user()
    bearer = person.bearer
    status, told = await scene.asks("POST", "/auth/mfa/enrol", {"password": person.password}, gives=True, **bearer)
    assert status == 200
    scene.keeps(told, "secret", "provisioning_uri")
    seed = base64.b32decode(told["secret"])
    scene.evidence.plant("the seed's bytes in hex", seed.hex())
    status, told = await scene.asks(
        "POST", "/auth/mfa/confirm", {"code": totp.code_of(seed, totp.step_at(scene.bank.clock.now()))}, gives=True, **bearer
    )
    assert status == 200
    scene.keeps(told, "access_token")
    codes = [scene.evidence.plant(f"recovery code {at}", code) for at, code in enumerate(told["recovery_codes"])]
    for at, code in enumerate(codes):
        scene.evidence.plant(f"recovery code {at} as it is kept", code.replace("-", ""))
    for code in (codes[0], codes[0], scene.evidence.fresh("a code"), "ZZZZ-ZZZZ-ZZZZ-ZZZZ"):
        challenge = (await scene.logs_in(person))["challenge"]
        _, told = await scene.asks("POST", "/auth/mfa/verify", {"challenge": challenge, "code": code}, gives=True)
        scene.keeps(told, "access_token", "refresh_token", "device_token")
    await scene.asks(
        "POST",
        "/auth/login",
        {"username": person.username, "password": person.password, "code": codes[1].lower()},
        gives=True,
    )
    await scene.asks("POST", "/auth/mfa/verify", {"challenge": codes[2], "code": codes[3]})
    await scene.asks("GET", f"/members?name={codes[4]}", **bearer)


async def test_an_api_key(scene: Scene) -> None:
    person = await scene.user()
    bearer = person.bearer
    body = {"name": "till", "permissions": ["members:read"]}
    status, made = await scene.asks("POST", "/api-keys", body, gives=True, **bearer)
    assert status == 201
    scene.keeps(made, "key")
    scene.evidence.plant("the key's secret part", made["key"].split("_", 2)[2])
    key = {"X-API-Key": made["key"]}
    assert (await scene.asks("GET", "/members", **key))[0] == 200
    assert (await scene.asks("POST", "/api-keys", body, **key))[0] == 403
    assert (await scene.asks("GET", "/api-keys", **bearer))[0] == 200
    await scene.asks("POST", "/auth/refresh", {"refresh_token": made["key"]})
    assert (await scene.asks("DELETE", f"/api-keys/{made['api_key_id']}", **bearer))[0] == 204
    assert (await scene.asks("GET", "/members", **key))[0] == 401


async def test_what_is_mailed(scene: Scene) -> None:
    person = await scene.user()
    assert (await scene.asks("POST", "/password/reset-request", {"username": person.username}))[0] == 202
    found: list[UUID] = []

    async def is_made() -> bool:
        found[:] = [each for (each,) in await scene.bank.database.fetch(LATEST_RESET, person.user_id)]
        return bool(found)

    await until(is_made)
    invited = {"username": f"{new_id().hex}@bank.test", "roles": ["teller"]}
    status, invitation = await scene.asks("POST", "/users/invitations", invited, **scene.bank.root)
    assert status == 201
    for mail_id, path in ((found[0], "/password/reset"), (UUID(invitation["invitation_id"]), "/auth/accept-invitation")):
        token = (await scene.bank.says(GetMail(mail_id=mail_id), as_=MAILER)).token.get_secret_value()
        scene.evidence.plant(f"the token for {path}", token)
        await scene.asks("POST", "/password/verify-token", {"token": token})
        chosen = {"token": token, "new_password": scene.evidence.fresh("a password")}
        assert (await scene.asks("POST", path, {**chosen, "new_password": token[:7]}))[0] == 422
        assert (await scene.asks("POST", path, chosen))[0] == 204
        assert (await scene.asks("POST", path, chosen))[0] == 422


async def test_what_is_typed_into_a_wrong_place(scene: Scene) -> None:
    person = await scene.user("admin")
    bearer = person.bearer
    fresh = scene.evidence.fresh
    for method, path, body in SECRET_TYPED:
        full = typed(body, name=person.username, secret=fresh("typed"))
        assert (await scene.asks(method, path, full, **bearer))[0] in {204, 400, 401, 403, 422, 429}
        for bad in (
            {name: [value] for name, value in full.items()},
            {name: {"of": value} for name, value in full.items()},
            {**full, "surprise": fresh("surprise")},
            {name: str(value) * 30 for name, value in full.items()},
        ):
            assert (await scene.asks(method, path, bad, **bearer))[0] in {400, 401, 413, 422, 429}
        for raw in (
            f'{{"password": "{fresh("half")}',
            f'"{fresh("text")}"',
            f"password={fresh('form')}",
        ):
            await scene.asks(method, path, raw=raw.encode(), **bearer)
        await scene.asks(method, f"{path}?password={fresh('query')}&token={fresh('query')}", full, **bearer)
        await scene.asks(method, f"{path}/{fresh('path')}", **bearer)
    assert (await scene.asks("POST", "/auth/login", {"username": fresh("typed as the name"), "password": "x"}))[0] == 401
    for scheme in ("Bearer", "Basic", "Token", ""):
        await scene.asks("GET", "/auth/me", Authorization=f"{scheme} {fresh('header')}")
    for header in (
        "X-API-Key",
        "Cookie",
        "X-Request-Id",
        "traceparent",
        "baggage",
        "User-Agent",
        "Idempotency-Key",
        "If-Match",
    ):
        await scene.asks("GET", "/auth/me", **{**bearer, header: fresh(header)})
        await scene.asks("POST", "/deposits", {}, **{**bearer, header: fresh(header)})
    start, _, signature = person.token.rpartition(".")
    await scene.asks("GET", "/auth/me", Authorization=f"Bearer {start}.{signature[::-1]}")


async def test_what_a_broken_handler_was_given(scene: Scene, house: House) -> None:
    person = await scene.user("admin")
    bearer = person.bearer
    before = await dead_letters(scene.bank)
    wanted = [
        (method, path, typed(body, name=person.username, secret=scene.evidence.fresh("given")))
        for method, path, body in SECRET_TYPED
    ]
    wanted[-1][2]["username"] = new_id().hex
    with failing(house):
        answers = await asyncio.gather(*(scene.asks(*each, **bearer) for each in wanted))
    failed = sum(status >= 500 for status, _ in answers)
    assert failed >= 12, answers
    assert await dead_letters(scene.bank) >= before + failed - 1


async def dead_letters(bank: Bank) -> int:
    return int(await bank.database.fetchval("SELECT count(*) FROM runtime.dead_letter"))


async def test_a_message_of_a_newer_version_that_may_hold_one(scene: Scene, house: House) -> None:
    secret = scene.evidence.fresh("in a newer login")
    message_id, newer = new_id(), Login(username="somebody", password=SecretStr(secret))
    envelope = Envelope.around(newer, message_id=message_id, principal=Principal("user", ""))
    envelope.type = "identity.login.v2"
    assert secret in envelope.body.decode()
    envelope.exchange, envelope.routing_key = COMMANDS, house.actors.topology.command_route("identity", envelope.type, None)
    client = house.edge.client
    envelope.reply_to = client._reply_queue
    answer = await client._exchange(envelope, 5, persistent=False)
    assert answer.kind == "busy"


async def test_a_message_that_only_a_newer_process_knows(scene: Scene, house: House) -> None:
    secret = scene.evidence.fresh("in a message that nobody here knows")
    message_id, newer = new_id(), Login(username="somebody", password=SecretStr(secret))
    envelope = Envelope.around(newer, message_id=message_id, principal=Principal("user", ""))
    envelope.type = "identity.choose_pin.v1"
    envelope.exchange, envelope.routing_key = COMMANDS, house.actors.topology.command_route("identity", envelope.type, None)
    client = house.edge.client
    envelope.reply_to = client._reply_queue
    answer = await client._exchange(envelope, 5, persistent=False)
    assert (answer.kind, secret.encode() in answer.body) == ("fault", False)
    kept = "SELECT count(*) FROM runtime.dead_letter WHERE message_id = $1"
    assert await scene.bank.database.fetchval(kept, message_id) == 1


async def test_what_another_system_says_that_is_not_for_it(scene: Scene, house: House) -> None:
    secret, message_id = scene.evidence.fresh("said by a system"), str(new_id())
    body = {"username": "somebody", "password": secret}
    async with Stranger.connected(house.servers.broker_urls["demo_partner"], "demo-partner") as partner:
        await partner.asks("identity.login.v1", body)
        await partner.publish("identity.login.v1", body, message_id=message_id, reply_to=None)

        async def is_kept() -> bool:
            kept = "SELECT count(*) FROM runtime.dead_letter WHERE message_id = $1"
            return bool(await scene.bank.database.fetchval(kept, UUID(message_id)))

        await until(is_kept)


async def test_the_secrets_that_the_bank_itself_was_given(scene: Scene, house: House) -> None:
    for name, value in house.environment.items():
        if "PASSWORD" in name:
            scene.evidence.plant(name, value)
    scene.evidence.plant("the key secret", house.settings.identity.key_secret.get_secret_value())
    scene.evidence.told.append(("the settings", f"{house.settings!r} {house.settings}"))
    wrong = scene.evidence.fresh("a broker's password")
    url = house.settings.broker.url_for("edge").replace(house.environment["COFFER_BROKER__PASSWORDS__EDGE"], wrong)
    bus = Bus(url, user="coffer_edge", name="a stranger")
    await bus.start()
    await until(
        lambda: any("a stranger" in text or "ACCESS_REFUSED" in text or "broker" in text for _, text in scene.evidence.told)
    )
    await bus.stop()
