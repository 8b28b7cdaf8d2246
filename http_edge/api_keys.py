"""API keys of programs: what one may do is asked of the identity actor by the key's hash, never by the key, and known for a minute.

Whoever changes the key or its user is heard before.
"""

import hashlib
import re

from multidict import CIMultiDictProxy
from pydantic import SecretStr

from http_edge.needs import Client
from http_edge.problems import Problem
from messages.identity import API_KEY_START, ApiKeyHolder, ApiKeyInvalid, CheckApiKey
from runtime.client import reply_of
from runtime.envelope import NOBODY

HEADER = "X-API-Key"
CREDENTIAL_HEADERS = f"Authorization, {HEADER}"
"""For `Vary`: by what an answer that was kept is another one's answer."""
SECONDS_KNOWN = 60.0
SECONDS_TO_ANSWER = 5.0
_KEY = re.compile(rf"{API_KEY_START}[a-z2-7]{{8}}_[A-Za-z0-9_-]{{43}}", re.ASCII)


def authorization_of(headers: "CIMultiDictProxy[str]") -> str:
    """The Authorization header, or what it would be for the API key in a header of its own. Problem where there are both."""
    key = headers.get(HEADER)
    if key is None:
        return headers.get("Authorization", "")
    if "Authorization" in headers or not key.startswith(API_KEY_START):
        raise Problem("unauthenticated", f"Send either an access token, or one API key in {HEADER}.")
    return f"Bearer {key}"


async def holder_of(client: Client, key: str) -> ApiKeyHolder:
    """Whose a key is. ApiKeyInvalid where it is not good, Unavailable where that cannot be known."""
    if not _KEY.fullmatch(key):
        raise ApiKeyInvalid
    question = CheckApiKey(key_hash=SecretStr(hashlib.sha256(key.encode()).hexdigest()))
    return reply_of(question, await client.call(question, principal=NOBODY, deadline_seconds=SECONDS_TO_ANSWER))
