"""What the edge answers when it cannot do what it was asked: problem details (RFC 9457), each with a stable `rule`.

    {"type": "/problems/insufficient_funds", "title": "Insufficient funds", "status": 422, "rule": "insufficient_funds",
     "detail": "The account does not have that much available.", "errors": [{"field": "amount", "detail": "..."}]}

Refusals of actors become problems here too, and nowhere else. Where a refusal answers an idempotency key, it carries nothing of
this one request, because the same key gets the same bytes again.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from messages.base import Forbidden, Invalid, NotFound, Refusal, Unauthenticated, VersionConflict
from messages.identity import NeedsALogin

CONTENT_TYPE = "application/problem+json"

EDGE_RULES: dict[str, tuple[int, str]] = {
    "malformed_request": (400, "The request is no well-formed HTTP."),
    "malformed_json": (400, "The body is no JSON object that has a single meaning."),
    "unexpected_query": (400, "This request takes no such query parameter; put its fields into the body."),
    "unexpected_body": (400, "This request takes no body; put its fields into the query."),
    "repeated_parameter": (400, "A query parameter was given more than once."),
    "idempotency_key_missing": (400, "Moving money needs an Idempotency-Key header, so that a repeated request counts once."),
    "idempotency_key_malformed": (
        400,
        "An Idempotency-Key is 1 to 255 visible ASCII characters, quoted or bare, given once.",
    ),
    "if_match_malformed": (400, 'If-Match takes one entity tag as it came in an ETag header, such as "7".'),
    "if_match_not_supported": (400, "This request knows no versions: leave If-Match out."),
    "password_change_required": (403, "Change your password first: POST /api/v1/password/change."),
    "mfa_enrolment_required": (
        403,
        "One of your roles asks for an authenticator: enrol one first, by POST /api/v1/auth/mfa/enrol.",
    ),
    "step_up_required": (
        401,
        "This takes a fresh proof of who you are: POST /api/v1/auth/step-up, then repeat it with the new token.",
    ),
    "no_such_path": (404, "There is nothing at this path."),
    "unknown_version": (404, "There is no such version of this interface."),
    "method_never": (405, "This method is not for this server."),
    "method_not_allowed": (405, "This path does not take that method; the Allow header names those that it takes."),
    "request_too_slow": (408, "The request did not arrive in time."),
    "request_in_progress": (409, "A request with this Idempotency-Key is still being worked on. Ask again with the same key."),
    "body_too_large": (413, "The body is larger than this interface takes."),
    "target_too_long": (414, "The path with its query is longer than this interface takes."),
    "unsupported_media_type": (415, "Send the body as application/json, UTF-8, not compressed."),
    "quota_exceeded": (429, "More was asked than the limits allow. Wait as long as Retry-After says."),
    "head_too_large": (431, "The headers are too many, or larger than this interface takes."),
    "could_not_be_handled": (500, "This could not be handled. It was kept for an operator; quote the correlation id."),
    "unexpected_error": (500, "Something went wrong on our side. Quote the correlation id."),
    "overloaded": (
        503,
        "Too much to do at the moment. Ask again when Retry-After says, with the same Idempotency-Key.",
    ),
    "unavailable": (503, "This cannot be answered at the moment. Ask again, with the same Idempotency-Key."),
    "expired": (503, "There was no time left to do this, and it was not done. Ask again, with the same Idempotency-Key."),
}
"""Rule -> status and what the client reads. Those of the actors stand at their refusals."""

_SHARED: tuple[type[Refusal], ...] = (Forbidden, Invalid, NeedsALogin, NotFound, Unauthenticated, VersionConflict)
EDGE_RULES |= {kind.rule: (kind.status, " ".join((kind.__doc__ or "").split())) for kind in _SHARED}


_LAST_WORDS = frozenset({"malformed_request", "method_never", "request_too_slow", "target_too_long", "head_too_large"})
"""After these a connection is closed: nobody knows where the next request begins, or the client is none."""


class Problem(Exception):
    """A "no" of the edge itself. `headers` go out with it, `more` are members that its type defines."""

    def __init__(
        self,
        rule: str,
        detail: str | None = None,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.rule = rule
        self.status, sentence = EDGE_RULES[rule]
        self.detail = detail or sentence
        self.errors = errors
        self.headers = headers or {}
        self.more = more or {}
        super().__init__(f"{rule}: {self.detail}")

    @property
    def ends_connection(self) -> bool:
        """Whether nothing more is read from whoever sent this."""
        return self.rule in _LAST_WORDS

    def body(self, correlation_id: str | None) -> bytes:
        """The problem as JSON."""
        return _render(
            self.rule, self.status, self.detail, errors=self.errors, facts=None, correlation_id=correlation_id, more=self.more
        )


def refusal_body(refusal: Mapping[str, Any], correlation_id: str | None) -> bytes:
    """An actor's refusal, as it came over the wire, as JSON for the client."""
    field, detail = refusal.get("field"), refusal["detail"]
    errors = None if field is None else [{"field": field, "detail": detail}]
    facts = refusal.get("facts")
    return _render(refusal["rule"], int(refusal["status"]), detail, errors=errors, facts=facts, correlation_id=correlation_id)


REGISTERED: dict[str, tuple[str, str]] = {
    "quota_exceeded": (
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "Request cannot be satisfied as assigned quota has been exceeded",
    )
}
"""Rules whose type and title are registered for all of HTTP (draft-ietf-httpapi-ratelimit-headers-11)."""


def title_of(rule: str) -> str:
    """A rule in words."""
    if rule in REGISTERED:
        return REGISTERED[rule][1]
    return rule.replace("_", " ").capitalize()


def type_of(rule: str) -> str:
    """The address of a rule; ours can be opened."""
    if rule in REGISTERED:
        return REGISTERED[rule][0]
    return f"/problems/{rule}"


def _render(
    rule: str,
    status: int,
    detail: str,
    *,
    errors: list[dict[str, str]] | None,
    facts: Mapping[str, Any] | None,
    correlation_id: str | None,
    more: Mapping[str, Any] | None = None,
) -> bytes:
    problem: dict[str, Any] = {
        "type": type_of(rule),
        "title": title_of(rule) if rule else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "rule": rule,
    }
    if errors:
        problem["errors"] = errors
    if facts:
        problem["facts"] = facts
    if correlation_id is not None:
        problem["correlation_id"] = correlation_id
    if more:
        problem |= more
    return orjson.dumps(problem)
