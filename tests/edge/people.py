"""Somebody with a telephone: logs in, enrols an authenticator, reads its codes. Over HTTP, but for logins, of which an address has few."""

import json
import re
from base64 import b32decode
from typing import Any
from urllib.parse import parse_qs, urlsplit

from actors.identity.rules import totp
from messages.identity import CreateUser, Login, User, VerifyMfa
from messages.ids import new_id
from runtime.envelope import NOBODY
from tests.bank import Bank

PASSWORD = "correct horse battery staple"
Told = tuple[int, dict[str, Any]]


class Person:
    """One user and one device."""

    def __init__(self, bank: Bank, user: User, http: Any = None) -> None:
        self.bank = bank
        self.user = user
        self.http = http or bank.http
        self.token = ""
        self.refresh_token = ""
        self.secret = b""
        self.recovery_codes: list[str] = []

    @classmethod
    async def new(cls, bank: Bank, *roles: str, http: Any = None, **details: Any) -> "Person":
        """A new user who has logged in."""
        command = CreateUser(
            username=f"u-{new_id().hex}", password=PASSWORD, roles=roles or ("teller",), must_change_password=False, **details
        )
        person = cls(bank, await bank.says(command), http)
        status, told = await person.logs_in()
        assert status == 200, told
        return person

    async def asks(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Told:
        """Status and answer."""
        token = self.token if token is None else token
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        async with self.http.request(method, f"/api/v1{path}", json=body, headers=sent) as answer:
            raw = await answer.read()
            told = await answer.json(content_type=None) if raw else {}
            return answer.status, told | {"_headers": answer.headers.copy()}

    async def logs_in(self, **more: Any) -> Told:
        """With the password, and whatever else."""
        status, told = await self.says(Login(username=self.user.username, password=PASSWORD, **more))
        if told.get("access_token"):
            self.token, self.refresh_token = told["access_token"], told["refresh_token"]
        return status, told

    async def enrols(self) -> None:
        """Scans the picture and confirms by the first code."""
        status, told = await self.asks("POST", "/auth/mfa/enrol", {"password": PASSWORD})
        assert status == 200, told
        query = parse_qs(urlsplit(told["provisioning_uri"]).query)
        assert query["secret"] == [told["secret"]]
        assert re.match(r"<svg [^>]*xmlns", told["qr_svg"])
        self.secret = b32decode(told["secret"])
        status, told = await self.asks("POST", "/auth/mfa/confirm", {"code": self.code()})
        assert status == 200, told
        self.token, self.recovery_codes = told["access_token"], told["recovery_codes"]

    def code(self, steps: int = 0) -> str:
        """What the telephone shows, or showed, or will."""
        return totp.code_of(self.secret, totp.step_at(self.bank.clock.now()) + steps)

    def next_code(self) -> str:
        """What it shows half a minute later, which is waited for."""
        self.bank.clock.advance(seconds=totp.STEP_SECONDS)
        return self.code()

    async def challenge(self) -> str:
        """What a login gives that owes a code."""
        status, told = await self.logs_in()
        assert (status, told["mfa_required"], told["access_token"]) == (200, True, None)
        return str(told["challenge"])

    async def verifies(self, challenge: str, code: str) -> Told:
        """Gives the code for a challenge."""
        return await self.says(VerifyMfa(challenge=challenge, code=code))

    async def says(self, message: Login | VerifyMfa) -> Told:
        """As if it came over HTTP."""
        answer = await self.bank.call(message, as_=NOBODY)
        told = json.loads(answer.body)
        return (200 if answer.kind == "reply" else told["status"]), told
