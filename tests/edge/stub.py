"""The other side of the door, for tests of the edge alone: a client that answers as it is told, and remembers what was said."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.limits import load_limits
from config.roles import load_roles
from config.sections import HttpSettings, Settings
from http_edge.access_log import AccessLog
from http_edge.app import App, create_app
from http_edge.server import serve
from messages.base import Message, Refusal
from messages.identity import TOKEN_ALGORITHM, TOKEN_TYPE, CheckSession, GetSigningKeys, SessionOver
from messages.ids import new_id
from runtime.client import Answer
from runtime.clock import SettableClock
from runtime.limits import Question, Standing, Verdict
from runtime.principal import Principal


class Key:
    """A signing key of the identity actor."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = Ed25519PrivateKey.generate()

    @property
    def public(self) -> dict[str, str]:
        raw = self.private.public_key().public_bytes_raw()
        return {"kid": self.kid, "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}


class Said:
    """One message as the edge said it."""

    def __init__(self, message: Message, **around: Any) -> None:
        self.message = message
        self.principal: Principal = around["principal"]
        self.message_id: UUID = around["message_id"]
        self.correlation_id: str = around["correlation_id"]
        self.traceparent: str = around["traceparent"]
        self.deadline_seconds: float = around["deadline_seconds"]


def something_like(message: Message) -> bytes:
    """The least of a reply that the edge can work with: ids and a version."""
    fields = message.reply_type.model_fields  # type: ignore[attr-defined]  # the edge asks, it tells no events
    reply = {name: str(new_id()) for name in fields if name.endswith("_id")} | {name: 1 for name in fields if name == "version"}
    return orjson.dumps(reply)


class StubClient:
    """Answers as it was told to, else with something that looks like the reply."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.keys = [Key("first")]
        self.said: list[Said] = []
        self.answers: list[Answer | Exception] = []
        self.key_questions = 0
        self.sessions: dict[str, dict[str, Any]] = {}
        """What identity says of each session: those of the tokens that were made here."""
        self.session_questions = 0
        self.session_answers_after: asyncio.Event | None = None
        self.identity_is_away: Exception | None = None

    async def call(
        self,
        message: Message,
        *,
        principal: Principal,
        message_id: UUID | None = None,
        correlation_id: str = "",
        traceparent: str = "",
        deadline_seconds: float = 10.0,
    ) -> Answer:
        """The next answer."""
        if isinstance(message, GetSigningKeys):
            self.key_questions += 1
            if self.identity_is_away is not None:
                raise self.identity_is_away
            return Answer("reply", orjson.dumps({"keys": [key.public for key in self.keys]}), new_id())
        if isinstance(message, CheckSession):
            return await self._session(str(message.session_id))
        said = Said(
            message,
            principal=principal,
            message_id=message_id,
            correlation_id=correlation_id,
            traceparent=traceparent,
            deadline_seconds=deadline_seconds,
        )
        self.said.append(said)
        answer = self.answers.pop(0) if self.answers else Answer("reply", something_like(message), said.message_id)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _session(self, session_id: str) -> Answer:
        self.session_questions += 1
        if self.session_answers_after is not None:
            await self.session_answers_after.wait()
        found = self.sessions.get(session_id)
        if found is None:
            return Answer("refusal", orjson.dumps(SessionOver().to_wire()), new_id())
        return Answer("reply", orjson.dumps(found), new_id())

    def will_reply(self, reply: Mapping[str, Any], *, replayed: bool = False) -> None:
        """Answer the next message with this."""
        self.answers.append(Answer("reply", orjson.dumps(reply), new_id(), replayed))

    def will_refuse(self, refusal: Refusal, *, replayed: bool = False) -> None:
        """Refuse the next message."""
        self.answers.append(Answer("refusal", orjson.dumps(refusal.to_wire()), new_id(), replayed))

    def will(self, answer: Answer | Exception) -> None:
        """Answer the next message so, or raise."""
        self.answers.append(answer)


class StubLimiter:
    """Lets everything through until it is told not to."""

    def __init__(self) -> None:
        self.says_no: dict[str, Standing] = {}
        self.counted: list[tuple[str, str]] = []
        self.given_back = 0

    async def ask(self, questions: Sequence[Question]) -> Verdict:
        """What it was told."""
        self.counted += [(meter.name, key) for meter, key in questions if meter.cost]
        standings = tuple(self.says_no.get(meter.name, Standing(True, 7, 0.5, 0.0)) for meter, _ in questions)
        return Verdict(standings, questions, "lease")

    def give_back(self, verdict: Verdict) -> None:
        """Count it."""
        self.given_back += 1


class Edge:
    """The edge on a port of its own, before a stub."""

    def __init__(self, app: App, client: StubClient, limiter: StubLimiter, clock: SettableClock, settings: Settings) -> None:
        self.app = app
        self.client = client
        self.limiter = limiter
        self.clock = clock
        self.settings = settings
        self.pieces: dict[str, str | None] = {"broker": None, "database": None}
        self.port = 0
        self.limits = load_limits()
        self.log = ""
        """What stands in the access log."""
        self.http: aiohttp.ClientSession

    @property
    def last(self) -> Said:
        """What was said last."""
        return self.client.said[-1]

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good access token says."""
        now = int(self.clock.now().timestamp())
        identity = self.settings.identity
        claims = {
            "iss": identity.issuer,
            "aud": identity.audience,
            "sub": str(uuid4()),
            "sid": str(uuid4()),
            "jti": str(uuid4()),
            "roles": ["admin"],
            "iat": now,
            "exp": now + 900,
        }
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def token(self, *, key: Key | None = None, header: Mapping[str, Any] | None = None, **changed: Any) -> str:
        """An access token."""
        key = key or self.client.keys[0]
        head = {"kid": key.kid, "typ": TOKEN_TYPE, **(header or {})}
        claims = self.claims(**changed)
        self.client.sessions[claims.get("sid", "")] = {
            "user_id": claims.get("sub"),
            "roles": claims.get("roles"),
            "member_id": claims.get("member"),
            "ends_at": (self.clock.now() + timedelta(days=30)).isoformat(),
            "authenticated_at": self.clock.now().isoformat(),
            "amr": ["pwd"],
        }
        return jwt.encode(claims, key.private, TOKEN_ALGORITHM, headers=head)

    def as_(self, *roles: str, **changed: Any) -> dict[str, str]:
        """Headers of somebody with these roles (default: an administrator)."""
        return {"Authorization": f"Bearer {self.token(roles=list(roles or ('admin',)), **changed)}"}


@contextlib.asynccontextmanager
async def opened_edge(http: HttpSettings | None = None) -> AsyncIterator[Edge]:
    """An edge with these settings."""
    client, limiter, clock = StubClient(), StubLimiter(), SettableClock()
    settings = Settings(http=http or HttpSettings())

    async def readiness() -> dict[str, str | None]:
        return made.pieces

    def write(lines: str) -> None:
        made.log += lines

    app = create_app(
        client,
        readiness=readiness,
        limiter=limiter,
        limits=load_limits(),
        settings=settings,
        roles=load_roles(),
        clock=clock,
        access_log=AccessLog(write),
    )
    made = Edge(app, client, limiter, clock, settings)
    runner = await serve(app, "127.0.0.1", 0, limits=settings.http.limits, drain_seconds=1)
    made.port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{made.port}") as made.http:
        yield made
    await runner.cleanup()
    app.close()


async def exchange(edge: Edge, *pieces: bytes, end: bool = False, quiet_seconds: float = 0.5) -> bytes:
    """Send the pieces, and read until the server closes, or a moment has passed without a byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    try:
        with contextlib.suppress(ConnectionError):  # the server may have closed before all was sent
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02)
        if end:
            writer.write_eof()
        received = b""
        try:
            while chunk := await asyncio.wait_for(reader.read(65_536), quiet_seconds):
                received += chunk
        except TimeoutError:
            received += STILL_OPEN
        except ConnectionError:
            pass  # it closed while we were sending
        return received
    finally:
        writer.close()


STILL_OPEN = b"<still open>"
