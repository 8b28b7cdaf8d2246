"""`Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): the same key is the same message, whatever happens to it.

The key and the principal make the message id. So the same key on another route or with another body is found by the actor's
inbox as a message it has handled otherwise, and refused there (`idempotency_key_reused`); and nobody meets another's key.
"""

import re
from uuid import UUID, uuid5

from multidict import CIMultiDictProxy

from http_edge.problems import Problem
from http_edge.route import Idempotency
from messages.ids import new_id
from runtime.principal import Principal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""Goes out, as `true`, with an answer that was given before."""

_NAMESPACE = UUID("5b3a1c52-64b5-5f0e-9f58-5d8a3f5f6a0e")
_BARE = re.compile(r"[!#-~][!-~]{0,254}", re.ASCII)
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\]){1,510})"', re.ASCII)
_LONGEST = 255


def read_key(headers: "CIMultiDictProxy[str]") -> str | None:
    """The key that the client sent, without its quotes. Problem where it is malformed."""
    sent = headers.getall(HEADER, ())
    if not sent:
        return None
    text = sent[0].strip(" \t")
    if len(sent) == 1:
        if match := _QUOTED.fullmatch(text):
            key = re.sub(r"\\(.)", r"\1", match[1]) if "\\" in match[1] else match[1]
            if len(key) <= _LONGEST:
                return key
        elif _BARE.fullmatch(text):
            return text
    raise Problem("idempotency_key_malformed")


def message_id_for(rule: Idempotency, headers: "CIMultiDictProxy[str]", principal: Principal) -> tuple[UUID, bool]:
    """The id of the message this request says, and whether a key decided it. Problem where a key is due and missing."""
    if rule is not Idempotency.NONE:
        key = read_key(headers)
        if key is not None:
            return uuid5(_NAMESPACE, f"{principal.kind}\n{principal.id}\n{key}"), True
        if rule is Idempotency.REQUIRED:
            raise Problem("idempotency_key_missing")
    return new_id(), False
